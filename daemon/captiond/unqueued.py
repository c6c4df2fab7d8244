"""Photos that came by the hundred: they are known first, and queued once no more come.

To queue a photo takes a third as long as all else that is kept of it, and its turn is hours away. Where
captiond ends meanwhile nothing is lost: each start queues what photos have no result of (`planning.py`).
"""

import asyncio
from array import array
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from .calm import Calm
from .catalogue import jobs
from .clock import Clock
from .model import PromptName
from .patience import Patience

FEWEST_PHOTOS = 400
"""Fewer are queued in the commit that makes them known."""

QUEUED_AT_ONCE = 1_000
"""A fresh drop waits for no more."""

CALM_SECONDS = 2.0
"""Between two batches of a burst nobody takes in anything."""


class Unqueued:
    """The photos that are known and not queued yet; `prompts` gives what is asked at the moment."""

    def __init__(
        self, prompts: Callable[[], Sequence[PromptName]], *, patience: Patience, clock: Clock
    ) -> None:
        self._photo_ids = array("q")
        self._prompts = prompts
        self._patience = patience
        self._clock = clock
        self._turn = asyncio.Lock()
        self._some = asyncio.Event()
        self._calm = Calm(CALM_SECONDS, clock)

    def __len__(self) -> int:
        return len(self._photo_ids)

    def add(self, photo_ids: Sequence[int]) -> None:
        """Let photos wait that were just made known."""
        self._photo_ids.extend(photo_ids)
        self._some.set()

    def coming(self) -> AbstractContextManager[None]:
        """Let those that wait go on waiting: more may come in this block."""
        return self._calm.broken()

    async def queue_all(self, queued: Callable[[], None]) -> None:
        """Queue them once no more come, until cancelled; calls `queued` each time some were."""
        while True:
            await self._some.wait()
            await self._calm.come()
            if await self.queue_some():
                queued()
            else:
                self._some.clear()

    async def queue_some(self) -> bool:
        """Queue the first thousand; tells whether there were any."""
        async with self._turn:
            some = self._photo_ids[:QUEUED_AT_ONCE].tolist()
            if some:
                now = self._clock.now()
                await self._patience.insist(
                    jobs.queue_missing, self._prompts(), fresh=False, now=now, photo_ids=some
                )
                # Only now: a commit that fails leaves them where they were.
                del self._photo_ids[: len(some)]
            return bool(some)
