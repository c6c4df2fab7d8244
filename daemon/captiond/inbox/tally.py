"""Who told of the files that came: an event, or only a scan; counted for people and for the cadence of scans.

"Only by a scan" on a healthy local inbox is the alarm for every fault of the watcher that nobody knows yet.
"""

import os
from collections import OrderedDict
from collections.abc import Collection, Iterator
from pathlib import Path

GRACE_SECONDS = 5.0
"""An event may come so much later than the scan that saw its file already."""

MOST_PENDING = 10_000


class Tally:
    """Counts the files found by an event and those found only by a scan; `now` is monotonic, in seconds.

    What the first scan finds lay there before: it counts for neither.
    """

    def __init__(self) -> None:
        self.scanned_once = False
        self.by_event = 0
        self._by_scan = 0
        # By bytes: ten thousand paths as objects take ten megabytes.
        self._pending: OrderedDict[bytes, float] = OrderedDict()

    @property
    def by_scan(self) -> int:
        """How many files were found that no event told of; some may still be told of in the next seconds."""
        return self._by_scan + len(self._pending)

    def count(self, path: Path, now: float, *, told: bool) -> None:
        """Count a file that came: an event told of it, or a scan found it."""
        if told:
            self.told()
        elif self.scanned_once:
            self.scanned(path, now)

    def scanned(self, path: Path, now: float) -> None:
        """Count a file that a scan found."""
        self.settle(now)
        if len(self._pending) < MOST_PENDING:
            self._pending.setdefault(os.fsencode(path), now)
        else:
            self._by_scan += 1

    def told(self) -> None:
        """Count a file that an event told of."""
        self.by_event += 1

    def heard(self, path: Path) -> None:
        """Take an event's word for a path that a scan had come upon a moment before."""
        if self._pending.pop(os.fsencode(path), None) is not None:
            self.by_event += 1

    def heard_beneath(self, folders: Collection[Path]) -> None:
        """Take an event's word for all that lies in these folders and below."""
        told = {os.fsencode(folder) for folder in folders}
        for path in [path for path in self._pending if not told.isdisjoint(_above(path))]:
            del self._pending[path]
            self.by_event += 1

    def settle(self, now: float) -> int:
        """Give how many files in all were certainly found by scans alone."""
        while self._pending and now - next(iter(self._pending.values())) > GRACE_SECONDS:
            self._pending.popitem(last=False)
            self._by_scan += 1
        return self._by_scan


def _above(path: bytes) -> Iterator[bytes]:
    while path := path.rpartition(b"/")[0]:
        yield path
