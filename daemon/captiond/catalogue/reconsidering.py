"""Writes about photos that came to lie elsewhere: what their earlier places kept them from is asked now.

A prompt that was skipped has a result, so that it counts as answered; but its reason may have been the place.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from captiond.clock import iso
from captiond.model import HashedFile, InboxFile, PromptName
from captiond.prompts.conditions import asked_first, reasons_gone
from captiond.prompts.prompt import Prompt

from . import statements as sql
from .intake import register
from .jobs import refresh_state
from .places import inbox_file_from
from .tables import jobs

QUEUE = insert(jobs).on_conflict_do_nothing(index_elements=["photo_id", "prompt"])


def take_in(
    connection: Connection,
    hashed: Sequence[HashedFile],
    prompts: Sequence[Prompt],
    *,
    fresh: bool,
    now: datetime,
) -> list[int]:
    """Register files, and reconsider what their photos were not asked elsewhere; gives the photos' ids."""
    names = [prompt.name for prompt in prompts]
    photo_ids = register(connection, hashed, names, fresh=fresh, now=now)
    reconsider(connection, photo_ids, prompts, fresh=fresh, now=now)
    return photo_ids


def reconsider(
    connection: Connection, photo_ids: Sequence[int], prompts: Sequence[Prompt], *, fresh: bool, now: datetime
) -> int:
    """Queue what these photos were not asked because of where they lay, and may be asked now; gives how many.

    `prompts` in asking order: those that were skipped for want of an answer that is asked now are queued,
    too.
    """
    skipped: defaultdict[int, dict[PromptName, str]] = defaultdict(dict)
    for photo_id, prompt, reason in connection.execute(sql.SKIPPED, {"of_photos": photo_ids}):
        skipped[photo_id][PromptName(prompt)] = reason or ""
    queued = 0
    for photo_id, reasons in skipped.items():
        files = [inbox_file_from(row) for row in connection.execute(sql.HOLDING, {"of_photo": photo_id})]
        job = {"photo_id": photo_id, "state": "queued", "priority": int(fresh), "queued_at": iso(now)}
        again = [{**job, "prompt": prompt} for prompt in _asked_now(prompts, reasons, files)]
        if again:
            queued += connection.execute(QUEUE, again).rowcount
            refresh_state(connection, photo_id)
    return queued


def _asked_now(
    prompts: Sequence[Prompt], skipped: Mapping[PromptName, str], files: Sequence[InboxFile]
) -> Iterator[PromptName]:
    again: set[PromptName] = set()
    for prompt in prompts:
        if prompt.name not in skipped:
            continue
        places = ((file.path.relative_to(file.inbox), str(file.inbox)) for file in files)
        gone = any(skipped[prompt.name] in reasons_gone(prompt, *place) for place in places)
        if gone or asked_first(prompt) & again:
            again.add(prompt.name)
            yield prompt.name
