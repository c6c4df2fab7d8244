"""Writes about prompts that were skipped, and are asked when photos lie elsewhere or the rules are others.

A prompt that was skipped has a result, so that it counts as answered; but its reason may be gone.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.dialects.sqlite import insert

from captiond.clock import iso
from captiond.model import HashedFile, InboxFile, PromptName
from captiond.prompts.conditions import NOT_IN_THIS_INBOX, asked_first, reasons_gone, reasons_unmet
from captiond.prompts.inboxes import is_asked_in
from captiond.prompts.prompt import Prompt
from captiond.prompts.skipping import reasons_to_skip

from . import statements as sql
from .intake import register
from .jobs import refresh_state
from .lists import written
from .places import inbox_file_from, readable
from .tables import jobs

QUEUE = insert(jobs).on_conflict_do_nothing(index_elements=["photo_id", "prompt"])
QUEUE_SKIPPED = text("""
INSERT INTO jobs (photo_id, prompt, state, priority, queued_at)
SELECT photo_id, prompt, 'queued', 0, :now FROM results
WHERE current = 1 AND status = 'skipped' AND prompt = :of_prompt AND (
  reason NOT IN (SELECT value FROM json_each(:reasons))
  OR from_prompt != :from_prompt
  OR reason = :not_here AND EXISTS (
    SELECT 1 FROM files WHERE files.photo_id = results.photo_id AND files.state = 'known'
    AND files.inbox IN (SELECT value FROM json_each(:asked_in)))
  OR EXISTS (
    SELECT 1 FROM jobs WHERE jobs.photo_id = results.photo_id AND jobs.state = 'queued'
    AND jobs.prompt IN (SELECT value FROM json_each(:asked_first))))
ON CONFLICT (photo_id, prompt) DO NOTHING
""")
QUEUE_FOLLOWING = text("""
INSERT INTO jobs (photo_id, prompt, state, priority, queued_at)
SELECT photo_id, prompt, 'queued', 0, :now FROM results
WHERE photo_id = :of_photo AND current = 1 AND status = 'skipped'
AND prompt IN (SELECT value FROM json_each(:following))
ON CONFLICT (photo_id, prompt) DO NOTHING
""")


def take_in(
    connection: Connection,
    hashed: Sequence[HashedFile],
    prompts: Sequence[Prompt],
    *,
    fresh: bool,
    now: datetime,
    queue: bool = True,
) -> list[int]:
    """Register files, and reconsider what their photos were not asked elsewhere; gives the photos' ids.

    Without `queue`, what they have no result for is left to be queued by somebody else.
    """
    names = [prompt.name for prompt in prompts] if queue else []
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


def reconsider_all(
    connection: Connection, prompts: Sequence[Prompt], inboxes: Iterable[Path], *, now: datetime
) -> int:
    """Queue what was skipped for reasons that these prompts no longer have; gives how many.

    `prompts` in asking order, as in `reconsider`; `inboxes` are those that are watched now.
    """
    watched = [(str(inbox), readable(inbox)) for inbox in inboxes]
    queued: Counter[PromptName] = Counter()
    for prompt in prompts:
        rules = {
            "reasons": written([NOT_IN_THIS_INBOX, *reasons_unmet(prompt), *reasons_to_skip(prompt)]),
            "asked_in": written([name for inbox, name in watched if is_asked_in(prompt, {inbox})]),
            "from_prompt": prompt.from_prompt,
            "asked_first": written(sorted(asked_first(prompt) & queued.keys())),
        }
        asked = {"of_prompt": prompt.name, "not_here": NOT_IN_THIS_INBOX, "now": iso(now), **rules}
        if count := connection.execute(QUEUE_SKIPPED, asked).rowcount:
            queued[prompt.name] = count
    if queued:
        connection.execute(sql.REOPEN)
    return queued.total()


def reconsider_following(
    connection: Connection, photo_id: int, following: Collection[PromptName], *, now: datetime
) -> int:
    """Queue those of these prompts that a photo was not asked: the answer that decided it is another now."""
    about = {"of_photo": photo_id, "following": written(sorted(following)), "now": iso(now)}
    queued = connection.execute(QUEUE_FOLLOWING, about).rowcount
    if queued:
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
