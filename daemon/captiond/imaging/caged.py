"""The daemon's side of a caged process: starts it, asks it one thing at a time, kills and replaces it.

Whatever kills or hangs the process costs the picture that it had a try, and nothing else.
"""

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from captiond.errors import Outage, TryAgain
from captiond.model import Json

from .exif import clean
from .wire import PREFIX, Nonsense, header_length, packed, reply_bytes

Ready = TypeVar("Ready")
Answer = TypeVar("Answer")

_SLICE_BYTES = 1024 * 1024
_STDERR_BYTES = 4096
_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
# one arena: threads of a decoder would reserve address space that the cage has not
_ARENAS = {"MALLOC_ARENA_MAX": "1"}


@dataclass(frozen=True, slots=True)
class Trade(Generic[Ready]):
    """What a caged process is for, how it starts, and when it is replaced.

    Sentences call it by its `name`, and by its `title` where it does not start.

    `read_ready` reads what it says first. `died` is raised where it dies of a picture or hangs, `away` where
    it does not start. It is replaced after `recycle_after` pictures, or when it keeps more than
    `recycle_bytes` of memory from one picture to the next (None: however much). `environment` holds what it
    gets besides the few variables that every process wants.
    """

    name: str
    title: str
    command: Sequence[str]
    read_ready: Callable[[Json], Ready]
    most_reply_bytes: int
    start_seconds: float
    time_limit_seconds: float
    recycle_after: int
    recycle_bytes: int | None = None
    died: type[TryAgain] = TryAgain
    away: type[Outage] = Outage
    environment: Mapping[str, str] = field(default_factory=dict)


class Caged(Generic[Ready]):
    """A caged process, which may die of what it is asked; whoever asks waits for those who came before."""

    def __init__(self, trade: Trade[Ready]) -> None:
        self._trade = trade
        self._turn = asyncio.Lock()
        self._running: _Running[Ready] | None = None

    @property
    def pid(self) -> int | None:
        """Give its process id, None where none runs."""
        return None if self._running is None else self._running.pid

    async def start(self) -> Ready:
        """Start it now, where it does not run; gives what it said when it was ready. Raises `away`."""
        async with self._turn:
            return (await self._started()).ready

    async def ask(self, header: Json, content: bytes, read: Callable[[Json, bytes], Answer]) -> Answer:
        """Ask, and `read` the header and bytes of the reply. Raises `died`, `away`, and what `read` does."""
        async with self._turn:
            running = await self._started()
            answer = await self._exchange(running, header, content, read)
            if self._has_done_enough(running):
                await self.close()
        return answer

    async def close(self) -> None:
        """End the process, whatever it does."""
        running, self._running = self._running, None
        if running is not None:
            await running.kill()

    async def _started(self) -> "_Running[Ready]":
        if self._running is not None and self._running.died_idle:
            await self.close()
        if self._running is None:
            self._running = await _start(self._trade)
        return self._running

    async def _exchange(
        self,
        running: "_Running[Ready]",
        header: Json,
        content: bytes,
        read: Callable[[Json, bytes], Answer],
    ) -> Answer:
        trade, is_done = self._trade, False
        try:
            async with asyncio.timeout(trade.time_limit_seconds):
                answer = read(*await running.exchange(header, content, trade.most_reply_bytes))
            is_done = True
        except TimeoutError:
            raise trade.died(
                f"{trade.name} did not finish this picture in {trade.time_limit_seconds:g} seconds"
            ) from None
        except (EOFError, ConnectionError, Nonsense) as error:
            await self.close()
            raise trade.died(f"{trade.name} died on this picture: {running.last_words(error)}") from None
        finally:
            if not is_done:  # also when cancelled: half a reply must not meet the next picture
                await self.close()
        return answer

    def _has_done_enough(self, running: "_Running[Ready]") -> bool:
        most = self._trade.recycle_bytes
        kept_too_much = most is not None and running.resident_bytes > most
        return kept_too_much or running.pictures >= self._trade.recycle_after


async def _start(trade: Trade[Ready]) -> "_Running[Ready]":
    """Start a process and wait until it is ready."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            *trade.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,  # Ctrl-C is for the daemon, which then ends us
            env={**kept, **_ARENAS, **trade.environment},
        )
    except OSError as error:
        raise trade.away(f"{trade.title} does not start: {error}") from None
    running = _Running[Ready](process)
    try:
        async with asyncio.timeout(trade.start_seconds):
            running.ready = trade.read_ready(await running.header())
    except (EOFError, TimeoutError, Nonsense) as error:
        await running.kill()
        raise trade.away(f"{trade.title} does not start: {running.last_words(error)}") from None
    except asyncio.CancelledError:
        await running.kill()
        raise
    return running


class _Running(Generic[Ready]):
    """One process and its pipes."""

    ready: Ready

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._to, self._back = process.stdin, process.stdout
        self._stderr = b""
        self._draining = asyncio.create_task(self._drain(process.stderr))
        self.pictures = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def died_idle(self) -> bool:
        """Tell whether the process ended while it had no picture: that is no picture's fault."""
        return self._process.returncode is not None or self._back.at_eof()

    @property
    def resident_bytes(self) -> int:
        """Tell how much memory it has now; 0 where the system does not say."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_bytes().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def exchange(self, header: Json, content: bytes, most_reply_bytes: int) -> tuple[Json, bytes]:
        self.pictures += 1
        self._to.write(packed(header))
        rest = memoryview(content)
        while rest:  # in slices: the transport copies what the pipe does not take at once
            self._to.write(rest[:_SLICE_BYTES])
            await self._to.drain()
            rest = rest[_SLICE_BYTES:]
        told = await self.header()
        return told, await self._back.readexactly(reply_bytes(told, most_reply_bytes))

    async def header(self) -> Json:
        length = header_length(await self._back.readexactly(PREFIX.size))
        try:
            return json.loads(await self._back.readexactly(length))
        except ValueError:
            raise Nonsense("the header is no JSON") from None

    async def kill(self) -> None:
        """Kill the process and wait until nothing of it is left."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                # `Process.kill` may reap the dead under asyncio's hands: the exit status would be lost
                os.kill(self.pid, signal.SIGKILL)
        self._to.close()
        await self._back.read()
        await self._draining
        await self._process.wait()

    def last_words(self, error: Exception) -> str:
        """Say how the process ended, once it is killed: by itself, or by our hand after `error`."""
        lines = self._stderr.decode("utf-8", "replace").strip().splitlines()
        status = f"exit status {self._process.returncode}"
        if isinstance(error, EOFError | ConnectionError):
            return f"{status}, {clean(lines[-1])}" if lines else status
        return clean(str(error)) or "it took too long"

    async def _drain(self, stderr: asyncio.StreamReader) -> None:
        """Read what libraries complain, lest they block on a full pipe; keep only the end."""
        while said := await stderr.read(_STDERR_BYTES):
            self._stderr = (self._stderr + said)[-_STDERR_BYTES:]
