"""The file under the catalogue: open it, check that it is ours, bring it up to date, translate its errors."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from glob import escape
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from captiond.errors import ForeignCatalogue

from .backup import synced
from .opening import (
    BUSY_SECONDS,
    SCHEMA_VERSION,
    check_to_read,
    connect_to_read,
    journal_path,
    ours,
    schema_version,
)
from .staging import attach

STATEMENTS_KEPT = 32
"""Prepared ones: with hundreds of parameters they weigh up to a megabyte each."""

LOG_ROOM = "wal_autocheckpoint = 4000"
"""Pages (16 MB) in the write-ahead log before they go into the file: what changes often goes there once."""

PAGE_ROOM = "cache_size = -10000"
"""KiB of memory: with less, the pages that a commit of many files changes are written more than once."""

WRITE_SECONDS = 5
"""A write that another program's lock stands in the way of is over by then, and is tried again."""
PART = ".part"
CLOSING_MILLISECONDS = 200


def open_to_write(path: Path, now: datetime) -> Engine:
    """Open the catalogue for its one writer, made or upgraded where needed.

    Raises ForeignCatalogue and NewerCatalogue with the file untouched, CatalogueFault and DiskFull.
    """
    with translated(path):
        _make_private(path)
        if not path.is_file():
            raise ForeignCatalogue(f"{path} is no file; name another one with --catalogue")
        _roll_back(path)
        version = schema_version(path)
        engine = _writing_engine(path)
        if version < SCHEMA_VERSION:
            _upgrade(engine, path, version, now)
        return engine


def _roll_back(path: Path) -> None:
    """Have SQLite undo what a crash left half written, which a connection that only reads may not."""
    if journal_path(path).exists():
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def open_to_read(path: Path) -> Engine:
    """Open an existing catalogue read-only: such a connection can neither write nor checkpoint."""
    with translated(path):
        check_to_read(path)
    # The default pool for such a URL closes connections that other threads are using.
    return create_engine(
        "sqlite+pysqlite://", creator=lambda: connect_to_read(path), poolclass=QueuePool, max_overflow=-1
    )


@contextmanager
def asking(path: Path) -> Iterator[Connection]:
    """Give a read-only connection for a few questions, and close everything behind them."""
    engine = open_to_read(path)
    try:
        with translated(path), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def writing(path: Path, now: datetime) -> Iterator[Connection]:
    """Give the writing connection in one transaction, and close it; the caller holds the catalogue's lock."""
    engine = open_to_write(path, now)
    try:
        with translated(path), engine.begin() as connection:
            yield connection
    finally:
        close_for_readers(engine)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours; every error of the database passes here."""
    try:
        yield
    except DBAPIError as error:
        raise ours(path, error.orig or error) from error
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise ours(path, error) from error


def _make_private(path: Path) -> None:
    """Create the file readable by its owner alone; SQLite gives its -wal and -shm the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _writing_engine(path: Path) -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            path,
            timeout=WRITE_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
        )

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=StaticPool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # FULL: a commit that returned survives a power cut; NORMAL lost acknowledged rows.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", LOG_ROOM, PAGE_ROOM):
        connection.execute(f"PRAGMA {pragma}")
    attach(connection)


def _begin_immediate(connection: Connection) -> None:
    # The driver's own BEGIN comes late and leaves half a migration behind.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _upgrade(engine: Engine, path: Path, version: int, now: datetime) -> None:
    from .migrating import upgrade  # noqa: PLC0415 - Alembic is slow to import and rarely needed

    with ExitStack() as unless_it_worked:
        if version:
            backup = path.with_name(f"{path.name}.schema-{version}-{now:%Y%m%dT%H%M%SZ}.backup")
            # The catalogue stays as it was then; a copy for each try would fill the disk.
            unless_it_worked.callback(backup.unlink, missing_ok=True)
            unless_it_worked.callback(_remove_parts, path)
            _keep(path, backup)
        with engine.begin() as connection:
            upgrade(connection)
        unless_it_worked.pop_all()


def _keep(path: Path, backup: Path) -> None:
    """Copy the catalogue as it is before an upgrade, and have the copy survive a power cut."""
    _remove_parts(path)
    part = backup.with_name(f"{backup.name}{PART}")
    _make_private(part)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(part),))
    synced(part)
    part.replace(backup)
    synced(backup.parent)


def _remove_parts(path: Path) -> None:
    """Remove copies that were not finished, and their journals."""
    for part in path.parent.glob(f"{escape(path.name)}.schema-*.backup{PART}*"):
        part.unlink(missing_ok=True)


def connection_of(engine: Engine) -> sqlite3.Connection:
    """Give SQLite's own connection of a writer, of which there is one."""
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return raw


def close_for_readers(engine: Engine) -> None:
    """Close the writer and leave a single file, which users without write access can read too."""
    try:
        raw = connection_of(engine)
        raw.rollback()
        # Whoever is reading is not worth waiting for: a stop must be quick.
        raw.execute(f"PRAGMA busy_timeout = {CLOSING_MILLISECONDS}")
        # Made while there were few rows, statistics would have SQLite read whole tables when there are many.
        raw.execute("DROP TABLE IF EXISTS sqlite_stat1")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute("PRAGMA journal_mode = DELETE")
    except (sqlite3.Error, DatabaseError):
        # A reader has it open, or the disk is full: WAL stays, which is just as safe.
        pass
    finally:
        engine.dispose()
