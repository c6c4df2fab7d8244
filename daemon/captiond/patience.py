"""Outages of the catalogue are sat out: while its disk is full or read-only, a write is tried again."""

from collections.abc import Awaitable, Callable
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

    async def insist(
        self, change: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Write to the catalogue, however long its disk is full."""
        return await self.sit_out(lambda: self._catalogue.write(change, *arguments, **named))

    async def sit_out(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Do something until no full disk stands in its way; the outage is told once."""
        pause = 1.0
        while True:
            try:
                return await attempt()
            except DiskFull as outage:
                if pause == 1.0:
                    self._log.error("disk full", reason=str(outage))
                await self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
