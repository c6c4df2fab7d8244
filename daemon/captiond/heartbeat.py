"""The sentence of the moment: kept for `captiond status`, told to the service manager as a sign of life."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from .catalogue import inboxes, jobs, queries
from .catalogue.inboxes import InboxStanding
from .catalogue.outlook import PAUSED, WATCHING, how_far
from .catalogue.queries import Progress
from .catalogue.store import Catalogue, Connection
from .clock import Clock
from .errors import Outage
from .noticing import Noticing
from .printable import counted
from .standing import standing_of
from .vision.endpoints import Endpoint

HEARTBEAT_SECONDS = 5.0
QUIET_HEARTBEAT_SECONDS = 60.0
"""A sentence that stays the same is written this often: a disk may want to sleep."""


class Heartbeat:
    """Beats every few seconds: `tell` gets the sentence, and the disk gets it when it is new.

    `said` is the last one. A stuck loop says nothing more, nor does a stuck writer after a minute, so that
    the service manager can end them.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        tell: Callable[[str], None],
        *,
        noticings: Sequence[Noticing],
        endpoints: Sequence[Endpoint],
    ) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._tell = tell
        self._noticings = noticings
        self._endpoints = endpoints
        self.said = ""
        self._written: tuple[str, list[InboxStanding]] = ("", [])
        self._written_at = 0.0
        self._own_writes = 0
        self._counted: tuple[int, Progress] | None = None

    async def beat(self) -> None:
        """Beat until cancelled; raises CatalogueFault where the catalogue was removed or replaced."""
        while True:
            await self._catalogue.check()
            self.said = sentence = await self.sentence()
            with suppress(Outage):
                await self._write(sentence)
            self._tell(sentence)
            await self._clock.sleep(HEARTBEAT_SECONDS)

    async def _write(self, sentence: str) -> None:
        now, wall_now = self._clock.monotonic_seconds(), self._clock.now()
        standings = [standing_of(noticing, wall_now) for noticing in self._noticings]
        # That another scan found nothing new is no news.
        news = sentence, [replace(one, scanned_at=None, scan_seconds=None) for one in standings]
        if news == self._written and now - self._written_at < QUIET_HEARTBEAT_SECONDS:
            return
        self._own_writes += 1
        await self._catalogue.write(_say, sentence, standings, wall_now)
        self._written, self._written_at = news, now

    async def sentence(self) -> str:
        """Say how it goes: what stands in the way, else how far the work is."""
        progress = await self._progress()
        done, waiting = progress.photos["done"], progress.photos_to_do
        troubles = [trouble for one in self._noticings if (trouble := one.offline or one.doubt)]
        away = [endpoint.reason for endpoint in self._endpoints if endpoint.reason]
        lacking = [reason for endpoint in self._endpoints for reason in endpoint.lacking.values()]
        doubts = [endpoint.sight.doubt for endpoint in self._endpoints if endpoint.sight.doubt]
        if await self._catalogue.read(jobs.is_paused):
            return f"{PAUSED} {counted(waiting, 'photo waits', 'photos wait')} until `captiond resume`"
        if waiting and away and len(away) == len(self._endpoints):
            return f"{counted(waiting, 'photo waits', 'photos wait')}: {away[0]}"
        if troubles:
            return troubles[0]
        if waiting:
            return "; ".join([how_far(done, waiting), *(lacking + doubts)[:1]])
        return "; ".join([f"{WATCHING} {counted(done, 'photo')} done", *doubts[:1]])

    async def _progress(self) -> Progress:
        """Count the photos where somebody else wrote since: a million take a moment."""
        writes = self._catalogue.writes - self._own_writes
        if self._counted is None or self._counted[0] != writes:
            self._counted = writes, await self._catalogue.read(queries.progress)
        return self._counted[1]


def _say(connection: Connection, sentence: str, standings: Sequence[InboxStanding], now: datetime) -> None:
    jobs.say(connection, "daemon", sentence, now)
    inboxes.say_standings(connection, standings, now)
