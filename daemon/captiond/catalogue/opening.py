"""Is the file ours, and may it be read? SQLite's errors in our words.

Without SQLAlchemy, which takes longer to import than a search does to answer.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from captiond.errors import (
    CaptiondError,
    CatalogueBusy,
    CatalogueFault,
    DiskFull,
    ForeignCatalogue,
    NewerCatalogue,
)

APPLICATION_ID = 0x43415054  # 'CAPT'
SCHEMA_VERSION = 5
CURE = (
    "restore a backup in place of it and its -wal, or move the catalogue away and have captiond import make "
    "it again from the sidecars"
)
"""What helps where a catalogue is damaged."""
BUSY_SECONDS = 30


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an existing catalogue read-only, without SQLAlchemy; raises Fatal, and DiskFull."""
    try:
        check_to_read(path)
        with closing(connect_to_read(path)) as connection:
            yield connection
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise ours(path, error) from error


def check_to_read(path: Path) -> None:
    """Raise CatalogueFault, ForeignCatalogue or NewerCatalogue unless the file is a catalogue of ours."""
    # A disk that was full at the very first start leaves a file with nothing in it.
    if not path.is_file() or schema_version(path) == 0:
        raise CatalogueFault(
            f"there is no catalogue at {path} yet: captiond run makes it; "
            "where it was lost, captiond import makes it again from the sidecars"
        )


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Connect so that nothing can be written: neither rows nor a checkpoint."""
    uri = f"file:{quote(os.fsencode(path))}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)


def schema_version(path: Path) -> int:
    """Tell which schema the file has, 0 for an empty file; raises ForeignCatalogue and NewerCatalogue."""
    if path.stat().st_size == 0:
        return 0
    with closing(connect_to_read(path)) as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (tables or application):
        raise ForeignCatalogue(
            f"{path} is an SQLite database, but not a catalogue of captiond's; it was left untouched. "
            "Name another file with --catalogue"
        )
    if version > SCHEMA_VERSION:
        raise NewerCatalogue(
            f"{path} was made by a newer captiond (schema {version}, this one knows {SCHEMA_VERSION}); "
            "it was left untouched. Install the newer version, or name another file with --catalogue"
        )
    return int(version)


def journal_path(path: Path) -> Path:
    """Name the file in which SQLite keeps what it must undo after a crash, where it does not use a WAL."""
    return path.with_name(f"{path.name}-journal")


def ours(path: Path, error: BaseException) -> CaptiondError:
    """Say what SQLite or the operating system said about the catalogue as an error of ours."""
    said = str(error)
    if isinstance(error, OSError) and error.strerror:
        said = f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    if getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_SHMSIZE":
        said = "No space left for its -shm"  # which SQLite calls an I/O error
    if isinstance(error, sqlite3.DatabaseError) and "not a database" in said:
        return ForeignCatalogue(f"{path} is not an SQLite database; captiond leaves it alone")
    if "readonly database" in said and journal_path(path).exists():
        return CatalogueFault(f"the catalogue {path} was left half written by a crash; captiond run mends it")
    full = ("is full", "readonly database", "No space left", "Read-only file system", "Disk quota")
    if any(sign in said for sign in full):
        return DiskFull(f"the catalogue {path} cannot be written: {said}")
    if "database is locked" in said:
        return CatalogueBusy(f"another program has the catalogue {path} locked: a shell in a transaction?")
    # What SQLite says of a damaged file may itself not be text.
    if "malformed" in said or isinstance(error, UnicodeDecodeError):
        return CatalogueFault(f"the catalogue {path} is damaged ({said}): {CURE}")
    return CatalogueFault(f"the catalogue {path}: {said}")
