"""How a path is written in the catalogue: exact bytes for the program, readable text for people."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from captiond.model import FileStamp, InboxFile

MOST_PARAMETERS = 900
"""SQLite takes at least 999 parameters in a statement; so many paths go into one."""


def readable(path: Path | str) -> str:
    """Write a path as text that any SQLite reader accepts: bytes that are not UTF-8 are escaped."""
    return _readable(os.fsencode(path))


def own_files(catalogue: Path) -> frozenset[Path]:
    """Name the catalogue and what lies beside it, which change whenever something is noted about them."""
    endings = ("", "-wal", "-shm", "-journal", ".lock")
    return frozenset(catalogue.with_name(catalogue.name + ending) for ending in endings)


def place_columns(inbox: Path, path: Path) -> dict[str, object]:
    """Give the columns of `files` that say where a file lies."""
    place, (start, named) = os.fsencode(path), _start_and_name(inbox)
    if not place.startswith(start):
        raise ValueError(f"{path} does not lie in {inbox}")
    return {"path": _readable(place[len(start) :]), "inbox": named, "path_bytes": place}


def stamp_columns(stamp: FileStamp | None) -> dict[str, int | None]:
    """Give the columns of `files` that hold a stamp; all NULL makes the next scan look again."""
    if stamp is None:
        return dict.fromkeys(("bytes", "device", "inode", "mtime_ns", "ctime_ns"))
    return {
        "bytes": stamp.size_bytes,
        # SQLite's integers are signed; device and inode numbers may use the 64th bit.
        "device": _signed(stamp.device),
        "inode": _signed(stamp.inode),
        "mtime_ns": stamp.mtime_ns,
        "ctime_ns": stamp.ctime_ns,
    }


def stamp_from(row: Row[Any]) -> FileStamp | None:
    """Read a stamp back from a row of `files`."""
    if row.ctime_ns is None:
        return None
    return FileStamp(row.device % 2**64, row.inode % 2**64, row.bytes, row.mtime_ns, row.ctime_ns)


def inbox_file_from(row: Row[Any]) -> InboxFile:
    """Read a file back from a row of `files`; one that must be looked at again gets an impossible stamp."""
    path = Path(os.fsdecode(row.path_bytes))
    inbox = path.parents[row.path.count("/")]
    return InboxFile(inbox, path, stamp_from(row) or FileStamp(0, 0, -1, 0, 0))


@lru_cache
def _start_and_name(inbox: Path) -> tuple[bytes, str]:
    """Give how every path in an inbox begins, and its name for people: the same for thousands of files."""
    return os.fsencode(inbox).rstrip(b"/") + b"/", readable(inbox)


def _readable(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number
