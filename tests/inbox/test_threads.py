import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError

import pytest

from captiond.inbox import threads
from captiond.inbox.threads import OwnThread


def test_calls_are_done_one_after_another_in_one_thread() -> None:
    own = OwnThread("own")
    names = [own.submit(lambda: threading.current_thread().name) for _ in range(3)]
    idents = {own.submit(threading.get_ident).result(5) for _ in range(3)}
    assert [name.result(5) for name in names] == ["own"] * 3
    assert len(idents) == 1


def test_whoever_waits_gets_the_error() -> None:
    own = OwnThread("own")
    with pytest.raises(ValueError, match="invalid literal"):
        own.submit(int, "x").result(5)
    assert own.submit(int, "1").result(5) == 1, "it lives on"


def test_a_call_that_was_given_up_is_not_made() -> None:
    own, go = OwnThread("own"), threading.Event()
    own.submit(go.wait)
    made: list[int] = []
    given_up = own.submit(made.append, 1)
    assert given_up.cancel()
    go.set()
    own.submit(int).result(5)
    assert made == []
    with pytest.raises(CancelledError):
        given_up.result(5)


def test_a_thread_without_work_ends_and_another_call_starts_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "IDLE_SECONDS", 0.05)
    own = OwnThread("own")
    first = own.submit(threading.current_thread).result(5)
    first.join(5)
    assert not first.is_alive()
    assert own.submit(int, "2").result(5) == 2


def test_before_it_ends_a_thread_lets_go_of_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "IDLE_SECONDS", 0.05)
    let_go_in: list[threading.Thread] = []
    own = OwnThread("own", lambda: let_go_in.append(threading.current_thread()))
    thread = own.submit(threading.current_thread).result(5)
    thread.join(5)
    assert let_go_in == [thread]


def test_no_call_is_lost_while_the_thread_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "IDLE_SECONDS", 0.0005)
    own = OwnThread("own")
    for number in range(500):
        assert own.submit(int, number).result(5) == number
        time.sleep(0.0005)


def test_a_call_that_hangs_does_not_hold_up_the_end_of_the_program() -> None:
    program = (
        "import time; from captiond.inbox.threads import OwnThread\n"
        "OwnThread('own').submit(time.sleep, 60); time.sleep(0.1)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)
