"""Writes about files: what lies in the inboxes, and which photo each file holds.

Every function takes the writing connection first and belongs in one transaction (`store.Catalogue.write`).
"""

import os
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select, update

from captiond.clock import iso
from captiond.model import FileStamp, Original, PromptName

from . import statements as sql
from .jobs import queue_missing
from .places import MOST_PARAMETERS, place_columns, readable, stamp_columns
from .tables import files, photos


def register(
    connection: Connection, original: Original, prompts: Sequence[PromptName], *, fresh: bool, now: datetime
) -> int:
    """Know a file's photo, and queue the prompts it has no result for; gives the photo's id.

    Known bytes under a new name cost no job: the file only gets a sidecar of its own.
    """
    file = original.file
    _insert_photo(connection, original, now)
    photo_id: int = connection.scalars(sql.PHOTO_OF_DIGEST, {"digest": original.digest}).one()
    before = connection.scalars(sql.PHOTO_AT, {"place": os.fsencode(file.path)}).one_or_none()
    _upsert_file(
        connection,
        file.inbox,
        file.path,
        file.stamp,
        now,
        photo_id=photo_id,
        state="known",
        sidecar_dirty=1,
    )
    for changed in {photo_id, before} - {None}:
        refresh_place(connection, changed)
    queue_missing(connection, prompts, fresh=fresh, now=now, photo_id=photo_id)
    return photo_id


def note_unread(
    connection: Connection,
    inbox: Path,
    path: Path,
    stamp: FileStamp | None,
    *,
    state: str,
    reason: str,
    now: datetime,
    image_format: str | None = None,
) -> None:
    """Keep the reason why a file is 'skipped' or 'refused'; without a stamp the next scan looks again."""
    before = connection.scalars(sql.PHOTO_AT, {"place": os.fsencode(path)}).one_or_none()
    _upsert_file(connection, inbox, path, stamp, now, state=state, reason=reason, format=image_format)
    if before is not None:
        refresh_place(connection, before)


def note_missing(connection: Connection, paths: Collection[Path]) -> int:
    """Mark files as gone; their photos and results stay for ever. Gives how many were marked."""
    places = [os.fsencode(path) for path in paths]
    touched: list[int | None] = []
    for start in range(0, len(places), MOST_PARAMETERS):
        these = places[start : start + MOST_PARAMETERS]
        gone = files.c.path_bytes.in_(these) & (files.c.state != "missing")
        touched += connection.scalars(select(files.c.photo_id).where(gone)).all()
        # The stamp goes: a file that comes back is read again and recognised by its bytes.
        connection.execute(
            update(files).where(gone).values(state="missing", absent_since=None, **stamp_columns(None))
        )
    for photo_id in set(touched) - {None}:
        refresh_place(connection, photo_id)
    return len(touched)


def note_absent(connection: Connection, inbox: Path, absent: Collection[Path], now: datetime) -> None:
    """Keep since when files of an inbox are absent, and that all others are there."""
    noted = select(files.c.path_bytes).where(
        files.c.inbox == readable(inbox), files.c.absent_since.is_not(None)
    )
    before = set(connection.scalars(noted))
    places = {os.fsencode(path) for path in absent}
    for place in before ^ places:
        since = iso(now) if place in places else None
        changed = update(files).where(files.c.path_bytes == place).values(absent_since=since)
        refresh_place(connection, connection.scalar(changed.returning(files.c.photo_id)))


def look_again(connection: Connection, path: Path) -> None:
    """Forget a file's stamp, so that the next scan takes it for new."""
    named = files.c.path_bytes == os.fsencode(path)
    connection.execute(update(files).where(named).values(stamp_columns(None)))


def reconsider_formats(connection: Connection, formats: Collection[str]) -> int:
    """Have files looked at again that were refused for a format that is enabled now."""
    refused = (files.c.state == "refused") & files.c.format.in_(tuple(formats))
    return connection.execute(update(files).where(refused).values(stamp_columns(None))).rowcount


def refresh_place(connection: Connection, photo_id: int | None) -> None:
    """Recompute where a photo lies from the files that hold it now."""
    of_photo = {"of_photo": photo_id}
    first = connection.execute(sql.FIRST_HOLDING, of_photo).first()
    copies = connection.scalars(sql.COPIES, of_photo).one()
    changes: dict[str, object] = {"copies": copies, "missing": int(first is None)}
    if first is not None:
        changes |= _named(first.inbox, first.path)
    connection.execute(update(photos).where(photos.c.id == photo_id).values(changes))
    if first is None:
        # Half a copy, say: there is nothing to keep of bytes that no file holds and nobody could read.
        connection.execute(sql.FORGET_UNREAD, of_photo)


def _insert_photo(connection: Connection, original: Original, now: datetime) -> None:
    place = place_columns(original.file.inbox, original.file.path)
    row = {
        **_named(str(place["inbox"]), str(place["path"])),
        "bytes": len(original.content),
        "sha256": original.digest,
        "added_at": iso(now),
        "updated_at": iso(now),
    }
    connection.execute(sql.ADD_PHOTO, row)


def _named(inbox: str, path: str) -> dict[str, object]:
    folder, _, name = path.rpartition("/")
    return {"inbox": inbox, "path": path, "folder": folder, "name": name}


def _upsert_file(
    connection: Connection,
    inbox: Path,
    path: Path,
    stamp: FileStamp | None,
    now: datetime,
    **columns: object,
) -> None:
    values = {
        "photo_id": None,
        "reason": None,
        "format": None,
        "absent_since": None,
        "sidecar_dirty": 0,
        "sidecar_reason": None,
        **place_columns(inbox, path),
        **stamp_columns(stamp),
        **columns,
        "seen_at": iso(now),
    }
    connection.execute(sql.PUT_FILE, values)
