"""Writes about jobs: which prompts a photo still has to be asked, and in whose hands it is.

Every function takes the writing connection first and belongs in one transaction (`store.Catalogue.write`).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from captiond.clock import iso
from captiond.model import Digest, Job, Lease, PromptName

from .places import inbox_file_from
from .tables import events, files, jobs, photos, results, status

CRASH_DELAYS_SECONDS = (0, 5, 30, 120, 600)
"""How long a photo waits that was in hand when captiond ended, by how often that happened."""


def queue_missing(
    connection: Connection,
    prompts: Sequence[PromptName],
    *,
    fresh: bool,
    now: datetime,
    photo_id: int | None = None,
) -> int:
    """Queue every configured prompt that a photo has no current result for; gives how many.

    This one rule serves first run, resume, a new prompt and a new photo alike.
    """
    answered = exists().where(
        results.c.photo_id == photos.c.id,
        results.c.prompt == bindparam("asked"),
        results.c.current == 1,
    )
    lacking = select(
        photos.c.id,
        bindparam("asked", type_=jobs.c.prompt.type),
        literal("queued"),
        literal(int(fresh)),
        literal(iso(now)),
    ).where(photos.c.state != "unreadable", ~answered)
    if photo_id is not None:
        lacking = lacking.where(photos.c.id == photo_id)
    statement = (
        insert(jobs)
        .from_select(["photo_id", "prompt", "state", "priority", "queued_at"], lacking)
        .on_conflict_do_nothing(index_elements=["photo_id", "prompt"])
    )
    queued = sum(connection.execute(statement, {"asked": prompt}).rowcount for prompt in prompts)
    if queued:
        queued_photos = select(jobs.c.photo_id).where(jobs.c.state == "queued")
        touched = photos.c.id.in_(queued_photos if photo_id is None else [photo_id])
        rested = photos.c.state.in_(("done", "failed"))
        connection.execute(update(photos).where(rested, touched).values(state="partial", reason=None))
    return queued


def drop_unconfigured(connection: Connection, prompts: Collection[PromptName]) -> int:
    """Forget jobs of prompts that are no longer configured; gives how many."""
    obsolete = jobs.c.prompt.not_in(tuple(prompts))
    touched = set(connection.scalars(select(jobs.c.photo_id).where(obsolete)).all())
    dropped = connection.execute(delete(jobs).where(obsolete)).rowcount
    for photo_id in touched:
        refresh_state(connection, photo_id)
    return dropped


def reclaim(connection: Connection, owner: str, now: datetime) -> int:
    """Queue again what an ended captiond had in hand; gives how many photos.

    A photo that was in hand at several ends is suspected and comes to rest as failed.
    """
    orphaned = (jobs.c.state == "running") & (jobs.c.owner != owner)
    lost = connection.execute(
        select(jobs.c.photo_id, func.max(jobs.c.crashes).label("crashes"))
        .where(orphaned)
        .group_by(jobs.c.photo_id)
    ).all()
    for photo_id, crashes in lost:
        _requeue_after_crash(connection, photo_id, crashes + 1, now)
    return len(lost)


def _requeue_after_crash(connection: Connection, photo_id: int, crashes: int, now: datetime) -> None:
    changes: dict[str, object] = {"owner": None, "crashes": crashes}
    if crashes >= len(CRASH_DELAYS_SECONDS):
        sentence = f"captiond ended {crashes} times while it worked on this photo"
        changes |= {"state": "failed", "error": sentence}
        note_event(connection, "failed", sentence, now, photo_id)
    else:
        # A storm of outside kills must not condemn a photo: it only comes later, and behind the others.
        again = now + timedelta(seconds=CRASH_DELAYS_SECONDS[crashes - 1])
        changes |= {"state": "waiting", "next_try_at": iso(again)}
    held = (jobs.c.photo_id == photo_id) & (jobs.c.state == "running")
    connection.execute(update(jobs).where(held).values(changes))
    refresh_state(connection, photo_id)


def lease(connection: Connection, owner: str, now: datetime, *, backlog_first: bool = False) -> Lease | None:
    """Take the next photo with something to ask, all its due jobs at once, or None when nothing is due.

    The commit of this is on the disk before any risk is taken. Fresh drops come first; every few leases
    the caller asks for the backlog first, so that it never starves.
    """
    fresh = (jobs.c.state == "queued") & (jobs.c.priority == 1)
    backlog = (jobs.c.state == "queued") & (jobs.c.priority == 0)
    second_tries = (jobs.c.state == "waiting") & (jobs.c.next_try_at <= iso(now))
    lanes = (fresh, backlog, second_tries)
    for lane in reversed(lanes) if backlog_first else lanes:
        photo_id = _first_free(connection, lane)
        if photo_id is not None:
            due = or_(jobs.c.state == "queued", second_tries) & (jobs.c.photo_id == photo_id)
            taken = {"state": "running", "owner": owner, "next_try_at": None}
            connection.execute(update(jobs).where(due).values(taken))
            return _lease_of(connection, photo_id)
    return None


def _first_free(connection: Connection, lane: ColumnElement[bool]) -> int | None:
    """Find a photo in this lane that nobody has in hand and whose bytes are still somewhere."""
    others = jobs.alias()
    in_hand = exists().where(others.c.photo_id == jobs.c.photo_id, others.c.state == "running")
    there = _is_there(jobs.c.photo_id)
    free = select(jobs.c.photo_id).where(lane, ~in_hand, there).order_by(jobs.c.id).limit(1)
    return connection.scalars(free).first()


def release(connection: Connection, owner: str, photo_id: int | None = None) -> None:
    """Give back, uncharged, one photo or all that this captiond has in hand: nothing was wrong with it."""
    held = (jobs.c.owner == owner) & (jobs.c.state == "running")
    if photo_id is not None:
        held &= jobs.c.photo_id == photo_id
    connection.execute(update(jobs).where(held).values(state="queued", owner=None))


def postpone(connection: Connection, owner: str, photo_id: int, until: datetime, reason: str) -> None:
    """Put a photo off, uncharged: what it needs is away, as the reason says."""
    held = (jobs.c.photo_id == photo_id) & (jobs.c.owner == owner) & (jobs.c.state == "running")
    changes = {"state": "waiting", "owner": None, "next_try_at": iso(until), "error": reason}
    connection.execute(update(jobs).where(held).values(changes))


def is_due_until(connection: Connection, until: datetime | None) -> bool:
    """Tell whether a job will be asked until then, or ever, of a photo whose bytes are somewhere."""
    there = _is_there(jobs.c.photo_id)
    due = jobs.c.state.in_(("queued", "running"))
    waiting = jobs.c.state == "waiting"
    if until is not None:
        waiting &= jobs.c.next_try_at <= iso(until)
    return bool(connection.scalar(select(exists().where(due | waiting, there))))


def charge(
    connection: Connection,
    photo_id: int,
    prompts: Collection[PromptName],
    *,
    reason: str,
    tries_allowed: int,
    next_try_at: datetime,
) -> bool:
    """Count a try against these prompts of a photo: wait, or come to rest as failed; tells whether failed."""
    charged = (jobs.c.photo_id == photo_id) & jobs.c.prompt.in_(tuple(prompts))
    connection.execute(
        update(jobs)
        .where(charged)
        .values(
            tries=jobs.c.tries + 1,
            state="waiting",
            owner=None,
            error=reason,
            next_try_at=iso(next_try_at),
        )
    )
    spent = charged & (jobs.c.tries >= tries_allowed)
    failed = connection.execute(update(jobs).where(spent).values(state="failed", next_try_at=None)).rowcount
    refresh_state(connection, photo_id)
    if failed:
        make_sidecars_due(connection, photo_id)
    return bool(failed)


def follow(
    connection: Connection, photo_id: int, prompt: PromptName, source: PromptName, *, reason: str
) -> None:
    """Let a prompt wait, uncharged, for the one that it is about; where that has failed, so has this."""
    of_photo = jobs.c.photo_id == photo_id
    leader = connection.execute(
        select(jobs.c.state, jobs.c.next_try_at).where(of_photo, jobs.c.prompt == source)
    ).one_or_none()
    state, next_try_at = ("failed", None) if leader is None else leader
    changes = {"state": state, "next_try_at": next_try_at, "owner": None, "error": reason}
    connection.execute(update(jobs).where(of_photo, jobs.c.prompt == prompt).values(changes))
    refresh_state(connection, photo_id)


def reject(connection: Connection, photo_id: int, reason: str, now: datetime) -> None:
    """Put a photo aside as unreadable, for as long as its bytes are the same."""
    connection.execute(delete(jobs).where(jobs.c.photo_id == photo_id))
    connection.execute(
        update(photos)
        .where(photos.c.id == photo_id)
        .values(state="unreadable", reason=reason, updated_at=iso(now))
    )
    note_event(connection, "unreadable", reason, now, photo_id)


def _is_there(photo_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Ask whether the last scan saw a file with the photo's bytes."""
    return exists().where(
        files.c.photo_id == photo_id, files.c.state == "known", files.c.absent_since.is_(None)
    )


def refresh_state(connection: Connection, photo_id: int) -> None:
    """Recompute a photo's state from its jobs and results."""
    counts = connection.execute(
        select(
            func.count(jobs.c.id).label("open"),
            func.count().filter(jobs.c.state == "failed").label("failed"),
            func.max(jobs.c.error).label("error"),
        ).where(jobs.c.photo_id == photo_id)
    ).one()
    answered = connection.scalars(
        select(func.count())
        .select_from(results)
        .where(results.c.photo_id == photo_id, results.c.current == 1)
    ).one()
    if not counts.open:
        state = "done"
    elif counts.failed == counts.open:
        state = "failed"
    else:
        state = "partial" if answered else "queued"
    reason = counts.error if state == "failed" else None
    usable = (photos.c.id == photo_id) & (photos.c.state != "unreadable")
    connection.execute(update(photos).where(usable).values(state=state, reason=reason))


def make_sidecars_due(connection: Connection, photo_id: int) -> None:
    """Count a change of the photo that its sidecars do not tell yet: a result, or its state."""
    holding = (files.c.photo_id == photo_id) & (files.c.state == "known")
    connection.execute(update(files).where(holding).values(sidecar_dirty=files.c.sidecar_dirty + 1))


def note_event(
    connection: Connection, kind: str, sentence: str, now: datetime, photo_id: int | None = None
) -> None:
    """Add a line to what happened."""
    connection.execute(insert(events).values(at=iso(now), kind=kind, photo_id=photo_id, sentence=sentence))


def say(connection: Connection, subject: str, sentence: str, now: datetime) -> None:
    """Keep what the running daemon says of a subject, for `captiond status`."""
    values = {"subject": subject, "sentence": sentence, "at": iso(now)}
    statement = insert(status).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["subject"], set_=values))


def _lease_of(connection: Connection, photo_id: int) -> Lease:
    digest = connection.scalars(select(photos.c.sha256).where(photos.c.id == photo_id)).one()
    holding = select(files).where(files.c.photo_id == photo_id, files.c.state == "known")
    held = select(jobs.c.prompt, jobs.c.tries).where(jobs.c.photo_id == photo_id, jobs.c.state == "running")
    return Lease(
        photo_id=photo_id,
        digest=Digest(digest),
        files=tuple(inbox_file_from(row) for row in connection.execute(holding.order_by(files.c.id))),
        jobs=tuple(
            Job(PromptName(row.prompt), row.tries) for row in connection.execute(held.order_by(jobs.c.id))
        ),
    )
