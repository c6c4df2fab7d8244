"""Files that the catalogue knows and the inbox no longer shows: deleted, or is their disk away?"""

import asyncio
from datetime import timedelta
from pathlib import Path

from .catalogue import intake, queries
from .catalogue.places import readable
from .catalogue.queries import Absentees
from .catalogue.store import Catalogue
from .clock import Clock

MISSING_AFTER_SECONDS = 60.0
MANY_MISSING_AFTER_SECONDS = 3600.0
MANY = 0.2
MANY_IN_SMALL_INBOX = 20
"""More than both is what a disk that is away looks like, too."""


class Absent:
    """Looks after the absent files of one inbox; since when each is, the catalogue knows.

    `doubt` is the sentence why many are not taken for deleted, None where nothing is strange.
    """

    def __init__(self, inbox: Path, catalogue: Catalogue, clock: Clock) -> None:
        self.doubt: str | None = None
        self._inbox = inbox
        self._catalogue = catalogue
        self._clock = clock

    async def look(self) -> None:
        """Mark as missing what two looks did not find, at least a minute apart, or an hour for many at once.

        Many, or all there are, are never missing while the inbox is on another disk than they were. To be
        called after a complete scan. Raises Outage.
        """
        now = self._clock.now()
        absentees = await self._catalogue.read(queries.absent_in_inbox, self._inbox)
        await self._catalogue.write(intake.note_absent, self._inbox, absentees.paths, now)
        many, count = _are_many(absentees), len(absentees.paths)
        elsewhere = await asyncio.to_thread(self._device) not in absentees.devices
        disk_away = elsewhere and (many or 0 < count == absentees.known)
        self.doubt = self._sentence(absentees) if many or disk_away else None
        if disk_away:
            return
        patience = timedelta(seconds=MANY_MISSING_AFTER_SECONDS if many else MISSING_AFTER_SECONDS)
        gone = await self._catalogue.read(queries.absent_since, self._inbox, now - patience)
        if gone:
            await self._catalogue.write(intake.note_missing, gone)

    def _device(self) -> int | None:
        try:
            return self._inbox.stat().st_dev
        except OSError:
            return None

    def _sentence(self, absentees: Absentees) -> str:
        return (
            f"{len(absentees.paths):,} of {absentees.known:,} known files are gone from "
            f"{readable(self._inbox)}: is its disk mounted? They are not taken for deleted yet."
        )


def _are_many(absentees: Absentees) -> bool:
    return len(absentees.paths) > max(MANY_IN_SMALL_INBOX, MANY * absentees.known)
