"""Is the catalogue that is open still the one under its name? Somebody may remove or replace its files.

What is written into a file without a name is lost. So the daemon looks before each write and at each
heartbeat, puts all it knows where people find it, and stops; the service manager starts it again.
"""

import errno
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Self

from captiond.errors import CatalogueFault

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})
BESIDE = ("-wal", "-shm")
"""The endings of the files that SQLite keeps beside a catalogue that is open."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that is open, and the name that it was opened by."""

    path: Path
    device: int
    inode: int

    @classmethod
    def named(cls, path: Path, status: os.stat_result | None = None) -> Self:
        """Remember which file it is; by what `fstat` says where that is given."""
        status = status or path.stat()
        return cls(path, status.st_dev, status.st_ino)

    @property
    def is_there(self) -> bool:
        """Whether its name still leads to it; a disk that only fails now is no answer."""
        try:
            status = self.path.stat()
        except OSError as error:
            return error.errno not in GONE
        return (status.st_dev, status.st_ino) == (self.device, self.inode)


class Guard:
    """The files of one open catalogue, as they were at its start; made once SQLite has opened them all."""

    def __init__(self, catalogue: Path, lock: OpenFile | None) -> None:
        real = catalogue.resolve()
        self._database = OpenFile.named(catalogue)
        self._beside = [OpenFile.named(real.with_name(real.name + ending)) for ending in BESIDE]
        self._lock = lock
        self._real = real

    def fault(self, writer: Callable[[], sqlite3.Connection]) -> CatalogueFault | None:
        """Say which file is no longer under its name, None for none; all that is known is kept first.

        `writer` gives the writing connection, on whose thread this runs.
        """
        sentence = self._look(writer)
        return CatalogueFault(sentence) if sentence else None

    def _look(self, writer: Callable[[], sqlite3.Connection]) -> str | None:
        if not self._database.is_there:
            return f"{_lost(self._database)} while captiond ran; {self._copied(writer())}"
        for beside in self._beside:
            if not beside.is_there:
                kept = self._copied if beside.path.exists() else self._put_back
                return f"{_lost(beside)} while captiond ran; {kept(writer())}"
        if self._lock and not self._lock.is_there:
            return f"{_lost(self._lock)} while captiond ran, so that another one could start; nothing is lost"
        return None

    def _put_back(self, writer: sqlite3.Connection) -> str:
        """Bring into the catalogue what only the lost file held, which is still open here."""
        try:
            writer.rollback()
            (busy, _, _) = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            busy = True
        return self._copied(writer) if busy else f"all it knew is in {self._real}"

    def _copied(self, writer: sqlite3.Connection) -> str:
        """Copy what is open to a file of its own; where the catalogue's name is free, it gets that name."""
        copy = None
        try:
            copy = _fresh(self._real)
            writer.rollback()
            writer.execute("VACUUM INTO ?", (str(copy),))
            _sync(copy)
        except (sqlite3.Error, OSError) as error:
            if copy is not None:
                copy.unlink(missing_ok=True)
            return f"what it knew could not be kept: {error}"
        # SQLite would take them for parts of whatever has the name next.
        for leftover in self._beside:
            if leftover.is_there:
                leftover.path.unlink()
        return f"all it knew is in {_named_again(copy, self._real)}"


def _lost(file: OpenFile) -> str:
    return f"{file.path} was {'replaced' if file.path.exists() else 'removed'}"


def _fresh(real: Path) -> Path:
    """Make an empty file beside the catalogue, for its owner alone, under a name that nothing has."""
    for number in chain([""], (f"-{number}" for number in count(2))):
        path = real.with_name(f"{real.name}.rescued{number}")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            continue
        return path
    raise AssertionError("there is always a next number")


def _sync(path: Path) -> None:
    for place, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        descriptor = os.open(place, flags | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _named_again(copy: Path, real: Path) -> Path:
    """Give the copy the catalogue's name, unless something has it; gives the name that it has then."""
    try:
        os.link(copy, real)
        copy.unlink()
    except OSError:
        return copy
    return real
