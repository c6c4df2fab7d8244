"""How the inboxes stand, as the running daemon last said: for `captiond status` and `captiond why`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from captiond.clock import iso
from captiond.model import Json

from .tables import status

SUBJECT = "inboxes"
"""Under this name the daemon says it, in one row: of inboxes that are watched no longer nothing is left."""


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file that is not settled yet: `gate` is empty, quiet or writer; `reason` a sentence; since when."""

    path: str
    gate: str
    reason: str
    since: str


@dataclass(frozen=True, slots=True)
class InboxStanding:
    """How one inbox stands; `state` is watching, degraded, polling or offline, and `reason` says why.

    Paths are readable ones, times ISO 8601. The counters begin with the daemon: files found by an event, and
    those found only by a scan; events lost for their number; and how often watching began anew.
    """

    inbox: str
    state: str
    reason: str | None
    found_by_event: int
    found_by_scan: int
    overflows: int
    rebuilds: int
    waiting_count: int
    waiting: tuple[WaitingFile, ...]
    files: int | None = None
    scanned_at: str | None = None
    scan_seconds: float | None = None


def say_standings(connection: Connection, standings: Sequence[InboxStanding], now: datetime) -> None:
    """Keep how the inboxes stand now."""
    values = {
        "subject": SUBJECT,
        "sentence": ", ".join(f"{one.inbox}: {one.state}" for one in standings),
        "content": json.dumps([asdict(one) for one in standings], ensure_ascii=False),
        "at": iso(now),
    }
    statement = insert(status).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["subject"], set_=values))


def standings(connection: Connection) -> list[InboxStanding]:
    """Tell how the inboxes stood when the daemon said so last; none where it never did."""
    said = connection.scalars(select(status.c.content).where(status.c.subject == SUBJECT)).one_or_none()
    return [_standing(one) for one in json.loads(said)] if said else []


def _standing(said: Json) -> InboxStanding:
    waiting = tuple(WaitingFile(**one) for one in said["waiting"])
    return InboxStanding(**{**said, "waiting": waiting})
