import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from captiond.systemd import ServiceManager


@pytest.fixture(params=["path", "abstract"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@captiond-{os.getpid()}-{id(request)}"


@pytest.fixture
def listener(place: str) -> Iterator[socket.socket]:
    """Be systemd's end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(place.replace("@", "\0", 1) if place.startswith("@") else place)
        listener.settimeout(5)
        yield listener


@pytest.fixture
def manager(place: str, listener: socket.socket) -> ServiceManager:
    return ServiceManager({"NOTIFY_SOCKET": place})


def test_systemd_hears_of_the_start_and_of_the_end(manager: ServiceManager, listener: socket.socket) -> None:
    manager.ready()
    manager.stopping()

    assert listener.recv(4096) == b"READY=1"
    assert listener.recv(4096) == b"STOPPING=1"


def test_a_sentence_is_one_line(manager: ServiceManager, listener: socket.socket) -> None:
    manager.alive("a photo called x\nSTOPPING=1\r\nis waiting")

    assert listener.recv(4096) == b"WATCHDOG=1\nSTATUS=a photo called x STOPPING=1 is waiting"


def test_a_name_that_is_not_utf8_does_no_harm(manager: ServiceManager, listener: socket.socket) -> None:
    manager.alive("caf\udce9.jpg")

    assert listener.recv(4096) == b"WATCHDOG=1\nSTATUS=caf?.jpg"


def test_a_long_sentence_fits_a_message(manager: ServiceManager, listener: socket.socket) -> None:
    manager.alive("😀" * 5000)

    assert len(listener.recv(100_000)) <= 4096


def test_the_watchdog_hears_of_life_with_a_sentence(manager: ServiceManager, listener: socket.socket) -> None:
    manager.alive("Watching; 3 photos done")

    assert listener.recv(4096) == b"WATCHDOG=1\nSTATUS=Watching; 3 photos done"


def test_reloading_says_when_by_the_clock_of_systemd(
    manager: ServiceManager, listener: socket.socket
) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.reloading()

    said, _, at = listener.recv(4096).partition(b"\nMONOTONIC_USEC=")
    assert said == b"RELOADING=1"
    assert before <= int(at) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@pytest.mark.timeout(10)
def test_a_full_socket_loses_messages_and_does_not_wait(
    manager: ServiceManager, listener: socket.socket
) -> None:
    for _ in range(5000):
        manager.alive("x" * 900)

    listener.setblocking(False)
    received = 0
    with contextlib.suppress(BlockingIOError):
        while listener.recv(4096):
            received += 1
    assert 0 < received < 5000


@pytest.mark.parametrize(
    "place", [None, "", "relative", "vsock:2:1234", "/does/not/exist", "/" + "x" * 500, "@"]
)
def test_without_a_socket_nothing_happens(place: str | None) -> None:
    ServiceManager({} if place is None else {"NOTIFY_SOCKET": place}).ready()


def test_no_descriptor_is_left_open(manager: ServiceManager, listener: socket.socket) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        manager.alive("Watching")

    assert len(list(Path("/proc/self/fd").iterdir())) == before
