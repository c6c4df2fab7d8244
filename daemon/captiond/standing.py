"""How an inbox stands, put together for people from what its keeper knows."""

from datetime import UTC, datetime

from .catalogue.inboxes import InboxStanding, WaitingFile
from .catalogue.places import readable
from .clock import iso
from .inbox.settling import NANOSECONDS, Waiting
from .noticing import Noticing

MOST_WAITING = 200
"""So many waiting files are named, the longest waiting ones."""

WORTH_TELLING_SECONDS = 5.0
"""Most files wait for a moment only; a disk is not woken for them."""


def standing_of(noticing: Noticing, now: datetime) -> InboxStanding:
    """Say how an inbox stands now."""
    state, reason = _state(noticing)
    enough_ns = int((now.timestamp() - WORTH_TELLING_SECONDS) * NANOSECONDS)
    waiting = [one for one in noticing.settling.waiting() if one.since_ns <= enough_ns]
    watcher, rounds = noticing.watcher, noticing.rounds
    return InboxStanding(
        inbox=readable(noticing.inbox),
        state=state,
        reason=reason,
        found_by_event=noticing.tally.by_event,
        found_by_scan=noticing.tally.by_scan,
        overflows=watcher.overflows if watcher else 0,
        rebuilds=watcher.rebuilds if watcher else 0,
        waiting_count=len(waiting),
        waiting=tuple(_told(one) for one in waiting[:MOST_WAITING]),
        files=rounds.last.files if rounds.last else None,
        scanned_at=iso(rounds.last_at) if rounds.last_at else None,
        scan_seconds=round(rounds.last.seconds, 3) if rounds.last else None,
    )


def _state(noticing: Noticing) -> tuple[str, str | None]:
    rounds = noticing.rounds
    if rounds.offline:
        return "offline", rounds.offline
    if rounds.degraded:
        return "degraded", rounds.degraded
    if rounds.polled:
        return "polling", rounds.polled
    return "watching", None


def _told(waiting: Waiting) -> WaitingFile:
    since = datetime.fromtimestamp(waiting.since_ns / NANOSECONDS, UTC)
    return WaitingFile(readable(waiting.path), waiting.gate.value, waiting.reason, iso(since))
