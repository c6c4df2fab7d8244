"""Files that the catalogue knows and the inbox no longer shows: deleted, or is their disk away?"""

from pathlib import Path

from .catalogue import intake, queries
from .catalogue.places import readable
from .catalogue.store import Catalogue
from .clock import Clock
from .errors import InboxGone

MISSING_AFTER_SECONDS = 60.0
MISSING_AT_MOST = 0.2
MISSING_IN_SMALL_INBOX = 20
"""More than both are never taken for deleted in one go: a mount that vanished looks the same."""


class Absent:
    """The absent files of one inbox, each with the monotonic moment at which it was missed first."""

    def __init__(self, inbox: Path, catalogue: Catalogue, clock: Clock) -> None:
        self._inbox = inbox
        self._catalogue = catalogue
        self._clock = clock
        self._since: dict[Path, float] = {}

    async def look(self) -> None:
        """Mark as missing what two looks did not find, at least a minute apart; raises InboxGone and Outage.

        To be called after a complete scan.
        """
        now = self._clock.monotonic_seconds()
        absent, known = await self._catalogue.read(queries.absent_in_inbox, self._inbox)
        if len(absent) > max(MISSING_IN_SMALL_INBOX, MISSING_AT_MOST * known):
            raise InboxGone(
                f"{len(absent):,} of {known:,} known files are gone from {readable(self._inbox)}: "
                "is its disk mounted? Nothing is taken for deleted"
            )
        since = {path: self._since.get(path, now) for path in absent}
        gone = {path for path, first in since.items() if now - first >= MISSING_AFTER_SECONDS}
        if gone:
            await self._catalogue.write(intake.note_missing, list(gone))
        self._since = {path: first for path, first in since.items() if path not in gone}
