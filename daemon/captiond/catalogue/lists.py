"""Many values as one parameter: a list in JSON, which SQLite unfolds while Python does something else.

So the text of a statement is the same for any number of them, and nobody builds or prepares it anew.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Select, Text, bindparam, func, select
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
        return written


def written(values: Sequence[object] | None) -> str:
    """Write a list as SQLite unfolds it."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def listed(name: str) -> Select[Any]:
    """Give the values of the list that is bound under this name, for use with `in_`."""
    return select(func.json_each(bindparam(name, type_=JsonList)).table_valued("value").c.value)


def at_places(connection: Connection, question: str, places: Sequence[bytes]) -> Sequence[Any]:
    """Ask about files by their paths: `(PLACES)` stands where their list belongs in the question.

    JSON cannot hold them. Those that are not needed are NULL, which no path is.
    """
    room = FEW if len(places) <= FEW else MOST_PARAMETERS
    asked = question.replace("(PLACES)", _PLACES[room])
    found: list[Any] = []
    for start in range(0, len(places), room):
        some = places[start : start + room]
        padded = (*some, *[None] * (room - len(some)))
        found += connection.exec_driver_sql(asked, padded)
    return found
