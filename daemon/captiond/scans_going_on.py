"""Which scans of one inbox go on at once: of the whole, and of folders that events told of."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CALM_SECONDS = 1.0
"""In a burst, one scan of folders follows another: moments between them are no end."""


class ScansGoingOn:
    """Counts the scans of one inbox."""

    def __init__(self) -> None:
        self._count = 0
        self._of_folders = 0
        self._none_of_folders = asyncio.Event()
        self._none_of_folders.set()
        self._ended_at = -CALM_SECONDS
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
        self._of_folders += 1
        self._none_of_folders.clear()
        try:
            with self.one():
                yield
        finally:
            self._of_folders -= 1
            self._ended_at = asyncio.get_running_loop().time()
            if not self._of_folders:
                self._none_of_folders.set()

    async def calm(self, patience_seconds: float) -> None:
        """Wait until for a second no folders were scanned, as long as there is patience."""
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                while True:
                    await self._none_of_folders.wait()
                    too_soon_seconds = self._ended_at + CALM_SECONDS - loop.time()
                    if too_soon_seconds <= 0:
                        return
                    await asyncio.sleep(too_soon_seconds)
