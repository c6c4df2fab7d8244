"""Single bytes of a catalogue flipped, and what that changes."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

Everything = object


def everything(path: Path) -> Everything:
    """All values that the catalogue gives, or the error instead."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.text_factory = bytes
            names = [
                row[0].decode()
                for row in connection.execute(
                    "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
                )
            ]
            stored = {
                name: connection.execute(f'SELECT * FROM "{name}"').fetchall()
                for name in names
                if not name.startswith(("sqlite_", "photos_fts"))
            }
            connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, photos_fts, instance)")
            words = sorted(
                connection.execute("SELECT term, doc, col, offset FROM temp.words").fetchall(), key=repr
            )
            schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
            return stored, words, schema
    except (sqlite3.Error, ValueError) as error:
        return repr(error)


def flips(content: bytes, seed: int) -> Iterator[tuple[int, bytes]]:
    """Yield, for ever, copies with one byte changed, and where."""
    dice = random.Random(seed)
    while True:
        place = dice.randrange(len(content))
        changed = bytearray(content)
        changed[place] ^= 1 << dice.randrange(8)
        yield place, bytes(changed)
