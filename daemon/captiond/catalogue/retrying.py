"""What a person wants tried again: the failed, whose tries begin anew, and the unreadable, read once more.

History is kept: what came back and was refused stays in `results`, what was done in `events`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from captiond.model import Digest, PromptName

from .jobs import note_event
from .places import stamp_columns
from .tables import files, jobs, photos, results

_FAILED = jobs.c.state == "failed"
_NEVER_ASKED = _FAILED & (jobs.c.tries == 0) & (jobs.c.crashes == 0)
"""Those that failed with the answer that they are about."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be tried again: `failed` questions, `unreadable` pictures, or both.

    Only these `photos`, and `files` that hold none (inbox and path as people read them), where `photos` are
    given; only these `prompts`, and only what has `reason` in its own.
    """

    failed: bool = False
    unreadable: bool = False
    photos: tuple[Digest, ...] | None = None
    files: tuple[tuple[str, str], ...] = ()
    prompts: tuple[PromptName, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Retried:
    """How many questions of how many photos are asked again, and how many pictures are read again."""

    photos: int
    questions: Mapping[PromptName, int]
    pictures: int


def to_retry(connection: Connection, wish: Wish) -> Retried:
    """Count what a wish is about, and change nothing."""
    open_again = _questions(wish)
    questions = connection.execute(
        select(jobs.c.prompt, func.count()).where(open_again).group_by(jobs.c.prompt).order_by(jobs.c.prompt)
    )
    photos_failed = select(func.count(jobs.c.photo_id.distinct())).where(open_again)
    unreadable = select(func.count()).select_from(photos).where(_photos_unread(wish))
    refused = select(func.count()).select_from(files).where(_files_unread(wish))
    return Retried(
        photos=connection.scalars(photos_failed).one(),
        questions={PromptName(prompt): count for prompt, count in questions},
        pictures=connection.scalars(unreadable).one() + connection.scalars(refused).one(),
    )


def retry(connection: Connection, wish: Wish, now: datetime) -> Retried:
    """Make what a wish is about due: questions at once, pictures at the next scan; gives how many."""
    found = to_retry(connection, wish)
    _ask_again(connection, wish)
    _read_again(connection, wish)
    if found.questions or found.pictures:
        asked = sum(found.questions.values())
        sentence = f"to be tried again by hand: {asked} questions, {found.pictures} unreadable pictures"
        note_event(connection, "retry", sentence, now)
    return found


def _ask_again(connection: Connection, wish: Wish) -> None:
    anew: dict[str, object] = {"state": "queued", "tries": 0, "crashes": 0, "error": None}
    if wish.photos is not None:
        # Somebody waits for the photos that he named.
        anew["priority"] = 1
    connection.execute(update(jobs).where(_questions(wish)).values(anew))
    answered = exists().where(results.c.photo_id == photos.c.id, results.c.current == 1)
    reopened = exists().where(jobs.c.photo_id == photos.c.id, ~_FAILED)
    state = case((answered, "partial"), else_="queued")
    connection.execute(
        update(photos).where(photos.c.state == "failed", reopened).values(state=state, reason=None)
    )


def _read_again(connection: Connection, wish: Wish) -> None:
    # Without a stamp a file is new to the next scan, which plans all that its photo has to be asked.
    connection.execute(update(files).where(_files_unread(wish)).values(stamp_columns(None)))
    unread = _photos_unread(wish)
    holding = files.c.photo_id.in_(select(photos.c.id).where(unread)) & (files.c.state == "known")
    connection.execute(update(files).where(holding).values(stamp_columns(None)))
    connection.execute(update(photos).where(unread).values(state="queued", reason=None))


def _questions(wish: Wish) -> ColumnElement[bool]:
    """Choose the failed questions of a wish, and those that failed with them."""
    chosen = _chosen(jobs, wish)
    same = jobs.alias()
    follows = jobs.c.photo_id.in_(select(same.c.photo_id).where(_chosen(same, wish)))
    return and_(literal(wish.failed), or_(chosen, _NEVER_ASKED & follows))


def _chosen(table: FromClause, wish: Wish) -> ColumnElement[bool]:
    conditions = [table.c.state == "failed", _says(table.c.error, wish)]
    if wish.photos is not None:
        these = select(photos.c.id).where(photos.c.sha256.in_(wish.photos))
        conditions.append(table.c.photo_id.in_(these))
    if wish.prompts:
        conditions.append(table.c.prompt.in_(wish.prompts))
    return and_(*conditions)


def _photos_unread(wish: Wish) -> ColumnElement[bool]:
    conditions = [photos.c.state == "unreadable", photos.c.missing == 0, _says(photos.c.reason, wish)]
    if wish.photos is not None:
        conditions.append(photos.c.sha256.in_(wish.photos))
    return and_(literal(wish.unreadable), *conditions)


def _files_unread(wish: Wish) -> ColumnElement[bool]:
    conditions = [files.c.state == "refused", _says(files.c.reason, wish)]
    if wish.photos is not None:
        conditions.append(tuple_(files.c.inbox, files.c.path).in_(wish.files))
    return and_(literal(wish.unreadable), *conditions)


def _says(reason: ColumnElement[str | None], wish: Wish) -> ColumnElement[bool]:
    # SQLite lowers ASCII letters only: the others must be written as they are.
    return func.instr(func.lower(func.coalesce(reason, "")), func.lower(wish.reason)) > 0
