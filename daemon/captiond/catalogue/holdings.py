"""Every file that holds a photo, or held it when it was seen last, and what was written about it."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from captiond.model import Digest, InboxFile

from .places import MOST_PARAMETERS, inbox_file_from
from .tables import files, photos


@dataclass(frozen=True, slots=True)
class Holding:
    """A file and its photo; `is_there` when it was seen last, `is_told` when its sidecar says all."""

    file: InboxFile
    photo_id: int
    digest: Digest
    size_bytes: int | None
    mtime_ns: int | None
    is_there: bool
    is_told: bool
    sidecar_sha256: str | None
    sidecar_reason: str | None


def holdings(connection: Connection) -> Iterator[Holding]:
    """Yield all files with a photo, to be used up while the connection is open."""
    joined = select(files, photos.c.sha256).join(photos, photos.c.id == files.c.photo_id)
    for row in connection.execution_options(yield_per=MOST_PARAMETERS).execute(joined.order_by(files.c.id)):
        yield Holding(
            file=inbox_file_from(row),
            photo_id=row.photo_id,
            digest=Digest(row.sha256),
            size_bytes=row.bytes,
            mtime_ns=row.mtime_ns,
            is_there=row.state == "known",
            is_told=row.sidecar_dirty == 0,
            sidecar_sha256=row.sidecar_sha256,
            sidecar_reason=row.sidecar_reason,
        )


def inboxes_of(connection: Connection) -> list[InboxFile]:
    """Give one file of each inbox that the catalogue knows of."""
    found: dict[str, InboxFile] = {}
    for row in connection.execute(select(files).group_by(files.c.inbox)):
        found.setdefault(row.inbox, inbox_file_from(row))
    return list(found.values())
