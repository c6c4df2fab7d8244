"""The directory listing against what is known: the truth about an inbox.

A scan streams: some 1,000 names at a time are compared and forgotten, so memory stays flat whatever the
folder holds (a list of folders still to visit apart).
"""

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from captiond.beneath import LISTING, opened_beneath
from captiond.errors import InboxGone
from captiond.model import FileStamp, InboxFile
from captiond.printable import printable

from .candidates import DESCEND, LOOK, verdict
from .ignoring import IgnoreRules
from .listings import Folder, Listings, Piece, fingerprint
from .reading import (
    FORBIDDEN,
    GONE,
    Skipped,
    fault,
    identity_of,
    stamp_of,
    why_special,
)

NAMES_IN_A_CHUNK = 1_000
LONGEST_GATHERING_SECONDS = 0.25
"""On a slow disk fewer names are compared at once."""

LONGEST_PATH_BYTES = 4_095
"""Linux's PATH_MAX without the final zero: beyond it no program opens the file by its path."""

LEFT_OVER_SECONDS = 24 * 3600.0
LEFT_OVER = "The name is that of an unfinished file, but for a day nothing has changed it: is it left over?"


class Known(Protocol):
    """What the catalogue knows of files, asked from the thread that scans."""

    def stamps(self, paths: Sequence[bytes]) -> Mapping[bytes, FileStamp]:
        """Give the stamps that are known for these absolute paths; a path without one is left out."""
        ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder or file of which nothing is known now: it is not to be taken for empty or gone."""

    path: Path
    sentence: str


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """What a scan saw; `complete` means that every folder was listed to its end.

    `files` counts those with a name worth a look. None at all where some are known is a suspicious inbox.
    `unchanged`: there are files, and every folder looked as an earlier scan had it, with nothing in it that
    was not known.
    """

    directories: int
    files: int
    new_or_changed: int
    seconds: float
    complete: bool
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Onward:
    """The listing goes on: who waits for findings can use those that there are."""


Finding = InboxFile | Skipped | Unreadable | Onward | ScanSummary


def scan(
    inbox: Path,
    known: Known,
    *,
    beneath: Sequence[Path] = (),
    rules: IgnoreRules | None = None,
    listings: Listings | None = None,
    monotonic_seconds: Callable[[], float] = time.monotonic,
    wall_seconds: Callable[[], float] = time.time,
) -> Iterator[Finding]:
    """List an inbox, or folders `beneath` it, and yield what differs from what is known.

    Yields an InboxFile for each file whose stamp is not the known one, Skipped for links, pipes, sockets and
    devices, Unreadable for what could not be listed, Onward now and then, and last a ScanSummary. Ignored
    names are not mentioned, but for unfinished files that nobody touched for a day; `rules` say which are
    ignored besides those that always are. What looks as `listings` have it is not compared again. Raises
    InboxGone when the inbox cannot be listed or is another at the end than at the start.
    """
    started = monotonic_seconds()
    identity = identity_of(inbox)
    rules = rules or IgnoreRules(inbox)
    walk = _Walk(
        inbox,
        known,
        rules,
        listings or Listings(),
        monotonic_seconds=monotonic_seconds,
        wall_seconds=wall_seconds,
    )
    for start in beneath or [inbox]:
        rules.enter_above(start)
        if not rules.verdict_beneath(start, is_directory=True).ignored:
            yield from walk.findings(start)
    yield from walk.compare()
    if identity_of(inbox) != identity:
        raise InboxGone(
            f"The inbox {printable(str(inbox))} was replaced by another folder while it was listed."
        )
    yield walk.summary(monotonic_seconds() - started)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found in a piece of a folder: to be remembered as `piece` where all of it is known."""

    folder: bytes
    number: int
    piece: Piece | None
    found: Mapping[bytes, FileStamp]


class _Walk:
    """One scan on its way: the folders still to visit, and what was counted so far."""

    def __init__(
        self,
        inbox: Path,
        known: Known,
        rules: IgnoreRules,
        listings: Listings,
        *,
        monotonic_seconds: Callable[[], float],
        wall_seconds: Callable[[], float],
    ) -> None:
        self._inbox = inbox
        self._known = known
        self._rules = rules
        self._ruled = rules.any
        self._listings = listings
        self._wall_seconds = wall_seconds
        self._monotonic_seconds = monotonic_seconds
        self._compare_at = monotonic_seconds() + LONGEST_GATHERING_SECONDS
        self._seen: list[_Seen] = []
        self._pending: list[Folder] = []
        self._directories = 0
        self._files = 0
        self._new_or_changed = 0
        self._complete = True
        self._unchanged = True
        self._plain = True
        self._names = 0

    def findings(self, start: Path) -> Iterator[Finding]:
        self._pending.append((0, os.fsencode(start)))
        while self._pending:
            _, folder = self._pending.pop()
            above = len(self._pending)
            yield from self._list(folder)
            # What changed last is listed first: there something new is likely.
            self._pending[above:] = sorted(self._pending[above:])

    def summary(self, seconds: float) -> ScanSummary:
        return ScanSummary(
            self._directories,
            self._files,
            self._new_or_changed,
            seconds,
            self._complete,
            self._complete and self._unchanged and self._files > 0,
        )

    def _list(self, folder: bytes) -> Iterator[Finding]:
        path = Path(os.fsdecode(folder))
        if len(folder) > LONGEST_PATH_BYTES:
            yield self._unreadable(path, "The path of this folder is longer than Linux can open.")
            return
        try:
            with opened_beneath(self._inbox, path, LISTING) as descriptor, os.scandir(descriptor) as entries:
                self._rules.enter(folder, descriptor)
                self._ruled = self._rules.any
                if self._listings.follow(self._rules.changes):
                    self._seen = [replace(each, piece=None) for each in self._seen]
                yield from self._pieces(folder, entries)
            self._directories += 1
        except OSError as error:
            # A folder that vanishes under the scan is no error: it is not there.
            if error.errno not in GONE:
                yield self._unreadable(path, str(fault(self._inbox, error)))

    def _pieces(self, folder: bytes, entries: Iterator["os.DirEntry[str]"]) -> Iterator[Finding]:
        number = 0
        while chunk := list(islice(entries, NAMES_IN_A_CHUNK)):
            number += 1
            yield from self._piece(folder, number, chunk)
            self._names += len(chunk)
            now = self._monotonic_seconds()
            if self._names >= NAMES_IN_A_CHUNK or now >= self._compare_at:
                self._names, self._compare_at = 0, now + LONGEST_GATHERING_SECONDS
                yield from self.compare()
                yield Onward()
        # What is gone may have filled a piece of its own.
        self._unchanged &= not self._listings.had(folder, number + 1)

    def _piece(self, folder: bytes, number: int, chunk: Sequence["os.DirEntry[str]"]) -> Iterator[Finding]:
        looks = fingerprint(chunk)
        piece = self._listings.known(folder, number, looks)
        if piece is not None:
            self._files += piece.files
            self._pending += piece.folders
            return
        self._unchanged = False
        folders, found = len(self._pending), dict[bytes, FileStamp]()
        prefix = folder.rstrip(b"/") + b"/"
        self._plain = looks is not None
        for entry in chunk:
            strange = self._see(entry, prefix, found)
            if strange is not None:
                self._plain = False
                yield strange
        self._files += len(found)
        if looks is not None and self._plain:
            piece = Piece(looks, len(found), tuple(self._pending[folders:]))
        self._seen.append(_Seen(folder, number, piece, found))

    def compare(self) -> Iterator[Finding]:
        """Tell what is new in the pieces seen: one question, for there may be hundreds of small folders."""
        seen, self._seen = self._seen, []
        paths = [path for each in seen for path in each.found]
        stamps = self._known.stamps(paths) if paths else {}
        for each in seen:
            new = [path for path, stamp in each.found.items() if stamps.get(path) != stamp]
            self._new_or_changed += len(new)
            folder = Path(os.fsdecode(each.folder))
            for path in new:
                # Taking a whole path apart would cost twice as much.
                name = os.fsdecode(path.rpartition(b"/")[2])
                yield InboxFile(self._inbox, folder / name, each.found[path])
            if each.piece is not None and not new:
                self._listings.remember(each.folder, each.number, each.piece)

    def _see(
        self, entry: "os.DirEntry[str]", prefix: bytes, found: dict[bytes, FileStamp]
    ) -> Skipped | Unreadable | None:
        name = os.fsencode(entry.name)
        path = prefix + name
        try:
            is_directory = entry.is_dir(follow_symlinks=False)
            decision = verdict(name, is_directory)
            if self._ruled and not decision.final:
                decision = self._rules.verdict(path, is_directory)
            if decision is DESCEND:
                self._pending.append((entry.stat(follow_symlinks=False).st_ctime_ns, path))
            if decision.unfinished:
                # Its sentence comes with time alone.
                self._plain = False
                return self._left_over(entry, path)
            if decision is not LOOK:
                return None
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            return self._unseen(Path(os.fsdecode(path)), error)
        sentence = why_special(status.st_mode)
        if sentence is None:
            found[path] = stamp_of(status)
            return None
        return Skipped(Path(os.fsdecode(path)), sentence, is_folder=stat.S_ISDIR(status.st_mode))

    def _left_over(self, entry: "os.DirEntry[str]", path: bytes) -> Skipped | None:
        """Tell of a file that was never finished, by its name; it is not read all the same."""
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or self._wall_seconds() - status.st_ctime < LEFT_OVER_SECONDS:
            return None
        return Skipped(Path(os.fsdecode(path)), LEFT_OVER)

    def _unseen(self, path: Path, error: OSError) -> Unreadable | None:
        if error.errno in GONE:
            return None
        if error.errno in FORBIDDEN:
            # That is the folder's doing and holds for all its files: say it once.
            raise error
        return self._unreadable(path, str(fault(self._inbox, error)))

    def _unreadable(self, path: Path, sentence: str) -> Unreadable:
        self._complete = False
        return Unreadable(path, sentence)
