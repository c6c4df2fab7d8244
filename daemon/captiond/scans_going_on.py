"""Which scans of one inbox go on at once: of the whole, and of folders that events told of."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .calm import Calm
from .clock import Clock

CALM_SECONDS = 1.0
"""In a burst, one scan of folders follows another."""


class ScansGoingOn:
    """Counts the scans of one inbox."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._calm = Calm(CALM_SECONDS, clock)
        self.overlap = False
        """Whether another went on beside one that does, even if that other has ended by now."""

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one more while this block lasts."""
        self._count += 1
        self.overlap |= self._count > 1
        try:
            yield
        finally:
            self._count -= 1
            self.overlap &= self._count > 0

    @contextmanager
    def one_of_folders(self) -> Iterator[None]:
        """Count one more, for which the scan of the whole inbox waits."""
        with self.one(), self._calm.broken():
            yield

    async def calm(self, patience_seconds: float) -> float:
        """Wait until for a second no folders were scanned, while there is patience; gives for how long."""
        began = self._clock.monotonic_seconds()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                await self._calm.come()
        return self._clock.monotonic_seconds() - began
