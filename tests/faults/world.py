"""A small world for a state machine: an inbox, a captiond in pieces that may die at any commit, a server.

Disk, SQLite, decode process and HTTP are real; time is simulated, and a crash is a catalogue that takes
nothing any more: what happens after it reaches no disk.
"""

import asyncio
import io
import json
import os
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import structlog
from PIL import Image
from structlog.testing import LogCapture

from captiond.catalogue.retrying import Wish, retry
from captiond.catalogue.store import Catalogue
from captiond.errors import InboxGone
from captiond.imaging.limits import Limits
from captiond.settings import Settings
from captiond.simulator import Fault, Simulator
from daemon_parts import Parts, UnhurriedDecoder
from simulated_time import SimulatedClock, SimulatedTimeLoop

from .agreement import SIDECAR

T = TypeVar("T")

NAMES = ("a.jpg", "b.jpg", "c.jpg", "deep/d.jpg", "deep/er/e.jpg")
COLOURS = ("red", "green", "blue", "white")
PROMPTS = ("objects", "description")
LONGEST_WORK_SECONDS = 900.0
EVERYTHING = Wish(failed=True, unreadable=True)


class Crashed(BaseException):
    """The process is gone: nobody catches this."""


class MortalCatalogue(Catalogue):
    """A catalogue whose process dies at a commit: just before it, or just after it."""

    commits_left: int | None = None
    dies_before = True
    dead = False

    async def write(self, change: Any, *arguments: Any, **named: Any) -> Any:
        if self.dead:
            raise Crashed
        if self.commits_left == 0:
            self.dead = True
            if not self.dies_before:
                await super().write(change, *arguments, **named)
            raise Crashed
        if self.commits_left is not None:
            self.commits_left -= 1
        return await super().write(change, *arguments, **named)


class Stage:
    """What all worlds share, because it takes long to make: a loop, a model server and a decode process."""

    def __init__(self) -> None:
        self.loop = SimulatedTimeLoop()
        self.server = Simulator()
        self.decoder = UnhurriedDecoder(Limits())
        self.do(self.server.__aenter__())
        self.do(self.decoder.start())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        self.do(self.decoder.close())
        self.do(self.server.__aexit__(None, None, None))
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


class World:
    """An inbox as a person left it, and the captiond that looks after it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._folder = tempfile.TemporaryDirectory(prefix="captiond-world-")
        self.inbox = Path(self._folder.name, "inbox")
        self.inbox.mkdir()
        self.originals: dict[str, bytes] = {}
        self.edited: dict[str, bytes] = {}
        self.crashes = 0
        self.clock = SimulatedClock(stage.loop)
        self.server_back()
        stage.server.counters.calls.clear()
        self._begin()

    @property
    def asked(self) -> int:
        return len(self.stage.server.counters.calls)

    @property
    def catalogue(self) -> Path:
        return self.parts.catalogue.path

    def put(self, name: str, content: bytes) -> None:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}")
        unfinished.write_bytes(content)
        unfinished.rename(path)
        self.originals[name] = content

    def move(self, old: str, new: str) -> None:
        (self.inbox / new).parent.mkdir(parents=True, exist_ok=True)
        (self.inbox / old).rename(self.inbox / new)
        self.originals[new] = self.originals.pop(old)

    def delete(self, name: str) -> None:
        (self.inbox / name).unlink()
        del self.originals[name]

    def touch(self, name: str) -> None:
        os.utime(self.inbox / name)

    def edit_sidecar(self, name: str) -> None:
        path = self.sidecar(name)
        document = json.loads(path.read_bytes())
        document["summary"]["description"] = "What a person wrote."
        self.edited[name] = json.dumps(document).encode()
        path.write_bytes(self.edited[name])

    def sidecar(self, name: str) -> Path:
        return self.inbox / f"{name}{SIDECAR}"

    def server_away(self) -> None:
        self.stage.server.faults.set(Fault("busy"))

    def server_back(self) -> None:
        self.stage.server.faults.set()

    def work(self) -> None:
        """Do what is there, as `captiond run --once` does."""
        self._start()
        self._run_once()

    def watch(self, seconds: float) -> None:
        """Let the daemon run for so long."""
        self._start()

        async def for_a_while() -> None:
            async with self.parts.running(self.parts.service()):
                await self.clock.sleep(seconds)

        self.stage.do(for_a_while())

    def crash(self, *, after_commits: int, dies_before: bool) -> None:
        """Work until so many commits are done, die there, and start anew."""
        self._start()
        catalogue = self.parts.catalogue
        assert isinstance(catalogue, MortalCatalogue)
        catalogue.commits_left, catalogue.dies_before = after_commits, dies_before
        try:
            self._run_once()
        except* Crashed:
            self.crashes += 1
        self._start()

    def _run_once(self) -> None:
        async def in_time() -> None:
            async with asyncio.timeout(LONGEST_WORK_SECONDS):
                await self.parts.service().run_once()

        with suppress(InboxGone):
            self.stage.do(in_time())

    def _start(self) -> None:
        """Begin as a new process does, that knows nothing but the catalogue."""
        self._end()
        self._begin()

    def retry(self) -> None:
        self.stage.do(self.parts.catalogue.write(retry, EVERYTHING, self.clock.now()))

    def wait(self, seconds: float) -> None:
        self.stage.do(self.clock.sleep(seconds))

    def close(self) -> None:
        self._end()
        self._folder.cleanup()

    def _begin(self) -> None:
        heard = LogCapture()
        log = structlog.wrap_logger(None, processors=[heard], wrapper_class=structlog.stdlib.BoundLogger)
        path = self.inbox.parent / "catalogue.db"
        off = {name: {"enabled": False} for name in ("ocr", "translation")}
        settings = Settings(inboxes=(self.inbox,), catalogue=path, prompts=off)

        async def made() -> Parts:
            catalogue = MortalCatalogue(path, self.clock.now())
            stage = self.stage
            return Parts(
                self.inbox, settings, catalogue, self.clock, stage.server, stage.decoder, log, heard.entries
            )

        self.parts = self.stage.do(made())

    def _end(self) -> None:
        self.stage.do(self.parts.endpoint.close())
        self.parts.catalogue.close()


def photo(colour: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (48, 32), colour).save(content, "JPEG")
    return content.getvalue()


def staged() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()
