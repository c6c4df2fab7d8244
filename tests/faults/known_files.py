"""An inbox of many files and a catalogue that knows them all and has nothing to ask, made in a moment."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.inbox.reading import stamp_of

ONE_PROMPT = "".join(f"[prompts.{name}]\nenabled = false\n" for name in ("description", "ocr", "translation"))
"""A configuration in which a photo is asked one thing, which the catalogue here has the answer to."""
NOW = "2026-05-01T10:00:00Z"
PHOTO = """INSERT INTO photos (id, name, folder, path, inbox, bytes, sha256, state, added_at, updated_at)
           VALUES (?, ?, ?, ?, ?, 0, ?, 'done', ?, ?)"""
FILE = """INSERT INTO files
          (photo_id, path, inbox, path_bytes, state, bytes, device, inode, mtime_ns, ctime_ns, seen_at)
          VALUES (?, ?, ?, ?, 'known', ?, ?, ?, ?, ?, ?)"""
RESULT = """INSERT INTO results (photo_id, prompt, source, status, value, created_at, current)
            VALUES (?, 'objects', 'import', 'ok', 'a tree', ?, 1)"""


def make_known(inbox: Path, catalogue: Path, count: int, *, in_each_folder: int = 0) -> None:
    """Make so many empty files, in one folder or with so many in each, and know them under their stamps."""
    close_for_readers(open_to_write(catalogue, datetime.now(UTC)))
    with closing(sqlite3.connect(catalogue)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        for number, (folder, name) in enumerate(_made(inbox, count, in_each_folder), 1):
            path = inbox / folder / name
            inside = os.path.join(folder, name)  # noqa: PTH118 - a name, no path yet
            moments = (NOW, NOW)
            connection.execute(PHOTO, (number, name, folder, inside, str(inbox), f"{number:064x}", *moments))
            stamp = stamp_of(path.stat())
            connection.execute(
                FILE,
                (
                    number,
                    inside,
                    str(inbox),
                    os.fsencode(path),
                    stamp.size_bytes,
                    stamp.device,
                    stamp.inode,
                    stamp.mtime_ns,
                    stamp.ctime_ns,
                    NOW,
                ),
            )
            connection.execute(RESULT, (number, NOW))


def _made(inbox: Path, count: int, in_each_folder: int) -> Iterator[tuple[str, str]]:
    for number in range(count):
        folder = f"{number // in_each_folder}" if in_each_folder else ""
        if in_each_folder and number % in_each_folder == 0:
            (inbox / folder).mkdir()
        (inbox / folder / f"IMG_{number:07}.jpg").touch()
        yield folder, f"IMG_{number:07}.jpg"
