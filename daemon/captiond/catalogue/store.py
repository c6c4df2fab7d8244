"""The catalogue of a running daemon: one writing connection on one thread, readers beside it.

A write is a function whose first argument is the connection (`intake.py`, `jobs.py`, `results.py`);
`write` runs it as one transaction. A question is such a function on a read-only connection (`queries.py`).
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar, cast

from sqlalchemy import Connection as Connection  # noqa: PLC0414 - those who pass changes name its type
from sqlalchemy import Engine, QueuePool

from captiond.errors import CaptiondError, CatalogueFault

from .database import close_for_readers, connection_of, open_to_read, open_to_write, translated
from .guarding import Guard, OpenFile

P = ParamSpec("P")
T = TypeVar("T")

LOOK = "SELECT count(*) FROM sqlite_schema"
"""SQLite opens all its files at the first question only."""


LONGEST_QUESTION_SECONDS = 1.0


class Catalogue:
    """An open catalogue; close it to leave a single file behind."""

    def __init__(self, path: Path, now: datetime, lock: OpenFile | None = None) -> None:
        """Open or make the catalogue at `path`; `lock` is the file that keeps others from it.

        Raises Fatal and Outage as `database.open_to_write`.
        """
        self.path = path
        self.writes = 0
        """How many writes changed something: what was read before the last of them may be another now."""
        self._writer: Engine = open_to_write(path, now)
        with translated(path):
            self._writing_connection().execute(LOOK)
            self._guard = Guard(path, lock)
        self._reader: Engine = open_to_read(path)
        self._readers = cast("QueuePool", self._reader.pool)
        self._fault: CatalogueFault | None = None
        # One thread, so that two connections never write or checkpoint at once (SQLite < 3.51.3 can
        # corrupt the WAL when they do).
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="catalogue")

    async def write(
        self, change: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Run `change` in one transaction; when this returns, its commit is on the disk."""

        def run() -> T:
            self._check()
            changes = self._writing_connection().total_changes
            try:
                with translated(self.path), self._writer.begin() as connection:
                    return change(connection, *arguments, **named)
            except CatalogueFault as fault:
                self._fault = fault
                raise
            finally:
                self.writes += self._writing_connection().total_changes != changes

        return await asyncio.get_running_loop().run_in_executor(self._writing, run)

    async def check(self) -> None:
        """Raise CatalogueFault where one of the catalogue's files was removed or replaced."""
        await asyncio.get_running_loop().run_in_executor(self._writing, self._check)

    def ask(
        self, question: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Answer `question` on a read-only connection, in the calling thread."""
        with translated(self.path), self._reader.connect() as connection:
            return question(connection, *arguments, **named)

    async def read(
        self, question: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Answer `question` on a read-only connection, in a thread."""
        return await asyncio.to_thread(lambda: self.ask(question, *arguments, **named))

    def close(self) -> None:
        """Finish the write in hand and close all connections; raises CatalogueFault unless it was told."""
        self._writing.shutdown()
        told = self._fault is not None
        try:
            self._check()
        except CatalogueFault:
            # The last to leave would bring into the file what the disk may fail again: let that be a reader.
            with suppress(CaptiondError):
                self.ask(lambda reader: reader.exec_driver_sql(LOOK))
            self._writer.dispose()
            self._reader.dispose()
            if not told:
                raise
        else:
            self._let_readers_end()
            self._reader.dispose()
            close_for_readers(self._writer)

    def _let_readers_end(self) -> None:
        """Wait a moment for questions that a thread still asks: beside one, the log cannot be folded in."""
        latest = time.monotonic() + LONGEST_QUESTION_SECONDS
        while self._readers.checkedout() and time.monotonic() < latest:
            time.sleep(0.01)

    def _check(self) -> None:
        """Raise the fault that there was, or is now: what the disk failed to write is never tried again."""
        if self._fault is None:
            self._fault = self._guard.fault(self._writing_connection)
        if self._fault is not None:
            raise self._fault

    def _writing_connection(self) -> sqlite3.Connection:
        return connection_of(self._writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
