"""Files on their way into the catalogue, in a table that the writing connection alone has, in memory.

SQLite reads them there twice as fast as out of a list in JSON, and a path stays the bytes that it is.
"""

import sqlite3
from collections.abc import Sequence

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, Text, delete

from .places import MOST_PARAMETERS

arrivals = Table(
    "arrivals",
    MetaData(schema="memory"),
    Column("path_bytes", LargeBinary),
    Column("inbox", Text),
    Column("path", Text),
    Column("folder", Text),
    Column("name", Text),
    Column("sha256", Text),
    Column("bytes", Integer),
    Column("device", Integer),
    Column("inode", Integer),
    Column("mtime_ns", Integer),
    Column("ctime_ns", Integer),
)

_CLEAR = delete(arrivals)
_ROW = "(" + ", ".join("?" * len(arrivals.c)) + ")"
_ROWS_AT_ONCE = MOST_PARAMETERS // len(arrivals.c)
_ADD = "INSERT INTO memory.arrivals VALUES "
_ADD_MANY = _ADD + ", ".join([_ROW] * _ROWS_AT_ONCE)
"""Row by row, SQLite would give the interpreter to another thread at each, and wait for it."""


def attach(connection: sqlite3.Connection) -> None:
    """Give a connection the table. A temporary one might be written to a disk, which may be full."""
    connection.execute("ATTACH ':memory:' AS memory")
    connection.execute(f"CREATE TABLE {arrivals} ({', '.join(arrivals.c.keys())})")


def stage(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Have these rows in `arrivals`, and no others."""
    connection.execute(_CLEAR)
    whole = len(rows) - len(rows) % _ROWS_AT_ONCE
    for start in range(0, whole, _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        connection.exec_driver_sql(_ADD_MANY, tuple(value for row in some for value in row))
    if whole < len(rows):
        connection.exec_driver_sql(_ADD + _ROW, list(rows[whole:]))
