"""Many values as one parameter: a list in JSON, which SQLite unfolds while Python does something else.

So the text of a statement is the same for any number of them, and nobody builds or prepares it anew.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    LargeBinary,
    Select,
    Text,
    bindparam,
    func,
    select,
    true,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.types import TypeDecorator

from .places import MOST_PARAMETERS

FEW = 30
"""The files of a small folder: to bind hundreds of NULLs would take longer than the question."""

_PLACES = {room: "(" + ", ".join("?" * room) + ")" for room in (FEW, MOST_PARAMETERS)}


class JsonList(TypeDecorator[Sequence[object]]):
    """A parameter that is given as a sequence of numbers, texts or such sequences."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[object] | None], str]:  # noqa: ARG002
        """Write the list as SQLite takes it."""
        return lambda values: json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def listed(name: str) -> Select[Any]:
    """Give the values of the list that is bound under this name, for use with `in_`."""
    return select(func.json_each(bindparam(name, type_=JsonList)).table_valued("value").c.value)


def rows_listed(name: str, table: FromClause, columns: Sequence[str]) -> Select[Any]:
    """Give the rows bound under this name, each a list of what is in these columns; bytes as UTF-8 text."""
    row = func.json_each(bindparam(name, type_=JsonList)).table_valued("value").c.value
    fields: list[ColumnElement[object]] = []
    for number, column in enumerate(columns):
        field = func.json_extract(row, f"$[{number}]")
        is_bytes = isinstance(table.c[column].type, LargeBinary)
        fields.append(sql_cast(field, LargeBinary) if is_bytes else field)
    # Without a condition SQLite takes the ON of an upsert for one of a join.
    return cast("Select[Any]", select(*fields).where(true()))


def at_places(connection: Connection, question: str, places: Sequence[bytes]) -> Sequence[Any]:
    """Ask about files by their paths, at most `MOST_PARAMETERS`: `(PLACES)` stands where their list belongs.

    JSON cannot hold them. Those that are not needed are NULL, which no path is.
    """
    room = FEW if len(places) <= FEW else MOST_PARAMETERS
    padded = (*places, *[None] * (room - len(places)))
    return connection.exec_driver_sql(question.replace("(PLACES)", _PLACES[room]), padded).all()
