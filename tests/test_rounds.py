"""When an inbox is scanned: as planned, at once when events were lost, and not held up by a hanging disk."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from captiond import rounds
from captiond.clock import SystemClock
from captiond.inbox.cadence import UNTOLD, Cadence
from captiond.inbox.scanning import ScanSummary
from captiond.inbox.tally import Tally
from captiond.inbox.watching import Watcher
from captiond.rounds import Rounds

pytestmark = pytest.mark.anyio

LONG_SECONDS = 1000.0


class Going:
    """Rounds that go on, with what they did."""

    def __init__(self, inbox: Path, scan_seconds: float, kind: str | None = None) -> None:
        self.scans = 0
        self.tally = Tally()
        self.clock = ShiftedClock()
        self.heard = LogCapture()
        log = structlog.wrap_logger(None, processors=[self.heard], wrapper_class=structlog.stdlib.BoundLogger)
        self.rounds = Rounds(
            inbox,
            self.scan,
            self.tally,
            Cadence(scan_seconds),
            lambda _inbox: kind,
            clock=self.clock,
            log=log,
        )

    async def scan(self) -> ScanSummary:
        self.scans += 1
        return ScanSummary(1, 0, 0, 0.0, complete=True)

    def said(self, event: str) -> list[Any]:
        return [line for line in self.heard.entries if line["event"] == event]


class ShiftedClock(SystemClock):
    """The computer's clock, whose wall time can be set."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALIVE_SECONDS", "OFFLINE_SECONDS"):
        monkeypatch.setattr(rounds, name, 0.02)
    monkeypatch.setattr(rounds, "STUCK_SECONDS", 0.3)


@asynccontextmanager
async def going(
    inbox: Path, scan_seconds: float = LONG_SECONDS, kind: str | None = None
) -> AsyncIterator[Going]:
    made = Going(inbox, scan_seconds, kind)
    watcher = Watcher(inbox, lambda _path: None, lambda _reason: None)
    watcher.start()
    task = asyncio.create_task(made.rounds.go(watcher))
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])
        watcher.stop()
    assert task.cancelled()


async def until(holds: Callable[[], object]) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "it did not come about"
        await asyncio.sleep(0.005)


def take_away(inbox: Path) -> None:
    inbox.rename(inbox.with_name("aside"))


def put_another(inbox: Path) -> None:
    inbox.mkdir()


def bring_back(inbox: Path) -> None:
    inbox.with_name("aside").rename(inbox)


async def settled(made: Going) -> None:
    """Wait for the first scan, and for the health to have been looked at once."""
    await until(lambda: made.scans and made.rounds.last)
    await asyncio.sleep(0.1)


async def test_nothing_is_scanned_without_need(inbox: Path) -> None:
    async with going(inbox) as made:
        await settled(made)
        await asyncio.sleep(0.2)
        assert made.scans == 1


async def test_a_scan_can_be_asked_for(inbox: Path) -> None:
    async with going(inbox) as made:
        await settled(made)
        made.rounds.soon()
        await until(lambda: made.scans == 2)


async def test_the_next_scan_comes_after_the_pause(inbox: Path) -> None:
    async with going(inbox, scan_seconds=0.05) as made:
        await until(lambda: made.scans >= 3)


async def test_another_folder_in_its_place_is_scanned_at_once(inbox: Path) -> None:
    async with going(inbox) as made:
        await settled(made)
        take_away(inbox)
        put_another(inbox)
        await until(lambda: made.scans >= 2)


async def test_an_inbox_that_goes_is_told_within_moments(inbox: Path) -> None:
    async with going(inbox) as made:
        await settled(made)
        take_away(inbox)
        await until(lambda: made.rounds.offline)
        assert "is not there" in (made.rounds.offline or "")
        bring_back(inbox)
        await until(lambda: made.rounds.offline is None)
    assert len(made.said("inbox offline")) == len(made.said("inbox back")) == 1


async def test_a_disk_that_hangs_is_told_and_comes_back(inbox: Path) -> None:
    hanging = threading.Event()
    async with going(inbox) as made:
        await settled(made)
        made.rounds._thread.submit(hanging.wait)
        await until(lambda: made.rounds.offline)
        assert "does not answer" in (made.rounds.offline or "")
        scans = made.scans
        hanging.set()
        await until(lambda: made.rounds.offline is None)
        assert made.scans > scans, "what came meanwhile must be found"


async def test_rounds_end_also_while_the_disk_hangs(inbox: Path) -> None:
    hanging = threading.Event()
    async with going(inbox) as made:
        await settled(made)
        made.rounds._thread.submit(hanging.wait)
        await until(lambda: made.rounds.offline)
    hanging.set()


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_jump_of_the_wall_clock_has_the_inbox_scanned(inbox: Path, hours: int) -> None:
    async with going(inbox) as made:
        await settled(made)
        made.clock.ahead = timedelta(hours=hours)
        await until(lambda: made.scans == 2)
        await asyncio.sleep(0.1)
        assert made.scans == 2


async def test_a_file_system_that_tells_nothing_is_polled(inbox: Path) -> None:
    async with going(inbox, kind="nfs4") as made:
        await until(lambda: made.rounds.polled)
        assert made.rounds.polled == "Events do not tell of every file on nfs4, so it is scanned more often."
        assert made.rounds._pause_seconds() == 10


async def test_a_watcher_that_misses_files_is_not_relied_on(inbox: Path) -> None:
    async with going(inbox) as made:
        await settled(made)
        made.rounds.soon()
        await until(lambda: made.scans == 2)
        for _ in range(4):
            made.tally._by_scan += 1
            scans = made.scans
            made.rounds.soon()
            await until(lambda scans=scans: made.scans > scans)
            await asyncio.sleep(0.05)
        assert made.rounds.polled == UNTOLD


async def test_a_watcher_that_died_is_made_anew(inbox: Path) -> None:
    made = Going(inbox, LONG_SECONDS)
    watcher = Watcher(inbox, lambda _path: None, lambda _reason: None)
    watcher.start()
    task = asyncio.create_task(made.rounds.go(watcher))
    await settled(made)
    watcher._broken = True
    await until(lambda: watcher.rebuilds == 1 and made.scans >= 2)
    assert watcher.alive()
    task.cancel()
    await asyncio.wait([task])
    watcher.stop()
