"""Why a picture waits, failed, was not read or is done: the sentences, put together from facts (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from captiond.model import InboxFile
from captiond.printable import counted

from .output import listed, local

if TYPE_CHECKING:
    from captiond.catalogue.inboxes import InboxStanding, WaitingFile
    from captiond.catalogue.lookup import JobKnown, Known
    from captiond.catalogue.whereabouts import PathKnown
    from captiond.inbox.gates import Stopped

NANOSECONDS = 1_000_000_000

NOT_QUEUED = "Known, but not queued yet: many pictures came at once; it is queued when no more come."


@dataclass(frozen=True, slots=True)
class Explanation:
    """A sentence about a path, and the gate that decided: a word for programs."""

    gate: str
    sentence: str
    inbox: Path | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a sentence about a path in an inbox needs besides the path.

    `standing` is None where no captiond runs that watches the inbox, `waiting` where the path is not among
    those that it waits for. `held_open`: a program has the file open for writing.
    """

    inbox: Path
    now: datetime
    running: bool
    daemon_says: str | None
    standing: "InboxStanding | None"
    waiting: "WaitingFile | None"
    quiet_seconds: float
    held_open: bool


def explain(gate: "Stopped | InboxFile", known: "PathKnown | None", context: Context) -> Explanation:
    """Say what is with a path: the first gate that stops it, or how far its picture is."""
    if not isinstance(gate, InboxFile):
        word, sentence = _stopped(gate, known)
    elif known and known.stamp == gate.stamp and known.photo:
        word, sentence = _photo(known, known.photo, context)
    elif known and known.stamp == gate.stamp:
        word, sentence = (
            "content",
            f"Not read: {_reason(known.reason)} It is left alone while it is the same.",
        )
    else:
        word, sentence = _unread(gate, known, context)
    return Explanation(word, sentence, context.inbox)


def outside(inboxes: Sequence[Path], *, exists: bool) -> Explanation:
    """Say of a path that it lies in no inbox."""
    watched = listed(map(str, inboxes)) if inboxes else ""
    where = f"captiond watches {watched}" if inboxes else "no inbox is named in the configuration"
    if not exists:
        return Explanation("nothing", f"There is no such file, and it would lie in no inbox: {where}.")
    return Explanation("outside", f"It lies in no inbox: {where}.")


def _stopped(gate: "Stopped", known: "PathKnown | None") -> tuple[str, str]:
    match gate.gate:
        case "there":
            return _not_there(known)
        case "inbox":
            kept = " What captiond knows of this file stays." if known else ""
            return "offline", f"Its inbox is away: {gate.sentence}{kept}"
        case "name":
            return "name", f"Left alone: {gate.sentence}"
        case "empty":
            return "empty", f"Waiting: {_small(gate.sentence)}"
        case word:
            return word.value, f"Not read: {gate.sentence}"


def _not_there(known: "PathKnown | None") -> tuple[str, str]:
    if known is None:
        return "nothing", "There is no such file, and captiond never knew one."
    photo = known.photo
    elsewhere = [file for file in photo.files if file.state == "known"] if photo else []
    seen_at = local(known.seen_at)
    if known.state != "missing":
        return (
            "gone",
            f"There is no such file now (seen last {seen_at}); the next scans will tell that it is gone.",
        )
    if elsewhere:
        where = f"{elsewhere[0].inbox}/{elsewhere[0].path}"
        return "gone", f"The file is gone (seen last {seen_at}); its picture lies at {where}."
    stays = "; the answers about its picture stay" if photo and photo.entry and photo.entry.results else ""
    return "gone", f"The file is gone (seen last {seen_at}){stays}."


def _unread(file: InboxFile, known: "PathKnown | None", context: Context) -> tuple[str, str]:
    """Explain a file that is new, or another than the one that was read."""
    changed = "It has changed since captiond read it. " if known and known.stamp else ""
    unsettled = _unsettled(file, context)
    if unsettled:
        word, sentence = unsettled
        return word, f"{changed}Waiting: {sentence}"
    if not context.running:
        return "daemon", f"{changed}Not seen yet: captiond is not running; it looks when it starts."
    if context.standing is None:
        return "daemon", f"{changed}Not seen yet: the captiond that runs does not watch this inbox."
    if known and known.reason:
        return "reading", f"Not read so far: {_reason(known.reason)} Each scan tries again."
    scanned = context.standing.scanned_at
    last = f"; its last scan ended at {local(datetime.fromisoformat(scanned))}" if scanned else ""
    return "scan", f"{changed}Not seen yet: captiond has not come to it{last}."


def _unsettled(file: InboxFile, context: Context) -> tuple[str, str] | None:
    """Explain a file that may still be changing; None where it stands still."""
    waiting = context.waiting
    since = local(datetime.fromisoformat(waiting.since)) if waiting else ""
    if context.held_open:
        began = f" (since {since} at least)" if since else ""
        return "writer", f"a program has the file open for writing{began}."
    quiet_seconds = context.now.timestamp() - file.stamp.ctime_ns / NANOSECONDS
    if 0 <= quiet_seconds < context.quiet_seconds:
        again = f" It has been changing since {since}." if since else ""
        still = f"it has stood still for {quiet_seconds:.1f} of the {context.quiet_seconds:g} s that it must."
        return "quiet", f"{still}{again}"
    if waiting and waiting.gate == "quiet":
        return "quiet", f"{_small(waiting.reason)} It waits since {since}."
    return None


def _photo(known: "PathKnown", photo: "Known", context: Context) -> tuple[str, str]:
    """Explain a file that was read by how far its picture is."""
    sentence = why_not_done(photo)
    entry = photo.entry
    if sentence is None or entry is None:
        return "done", f"{_done(photo)} {_sidecar(known)}".strip()
    if entry.state == "unreadable":
        return "content", sentence
    states = {job.state for job in photo.jobs}
    if "running" in states:
        return "hand", sentence
    if "queued" in states or not states:
        return "queue", f"{sentence}{_place(known.ahead)}{_obstacle(context)}"
    if "waiting" in states:
        return "retry", f"{sentence}{'' if context.running else ' captiond is not running.'}"
    return "failed", sentence


def _place(ahead: int | None) -> str:
    if ahead is None:
        return ""
    return f" {counted(ahead, 'photo comes', 'photos come')} before it." if ahead else " It is the next."


def _obstacle(context: Context) -> str:
    if not context.running:
        return " captiond is not running."
    says = context.daemon_says or ""
    return f" captiond says: {says.rstrip('.')}." if says else ""


def _done(photo: "Known") -> str:
    results = photo.entry.results if photo.entry else ()
    if not results:
        return "Done: there is nothing to be asked about it."
    at = local(max(result.created_at for result in results))
    return f"Done at {at}: {listed(result.prompt for result in results)}."


def _sidecar(known: "PathKnown") -> str:
    if known.sidecar_reason:
        return f"No sidecar is written: {_reason(known.sidecar_reason)}"
    if known.sidecar_due:
        return "Its sidecar is still to be written."
    return "Its sidecar is written." if known.sidecar_written else ""


def _small(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def why_not_done(known: "Known") -> str | None:
    """Say in one sentence why a picture has not all its answers; None where it has."""
    if known.entry is None:
        return _why_not_read(known)
    if known.entry.state == "unreadable":
        return (
            f"Unreadable: {_reason(known.entry.reason)} It is not tried again while its bytes are the same."
        )
    if known.missing:
        seen_at = local(known.files[0].seen_at)
        return f"No file has this picture any more (last seen {seen_at}); its answers stay."
    if known.entry.state == "queued" and not known.jobs:
        return NOT_QUEUED
    failed = [job for job in known.jobs if job.state == "failed"]
    waiting = [job for job in known.jobs if job.state != "failed"]
    return _why_waiting(waiting) if waiting else _why_failed(failed) if failed else None


def _why_not_read(known: "Known") -> str:
    file = known.files[0]
    if file.state == "missing":
        return f"The file is gone (last seen {local(file.seen_at)})."
    return f"Not read: {_reason(file.reason)}"


def _why_failed(failed: Sequence["JobKnown"]) -> str:
    names = listed(job.prompt for job in failed)
    tries = max(job.tries for job in failed)
    after = f"after {counted(tries, 'try', 'tries')} of" if tries else "without"
    return f"Failed {after} {names}: {_reason(failed[0].error)}"


def _why_waiting(waiting: Sequence["JobKnown"]) -> str:
    names = listed(job.prompt for job in waiting)
    troubled = [job for job in waiting if job.error]
    problem = f" Last problem: {_reason(troubled[0].error)}" if troubled else ""
    later = [job.next_try_at for job in waiting if job.next_try_at]
    if any(job.state == "running" for job in waiting):
        return f"In hand: {names} being asked.{problem}"
    if len(later) < len(waiting):
        return f"Waiting for its turn: {names}.{problem}"
    tries = max(job.tries for job in waiting)
    return f"Waiting: {names}, try {tries + 1} at {local(min(later))}.{problem}"


def _reason(reason: str | None) -> str:
    """Give a reason as the end of a sentence."""
    return f"{(reason or 'the reason was not kept').rstrip('.')}."
