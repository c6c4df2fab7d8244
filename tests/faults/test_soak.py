"""Days of ordinary life: photos come and go, the server sleeps at night, and nothing piles up."""

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from PIL import Image
from structlog.testing import LogCapture

import daemon_parts
import simulated_time
from captiond.catalogue.store import Catalogue
from captiond.imaging.worker import Decoder
from captiond.service import Service
from captiond.settings import Settings
from captiond.simulator import Fault, Simulator
from captiond.verifying import verify
from daemon_parts import VERSION, Parts
from simulated_time import SimulatedClock

from .agreement import photos_in, told, unfinished
from .conftest import Measured

pytestmark = pytest.mark.anyio
anyio_backend, decoder = daemon_parts.anyio_backend, daemon_parts.decoder

HOUR_SECONDS = float(os.environ.get("CAPTIOND_TEST_HOUR_SECONDS", "60"))
"""Days of 24 minutes, unless somebody has the time for longer ones."""
ONLY_TWO = {"ocr": {"enabled": False}, "translation": {"enabled": False}}
WEATHER = {"weather": {"kind": "text", "text": "What is the weather like in this picture?"}}
PROMPTS = ("objects", "description", "weather")
LEAST_SLEEP_SECONDS = 60.0
MOST_MORE_MEGABYTES = 60
MOST_LINES_OF_A_NIGHT = 3
"""That a photo waits and that the server is away is said once."""


class LeapingClock(SimulatedClock):
    """A clock on which nobody sleeps for less than so long: a quiet hour takes few steps."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, LEAST_SLEEP_SECONDS))


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process holds."""

    files: int
    threads: int
    tasks: int
    megabytes: float

    @classmethod
    def now(cls) -> "Usage":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        megabytes = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        files = len(list(Path("/proc/self/fd").iterdir()))
        return cls(files, threading.active_count(), len(asyncio.all_tasks()), megabytes)


@dataclass
class Life:
    """A daemon, and somebody with photos."""

    parts: Parts
    service: Service
    hour_seconds: float
    drawn: int = 0
    nights: list[int] = field(default_factory=list)
    """Lines that were logged in each night."""

    @property
    def logged(self) -> int:
        return sum(line["log_level"] != "debug" for line in self.parts.lines)

    def draw(self, name: str) -> None:
        """Put a photo with new content into the inbox."""
        self.drawn += 1
        colour = (8 * (self.drawn % 32), 8 * (self.drawn // 32), 99)
        unfinished_file = self.parts.inbox / f".{name}"
        Image.new("RGB", (48, 32), colour).save(unfinished_file, "JPEG", quality=95)
        unfinished_file.rename(self.parts.inbox / name)

    async def day(self, number: int) -> None:
        """Live from six in the morning to the next."""
        inbox = self.parts.inbox
        self.parts.server.faults.set()
        for photo in "abcd":
            self.draw(f"{number}{photo}.jpg")
        await self.pass_hours(4)
        (inbox / f"{number}a.jpg").rename(inbox / f"{number} renamed.jpg")
        shutil.copyfile(inbox / f"{number}b.jpg", inbox / f"{number} copy.jpg")
        (inbox / f"{number}c.jpg").unlink()
        self.draw(f"{number}d.jpg")
        if number == 0:
            await self.fill_the_disk()
            await self.service.apply(self.parts.choices(prompts=ONLY_TWO | WEATHER))
        await self.pass_hours(12)
        self.parts.server.faults.set(Fault("busy"))
        self.draw(f"{number}n.jpg")
        await self.pass_hours(2)
        before = self.logged
        await self.pass_hours(6)
        self.nights.append(self.logged - before)

    async def fill_the_disk(self) -> None:
        async with self.parts.no_room_for("results"):
            self.draw("full.jpg")
            await self.pass_hours(2)

    async def pass_hours(self, hours: float) -> None:
        await asyncio.sleep(hours * self.hour_seconds)


@asynccontextmanager
async def living(inbox: Path, decoder: Decoder, hour_seconds: float) -> AsyncIterator[Life]:
    clock, heard = LeapingClock(simulated_time.loop()), LogCapture()
    log = structlog.wrap_logger(None, processors=[heard], wrapper_class=structlog.stdlib.BoundLogger)
    settings = Settings(inboxes=(inbox,), catalogue=inbox.parent / "catalogue.db", prompts=ONLY_TWO)
    async with Simulator() as server:
        with Catalogue(settings.catalogue, clock.now()) as catalogue:
            parts = Parts(inbox, settings, catalogue, clock, server, decoder, log, heard.entries)
            service = parts.service()
            try:
                async with parts.running(service):
                    yield Life(parts, service, hour_seconds)
            finally:
                await parts.endpoint.close()


async def live(inbox: Path, decoder: Decoder, *, days: int, hour_seconds: float) -> str:
    """Live for some days, and compare the end with the first night; tells what was held in a sentence."""
    async with living(inbox, decoder, hour_seconds) as life:
        await life.day(0)
        first = Usage.now()
        for number in range(1, days):
            await life.day(number)
        life.parts.server.faults.set()
        await life.pass_hours(2)
        last = Usage.now()
        assert not life.parts.said("a fault in captiond")
    wrong = list(unfinished(life.parts.catalogue.path, inbox, PROMPTS, VERSION))
    assert not wrong, told(wrong)
    assert not list(verify(life.parts.catalogue.path, life.parts.choices().sidecars, read_files=True))
    assert len(photos_in(inbox)) == 5 * days + 1
    assert max(life.nights) <= MOST_LINES_OF_A_NIGHT, life.nights
    assert last.files <= first.files + 12, "connections of readers are kept, up to a number"
    assert last.threads <= first.threads + 8, "so are the threads of the pool"
    assert last.tasks <= first.tasks + 2
    assert last.megabytes <= first.megabytes + MOST_MORE_MEGABYTES
    return f"{days} days, {len(photos_in(inbox))} photos; {first} after the first, {last} at the end"


async def test_after_a_short_day_all_is_done_and_nothing_piles_up(
    inbox: Path, decoder: Decoder, measured: Measured
) -> None:
    measured(await live(inbox, decoder, days=1, hour_seconds=60))


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
async def test_after_a_month_all_is_done_and_nothing_piles_up(
    inbox: Path, decoder: Decoder, measured: Measured
) -> None:
    measured(await live(inbox, decoder, days=30, hour_seconds=HOUR_SECONDS))
