"""Time that passes only when nobody has anything to do: a test that waits an hour takes a moment.

Name `SIMULATED_TIME` as the `anyio_backend` of a test, and every sleep and every time limit of asyncio is
simulated. While a thread works for the loop, or inside `standing_still`, no time passes.
"""

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

GRACE_SECONDS = 0.001
"""Real time that bytes between two sockets of this process may take."""


class SimulatedTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to its next appointment where others sleep until it comes.

    `jumps` counts how often it did: as often as somebody would have been woken.
    """

    def __init__(self) -> None:
        self.jumps = 0
        self._seconds = 0.0
        self._elsewhere = 0
        super().__init__(_Jumping(self._jump))

    def time(self) -> float:
        return self._seconds

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        working = super().run_in_executor(executor, func, *args)
        self._elsewhere += 1
        working.add_done_callback(self._came_back)
        return working

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Let no time pass inside: another process is at work, or the kernel."""
        self._elsewhere += 1
        try:
            yield
        finally:
            self._elsewhere -= 1

    def _came_back(self, _: object) -> None:
        self._elsewhere -= 1

    def _jump(self, seconds: float) -> bool:
        if self._elsewhere:
            return False
        self._seconds += seconds
        self.jumps += 1
        return True


class _Jumping(selectors.DefaultSelector):
    def __init__(self, jump: Callable[[float], bool]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(GRACE_SECONDS)
        if ready or self._jump(timeout):
            return ready
        return super().select(None)


class SimulatedClock:
    """The loop's time as a `captiond.clock.Clock`; it begins now, so that new files are new."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._began = datetime.now(UTC) - timedelta(seconds=loop.time())

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self._loop.time())

    def monotonic_seconds(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


SIMULATED_TIME = ("asyncio", {"loop_factory": SimulatedTimeLoop})


def loop() -> SimulatedTimeLoop:
    """Give the running loop of a test in simulated time."""
    running = asyncio.get_running_loop()
    assert isinstance(running, SimulatedTimeLoop)
    return running
