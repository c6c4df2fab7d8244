"""How long until the next scan? By what the last one cost, and by whether events can be relied on (pure)."""

SCAN_SHARE = 100
BLIND_SCAN_SHARE = 20
"""A scan's pause is at least so many times as long as the scan took."""

BLIND_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 900.0
SURPRISES_TO_LEARN = 3
"""After so many scans in a row that found what no event told of, events are not relied on any more."""

UNTOLD = "Scans keep finding files that no event told of, so this inbox is scanned more often."


class Cadence:
    """The pauses between the scans of one inbox; `scan_seconds` is the shortest where events come."""

    def __init__(self, scan_seconds: float) -> None:
        self._scan_seconds = scan_seconds
        self._took_seconds = 0.0
        self._surprises = 0
        self._surprised_by = 0

    @property
    def untold(self) -> str | None:
        """Why events are not relied on, as scans have learned it; None where they may be."""
        return UNTOLD if self._surprises >= SURPRISES_TO_LEARN else None

    def scanned(self, took_seconds: float, found_only_by_scans: int, *, expected: bool) -> None:
        """Take note of a complete scan: how long it took, and how many files scans alone have found so far.

        `expected`: events were known to be lost before it (the first scan, an overflow, a new watcher).
        """
        self._took_seconds = took_seconds
        surprised = found_only_by_scans > self._surprised_by and not expected
        self._surprised_by = found_only_by_scans
        if not self.untold:
            self._surprises = self._surprises + 1 if surprised else 0

    def pause_seconds(self, *, blind: bool) -> float:
        """Tell how long to rest; `blind`: events tell nothing of some files."""
        if blind or self.untold:
            shortest, share = min(self._scan_seconds, BLIND_PAUSE_SECONDS), BLIND_SCAN_SHARE
        else:
            shortest, share = self._scan_seconds, SCAN_SHARE
        return max(shortest, min(share * self._took_seconds, LONGEST_PAUSE_SECONDS))
