"""Outages of the catalogue are sat out: a write is tried again while its disk is full, or it is locked."""

from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

import structlog

from .catalogue.store import Catalogue, Connection
from .clock import Clock
from .errors import CatalogueBusy, CatalogueFault, DiskFull, Outage

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_PAUSE_SECONDS = 30.0
SAT_OUT = (DiskFull, CatalogueBusy)


class Patience:
    """Tries again what the catalogue does not take now, with growing pauses; cancelling ends the wait.

    `limit_seconds` is the longest wait, None for no end; `trouble` says what stands in the way now.
    """

    def __init__(self, catalogue: Catalogue, clock: Clock, log: structlog.stdlib.BoundLogger) -> None:
        self.limit_seconds: float | None = None
        self.trouble: str | None = None
        self._catalogue = catalogue
        self._clock = clock
        self._log = log
        self._waiting = 0

    async def insist(
        self, change: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Write to the catalogue, however long its disk is full or somebody else has it locked."""
        return await self.sit_out(lambda: self._catalogue.write(change, *arguments, **named))

    async def sit_out(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Do something until nothing stands in its way; the outage is told once, and its end.

        Raises CatalogueFault when `limit_seconds` are over.
        """
        try:
            return await attempt()
        except SAT_OUT as outage:
            self._tell(outage)
        self._waiting += 1
        try:
            outcome = await self._try_again(attempt)
        finally:
            self._waiting -= 1
        if not self._waiting:
            self._log.info("catalogue writable")
            self.trouble = None
        return outcome

    async def _try_again(self, attempt: Callable[[], Awaitable[T]]) -> T:
        pause, began = 1.0, self._clock.monotonic_seconds()
        while True:
            await self._clock.sleep(pause)
            try:
                return await attempt()
            except SAT_OUT as outage:
                self._tell(outage)
            waited = self._clock.monotonic_seconds() - began
            if self.limit_seconds is not None and waited >= self.limit_seconds:
                raise CatalogueFault(f"{self.trouble}; given up after {waited:.0f} seconds")
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _tell(self, outage: Outage) -> None:
        if self.trouble != str(outage):
            event = "disk full" if isinstance(outage, DiskFull) else "catalogue locked"
            self._log.error(event, reason=str(outage))
        self.trouble = str(outage)
