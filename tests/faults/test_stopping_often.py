"""Stopped at random moments in the middle of questions: at once, with exit code 0, and at nobody's cost."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptance.conftest import Command, beside, simulated_server
from conftest import MakePhoto

from .conftest import Measured

UNTOUCHED = "SELECT sum(tries), sum(crashes), count(owner), count(error) FROM jobs"
LONGEST_STOP_SECONDS = 5.0
MOST_STOP_SECONDS = 3.0
"""What 99 of 100 stops take at most."""
PHOTOS = 200
SLOWLY = ("--time-scale", "0.3")
"""A question takes about a second, so that nearly every moment is in the middle of one."""

Eventually = Callable[..., None]


def stop_often(
    captiond: Command, inbox: Path, eventually: Eventually, *, number: signal.Signals, stops: int
) -> list[float]:
    """Start captiond, stop it at a random moment of its work, and so on; gives how long each stop took."""
    dice, took = random.Random(number), []
    with simulated_server(*SLOWLY) as server:
        captiond.url = server.url
        for _ in range(stops):
            asked = len(server.questions)
            with captiond.running(inbox) as process:
                eventually(lambda asked=asked: len(server.questions) > asked, seconds=60)
                time.sleep(dice.uniform(0.0, 0.5))
                began = time.monotonic()
                process.send_signal(number)
                assert process.wait(LONGEST_STOP_SECONDS) == 0
                took.append(time.monotonic() - began)
            tries, crashes, owners, errors = captiond.rows(UNTOUCHED)[0]
            assert (tries or 0, crashes or 0, owners, errors) == (0, 0, 0, 0)
    return took


def finish(captiond: Command, inbox: Path, photos: list[Path]) -> int:
    """Let a last run do what is left; gives how many questions it asked."""
    with simulated_server() as server:
        captiond.url = server.url
        ended = captiond("run", "--once", inbox, timeout=300)
        assert ended.returncode == 0, ended.stderr
        asked = len(server.questions)
    assert all(beside(photo).exists() for photo in photos)
    once = "SELECT count(*), count(DISTINCT photo_id || prompt), min(current) FROM results"
    assert captiond.rows(once) == [(4 * len(photos), 4 * len(photos), 1)]
    assert "Traceback" not in captiond.log
    return asked


def check(took: list[float]) -> str:
    """Compare the stops with what is allowed; gives their times in a sentence."""
    took.sort()
    middle, nearly_all = took[len(took) // 2], took[int(0.99 * (len(took) - 1))]
    assert nearly_all <= MOST_STOP_SECONDS, took[-5:]
    return f"{len(took)} stops: median {middle:.2f} s, 99 % {nearly_all:.2f} s, longest {took[-1]:.2f} s"


@pytest.mark.parametrize(("number", "stops"), [(signal.SIGTERM, 3), (signal.SIGINT, 1)])
def test_some_stops_in_the_middle_of_questions_cost_nothing(
    *,
    number: signal.Signals,
    stops: int,
    impatient: Command,
    inbox: Path,
    make_photo: MakePhoto,
    eventually: Eventually,
) -> None:
    photos = [make_photo(f"{n}.png", f"hsl({30 * n}, 80%, 40%)", size=(96, 72)) for n in range(8)]
    check(stop_often(impatient, inbox, eventually, number=number, stops=stops))
    finish(impatient, inbox, photos)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_hundred_stops_in_the_middle_of_questions_cost_nothing(
    *,
    number: signal.Signals,
    impatient: Command,
    inbox: Path,
    make_photo: MakePhoto,
    eventually: Eventually,
    measured: Measured,
) -> None:
    photos = [make_photo(f"{n}.png", f"rgb({n}, 90, {n // 2})", size=(96, 72)) for n in range(PHOTOS)]
    measured(check(stop_often(impatient, inbox, eventually, number=number, stops=100)))
    assert finish(impatient, inbox, photos) > 0, "some were left for the last run"
