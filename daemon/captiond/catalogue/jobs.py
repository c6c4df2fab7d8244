"""Writes about jobs: which prompts a photo still has to be asked, and in whose hands it is.

Every function takes the writing connection first and belongs in one transaction (`store.Catalogue.write`).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from captiond.clock import iso
from captiond.model import Digest, Job, Lease, PromptName

from . import statements as sql
from .places import inbox_file_from
from .reach import Reach
from .tables import events, jobs, photos, status
from .tile_replies import kept

CRASH_DELAYS_SECONDS = (0, 5, 30, 120)
"""How long a photo waits that was in hand when captiond ended, by how often that happened."""
CRASHES_ALLOWED = 5
"""A photo that was in hand at so many ends of captiond comes to rest as failed."""

GIVEN_BACK = {"state": "queued", "owner": None, "next_try_at": None}


def queue_missing(
    connection: Connection,
    prompts: Sequence[PromptName],
    *,
    fresh: bool,
    now: datetime,
    photo_ids: Sequence[int] | None = None,
) -> int:
    """Queue every configured prompt that a photo has no current result for; gives how many.

    Of these photos, or of all. This one rule serves first run, resume, a new prompt and a new photo alike.
    """
    if not prompts:
        return 0
    queueing, reopening = sql.QUEUE_LACKING, sql.REOPEN
    of_photos = {}
    if photo_ids is not None:
        queueing, reopening = sql.QUEUE_LACKING_OF_PHOTOS, sql.REOPEN_PHOTOS
        of_photos = {"of_photos": photo_ids}
    asked = {"asked": prompts, "fresh": int(fresh), "now": iso(now), **of_photos}
    queued = connection.execute(queueing, asked).rowcount
    if queued:
        connection.execute(reopening, of_photos)
    return queued


def drop_unconfigured(connection: Connection, prompts: Collection[PromptName]) -> int:
    """Forget jobs of prompts that are no longer configured; gives how many."""
    obsolete = jobs.c.prompt.not_in(tuple(prompts))
    touched = set(connection.scalars(select(jobs.c.photo_id).where(obsolete)).all())
    dropped = connection.execute(delete(jobs).where(obsolete)).rowcount
    for photo_id in touched:
        refresh_state(connection, photo_id)
    return dropped


def note_start(connection: Connection, version: str, now: datetime) -> int:
    """Keep that this version starts; photos on which another one ended too often are tried anew.

    Gives how many these are.
    """
    starts = select(events.c.sentence).where(events.c.kind == "start").order_by(events.c.id.desc())
    before = connection.scalars(starts.limit(1)).first()
    sentence = f"captiond {version} started"
    note_event(connection, "start", sentence, now)
    if before in {None, sentence}:
        return 0
    condemned = (jobs.c.state == "failed") & (jobs.c.crashes >= CRASHES_ALLOWED)
    touched = set(connection.scalars(select(jobs.c.photo_id).where(condemned)).all())
    connection.execute(update(jobs).where(condemned).values(state="queued", crashes=0, error=None))
    for photo_id in touched:
        refresh_state(connection, photo_id)
    return len(touched)


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
    connection.execute(sql.FORGET_UNHELD)
    return len(lost)


def _requeue_after_crash(connection: Connection, photo_id: int, crashes: int, now: datetime) -> None:
    still_open = (jobs.c.photo_id == photo_id) & (jobs.c.state != "failed")
    if crashes >= CRASHES_ALLOWED:
        sentence = f"captiond ended {crashes} times while it worked on this photo"
        failed = {
            "state": "failed",
            "error": sentence,
            "crashes": crashes,
            "owner": None,
            "next_try_at": None,
        }
        connection.execute(update(jobs).where(still_open).values(failed))
        note_event(connection, "failed", sentence, now, photo_id)
        make_sidecars_due(connection, photo_id)
    else:
        # A storm of outside kills must not condemn a photo: it only comes later, and behind the others.
        again = iso(now + timedelta(seconds=CRASH_DELAYS_SECONDS[crashes - 1]))
        held = still_open & (jobs.c.state == "running")
        waiting = {"state": "waiting", "owner": None, "next_try_at": again}
        connection.execute(update(jobs).where(still_open).values(crashes=crashes))
        connection.execute(update(jobs).where(held).values(waiting))
    refresh_state(connection, photo_id)


def lease(
    connection: Connection,
    owner: str,
    now: datetime,
    *,
    backlog_first: bool = False,
    reach: Reach | None = None,
) -> Lease | None:
    """Take the next photo with something to ask, all its due jobs at once, or None when nothing is due.

    The commit of this is on the disk before any risk is taken. Fresh drops come first; every few leases
    the caller asks for the backlog first, so that it never starves. Jobs that are out of the caller's
    `reach` stay where they are. During a pause nothing is due.
    """
    if connection.scalar(sql.IS_HELD_UP):
        return None
    moment = {"now": iso(now)}
    for lane in reversed(sql.LANES) if backlog_first else sql.LANES:
        photo_id = connection.scalars(reach.within(lane) if reach else lane, moment).first()
        if photo_id is not None:
            take = reach.within(sql.TAKE) if reach else sql.TAKE
            connection.execute(take, {"of_photo": photo_id, "by": owner, **moment})
            return _lease_of(connection, photo_id)
    return None


def release(connection: Connection, owner: str, photo_id: int | None = None) -> None:
    """Give back, uncharged, one photo or all that this captiond has in hand: nothing was wrong with it."""
    held = (jobs.c.owner == owner) & (jobs.c.state == "running")
    if photo_id is not None:
        held &= jobs.c.photo_id == photo_id
    connection.execute(update(jobs).where(held).values(GIVEN_BACK))
    if photo_id is not None:
        connection.execute(sql.FORGET_THOSE_UNHELD, {"of_photos": [photo_id]})


def release_prompt(connection: Connection, photo_id: int, prompt: PromptName) -> None:
    """Give back, uncharged, one prompt of a photo in hand; the others stay there."""
    held = (jobs.c.photo_id == photo_id) & (jobs.c.prompt == prompt) & (jobs.c.state == "running")
    connection.execute(update(jobs).where(held).values(GIVEN_BACK))


def postpone(connection: Connection, owner: str, photo_id: int, until: datetime, reason: str) -> None:
    """Put a photo off, uncharged: what it needs is away, as the reason says."""
    held = (jobs.c.photo_id == photo_id) & (jobs.c.owner == owner) & (jobs.c.state == "running")
    changes = {"state": "waiting", "owner": None, "next_try_at": iso(until), "error": reason}
    connection.execute(update(jobs).where(held).values(changes))
    connection.execute(sql.FORGET_THOSE_UNHELD, {"of_photos": [photo_id]})


def is_due_until(connection: Connection, until: datetime | None, reach: Reach | None = None) -> bool:
    """Tell whether a job will be asked until then, or ever, of a photo whose bytes are somewhere.

    Those that are out of everybody's `reach` do not count; during a pause none is asked at any time.
    """
    if until is None:
        return bool(connection.scalar(sql.IS_DUE_EVER))
    if is_paused(connection):
        return False
    due = reach.within(sql.DUE_UNTIL) if reach else sql.DUE_UNTIL
    return connection.scalars(due.limit(1), {"now": iso(until)}).first() is not None


def wished_models(connection: Connection) -> list[str]:
    """Name the models that single jobs want."""
    return list(connection.scalars(sql.WISHED_MODELS))


def is_paused(connection: Connection) -> bool:
    """Tell whether somebody wants a pause."""
    return bool(connection.scalar(sql.IS_PAUSED))


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


def refresh_state(connection: Connection, photo_id: int) -> None:
    """Recompute a photo's state from its jobs and results."""
    of_photo = {"of_photo": photo_id}
    counts = connection.execute(sql.OPEN_JOBS, of_photo).one()
    answered = connection.scalars(sql.ANSWERED, of_photo).one()
    if not counts.open:
        state = "done"
    elif counts.failed == counts.open:
        state = "failed"
    else:
        state = "partial" if answered else "queued"
    reason = counts.error if state == "failed" else None
    connection.execute(sql.SET_STATE, {**of_photo, "state": state, "reason": reason})


def make_sidecars_due(connection: Connection, photo_id: int) -> None:
    """Count a change of the photo that its sidecars do not tell yet: a result, or its state."""
    connection.execute(sql.SIDECARS_CHANGED, {"of_photo": photo_id})


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
    of_photo = {"of_photo": photo_id}
    digest = connection.scalars(sql.DIGEST, of_photo).one()
    return Lease(
        photo_id=photo_id,
        digest=Digest(digest),
        files=tuple(inbox_file_from(row) for row in connection.execute(sql.HOLDING, of_photo)),
        jobs=tuple(
            Job(PromptName(row.prompt), row.tries, row.model, kept(connection, row.id) if row.begun else {})
            for row in connection.execute(sql.IN_HAND, of_photo)
        ),
    )
