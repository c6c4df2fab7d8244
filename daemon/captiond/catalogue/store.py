"""The catalogue of a running daemon: one writing connection on one thread, readers beside it.

A write is a function whose first argument is the connection (`intake.py`, `jobs.py`, `results.py`);
`write` runs it as one transaction. A question is such a function on a read-only connection (`queries.py`).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection as Connection  # noqa: PLC0414 - those who pass changes name its type
from sqlalchemy import Engine

from .database import close_for_readers, open_to_read, open_to_write, translated

P = ParamSpec("P")
T = TypeVar("T")


class Catalogue:
    """An open catalogue; close it to leave a single file behind."""

    def __init__(self, path: Path, now: datetime) -> None:
        """Open or make the catalogue at `path`; raises Fatal and DiskFull as `database.open_to_write`."""
        self.path = path
        self._writer: Engine = open_to_write(path, now)
        self._reader: Engine = open_to_read(path)
        # One thread, so that two connections never write or checkpoint at once (SQLite < 3.51.3 can
        # corrupt the WAL when they do).
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="catalogue")

    async def write(
        self, change: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Run `change` in one transaction; when this returns, its commit is on the disk."""

        def run() -> T:
            with translated(self.path), self._writer.begin() as connection:
                return change(connection, *arguments, **named)

        return await asyncio.get_running_loop().run_in_executor(self._writing, run)

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
        """Finish the write in hand and close all connections."""
        self._writing.shutdown()
        self._reader.dispose()
        close_for_readers(self._writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
