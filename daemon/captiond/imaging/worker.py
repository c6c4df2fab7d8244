"""The daemon's side of the decode process: starts it, feeds it one picture at a time, kills and replaces it.

What runs inside is `cage.py`; a picture that kills or hangs it costs that picture a try, and nothing else.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from captiond.errors import DecoderDied, Outage, Rejected
from captiond.model import Fit, Json, PreparedImage, Tiles

from .bars import Bars
from .exif import clean
from .limits import Limits
from .tiling import Cutting
from .wire import (
    PREFIX,
    Nonsense,
    header_length,
    jpeg_bytes,
    packed,
    read_bars,
    read_reply,
    read_tiles,
    request,
)

CAGE = (sys.executable, "-P", "-m", "captiond.imaging.cage")
"""The decode process; `-P` keeps the current folder, which may be an inbox, off its import path."""

_Made = TypeVar("_Made", PreparedImage, Tiles)
_START_SECONDS = 30.0
_SLICE_BYTES = 1024 * 1024
_STDERR_BYTES = 4096
_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL")


class Decoder:
    """Prepares pictures in a process of its own, which may die of them.

    The process is replaced after `recycle_after` pictures, or when it keeps more than `recycle_bytes` of
    memory from one picture to the next. `command` is what is started; it must speak as `cage.py` does.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        time_limit_seconds: float = 30.0,
        recycle_after: int = 500,
        recycle_bytes: int = 512 * 1024 * 1024,
        command: Sequence[str] = CAGE,
    ) -> None:
        self._limits = limits
        self._time_limit_seconds = time_limit_seconds
        self._recycle_after = recycle_after
        self._recycle_bytes = recycle_bytes
        self._command = command
        self._turn = asyncio.Lock()
        self._cage: _Cage | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pid(self) -> int | None:
        """Give the process id of the decode process, None where none runs."""
        return None if self._cage is None else self._cage.pid

    async def start(self) -> Bars:
        """Start the decode process now, so that the first picture does not wait for it; tells what holds it.

        Raises `Outage` where it does not start: no photo is to blame.
        """
        async with self._turn:
            return (await self._running()).bars

    async def prepare(self, content: bytes, fit: Fit) -> PreparedImage:
        """Prepare a picture, after those that came before.

        Raises a `Rejected` error where the picture is no good, `DecoderDied` where the decode process died
        or did not finish in time.
        """
        return await self._answered(request(len(content), fit, self._limits), content, read_reply)

    async def cut(self, content: bytes, fit: Fit, cutting: Cutting) -> Tiles:
        """Cut a picture into tiles; none where the whole shows as much. Raises as `prepare` does."""
        return await self._answered(request(len(content), fit, self._limits, cutting), content, read_tiles)

    async def close(self) -> None:
        """End the decode process, whatever it does."""
        cage, self._cage = self._cage, None
        if cage is not None:
            await cage.kill()

    async def _running(self) -> "_Cage":
        if self._cage is not None and self._cage.died_idle:
            await self.close()
        if self._cage is None:
            self._cage = await _started(self._command)
        return self._cage

    async def _answered(
        self, header: Json, content: bytes, read: Callable[[Json, bytes], _Made | Rejected]
    ) -> _Made:
        async with self._turn:
            cage = await self._running()
            answer = await self._exchange(cage, header, content, read)
            if cage.pictures >= self._recycle_after or cage.resident_bytes > self._recycle_bytes:
                await self.close()
        if isinstance(answer, Rejected):
            raise answer
        return answer

    async def _exchange(
        self, cage: "_Cage", header: Json, content: bytes, read: Callable[[Json, bytes], _Made | Rejected]
    ) -> _Made | Rejected:
        answer = None
        try:
            async with asyncio.timeout(self._time_limit_seconds):
                answer = read(*await cage.exchange(header, content))
        except TimeoutError:
            raise DecoderDied(
                f"the decoder did not finish this picture in {self._time_limit_seconds:g} seconds"
            ) from None
        except (EOFError, ConnectionError, Nonsense) as error:
            await self.close()
            raise DecoderDied(f"the decoder died on this picture: {cage.last_words(error)}") from None
        finally:
            if answer is None:  # also when cancelled: half a reply must not meet the next picture
                await self.close()
        return answer


async def _started(command: Sequence[str]) -> "_Cage":
    """Start a decode process and wait until it is ready."""
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,  # Ctrl-C is for the daemon, which then ends us
            # one arena: threads of a decoder would reserve address space that the cage has not
            env={**environment, "MALLOC_ARENA_MAX": "1"},
        )
    except OSError as error:
        raise Outage(f"the decode process does not start: {error}") from None
    cage = _Cage(process)
    try:
        async with asyncio.timeout(_START_SECONDS):
            await cage.ready()
    except (EOFError, TimeoutError, Nonsense) as error:
        await cage.kill()
        raise Outage(f"the decode process does not start: {cage.last_words(error)}") from None
    except asyncio.CancelledError:
        await cage.kill()
        raise
    return cage


class _Cage:
    """One decode process and its pipes."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._to, self._back = process.stdin, process.stdout
        self._stderr = b""
        self._draining = asyncio.create_task(self._drain(process.stderr))
        self.pictures = 0
        self.bars = Bars(0, seccomp=False)

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

    async def ready(self) -> None:
        self.bars = read_bars(await self._header())

    async def exchange(self, header: Json, content: bytes) -> tuple[Json, bytes]:
        self.pictures += 1
        self._to.write(packed(header))
        rest = memoryview(content)
        while rest:  # in slices: the transport copies what the pipe does not take at once
            self._to.write(rest[:_SLICE_BYTES])
            await self._to.drain()
            rest = rest[_SLICE_BYTES:]
        told = await self._header()
        return told, await self._back.readexactly(jpeg_bytes(told))

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

    async def _header(self) -> Json:
        length = header_length(await self._back.readexactly(PREFIX.size))
        try:
            return json.loads(await self._back.readexactly(length))
        except ValueError:
            raise Nonsense("the header is no JSON") from None

    async def _drain(self, stderr: asyncio.StreamReader) -> None:
        """Read what libraries complain, lest they block on a full pipe; keep only the end."""
        while said := await stderr.read(_STDERR_BYTES):
            self._stderr = (self._stderr + said)[-_STDERR_BYTES:]
