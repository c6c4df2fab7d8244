"""Sidecars that were written before: which of them should still be there, and which should not.

Every function takes a connection first: those that write, the writing one (`store.Catalogue.write`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, exists, func, select, update
from sqlalchemy.dialects.sqlite import insert

from captiond.model import InboxFile

from .places import inbox_file_from, readable
from .tables import files, status

TREE = "tree "
"""Trees of sidecars are subjects of the daemon's under this name and their own."""


@dataclass(frozen=True, slots=True)
class SidecarLeft:
    """A file with a sidecar that is not due; `sha256` is of the one that we wrote last, if any."""

    file_id: int
    file: InboxFile
    sha256: str | None


def expected(connection: Connection, after: int, limit: int) -> list[SidecarLeft]:
    """List, behind the file `after`, those that are there and whose sidecar is not due."""
    settled = (files.c.state == "known") & (files.c.sidecar_dirty == 0) & files.c.absent_since.is_(None)
    ours_or_not = files.c.sidecar_sha256.is_not(None) | files.c.sidecar_reason.is_not(None)
    return _listed(connection, settled & ours_or_not, after, limit)


def outdated(connection: Connection, after: int, limit: int) -> list[SidecarLeft]:
    """List files that are gone with a sidecar of ours, while another file with one holds the same photo."""
    others = files.alias()
    elsewhere = exists().where(
        others.c.photo_id == files.c.photo_id,
        others.c.state == "known",
        others.c.sidecar_dirty == 0,
        others.c.sidecar_sha256.is_not(None),
    )
    gone = (files.c.state == "missing") & files.c.sidecar_sha256.is_not(None)
    return _listed(connection, gone & elsewhere, after, limit)


def make_due(connection: Connection, file_ids: Sequence[int]) -> None:
    """Have the sidecars of these files written again."""
    connection.execute(update(files).where(files.c.id.in_(file_ids)).values(sidecar_dirty=1))


def forget(connection: Connection, file_ids: Sequence[int]) -> None:
    """Let the sidecars of these files be ours no longer."""
    connection.execute(update(files).where(files.c.id.in_(file_ids)).values(sidecar_sha256=None))


def device_of(connection: Connection, tree: Path) -> int | None:
    """Tell on which device a tree of sidecars was when one was written there last; None where none was."""
    kept = select(status.c.content).where(status.c.subject == _tree(tree))
    device = connection.scalars(kept).one_or_none()
    return None if device is None else int(device)


def note_device(connection: Connection, tree: Path, device: int) -> None:
    """Keep on which device a tree of sidecars is."""
    at = func.strftime("%Y-%m-%dT%H:%M:%SZ", "now")
    values = {"subject": _tree(tree), "sentence": "sidecars lie here", "content": str(device), "at": at}
    statement = insert(status).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["subject"], set_=values))


def _tree(tree: Path) -> str:
    return f"{TREE}{readable(tree)}"


def _listed(
    connection: Connection, condition: ColumnElement[bool], after: int, limit: int
) -> list[SidecarLeft]:
    page = select(files).where(condition, files.c.id > after).order_by(files.c.id).limit(limit)
    rows = connection.execute(page)
    return [SidecarLeft(row.id, inbox_file_from(row), row.sidecar_sha256) for row in rows]
