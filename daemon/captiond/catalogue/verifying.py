"""Is the catalogue what was written? Its pages, its schema, its search, and what each row says.

Runs on a copy of its own (`backup.snapshot`), so that it may look at everything in its own time; without
SQLAlchemy, whose types would stumble over what is damaged.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

from .checksums import checksum_of
from .migrating import SCHEMA, STATISTICS, expected_schema
from .opening import SCHEMA_VERSION
from .results import COLUMN_OF, names_in

Row = Mapping[str, Any]

MOST_DAMAGE = 100
RANKS = {"human": 2, "import": 1}
RANK_BY = "bm25(2.0, 6.0, 8.0, 4.0, 4.0, 2.0)"
"""How the search weighs, as the first migration says."""

_PHOTOS = """
SELECT p.*, (SELECT count(*) FROM files f WHERE f.photo_id = p.id AND f.state = 'known') AS held,
  (SELECT f.inbox || char(10) || f.path FROM files f WHERE f.photo_id = p.id AND f.state = 'known'
   ORDER BY f.absent_since IS NOT NULL, f.id LIMIT 1) AS first
FROM photos p ORDER BY p.id
"""
_RESULTS = """
SELECT r.*, p.path FROM results r LEFT JOIN photos p ON p.id = r.photo_id ORDER BY r.photo_id, r.id
"""


def faults(copy: Path) -> Iterator[str]:
    """Say in a sentence each what is wrong inside a catalogue, of which this is a private copy."""
    with closing(sqlite3.connect(copy)) as connection:
        connection.text_factory = lambda text: text.decode(errors="backslashreplace")
        connection.row_factory = sqlite3.Row
        for look in (_structure, _schema, _search, _rows_of_results, _summaries, _files):
            yield from _told(look, connection)


def _told(
    look: Callable[[sqlite3.Connection], Iterator[str]], connection: sqlite3.Connection
) -> Iterator[str]:
    """Go through one look; where the damage ends it, that is told."""
    try:
        yield from look(connection)
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        yield f"its rows cannot be read: {error}"


def _structure(connection: sqlite3.Connection) -> Iterator[str]:
    for (said,) in connection.execute(f"PRAGMA integrity_check({MOST_DAMAGE})"):
        if said != "ok":
            yield f"its pages are damaged: {said}"
    for row in connection.execute("PRAGMA foreign_key_check"):
        yield f"row {row['rowid']} of {row['table']} belongs to a row of {row['parent']} that is not there"


def _schema(connection: sqlite3.Connection) -> Iterator[str]:
    columns = [row["name"] for row in connection.execute("PRAGMA table_xinfo(photos)")]
    made = {tuple(row) for row in connection.execute(SCHEMA)} - {STATISTICS}
    for kind, name, *_ in sorted(made ^ expected_schema(columns), key=repr):
        yield f"its {kind} {name} is not as captiond makes it"
    (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if version != f"{SCHEMA_VERSION:04}":
        yield f"its schema is called {version!r}, and is {SCHEMA_VERSION}"


def _search(connection: sqlite3.Connection) -> Iterator[str]:
    settings = dict(connection.execute("SELECT k, v FROM photos_fts_config").fetchall())
    if settings != {"version": 4, "rank": RANK_BY}:
        yield "the settings of its search are not as captiond makes them"
    try:
        connection.execute("INSERT INTO photos_fts (photos_fts, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        yield f"its search does not find what the photos say ({error})"
    finally:
        connection.rollback()


def _rows_of_results(connection: sqlite3.Connection) -> Iterator[str]:
    for row in connection.execute(_RESULTS):
        if row["checksum"] != checksum_of(row):
            yield f"result {row['id']} ({row['prompt']} of {row['path']}) is not what was written"


def _summaries(connection: sqlite3.Connection) -> Iterator[str]:
    results = groupby(connection.execute(_RESULTS), key=lambda row: row["photo_id"])
    names = groupby(
        connection.execute("SELECT photo_id, name FROM objects ORDER BY photo_id"),
        key=lambda row: row["photo_id"],
    )
    of_photo = _Merged(results), _Merged(names)
    for photo in connection.execute(_PHOTOS):
        given, objects = (merged.of(photo["id"]) for merged in of_photo)
        current, wrong = _current(given)
        if wrong:
            yield f"{photo['path']}: the result that counts is not the newest of the highest rank"
        expected = _summary(current, photo)
        differing = [name for name, value in expected.items() if value != _stored(photo, name)]
        if differing:
            yield f"{photo['path']}: the photo's {', '.join(differing)} is not what its results and files say"
        if {row["name"] for row in objects} != set(names_in(photo["objects"])):
            yield f"{photo['path']}: the table of objects says something else than the photo"


class _Merged:
    """Rows grouped by photo, given out photo by photo in the order of their numbers."""

    def __init__(self, groups: Iterator[tuple[int, Iterator[Row]]]) -> None:
        self._groups = ((number, list(rows)) for number, rows in groups)
        self._next = next(self._groups, None)

    def of(self, photo_id: int) -> list[Row]:
        while self._next is not None and self._next[0] < photo_id:
            self._next = next(self._groups, None)
        if self._next is None or self._next[0] != photo_id:
            return []
        rows = self._next[1]
        self._next = next(self._groups, None)
        return rows


def _current(given: list[Row]) -> tuple[dict[str, Row], bool]:
    """Give the result that is marked as current for each prompt, and whether it should be another."""
    best: dict[str, Row] = {}
    for row in given:
        if row["status"] != "rejected":
            so_far = best.get(row["prompt"])
            if so_far is None or _rank(row) >= _rank(so_far):
                best[row["prompt"]] = row
    current = {row["prompt"]: row for row in given if row["current"]}
    same = {prompt: row["id"] for prompt, row in best.items()} == {
        prompt: row["id"] for prompt, row in current.items()
    }
    return current, not same


def _rank(row: Row) -> int:
    return 0 if row["status"] == "skipped" else RANKS.get(row["source"], 0)


def _summary(current: Mapping[str, Row], photo: Row) -> dict[str, Any]:
    folder, _, name = photo["path"].rpartition("/")
    told: dict[str, Any] = {
        "name": name,
        "folder": folder,
        "copies": photo["held"],
        "missing": int(not photo["held"]),
        "edited": int(any(row["source"] == "human" for row in current.values())),
        "language": current["ocr"]["language"] if "ocr" in current else None,
        "answers": {prompt: _own(row) for prompt, row in current.items() if prompt not in COLUMN_OF},
    }
    if photo["first"] is not None:
        told["inbox"], _, told["path"] = photo["first"].partition("\n")
    for prompt, column in COLUMN_OF.items():
        kept = "content" if prompt == "objects" else "value"
        told[column] = current[prompt][kept] if prompt in current else None
    return told


def _own(row: Row) -> Any:
    return row["value"] if row["content"] is None else json.loads(row["content"])


def _stored(photo: Row, name: str) -> Any:
    return json.loads(photo[name]) if name == "answers" else photo[name]


def _files(connection: sqlite3.Connection) -> Iterator[str]:
    for row in connection.execute("SELECT path, inbox, path_bytes FROM files ORDER BY id"):
        written = f"{row['inbox'].rstrip('/')}/{row['path']}"
        if not isinstance(row["path_bytes"], bytes) or readable_bytes(row["path_bytes"]) != written:
            yield f"{written}: its name and its exact path are not the same"


def readable_bytes(path: bytes) -> str:
    """Write the exact bytes of a path as the catalogue's readable columns do."""
    return path.decode("utf-8", "backslashreplace")
