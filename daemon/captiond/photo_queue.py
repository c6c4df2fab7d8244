"""The photos that are due, as the catalogue keeps them: leased one by one, and given back uncharged."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from . import __version__
from .catalogue import jobs, queries
from .catalogue.clock_jumps import LONGEST_WAIT, bring_near
from .catalogue.store import Catalogue
from .clock import Clock
from .model import Lease
from .patience import Patience
from .turns import Turns
from .unqueued import Unqueued

BACKLOG_TURN = 4
"""Every fourth photo comes from the backlog, so that fresh drops never starve it."""

IDLE_SECONDS = 30.0
BUSY_SECONDS = 1.0
PUT_OFF_SECONDS = 300.0


class PhotoQueue:
    """The queue under one captiond's name; it survives a crash, for it lies in the catalogue.

    `in_hand` counts the photos that are leased now. Every write waits while the catalogue's disk is full.
    Where nothing is due, some of the `unqueued` are queued, however many more still come.
    """

    def __init__(self, catalogue: Catalogue, patience: Patience, unqueued: Unqueued, clock: Clock) -> None:
        self.in_hand = 0
        self._owner = uuid.uuid4().hex
        self._catalogue = catalogue
        self._patience = patience
        self._unqueued = unqueued
        self._clock = clock
        self._changed = asyncio.Event()
        self._leases = 0

    def wake(self) -> None:
        """Say that there may be something new in it."""
        self._changed.set()

    async def reclaim(self) -> int:
        """Take up the photos that an ended captiond had in hand; gives how many.

        Another version may also get on with those on which earlier ones ended too often.
        """
        await self._patience.insist(jobs.note_start, __version__, self._clock.now())
        await self._patience.insist(bring_near, self._clock.now())
        return await self._patience.insist(jobs.reclaim, self._owner, self._clock.now())

    @asynccontextmanager
    async def next(self, turns: Turns) -> AsyncIterator[Lease]:
        """Wait for the next photo and hold it, with its prompts for the model whose turn it is."""
        lease = await self._next_lease(turns)
        self.in_hand += 1
        try:
            yield lease
        finally:
            self.in_hand -= 1
            turns.gave_back()
            self.wake()

    async def give_back(self, lease: Lease) -> None:
        """Let the photo be asked again at once: nothing was wrong with it."""
        await self._patience.insist(jobs.release, self._owner, lease.photo_id)

    async def put_off(self, lease: Lease, reason: str) -> None:
        """Let the photo wait for some minutes: what it needs is away, as the reason says."""
        again = self._clock.now() + timedelta(seconds=PUT_OFF_SECONDS)
        await self._patience.insist(jobs.postpone, self._owner, lease.photo_id, again, reason)

    async def give_back_all(self) -> None:
        """Give back all that is in hand, at the end; raises Outage."""
        await self._catalogue.write(jobs.release, self._owner)

    async def _next_lease(self, turns: Turns) -> Lease:
        while True:
            self._changed.clear()
            self._leases += 1
            lease = await self._lease(turns, backlog_first=self._leases % BACKLOG_TURN == 0)
            if lease is not None:
                return lease
            if await self._unqueued.queue_some():
                continue
            idle_seconds = min(await self._idle_seconds(), turns.lingering_seconds())
            with suppress(TimeoutError):
                async with asyncio.timeout(idle_seconds):
                    await self._changed.wait()

    async def _lease(self, turns: Turns, *, backlog_first: bool) -> Lease | None:
        async with turns.choosing:
            wished = await self._catalogue.read(jobs.wished_models)
            for model, reach in await turns.offers(wished):
                lease = await self._patience.insist(
                    jobs.lease, self._owner, self._clock.now(), backlog_first=backlog_first, reach=reach
                )
                if lease is not None:
                    turns.took(model)
                    return lease
            turns.found_none()
            return None

    async def _idle_seconds(self) -> float:
        next_try_at = await self._catalogue.read(queries.next_try_at)
        if next_try_at is not None and next_try_at > self._clock.now() + LONGEST_WAIT:
            # The clock was set back since.
            await self._patience.insist(bring_near, self._clock.now())
            return 0
        if next_try_at is None or await self._catalogue.read(jobs.is_paused):
            return IDLE_SECONDS
        # What is due already, and was not leased, waits until the others are done, or for somebody else.
        seconds = (next_try_at - self._clock.now()).total_seconds()
        least_seconds = BUSY_SECONDS if self.in_hand or seconds <= 0 else 0.1
        return min(max(seconds, least_seconds), IDLE_SECONDS)
