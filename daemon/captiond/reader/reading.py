"""The daemon's side of the reader's process: starts it when text is first wanted, and replaces it.

A picture that kills or hangs it costs that picture a try, and nothing else.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress

from captiond.clock import Clock
from captiond.errors import ServerAway, ServerStumbled
from captiond.imaging.wire import PREFIX, Nonsense, header_length, packed
from captiond.model import Fit, Json, ModelIdentity, Reply
from captiond.printable import printable
from captiond.prompts.engines import READER
from captiond.vision.backend import Question
from captiond.vision.sight import Sight

CAGE = (sys.executable, "-P", "-m", "captiond.reader.cage")
"""The reader's process; `-P` keeps the current folder, which may be an inbox, off its import path."""

SIDE_PIXELS = 2000
"""The longest side of the picture that is read."""

_START_SECONDS = 120.0
_READ_SECONDS = 300.0
_PAUSE_SECONDS = 60.0
_RECYCLE_AFTER = 50
_MOST_TEXT_BYTES = 1024 * 1024
_STDERR_BYTES = 4096
_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
_KEPT_VARIABLES_OF = "OPENBLAS_"


class Reader:
    """Answers prompts by reading the text in the picture; nothing is started before the first of them.

    `command` is what is started; it must speak as `cage.py` does.
    """

    parallel = 1
    was_probed = True
    name = "the reader"

    def __init__(
        self, clock: Clock, *, time_limit_seconds: float = _READ_SECONDS, command: Sequence[str] = CAGE
    ) -> None:
        self.sight = Sight(self.ask)
        self._clock = clock
        self._time_limit_seconds = time_limit_seconds
        self._command = command
        self._turn = asyncio.Lock()
        self._slot = asyncio.Semaphore(self.parallel)
        self._booth: _Booth | None = None
        self.is_up = True
        """Whether it started when it was last wanted."""

    async def meet(self, models: Sequence[str]) -> None:
        """Do nothing: it has no models."""

    def may_answer(self, model: str) -> bool:
        """Tell whether it is ever asked for this model: only where a prompt wants the reader."""
        return model == READER

    def answers(self, model: str) -> bool:
        """Tell the same: it is always there."""
        return self.may_answer(model)

    def fit_for(self, model: str | None) -> Fit:  # noqa: ARG002 - there is one only
        """Give the pixels that are read."""
        return Fit(((SIDE_PIXELS, SIDE_PIXELS),))

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Wait for the slot, and hold it."""
        return self._slot

    async def until_up(self) -> None:
        """Return at once, or when its process has started: it does not where memory is short."""
        while not self.is_up:
            await self._clock.sleep(_PAUSE_SECONDS)
            with suppress(ServerAway):
                await self.start()

    async def start(self) -> ModelIdentity:
        """Start its process now; gives what reads. Raises ServerAway where it does not start."""
        async with self._turn:
            return (await self._running()).identity

    async def ask(self, question: Question) -> Reply:
        """Read the picture of a question; no text is an empty reply.

        Raises ServerStumbled where the picture kills or hangs the process, ServerAway where it does not
        start.
        """
        assert question.image is not None
        async with self._turn:
            booth = await self._running()
            started = self._clock.monotonic_seconds()
            text = await self._exchange(booth, question.image)
            seconds = self._clock.monotonic_seconds() - started
            if booth.pictures >= _RECYCLE_AFTER:
                await self.close()
        return Reply(text, finish="stop", model=booth.identity, seconds=seconds)

    async def close(self) -> None:
        """End the process, whatever it does."""
        booth, self._booth = self._booth, None
        if booth is not None:
            await booth.kill()

    async def _running(self) -> "_Booth":
        if self._booth is not None and self._booth.died_idle:
            await self.close()
        if self._booth is None:
            self.is_up = False
            self._booth = await _started(self._command)
            self.is_up = True
        return self._booth

    async def _exchange(self, booth: "_Booth", jpeg: bytes) -> str:
        text = None
        try:
            async with asyncio.timeout(self._time_limit_seconds):
                text = await booth.exchange(jpeg)
        except TimeoutError:
            raise ServerStumbled(
                f"the reader did not finish this picture in {self._time_limit_seconds:g} seconds"
            ) from None
        except (EOFError, ConnectionError, Nonsense) as error:
            await self.close()
            raise ServerStumbled(f"the reader died on this picture: {booth.last_words(error)}") from None
        finally:
            if text is None:  # also when cancelled: half a reply must not meet the next picture
                await self.close()
        return text


async def _started(command: Sequence[str]) -> "_Booth":
    """Start a process and wait until its models are loaded."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT_VARIABLES or name.startswith(_KEPT_VARIABLES_OF)
    }
    # One thread only, as the cage wants it; and no more memory for those that are not there.
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,  # Ctrl-C is for the daemon, which then ends us
            env=environment | single,
        )
    except OSError as error:
        raise ServerAway(f"the reader does not start: {error}") from None
    booth = _Booth(process)
    try:
        async with asyncio.timeout(_START_SECONDS):
            await booth.ready()
    except (EOFError, TimeoutError, Nonsense) as error:
        await booth.kill()
        raise ServerAway(f"the reader does not start: {booth.last_words(error)}") from None
    except asyncio.CancelledError:
        await booth.kill()
        raise
    return booth


class _Booth:
    """One reader's process and its pipes."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._to, self._back = process.stdin, process.stdout
        self._stderr = b""
        self._draining = asyncio.create_task(self._drain(process.stderr))
        self.pictures = 0
        self.identity = ModelIdentity("", "")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def died_idle(self) -> bool:
        """Tell whether the process ended while it had no picture: that is no picture's fault."""
        return self._process.returncode is not None or self._back.at_eof()

    async def ready(self) -> None:
        try:
            made = (await self._header())["ready"]
            self.identity = ModelIdentity(
                str(made["engine"]), str(made["digest"]), family="PP-OCRv6", server=str(made["runtime"])
            )
        except (KeyError, TypeError) as error:
            raise Nonsense(f"it is not ready: {error!r}") from None

    async def exchange(self, jpeg: bytes) -> str:
        self.pictures += 1
        self._to.write(packed({"size": len(jpeg)}))
        self._to.write(jpeg)
        await self._to.drain()
        told = await self._header()
        size = told.get("size") if isinstance(told, dict) else None
        if not isinstance(size, int) or not 0 <= size <= _MOST_TEXT_BYTES:
            raise Nonsense("the reply has no possible size")
        if "failed" in told:
            raise ServerStumbled(f"the reader cannot read this picture: {printable(str(told['failed']))}")
        return (await self._back.readexactly(size)).decode("utf-8", "replace")

    async def kill(self) -> None:
        """Kill the process and wait until nothing of it is left."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
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
            return f"{status}, {printable(lines[-1])}" if lines else status
        return printable(str(error)) or "it took too long"

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
