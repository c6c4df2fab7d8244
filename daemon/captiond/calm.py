"""Waiting until nothing went on for a while: what stops for a moment is not at its end."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager

from .clock import Clock


class Calm:
    """It is calm when nothing has gone on for so many seconds, and before anything did."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._going_on = 0
        self._nothing = asyncio.Event()
        self._nothing.set()
        self._ended_at = -math.inf

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Let something go on in this block."""
        self._going_on += 1
        self._nothing.clear()
        try:
            yield
        finally:
            self._going_on -= 1
            if not self._going_on:
                self._ended_at = self._clock.monotonic_seconds()
                self._nothing.set()

    async def come(self) -> None:
        """Wait until it is calm."""
        while True:
            await self._nothing.wait()
            too_soon_seconds = self._ended_at + self._seconds - self._clock.monotonic_seconds()
            if too_soon_seconds <= 0:
                return
            await self._clock.sleep(too_soon_seconds)
