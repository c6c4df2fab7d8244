"""Writes that take over what a sidecar says: a photo, its file, and the results that count more than ours."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, func, insert, select, update

from captiond.clock import iso
from captiond.model import Entry, InboxFile, PromptName, Result, Source, Status
from captiond.prompts.prompt import Prompt

from . import statements as sql
from .intake import refresh_places
from .jobs import queue_missing, refresh_state
from .places import place_columns
from .queries import result_from
from .results import add_result, record_facts
from .tables import files, jobs, models, photos, prompts, results

RANKS = tuple(Source)
"""Lowest first."""

Wording = Callable[[Result], Prompt]
"""Finds the prompt that a result answers."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What came of a sidecar: its photo's id, whether that is new, and how many results were added."""

    photo_id: int
    is_new: bool
    results: int


def take_over(
    connection: Connection,
    entry: Entry,
    file: InboxFile,
    *,
    wording: Wording,
    asked: Sequence[PromptName],
    now: datetime,
) -> TakenOver:
    """Know the photo of a sidecar, its file, and its results with their source, time and provenance.

    A result is added where there is none of its prompt, or an older one of the same rank, or one of a lower
    rank; one that is there already is not added again.
    """
    photo_id, is_new = _photo_of(connection, entry, file, now)
    _know_file(connection, file, photo_id, now)
    if entry.facts is not None:
        lacks_facts = select(photos.c.format.is_(None)).where(photos.c.id == photo_id)
        if connection.scalars(lacks_facts).one():
            record_facts(connection, photo_id, entry.facts, store_gps=False)
    added = 0
    for result in sorted(entry.results, key=lambda one: one.created_at):
        if _counts(connection, photo_id, result):
            add_result(connection, photo_id, wording(result), result)
            added += 1
    refresh_places(connection, [photo_id])
    if is_new:
        _rest_as(connection, entry, photo_id, asked, now)
    queue_missing(connection, asked, fresh=False, now=now, photo_ids=[photo_id])
    refresh_state(connection, photo_id)
    return TakenOver(photo_id, is_new, added)


def note_taken_over(connection: Connection, file: InboxFile, sha256: str, *, says_all: bool) -> None:
    """Keep which sidecar was taken over; it is written anew unless it `says_all` that is known."""
    changes: dict[str, object] = {"sidecar_sha256": sha256, "sidecar_reason": None}
    if says_all:
        changes["sidecar_dirty"] = 0
    else:
        changes["sidecar_dirty"] = func.max(files.c.sidecar_dirty, 1)
    known = files.c.path_bytes == os.fsencode(file.path)
    differs = files.c.sidecar_sha256.is_distinct_from(sha256) | files.c.sidecar_reason.is_not(None)
    differs |= files.c.sidecar_dirty > 0 if says_all else files.c.sidecar_dirty == 0
    connection.execute(update(files).where(known, differs).values(changes))


def date_back(connection: Connection) -> None:
    """Have prompts and models be known since their first result, in whatever order these came."""
    for table, column in ((prompts, results.c.prompt_id), (models, results.c.model_id)):
        first = select(func.min(results.c.created_at)).where(column == table.c.id).scalar_subquery()
        connection.execute(update(table).where(table.c.first_used_at > first).values(first_used_at=first))


def _photo_of(connection: Connection, entry: Entry, file: InboxFile, now: datetime) -> tuple[int, bool]:
    place = place_columns(file.inbox, file.path)
    folder, _, name = str(place["path"]).rpartition("/")
    # When the picture came is not told; it was there when it was asked about first.
    came_at = min((result.created_at for result in entry.results), default=now)
    row = {
        "inbox": place["inbox"],
        "path": place["path"],
        "folder": folder,
        "name": name,
        "bytes": entry.size_bytes,
        "sha256": entry.digest,
        "added_at": iso(came_at),
        "updated_at": iso(came_at),
    }
    is_new = connection.execute(sql.ADD_PHOTO, row).rowcount == 1
    photo_id = connection.scalars(select(photos.c.id).where(photos.c.sha256 == entry.digest)).one()
    return photo_id, is_new


def _know_file(connection: Connection, file: InboxFile, photo_id: int, now: datetime) -> None:
    """Know a file that is not known yet; without a stamp the next scan reads it, and sees what it holds."""
    there = os.path.lexists(file.path)
    row = {
        **place_columns(file.inbox, file.path),
        "photo_id": photo_id,
        "state": "known" if there else "missing",
        "seen_at": iso(now),
    }
    known = exists().where(files.c.path_bytes == row["path_bytes"])
    if not connection.scalar(select(known)):
        connection.execute(insert(files).values(row))


def _counts(connection: Connection, photo_id: int, result: Result) -> bool:
    """Tell whether a result is to be added: it would be current, and is not there yet."""
    of_prompt = (results.c.photo_id == photo_id) & (results.c.prompt == result.prompt)
    there = [(row.current, result_from(row)) for row in connection.execute(sql.ALL_RESULTS.where(of_prompt))]
    if any(_is_same(result, one) for _, one in there):
        return False
    return all(_weight(result) >= _weight(one) for current, one in there if current)


def _weight(result: Result) -> tuple[int, datetime]:
    """Give what decides between two results; one that was skipped is nobody's answer."""
    rank = 0 if result.answer.status is Status.SKIPPED else RANKS.index(result.source)
    return rank, result.created_at


def _is_same(result: Result, other: Result) -> bool:
    """Compare two results in what a sidecar tells of them; when a person said it again is no news."""
    answers = [
        (one.answer.status, one.answer.value, one.answer.content, one.answer.language, one.answer.reason)
        for one in (result, other)
    ]
    if answers[0] != answers[1] or result.source != other.source:
        return False
    if result.source is Source.HUMAN:
        return True
    origins = [(one.created_at, one.prompt_version, one.model) for one in (result, other)]
    return origins[0] == origins[1]


def _rest_as(
    connection: Connection, entry: Entry, photo_id: int, asked: Sequence[PromptName], now: datetime
) -> None:
    """Have a photo that had failed, or could not be read, rest as it did."""
    if entry.state == "unreadable":
        resting = {"state": "unreadable", "reason": entry.reason}
        connection.execute(update(photos).where(photos.c.id == photo_id).values(resting))
    if entry.state != "failed":
        return
    answered = {result.prompt for result in entry.results}
    for prompt in asked:
        if prompt not in answered:
            failed = {"state": "failed", "tries": 1, "error": entry.reason, "queued_at": iso(now)}
            connection.execute(insert(jobs).values(photo_id=photo_id, prompt=prompt, **failed))
