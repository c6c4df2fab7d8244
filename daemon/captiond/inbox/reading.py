"""Looking at one file, and reading it once.

Nothing outside the inbox is opened, nothing hangs, and bytes that changed while they were read do not count.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from captiond.beneath import FOLDER, Beneath, open_unnoticed, opened_beneath
from captiond.errors import FileChanged, InboxGone, Outage, PictureTooLarge, Rejected, TryAgain
from captiond.model import Digest, FileStamp, HashedFile, InboxFile, Original
from captiond.printable import printable

from .ignoring import IgnoreRules
from .leasing import Writer, writer_of

HEAD_BYTES = 4096
PIECE_BYTES = 1_048_576
"""So much is in memory of a file that is only hashed."""

LONGEST_HASHING_SECONDS = 10.0
"""A disk may be slow; what it gave so far is made known, before anybody takes it for one that hangs."""

T = TypeVar("T")

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

GONE = frozenset({errno.ENOENT, errno.ENOTDIR})
_NO_LONGER_A_FILE = frozenset({errno.ELOOP, errno.ENXIO})
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})

_SPECIAL = (
    (stat.S_ISDIR, "A folder, no picture."),
    (stat.S_ISLNK, "A symbolic link; captiond does not follow links."),
    (stat.S_ISFIFO, "A named pipe, no file; it is never opened."),
    (stat.S_ISSOCK, "A socket, no file; it is never opened."),
    (stat.S_ISCHR, "A device, no file; it is never opened."),
    (stat.S_ISBLK, "A device, no file; it is never opened."),
)


class FileUnreadable(TryAgain):
    """The file is there, but the operating system does not let us read it."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path in an inbox that is never opened, and why; a folder may be scanned instead."""

    path: Path
    sentence: str
    is_folder: bool = False


Sight = tuple[InboxFile | Skipped | None, Writer]
"""What a path is now, and who writes to it."""


HeadCheck = Callable[[bytes], Rejected | None]
"""Gets the first 4,096 bytes of a file, and may refuse it before the rest is read."""

HashOutcome = HashedFile | Rejected | TryAgain
"""What came of hashing a file; what cannot be read is its reason."""


def stamp_of(status: os.stat_result) -> FileStamp:
    """Take the stamp out of what `stat` says."""
    times = (_in_64_bits(status.st_mtime_ns), _in_64_bits(status.st_ctime_ns))
    return FileStamp(status.st_dev, status.st_ino, status.st_size, *times)


def why_special(mode: int) -> str | None:
    """Say why a path of this mode is never opened, or None for a regular file."""
    if stat.S_ISREG(mode):
        return None
    return next((sentence for is_kind, sentence in _SPECIAL if is_kind(mode)), "No regular file.")


def look(inbox: Path, path: Path, rules: IgnoreRules | None = None) -> InboxFile | Skipped | None:
    """See what lies at `path` now; None when nothing does, or nothing for us (a name that `rules` ignore).

    Without rules no name is ignored. Raises InboxGone when the inbox itself cannot be read, Outage when
    captiond is out of open files.
    """
    return _seen(inbox, path, rules, lambda _name, _folder: Writer.UNKNOWN)[0]


def look_closely(inbox: Path, path: Path, rules: IgnoreRules | None = None) -> Sight:
    """See what `look` does, and whether anybody has the file open for writing now."""
    return _seen(inbox, path, rules, _who_writes)


def _seen(
    inbox: Path, path: Path, rules: IgnoreRules | None, who_writes: Callable[[str, int], Writer]
) -> Sight:
    if rules is not None:
        rules.enter_above(path)
        if rules.verdict_beneath(path).ignored:
            return None, Writer.UNKNOWN
    try:
        with opened_beneath(inbox, path.parent, FOLDER) as folder:
            status = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
            sentence = why_special(status.st_mode)
            if sentence is None:
                return InboxFile(inbox, path, stamp_of(status)), who_writes(path.name, folder)
            is_folder = stat.S_ISDIR(status.st_mode)
            return Skipped(path, sentence, is_folder=is_folder), Writer.UNKNOWN
    except OSError as error:
        if error.errno in GONE:
            identity_of(inbox)
            return None, Writer.UNKNOWN
        return Skipped(path, str(fault(inbox, error))), Writer.UNKNOWN


def read(file: InboxFile, max_bytes: int, head_check: HeadCheck = lambda _head: None) -> Original:
    """Read a file's bytes, once, and name them by their SHA-256.

    Raises FileChanged when somebody still writes to the file (a young one: when that cannot be known), or
    when it is not the one that was looked at, before or after; FileUnreadable; Rejected; InboxGone.
    """
    with closing(Beneath(file.inbox)) as beneath:
        content = _read_beneath(beneath, file, max_bytes, head_check, b"".join, piece_bytes=max_bytes)
    return Original(file, Digest(hashlib.sha256(content).hexdigest()), content)


def hash_each(
    files: Sequence[InboxFile],
    max_bytes: int,
    head_check: HeadCheck,
    clock_seconds: Callable[[], float] = lambda: 0.0,
) -> list[HashOutcome]:
    """Read files of one inbox as `read` does, one after another, and keep no more than their digests.

    Gives what came of the first so many: of all, or by this clock of those that took 10 seconds.
    """
    outcomes: list[HashOutcome] = []
    latest = clock_seconds() + LONGEST_HASHING_SECONDS
    with closing(Beneath(files[0].inbox)) as beneath:
        for file in files:
            if outcomes and clock_seconds() >= latest:
                break
            try:
                digest = _read_beneath(
                    beneath, file, max_bytes, head_check, _digest_of, piece_bytes=PIECE_BYTES
                )
                outcomes.append(HashedFile(file, digest))
            except (Rejected, TryAgain) as trouble:
                outcomes.append(trouble)
    return outcomes


def identity_of(inbox: Path) -> tuple[int, int]:
    """Tell which folder the inbox is now, as (device, inode); raises InboxGone when it cannot be listed."""
    try:
        descriptor = open_unnoticed(inbox, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            # `stat` may be answered from memory when the disk is away; a listing is not.
            with os.scandir(descriptor) as entries:
                next(entries, None)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InboxGone(_inbox_sentence(inbox, error)) from error
    return status.st_dev, status.st_ino


def fault(inbox: Path, error: OSError) -> FileUnreadable:
    """Give the error for a path that is there and cannot be read.

    Raises InboxGone where the whole inbox is away, so that one bad sector is not taken for a lost disk, and
    Outage where captiond is out of open files or memory.
    """
    if error.errno in _EXHAUSTED:
        raise Outage(f"captiond cannot open another file: {error.strerror}.") from error
    if error.errno in FORBIDDEN:
        return FileUnreadable("captiond has no permission to read this; allow its user to (chmod, chgrp).")
    identity_of(inbox)
    return FileUnreadable(f"This cannot be read: {error.strerror}.")


def _who_writes(name: str, folder: int) -> Writer:
    """Tell whether anybody has this file, in an open folder, open for writing now."""
    try:
        descriptor = open_unnoticed(name, _FILE, folder)
    except OSError:
        return Writer.UNKNOWN
    try:
        return writer_of(descriptor)
    finally:
        os.close(descriptor)


def _read_beneath(
    beneath: Beneath,
    file: InboxFile,
    max_bytes: int,
    head_check: HeadCheck,
    take: Callable[[Iterator[bytes]], T],
    *,
    piece_bytes: int,
) -> T:
    """Take a file's bytes in pieces of at most this size; raises FileChanged where it is not as it was."""
    try:
        descriptor = beneath.open(file.path, _FILE)
        try:
            _must_be(file, descriptor)
            head = _checked_head(descriptor, file, max_bytes, head_check)
            taken = take(_pieces(descriptor, head, file.stamp.size_bytes, piece_bytes))
            _must_be(file, descriptor)
            return taken
        finally:
            os.close(descriptor)
    except OSError as error:
        _raise_for_file(file, error)


def _checked_head(descriptor: int, file: InboxFile, max_bytes: int, head_check: HeadCheck) -> bytes:
    writer = writer_of(descriptor)
    if writer is Writer.SOMEBODY or (file.young and writer is Writer.UNKNOWN):
        raise FileChanged("Somebody may still be writing to the file.")
    head = os.pread(descriptor, HEAD_BYTES, 0)
    refusal = head_check(head)
    if refusal is not None:
        raise refusal
    if file.stamp.size_bytes > max_bytes:
        raise PictureTooLarge(_too_large(file.stamp.size_bytes, max_bytes))
    return head


def _pieces(descriptor: int, head: bytes, size_bytes: int, piece_bytes: int) -> Iterator[bytes]:
    if size_bytes <= len(head):
        yield head[:size_bytes]
        return
    while size_bytes > 0 and (piece := os.read(descriptor, min(size_bytes, piece_bytes))):
        yield piece
        size_bytes -= len(piece)


def _digest_of(pieces: Iterable[bytes]) -> Digest:
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    return Digest(hashed.hexdigest())


def _raise_for_file(file: InboxFile, error: OSError) -> NoReturn:
    if error.errno in GONE:
        identity_of(file.inbox)
        raise FileChanged("The file is gone.") from error
    if error.errno in _NO_LONGER_A_FILE:
        raise FileChanged("The file was replaced by something that is no file.") from error
    raise fault(file.inbox, error) from error


def _must_be(file: InboxFile, descriptor: int) -> None:
    status = os.fstat(descriptor)
    if why_special(status.st_mode) is not None:
        raise FileChanged("The file was replaced by something that is no file.")
    if stamp_of(status) != file.stamp:
        raise FileChanged("The file was written or replaced meanwhile.")


def _in_64_bits(number: int) -> int:
    """Fold a time beyond the year 2262, which anybody may give a file, into what SQLite can hold."""
    if -(2**63) <= number < 2**63:
        return number
    return (number + 2**63) % 2**64 - 2**63


def _too_large(size_bytes: int, max_bytes: int) -> str:
    return f"The file has {size_bytes:,} bytes, and no more than {max_bytes:,} are read."


def _inbox_sentence(inbox: Path, error: OSError) -> str:
    name = printable(str(inbox))
    if error.errno in GONE:
        return f"The inbox {name} is not there; is its disk mounted?"
    if error.errno in FORBIDDEN:
        return f"captiond may not read the inbox {name}; allow its user to (chmod, chgrp)."
    return f"The inbox {name} cannot be read: {error.strerror}."
