"""What folders looked like when all in them was known: what looks the same now need not be compared.

So the catalogue is asked about a file only when something around it has changed.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FORGET_SECONDS = 3600.0
MOST_PIECES = 20_000
"""What lies in more pieces of folders than these is compared in every scan; a piece takes some 300 bytes."""

Folder = tuple[int, bytes]
"""When it last changed (ctime_ns), and its path."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a folder in which all was known: its fingerprint, files worth a look, folders to enter."""

    fingerprint: int
    files: int
    folders: tuple[Folder, ...]


class Listings:
    """The pieces of an inbox that the last scan found to be known; all are forgotten every hour."""

    def __init__(self) -> None:
        self._before: dict[tuple[bytes, int], Piece] = {}
        self._pieces: dict[tuple[bytes, int], Piece] = {}
        self._due: frozenset[bytes] = frozenset()
        self._since_seconds = 0.0
        self._rules_changes = 0

    def begin(self, now_seconds: float, due: Iterable[bytes]) -> None:
        """Begin a scan; forget what the last one did not see, and the folders of files that are `due`."""
        self._before, self._pieces = self._pieces, {}
        self._due = frozenset(path.rpartition(b"/")[0] for path in due)
        if now_seconds - self._since_seconds >= FORGET_SECONDS:
            self._before.clear()
            self._since_seconds = now_seconds

    def follow(self, rules_changes: int) -> bool:
        """Forget all where the rules changed that say what is ignored; tells whether they did."""
        changed = rules_changes != self._rules_changes
        if changed:
            self._before.clear()
            self._pieces.clear()
        self._rules_changes = rules_changes
        return changed

    def known(self, folder: bytes, number: int, looks: int | None) -> Piece | None:
        """Give a piece of a folder that is as it was; None where it changed, or was not known."""
        piece = self._before.get((folder, number))
        if piece is None or piece.fingerprint != looks or folder in self._due:
            return None
        self.remember(folder, number, piece)
        return piece

    def had(self, folder: bytes, number: int) -> bool:
        """Tell whether a folder had a piece of this number in the last scan."""
        return (folder, number) in self._before

    def remember(self, folder: bytes, number: int, piece: Piece) -> None:
        """Remember a piece of a folder in which all is known, as long as there is room."""
        if len(self._pieces) < MOST_PIECES:
            self._pieces[folder, number] = piece


def fingerprint(entries: Sequence["os.DirEntry[str]"]) -> int | None:
    """Boil names, numbers, sizes and times down to one number; None where one of the entries is gone."""
    looks = []
    try:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            when = status.st_mtime_ns, status.st_ctime_ns
            looks.append(hash((entry.name, status.st_mode, status.st_ino, status.st_size, when)))
    except OSError:
        return None
    return hash(tuple(looks))
