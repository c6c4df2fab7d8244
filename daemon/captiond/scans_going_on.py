"""Which scans of one inbox go on at once: of the whole, and of folders that events told of."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class ScansGoingOn:
    """Counts the scans of one inbox."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()
        self.overlap = False
        """Whether another went on beside one that does, even if that other has ended by now."""

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one more while this block lasts."""
        self._count += 1
        self._none.clear()
        self.overlap |= self._count > 1
        try:
            yield
        finally:
            self._count -= 1
            self.overlap &= self._count > 0
            if not self._count:
                self._none.set()

    async def end(self, patience_seconds: float) -> None:
        """Wait until none goes on, as long as there is patience."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                await self._none.wait()
