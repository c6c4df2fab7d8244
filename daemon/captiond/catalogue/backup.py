"""A copy of the catalogue in one file, whole, also of one that a daemon is writing to."""

import errno
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from captiond.errors import CaptiondError, CatalogueFault, DiskFull

from .opening import BUSY_SECONDS, check_to_read, connect_to_read, reading

NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS))


class BackupThere(CaptiondError):
    """There is a file of the backup's name already."""


def back_up(catalogue: Path, target: Path, *, replace: bool) -> int:
    """Copy the catalogue to `target`, readable by its owner alone; gives the size in bytes.

    A reader or a crash sees no half of it. Raises BackupThere unless it may be replaced; Fatal, DiskFull.
    """
    _must_be_free(catalogue, target, replace=replace)
    with reading(catalogue) as source, _ours_to_tell(target):
        unfinished = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}.part")
        try:
            _copy(source, unfinished)
            _must_be_whole(unfinished)
            synced(unfinished)
            _must_be_free(catalogue, target, replace=replace)
            unfinished.replace(target)
            synced(target.parent)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        return target.stat().st_size


@contextmanager
def snapshot(catalogue: Path, folder: Path) -> Iterator[Path]:
    """Copy the catalogue page by page into `folder`, as it is now, damage and all; raises Fatal."""
    copy = folder / "catalogue.db"
    with reading(catalogue) as source:
        _copy(source, copy)
    yield copy


def synced(path: Path) -> None:
    """Have a file's content, or a folder's names, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _must_be_free(catalogue: Path, target: Path, *, replace: bool) -> None:
    if target.is_dir():
        raise BackupThere(f"{target} is a folder: name a file in it")
    if not os.path.lexists(target):
        return
    if target.resolve() == catalogue.resolve():
        raise BackupThere(f"{target} is the catalogue itself: name another file")
    if not replace:
        raise BackupThere(f"{target} is there already: name another file, or replace it with --force")


def _copy(source: sqlite3.Connection, target: Path) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    # Not VACUUM INTO, which SQLite 3.40 cannot do from a read-only connection where columns are generated.
    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def _must_be_whole(copy: Path) -> None:
    check_to_read(copy)
    with closing(connect_to_read(copy)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        connection.execute("SELECT count(*) FROM photos").fetchone()
    if said != "ok":
        raise CatalogueFault(
            f"the copy is damaged ({said}), and so may be the catalogue: see captiond verify"
        )


@contextmanager
def _ours_to_tell(target: Path) -> Iterator[None]:
    """Say what went wrong with the backup, so that nobody looks for it in the catalogue."""
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in NO_ROOM else CatalogueFault
        raise kind(f"the backup {target} cannot be written: {error.strerror}") from error
    except sqlite3.OperationalError as error:
        if "is full" not in str(error) and "unable to open" not in str(error):
            raise
        raise DiskFull(f"the backup {target} cannot be written: {error}") from error
