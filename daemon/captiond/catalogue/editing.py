"""What a person says of an answer, and what he wants asked anew although there is an answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, literal, select, update
from sqlalchemy.dialects.sqlite import insert

from captiond.clock import iso
from captiond.errors import CaptiondError
from captiond.model import Answer, Digest, PromptName, Result, Source
from captiond.prompts.prompt import Prompt

from . import search
from .jobs import note_event
from .places import MOST_PARAMETERS
from .reconsidering import reconsider_following
from .results import add_result
from .tables import jobs, photos, results


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says that the answer is; prompts in `again` were asked about it, and are asked anew.

    Those in `following` depend on it in one way or another: where they were skipped, they are asked, too.
    """

    photo: Digest
    prompt: Prompt
    prompt_version: str
    answer: Answer
    again: tuple[PromptName, ...] = ()
    following: tuple[PromptName, ...] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """Which prompts are to be asked anew of the photos that a search finds; no words: of all photos.

    `model` is asked in place of the prompts' own, this once.
    """

    words: str
    prompts: tuple[PromptName, ...]
    model: str | None = None


def correct(connection: Connection, correction: Correction, now: datetime) -> int:
    """Add a person's answer, which is current from now on; gives how many questions are asked anew for it.

    Raises CaptiondError where the photo is not known.
    """
    photo_id = connection.scalar(select(photos.c.id).where(photos.c.sha256 == correction.photo))
    if photo_id is None:
        raise CaptiondError("there is no such photo in the catalogue any more")
    result = Result(
        prompt=correction.prompt.name,
        prompt_version=correction.prompt_version,
        source=Source.HUMAN,
        answer=correction.answer,
        created_at=now,
    )
    add_result(connection, photo_id, correction.prompt, result)
    note_event(connection, "edited", f"{correction.prompt.name}: by a person", now, photo_id)
    asked = sum(_ask(connection, prompt, [photo_id], priority=1, now=now) for prompt in correction.again)
    return asked + reconsider_following(connection, photo_id, correction.following, now=now)


def to_redo(connection: Connection, again: Again, now: datetime) -> dict[PromptName, int]:
    """Count the questions that `redo` would ask, by prompt; changes nothing. Raises NotUnderstood."""
    found = _found(connection, again.words, now)
    return {
        prompt: sum(
            len(connection.scalars(select(photos.c.id).where(_askable(some, prompt))).all())
            for some in _chunks(found)
        )
        for prompt in again.prompts
    }


def redo(connection: Connection, again: Again, now: datetime) -> dict[PromptName, int]:
    """Queue prompts anew, behind all else; what a person has answered stays, and is not asked.

    Gives how many questions of each prompt. The results so far are kept; the new ones replace them as they
    come.
    """
    found = _found(connection, again.words, now)
    queued = {
        prompt: _ask(connection, prompt, found, priority=0, now=now, model=again.model)
        for prompt in again.prompts
    }
    if any(queued.values()):
        told = ", ".join(f"{prompt} {count:,}" for prompt, count in queued.items())
        of_whom = f", of {again.model}" if again.model else ""
        note_event(connection, "redo", f"to be asked anew by hand{of_whom}: {told}", now)
    return queued


def _ask(
    connection: Connection,
    prompt: PromptName,
    photo_ids: Sequence[int],
    *,
    priority: int,
    now: datetime,
    model: str | None = None,
) -> int:
    queued = 0
    for some in _chunks(photo_ids):
        job = (prompt, "queued", priority, iso(now), model)
        askable = select(photos.c.id, *map(literal, job)).where(_askable(some, prompt))
        columns = ["photo_id", "prompt", "state", "priority", "queued_at", "model"]
        fresh = {"state": "queued", "tries": 0, "crashes": 0, "error": None, "next_try_at": None}
        anew = {**fresh, "model": model}
        queueing = insert(jobs).from_select(columns, askable)
        resting = jobs.c.state.in_(("failed", "waiting", "queued"))
        queueing = queueing.on_conflict_do_update(
            index_elements=["photo_id", "prompt"], set_=anew, where=resting
        )
        queued += connection.execute(queueing).rowcount
        queued += _ask_after(connection, prompt, some, model, now)
        open_again = exists().where(jobs.c.photo_id == photos.c.id, jobs.c.state == "queued")
        rested = photos.c.id.in_(some) & photos.c.state.in_(("done", "failed")) & open_again
        connection.execute(update(photos).where(rested).values(state="partial", reason=None))
    return queued


def _ask_after(
    connection: Connection, prompt: PromptName, photo_ids: Sequence[int], model: str | None, now: datetime
) -> int:
    """Have what is in hand asked once more: the answer on its way is to the question as it was."""
    these = jobs.c.photo_id.in_(select(photos.c.id).where(_askable(photo_ids, prompt)))
    in_hand = (jobs.c.prompt == prompt) & (jobs.c.state == "running")
    wanted_again = {"next_try_at": iso(now), "model": model}
    return connection.execute(update(jobs).where(these, in_hand).values(wanted_again)).rowcount


def _askable(photo_ids: Sequence[int], prompt: PromptName) -> ColumnElement[bool]:
    """Choose those of the photos that are there, readable, and not answered by a person."""
    by_person = exists().where(
        results.c.photo_id == photos.c.id,
        results.c.prompt == prompt,
        results.c.source == Source.HUMAN,
        results.c.current == 1,
    )
    there = (photos.c.state != "unreadable") & (photos.c.missing == 0)
    return photos.c.id.in_(photo_ids) & there & ~by_person


def _found(connection: Connection, words: str, now: datetime) -> list[int]:
    if not words.strip():
        return list(connection.scalars(select(photos.c.id)))
    driver = connection.connection.driver_connection
    assert driver is not None
    return search.matching(driver, words, today=now.date())


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    # Some more parameters are the job's own.
    size = MOST_PARAMETERS - 50
    return (ids[start : start + size] for start in range(0, len(ids), size))
