"""The daemon's real parts, wired together for a test: disk, SQLite, decode process and HTTP are real.

A test module takes the fixtures it needs by name: `parts = daemon_parts.parts`, and so on.
"""

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

import simulated_time
from captiond.app import choices_from
from captiond.catalogue import jobs
from captiond.catalogue.store import Catalogue
from captiond.choices import Choices
from captiond.errors import DiskFull
from captiond.imaging.canary import CANARY_JPEG
from captiond.imaging.limits import Limits
from captiond.imaging.tiling import Cutting
from captiond.imaging.worker import Decoder
from captiond.inbox.reading import look
from captiond.model import Fit, InboxFile, Lease, PreparedImage, Tiles
from captiond.outbox import Outbox
from captiond.pipeline import Pipeline
from captiond.prompts.checks import streaming_stop
from captiond.service import Service
from captiond.settings import Settings
from captiond.simulator import Simulator
from captiond.vision.endpoints import Endpoint
from captiond.vision.ollama import OllamaBackend
from captiond.vision.respondents import Respondent
from simulated_time import SIMULATED_TIME, SimulatedClock

OWNER = "this captiond"
VERSION = "1.2.3"
LONGEST_REAL_WAIT_SECONDS = 20.0


class UnhurriedDecoder(Decoder):
    """The real decoder; no simulated time passes while its process works."""

    async def start(self) -> None:
        with simulated_time.loop().standing_still():
            await super().start()

    async def prepare(self, content: bytes, fit: Fit) -> PreparedImage:
        with simulated_time.loop().standing_still():
            return await super().prepare(content, fit)

    async def cut(self, content: bytes, fit: Fit, cutting: Cutting) -> Tiles:
        with simulated_time.loop().standing_still():
            return await super().cut(content, fit, cutting)


@dataclass
class Parts:
    """One daemon in pieces, with an inbox, a catalogue and a model server of its own."""

    inbox: Path
    settings: Settings
    catalogue: Catalogue
    clock: SimulatedClock
    server: Simulator
    decoder: Decoder
    log: structlog.stdlib.BoundLogger
    lines: list[MutableMapping[str, Any]]
    sentences: list[str] = field(default_factory=list)
    """What the heartbeat said."""

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.catalogue, self.log, VERSION)
        self.pipeline = self.pipeline_with()
        self.endpoint = self.endpoint_of()

    def choices(self, **settings: Any) -> Choices:
        """Make the choices of these settings, over those of the test."""
        return choices_from(Settings(**{**self.settings.model_dump(exclude_unset=True), **settings}))

    def pipeline_with(self, decoder: Decoder | None = None, **settings: Any) -> Pipeline:
        return Pipeline(
            self.choices(**settings),
            catalogue=self.catalogue,
            decoder=decoder or self.decoder,
            clock=self.clock,
            log=self.log,
            outbox=self.outbox,
        )

    def endpoint_of(self, *, parallel: int = 1) -> Endpoint:
        ollama = self.settings.ollama
        backend = OllamaBackend(
            self.server.url,
            ollama.model,
            clock=self.clock,
            options=ollama.options(),
            stop_early=streaming_stop,
        )
        return Endpoint(
            backend, parallel=parallel, canary_jpeg=CANARY_JPEG, clock=self.clock, rng=random.Random(1)
        )

    def service(
        self, *inboxes: Path, scan_seconds: float = 60.0, readers: Sequence[Respondent] = ()
    ) -> Service:
        return Service(
            self.pipeline,
            inboxes or (self.inbox,),
            [self.endpoint],
            readers,
            catalogue=self.catalogue,
            outbox=self.outbox,
            clock=self.clock,
            log=self.log,
            heartbeat=self.sentences.append,
            quiet_seconds=2.0,
            scan_seconds=scan_seconds,
        )

    @asynccontextmanager
    async def running(self, service: Service) -> AsyncIterator["asyncio.Task[None]"]:
        """Let a service run for as long as the block lasts."""
        working = asyncio.create_task(service.run())
        try:
            yield working
        finally:
            working.cancel()
            await asyncio.wait([working])
        if not working.cancelled():
            working.result()

    def seen(self, path: Path) -> InboxFile:
        """Look at a file as the inbox does."""
        found = look(self.inbox, path)
        assert isinstance(found, InboxFile)
        return found

    async def take_in(self, *paths: Path, fresh: bool = False) -> None:
        for path in paths:
            await self.pipeline.take_in([self.seen(path)], fresh=fresh)

    async def lease(self) -> Lease:
        lease = await self.catalogue.write(jobs.lease, OWNER, self.clock.now())
        assert lease is not None
        return lease

    async def describe(self) -> Lease:
        """Describe the photo that is next."""
        await self.endpoint.until_up()
        lease = await self.lease()
        await self.pipeline.describe(lease, self.endpoint)
        return lease

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the catalogue as a person would."""
        with closing(sqlite3.connect(self.catalogue.path)) as connection:
            return connection.execute(sql).fetchall()

    def asked(self) -> list[str]:
        """Name the prompts that the server was asked, in order; a canary by its words."""
        return [self._named(call.prompt) for call in self.server.counters.calls]

    def _named(self, words: str) -> str:
        prompts = self.pipeline.choices.prompts
        return next((prompt.name for prompt in prompts if words.startswith(prompt.text[:20])), words)

    def said(self, event: str) -> list[MutableMapping[str, Any]]:
        """Give the log lines of an event."""
        return [line for line in self.lines if line["event"] == event]

    async def until(
        self, holds: Callable[[], object], *, seconds: float = 600, step_seconds: float = 0.1
    ) -> None:
        """Let simulated time pass until something holds."""
        latest = self.clock.monotonic_seconds() + seconds
        while not holds():
            assert self.clock.monotonic_seconds() < latest, "it did not come about"
            await self.clock.sleep(step_seconds)

    async def soon(self, holds: Callable[[], object]) -> None:
        """Wait in real time for what the kernel does, while the daemon's time stands still."""
        latest = time.monotonic() + LONGEST_REAL_WAIT_SECONDS
        with simulated_time.loop().standing_still():
            while not holds():
                assert time.monotonic() < latest, "it did not come about"
                await asyncio.to_thread(time.sleep, 0.005)

    @asynccontextmanager
    async def full_disk(self) -> AsyncIterator[None]:
        """Let there be no free page for the catalogue inside; half-filled ones take little things still."""
        await self._limit_pages(1)
        with suppress(DiskFull):
            while True:
                await self.catalogue.write(jobs.note_event, "filled", "x" * 3000, self.clock.now())
        try:
            yield
        finally:
            await self._limit_pages(1_000_000)

    @asynccontextmanager
    async def no_room_for(self, table: str) -> AsyncIterator[None]:
        """Let SQLite say inside that the disk is full, whenever a row is written to one table."""
        refusing = f"BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        await self.catalogue.write(
            lambda writer: writer.exec_driver_sql(f"CREATE TRIGGER no_room {refusing}")
        )
        try:
            yield
        finally:
            await self.catalogue.write(lambda writer: writer.exec_driver_sql("DROP TRIGGER no_room"))

    async def _limit_pages(self, count: int) -> None:
        # SQLite never takes less than there are.
        await self.catalogue.write(lambda writer: writer.exec_driver_sql(f"PRAGMA max_page_count = {count}"))


@asynccontextmanager
async def wired(inbox: Path, decoder: Decoder, **settings: Any) -> AsyncIterator[Parts]:
    """Wire the parts together, and take them apart at the end."""
    clock = SimulatedClock(simulated_time.loop())
    heard = LogCapture()
    log = structlog.wrap_logger(None, processors=[heard], wrapper_class=structlog.stdlib.BoundLogger)
    chosen = Settings(inboxes=(inbox,), catalogue=inbox.parent / "catalogue.db", **settings)
    async with Simulator() as server:
        with Catalogue(chosen.catalogue, clock.now()) as catalogue:
            parts = Parts(inbox, chosen, catalogue, clock, server, decoder, log, heard.entries)
            try:
                yield parts
            finally:
                await parts.endpoint.close()


@pytest.fixture(scope="module")
def anyio_backend() -> object:
    return SIMULATED_TIME


@pytest.fixture(scope="module")
async def decoder() -> AsyncIterator[Decoder]:
    async with UnhurriedDecoder(Limits()) as running:
        yield running


@pytest.fixture
async def parts(inbox: Path, decoder: Decoder) -> AsyncIterator[Parts]:
    async with wired(inbox, decoder) as made:
        yield made
