"""Outages of the catalogue are sat out: while its disk is full or read-only, a write is tried again."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

import structlog

from .catalogue.store import Catalogue, Connection
from .clock import Clock
from .errors import DiskFull

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_PAUSE_SECONDS = 30.0


class Patience:
    """Tries again what a full disk stands in the way of, with growing pauses; cancelling ends the wait."""

    def __init__(self, catalogue: Catalogue, clock: Clock, log: structlog.stdlib.BoundLogger) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._log = log
        self._waiting = 0

    async def insist(
        self, change: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Write to the catalogue, however long its disk is full."""
        return await self.sit_out(lambda: self._catalogue.write(change, *arguments, **named))

    async def sit_out(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Do something until no full disk stands in its way; the outage is told once."""
        try:
            return await attempt()
        except DiskFull as outage:
            if not self._waiting:
                self._log.error("disk full", reason=str(outage))
        self._waiting += 1
        try:
            return await self._try_again(attempt)
        finally:
            self._waiting -= 1

    async def _try_again(self, attempt: Callable[[], Awaitable[T]]) -> T:
        pause = 1.0
        while True:
            await self._clock.sleep(pause)
            with suppress(DiskFull):
                return await attempt()
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
