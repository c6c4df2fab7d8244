"""Room in memory: files may be half a gigabyte, and several are read at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """So many bytes may be in hand at once; who needs more than are free waits for his turn.

    What is larger than all the room is let in alone.
    """

    def __init__(self, size_bytes: int) -> None:
        self.free_bytes = size_bytes
        self._size_bytes = size_bytes
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def taken(self, size_bytes: int) -> AsyncIterator[None]:
        """Take room for as long as the block lasts."""
        needed = max(0, min(size_bytes, self._size_bytes))
        async with self._turn:
            while self.free_bytes < needed:
                self._freed.clear()
                await self._freed.wait()
            self.free_bytes -= needed
        try:
            yield
        finally:
            self.free_bytes += needed
            self._freed.set()
