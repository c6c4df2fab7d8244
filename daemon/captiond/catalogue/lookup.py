"""What the catalogue knows of one picture, found by whatever a person calls it; for `captiond show`."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from captiond.model import Digest, Entry, PromptName, Result, Status

from . import statements as sql
from .places import readable
from .queries import entry, result_from
from .tables import files, jobs, photos, results

LONGEST_PATH = 4096
"""No file is called by more."""
FEWEST_DIGITS = 8
"""So many digits of a photo's SHA-256 name it."""


@dataclass(frozen=True, slots=True)
class FileKnown:
    """A file, as people read it; `state` is known, skipped, refused or missing."""

    path: str
    inbox: str
    state: str
    reason: str | None
    sidecar_reason: str | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class JobKnown:
    """A prompt that is still to be asked, or has failed, and why it did not work so far.

    `refused` is the newest reply that was no answer.
    """

    prompt: PromptName
    state: str
    tries: int
    error: str | None
    next_try_at: datetime | None
    refused: Result | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A photo with its files and open jobs; or a file that holds no photo, and then `entry` is None."""

    path: str
    inbox: str
    entry: Entry | None
    files: tuple[FileKnown, ...]
    jobs: tuple[JobKnown, ...] = ()
    missing: bool = False


def look_up(connection: Connection, called: str, folder: Path, *, limit: int = 20) -> list[Known]:
    """Find what is called so: a path, digits of a SHA-256, a name, or part of a name; the first that fits.

    `folder` is where relative paths begin. Several files of one photo are one find.
    """
    if len(called) > LONGEST_PATH:
        return []
    # What the command line could not decode is escaped in readable names.
    readable_name = readable(called)
    for condition in _exact_meanings(called, folder):
        found = _distinct(connection, condition, "", limit)
        if found:
            return found
    holds = files.c.path.contains(readable_name, autoescape=True)
    return _distinct(connection, holds, readable_name.rpartition("/")[2], limit)


def history(connection: Connection, photo_id: int) -> tuple[Result, ...]:
    """Give every answer that there ever was about a photo, also those that are no longer the current ones."""
    answers = sql.ALL_RESULTS.where(results.c.photo_id == photo_id, results.c.status != Status.REJECTED)
    return tuple(result_from(row) for row in connection.execute(answers))


def known_by(connection: Connection, digest: Digest) -> tuple[Entry, tuple[Result, ...]] | None:
    """Give a photo's entry and every answer that there ever was about it; None where it is not known."""
    photo_id = connection.scalar(select(photos.c.id).where(photos.c.sha256 == digest))
    return None if photo_id is None else (entry(connection, photo_id), history(connection, photo_id))


def _exact_meanings(called: str, folder: Path) -> Iterator[ColumnElement[bool]]:
    path = os.path.normpath(folder / called)
    yield files.c.path_bytes.in_({os.fsencode(path), os.fsencode(os.path.realpath(path))})
    if re.fullmatch(f"[0-9a-fA-F]{{{FEWEST_DIGITS},64}}", called):
        begins_so = photos.c.sha256.startswith(called.lower())
        yield files.c.photo_id.in_(select(photos.c.id).where(begins_so))
    name = readable(called)
    yield (files.c.path == name) | files.c.path.endswith(f"/{name}", autoescape=True)


def _distinct(
    connection: Connection, condition: ColumnElement[bool], part_of_name: str, limit: int
) -> list[Known]:
    """Give the photos, and the files without one, that fulfil a condition and have this in their name."""
    rows = connection.execute(select(files).where(condition).order_by(files.c.id))
    known: dict[int, Known] = {}
    for row in rows:
        # A photo by its number, a file without one by its own, below zero.
        number = row.photo_id or -row.id
        if number not in known and part_of_name.lower() in row.path.rpartition("/")[2].lower():
            known[number] = known_photo(connection, row.photo_id) if row.photo_id else _file_alone(row)
            if len(known) == limit:
                break
    rows.close()
    return list(known.values())


def known_photo(connection: Connection, photo_id: int) -> Known:
    """Give a photo with all its files and open jobs."""
    photo = connection.execute(select(photos).where(photos.c.id == photo_id)).one()
    holding = select(files).where(files.c.photo_id == photo_id).order_by(files.c.id)
    open_jobs = select(jobs).where(jobs.c.photo_id == photo_id).order_by(jobs.c.id)
    return Known(
        path=photo.path,
        inbox=photo.inbox,
        entry=entry(connection, photo_id),
        files=tuple(_file(row) for row in connection.execute(holding)),
        jobs=tuple(_job(connection, row) for row in connection.execute(open_jobs).all()),
        missing=bool(photo.missing),
    )


def _file_alone(row: Row[Any]) -> Known:
    return Known(row.path, row.inbox, None, (_file(row),), missing=row.state == "missing")


def _file(row: Row[Any]) -> FileKnown:
    seen_at = datetime.fromisoformat(row.seen_at)
    return FileKnown(row.path, row.inbox, row.state, row.reason, row.sidecar_reason, seen_at)


def _job(connection: Connection, row: Row[Any]) -> JobKnown:
    next_try_at = None if row.next_try_at is None else datetime.fromisoformat(row.next_try_at)
    of_job = (results.c.photo_id == row.photo_id) & (results.c.prompt == row.prompt)
    refused = sql.ALL_RESULTS.where(of_job, results.c.status == "rejected").order_by(None)
    newest = connection.execute(refused.order_by(results.c.id.desc()).limit(1)).one_or_none()
    return JobKnown(
        PromptName(row.prompt),
        row.state,
        row.tries,
        row.error,
        next_try_at,
        None if newest is None else result_from(newest),
    )
