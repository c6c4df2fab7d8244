"""Sidecars that somebody removed are written again, and those of renamed pictures do not stay behind.

What a person edited is never removed, nor is the sidecar of a picture that is gone for good.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from .catalogue import sidecars_left
from .catalogue.sidecars_left import SidecarLeft
from .catalogue.store import Catalogue, Connection
from .clock import Clock
from .sidecars import SidecarPlaces, SidecarUnwritable, remove

PAGE = 500
LEAST_PAUSE_SECONDS = 60.0
SHARE = 400
"""The pause is at least so many times as long as a round took: nothing else is less urgent."""


class Tidying:
    """Looks through all sidecars now and then."""

    def __init__(self, catalogue: Catalogue, clock: Clock, log: structlog.stdlib.BoundLogger) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._log = log
        self._next_at = 0.0

    async def tidy(self, places: SidecarPlaces) -> None:
        """Make a round where one is due; raises Outage."""
        began = self._clock.monotonic_seconds()
        if began < self._next_at:
            return
        async for page in self._pages(sidecars_left.expected):
            lacking = await asyncio.to_thread(_lacking, page, places)
            if lacking:
                await self._catalogue.write(sidecars_left.make_due, lacking)
        async for page in self._pages(sidecars_left.outdated):
            removed = await asyncio.to_thread(self._removed, page, places)
            await self._catalogue.write(sidecars_left.forget, removed)
        ended = self._clock.monotonic_seconds()
        self._next_at = ended + max(LEAST_PAUSE_SECONDS, SHARE * (ended - began))

    async def _pages(
        self, question: Callable[[Connection, int, int], list[SidecarLeft]]
    ) -> AsyncIterator[list[SidecarLeft]]:
        last = 0
        while page := await self._catalogue.read(question, last, PAGE):
            yield page
            last = page[-1].file_id

    def _removed(self, page: Sequence[SidecarLeft], places: SidecarPlaces) -> list[int]:
        """Remove what is outdated; give those files of which nothing is left that is ours and unedited."""
        return [one.file_id for one in page if self._remove(one, places)]

    def _remove(self, outdated: SidecarLeft, places: SidecarPlaces) -> bool:
        for path, top in places.possible(outdated.file):
            if not os.path.lexists(path):
                continue
            try:
                if remove(path, known_sha256=outdated.sha256, top=top):
                    self._log.info("sidecar of a renamed picture removed", file=str(path))
            except SidecarUnwritable:
                return False
        return True


def _lacking(page: Sequence[SidecarLeft], places: SidecarPlaces) -> list[int]:
    """Give the files whose picture is there and whose sidecar is not, though its folder is."""
    reachable = {inbox for inbox in {one.file.inbox for one in page} if places.is_reachable(inbox)}
    return [
        one.file_id
        for one in page
        if one.file.inbox in reachable
        and os.path.lexists(one.file.path)
        and not any(os.path.lexists(path) for path, _ in places.possible(one.file))
    ]
