"""Writes about files: what lies in the inboxes, and which photo each file holds.

Every function takes the writing connection first and belongs in one transaction (`store.Catalogue.write`).
"""

import json
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, delete, select, update

from captiond.clock import iso
from captiond.model import FileStamp, HashedFile, PromptName

from . import statements as sql
from .jobs import queue_missing
from .places import MOST_PARAMETERS, place_columns, readable, stamp_columns
from .staging import stage
from .tables import files


def register(
    connection: Connection,
    hashed: Sequence[HashedFile],
    prompts: Sequence[PromptName],
    *,
    fresh: bool,
    now: datetime,
) -> list[int]:
    """Know the photos of some files, and queue the prompts they have no result for; gives the photos' ids.

    Known bytes under a new name cost no job: the file only gets a sidecar of its own.
    """
    at = iso(now)
    newest = connection.execute(sql.NEWEST_PHOTO).scalar_one()
    stage(connection, [_arrival(one) for one in hashed])
    connection.execute(sql.ADD_PHOTOS, {"now": at})
    ids = cast("list[int]", json.loads(connection.execute(sql.PHOTOS_OF_ARRIVALS).scalar_one()))
    old = {photo_id for photo_id in ids if photo_id <= newest}
    before = set(connection.scalars(sql.PHOTOS_REPLACED))
    connection.execute(sql.PUT_FILES, {"now": at, "newest": newest})
    # A new photo with one file says already where it lies.
    twice = {photo_id for photo_id, count in Counter(ids).items() if count > 1}
    refresh_places(connection, before | old | twice)
    if old:
        connection.execute(sql.PUT_OFF_NO_LONGER, {"of_photos": list(old)})
    queue_missing(connection, prompts, fresh=fresh, now=now, photo_ids=ids)
    return ids


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
    before = _photo_at(connection, path)
    noted = {"state": state, "reason": reason, "format": image_format}
    connection.execute(sql.PUT_FILE, _file_row(place_columns(inbox, path), stamp, iso(now)) | noted)
    refresh_places(connection, before)


def note_missing(connection: Connection, paths: Collection[Path]) -> int:
    """Mark files as gone; their photos and results stay for ever. Gives how many were marked."""
    places = [os.fsencode(path) for path in paths]
    marked = 0
    for start in range(0, len(places), MOST_PARAMETERS):
        these = places[start : start + MOST_PARAMETERS]
        gone = files.c.path_bytes.in_(these) & (files.c.state != "missing")
        touched = connection.scalars(select(files.c.photo_id).where(gone)).all()
        # Of a file without a photo, an empty one say, there is nothing to keep.
        connection.execute(delete(files).where(gone, files.c.photo_id.is_(None)))
        # The stamp goes: a file that comes back is read again and recognised by its bytes.
        connection.execute(
            update(files).where(gone).values(state="missing", absent_since=None, **stamp_columns(None))
        )
        refresh_places(connection, {photo_id for photo_id in touched if photo_id is not None})
        marked += len(touched)
    return marked


def forget_notes(connection: Connection, paths: Collection[Path]) -> None:
    """Forget why paths without a photo are not read: they can be now."""
    for path in paths:
        noted = (files.c.path_bytes == os.fsencode(path)) & files.c.photo_id.is_(None)
        connection.execute(delete(files).where(noted))


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
        touched = connection.scalars(changed.returning(files.c.photo_id)).all()
        refresh_places(connection, {photo_id for photo_id in touched if photo_id is not None})


def look_again(connection: Connection, path: Path) -> None:
    """Forget a file's stamp, so that the next scan takes it for new."""
    named = files.c.path_bytes == os.fsencode(path)
    connection.execute(update(files).where(named).values(stamp_columns(None)))


def reconsider_formats(connection: Connection, formats: Collection[str]) -> int:
    """Have files looked at again that were refused for a format that is enabled now."""
    refused = (files.c.state == "refused") & files.c.format.in_(tuple(formats))
    return connection.execute(update(files).where(refused).values(stamp_columns(None))).rowcount


def refresh_places(connection: Connection, photo_ids: Collection[int]) -> None:
    """Recompute where photos lie from the files that hold them now; forget those that nothing is kept of."""
    if not photo_ids:
        return
    holders: dict[int, list[tuple[str, str]]] = {photo_id: [] for photo_id in photo_ids}
    for photo_id, path, inbox in connection.execute(sql.HOLDERS, {"of_photos": list(photo_ids)}):
        holders[photo_id].append((inbox, path))
    for photo_id, held in holders.items():
        changes: dict[str, object] = {"copies": len(held), "missing": int(not held)}
        if held:
            changes |= _named(*held[0])
        connection.execute(sql.UPDATE_PHOTO, {"of_photo": photo_id, **changes})
    unheld = [photo_id for photo_id, held in holders.items() if not held]
    if unheld:
        connection.execute(sql.FORGET_THOSE_UNHELD, {"of_photos": unheld})


def _photo_at(connection: Connection, path: Path) -> set[int]:
    there = (files.c.path_bytes == os.fsencode(path)) & files.c.photo_id.is_not(None)
    return set(connection.scalars(select(files.c.photo_id).where(there)))


def _arrival(hashed: HashedFile) -> tuple[object, ...]:
    """Give what is kept of a file and its photo, in the order of `staging.arrivals`."""
    place = place_columns(hashed.file.inbox, hashed.file.path)
    path = str(place["path"])
    folder, _, name = path.rpartition("/")
    stamp = stamp_columns(hashed.file.stamp).values()
    return place["path_bytes"], place["inbox"], path, folder, name, hashed.digest, *stamp


def _named(inbox: str, path: str) -> dict[str, object]:
    folder, _, name = path.rpartition("/")
    return {"inbox": inbox, "path": path, "folder": folder, "name": name}


def _file_row(place: Mapping[str, object], stamp: FileStamp | None, at: str) -> dict[str, object]:
    return {
        "photo_id": None,
        "reason": None,
        "format": None,
        "absent_since": None,
        "sidecar_dirty": 0,
        "sidecar_reason": None,
        **place,
        **stamp_columns(stamp),
        "seen_at": at,
    }
