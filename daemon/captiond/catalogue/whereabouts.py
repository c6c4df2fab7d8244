"""What the catalogue knows of one path; for `captiond why`."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, select

from captiond.model import FileStamp

from .lookup import Known, known_photo
from .places import stamp_from
from .tables import files, jobs


@dataclass(frozen=True, slots=True)
class PathKnown:
    """A file by its exact path; `state` is known, skipped, refused or missing.

    `photo` is the picture that it holds; `ahead` counts the photos before it, where it is in the queue.
    `sidecar_due`: there is more to tell than its sidecar does.
    """

    state: str
    reason: str | None
    stamp: FileStamp | None
    seen_at: datetime
    photo: Known | None
    ahead: int | None
    sidecar_due: bool
    sidecar_written: bool
    sidecar_reason: str | None


def at(connection: Connection, path: Path) -> PathKnown | None:
    """Tell what is known of a path, None where it never was."""
    row = connection.execute(select(files).where(files.c.path_bytes == os.fsencode(path))).one_or_none()
    if row is None:
        return None
    return PathKnown(
        state=row.state,
        reason=row.reason,
        stamp=stamp_from(row),
        seen_at=datetime.fromisoformat(row.seen_at),
        photo=None if row.photo_id is None else known_photo(connection, row.photo_id),
        ahead=None if row.photo_id is None else _ahead(connection, row.photo_id),
        sidecar_due=row.sidecar_dirty > 0,
        sidecar_written=row.sidecar_sha256 is not None,
        sidecar_reason=row.sidecar_reason,
    )


def inboxes(connection: Connection) -> list[Path]:
    """List the inboxes in which files were ever seen."""
    # Of the columns that stand beside a minimum, SQLite gives those of the row that has it.
    some = select(files.c.path, func.min(files.c.path_bytes).label("path_bytes")).group_by(files.c.inbox)
    rows = connection.execute(some)
    return [Path(os.fsdecode(row.path_bytes)).parents[row.path.count("/")] for row in rows]


def _ahead(connection: Connection, photo_id: int) -> int | None:
    queued = (jobs.c.photo_id == photo_id) & (jobs.c.state == "queued")
    first = connection.execute(
        select(jobs.c.priority, jobs.c.id).where(queued).order_by(jobs.c.priority.desc(), jobs.c.id).limit(1)
    ).one_or_none()
    if first is None:
        return None
    before = (jobs.c.priority > first.priority) | (
        (jobs.c.priority == first.priority) & (jobs.c.id < first.id)
    )
    others = (jobs.c.state == "queued") & (jobs.c.photo_id != photo_id)
    return connection.scalars(select(func.count(jobs.c.photo_id.distinct())).where(others, before)).one()
