"""How inboxes stand, in lines for `captiond status` (pure)."""

from datetime import datetime
from typing import TYPE_CHECKING

from captiond.printable import counted

from .output import local

if TYPE_CHECKING:
    from captiond.catalogue.inboxes import InboxStanding, WaitingFile

MOST_WAITING = 5


def inbox_lines(standing: "InboxStanding") -> list[str]:
    """Say how an inbox is watched, what it cost and found, and which files keep changing."""
    state = f"{standing.state}: {standing.reason.rstrip('.')}" if standing.reason else standing.state
    lines = [f"Inbox {standing.inbox} {'; '.join(filter(None, (state, _scan(standing), _found(standing))))}."]
    lines += [_line(waiting) for waiting in standing.waiting[:MOST_WAITING]]
    more = standing.waiting_count - MOST_WAITING
    return [*lines, f"  and {more:,} more"] if more > 0 else lines


def _scan(standing: "InboxStanding") -> str:
    if standing.scanned_at is None or standing.files is None:
        return "not scanned yet"
    when = local(datetime.fromisoformat(standing.scanned_at))
    return f"scanned {when}, {counted(standing.files, 'file')} in {standing.scan_seconds:.1f} s"


def _found(standing: "InboxStanding") -> str:
    found = [f"found {standing.found_by_event:,} by events, {standing.found_by_scan:,} only by scans"]
    if standing.overflows:
        found.append(counted(standing.overflows, "overflow of events", "overflows of events"))
    if standing.rebuilds:
        found.append(f"watched anew {counted(standing.rebuilds, 'time')}")
    return ", ".join(found)


def _line(waiting: "WaitingFile") -> str:
    since = local(datetime.fromisoformat(waiting.since))
    return f"  {waiting.path}: {waiting.reason.rstrip('.')} (since {since})"
