"""Files that the catalogue knows and the inbox no longer shows: deleted, or is their disk away?"""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import timedelta
from itertools import islice
from pathlib import Path

from .beneath import is_bare
from .catalogue import intake, presence, queries
from .catalogue.places import readable
from .catalogue.presence import Absentees
from .catalogue.store import Catalogue, Connection
from .clock import Clock
from .errors import InboxGone

MISSING_AFTER_SECONDS = 60.0
MANY_MISSING_AFTER_SECONDS = 3600.0
MANY = 0.2
MANY_IN_SMALL_INBOX = 20
"""More than both is what a disk that is away looks like, too."""

MOST_COMPARED = 10_000


class Absent:
    """Looks after the absent files of one inbox; since when each is, the catalogue knows.

    `doubt` is the sentence why many are not taken for deleted, None where nothing is strange. The disk is
    looked at in `thread`: it may hang.
    """

    def __init__(
        self, inbox: Path, catalogue: Catalogue, clock: Clock, thread: Executor | None = None
    ) -> None:
        self.doubt: str | None = None
        self._all_there_until: int | None = None
        self._inbox = inbox
        self._catalogue = catalogue
        self._clock = clock
        self._thread = thread

    async def check(self) -> None:
        """Raise InboxGone where none of the known files is there, and the disk is another one than theirs.

        The number of a disk may change with a restart; then the files are there. To be called before a scan:
        what lies in the folder under a disk that is away is not in the inbox.
        """
        loop = asyncio.get_running_loop()
        if await loop.run_in_executor(self._thread, self._catalogue.ask, self._is_elsewhere):
            raise InboxGone(
                f"Another disk than before is at {readable(self._inbox)}, without a known file: is the right "
                "one mounted? If it was replaced for good, put one of the known photos there."
            )

    async def look(self, *, unchanged: bool = False) -> Sequence[Path]:
        """Mark as missing what two looks did not find, at least a minute apart, or an hour for many at once.

        All there are count as many where the inbox is bare, as a folder under a disk that is away is. Many,
        or all, are never missing while the inbox is on another disk than they were. To be called after a
        complete scan; where it found all `unchanged`, and nothing new is known, nothing can be absent. Gives
        the paths about which no note is right any more. Raises Outage.
        """
        now, newest = self._clock.now(), await self._catalogue.read(presence.newest_file)
        if unchanged and newest == self._all_there_until:
            return ()
        absentees, device, bare = await asyncio.get_running_loop().run_in_executor(self._thread, self._sight)
        await self._catalogue.write(intake.note_absent, self._inbox, absentees.paths, now)
        if absentees.readable_again:
            await self._catalogue.write(intake.forget_notes, absentees.readable_again)
        count = len(absentees.paths)
        self._all_there_until = None if count else newest
        many = _are_many(absentees) or (bare and 0 < count == absentees.known)
        elsewhere = device not in absentees.devices
        disk_away = elsewhere and (many or 0 < count == absentees.known)
        self.doubt = self._sentence(absentees) if many or disk_away else None
        if disk_away:
            return absentees.readable_again
        patience = timedelta(seconds=MANY_MISSING_AFTER_SECONDS if many else MISSING_AFTER_SECONDS)
        gone = await self._catalogue.read(queries.absent_since, self._inbox, now - patience)
        if gone:
            await self._catalogue.write(intake.note_missing, gone)
        return [*absentees.readable_again, *gone]

    def _is_elsewhere(self, connection: Connection) -> bool:
        known = islice(presence.known_in_inbox(connection, self._inbox), MOST_COMPARED)
        try:
            device = self._inbox.stat().st_dev
        except OSError:
            return False
        strange = 0
        for path, was_on in known:
            if was_on == device or os.path.lexists(path):
                return False
            strange += 1
        return strange > 0

    def _sight(self) -> tuple[Absentees, int | None, bool]:
        """See which files are not there, on which device the inbox is now, and whether nothing lies in it."""
        absentees = self._catalogue.ask(presence.absent_in_inbox, self._inbox)
        try:
            device, bare = self._inbox.stat().st_dev, is_bare(self._inbox)
        except OSError:
            device, bare = None, True
        return absentees, device, bare

    def _sentence(self, absentees: Absentees) -> str:
        return (
            f"{len(absentees.paths):,} of {absentees.known:,} known files are gone from "
            f"{readable(self._inbox)}: is its disk mounted? They are not taken for deleted yet."
        )


def _are_many(absentees: Absentees) -> bool:
    return len(absentees.paths) > max(MANY_IN_SMALL_INBOX, MANY * absentees.known)
