"""How the work stands, for people: what is in the way, and when it will be done."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, column, func, select, table

from captiond.model import PromptName
from captiond.printable import counted

from .inboxes import SUBJECT as INBOXES
from .queries import Pace, open_jobs, pace
from .sidecars_left import TREE
from .tables import jobs, photos, results, status

RECENT_ANSWERS = 100

problems_view = table(
    "problems", column("path"), column("prompt"), column("state"), column("reason"), column("next_try_at")
)


WATCHING, PAUSED = "Watching;", "Paused;"
"""How the daemon's sentence begins where nothing stands in its way."""

_HOW_FAR = re.compile(r"[\d,]+ of [\d,]+ photos? done, ")


def how_far(done: int, waiting: int) -> str:
    """Say how far the work is; what stands in its way follows behind "; "."""
    return f"{done:,} of {counted(done + waiting, 'photo')} done, {waiting:,} waiting"


@dataclass(frozen=True, slots=True)
class Remaining:
    """Seconds that the open jobs will take: likely at least, in the middle, likely at most."""

    least_seconds: float
    middle_seconds: float
    most_seconds: float


@dataclass(frozen=True, slots=True)
class Problem:
    """A picture that needs attention, or waits for a further try; `prompt` is the first of `prompts`."""

    path: str
    prompt: PromptName | None
    state: str
    reason: str | None
    next_try_at: datetime | None
    prompts: tuple[PromptName, ...] = ()


@dataclass(frozen=True, slots=True)
class Saying:
    """What the running daemon said of a subject, and when."""

    subject: str
    sentence: str
    at: datetime

    @property
    def obstacle(self) -> str:
        """What stands in the daemon's way, by what it says of itself; empty where nothing does."""
        if self.sentence.startswith((WATCHING, PAUSED)):
            return ""
        return self.sentence.partition("; ")[2] if _HOW_FAR.match(self.sentence) else self.sentence


@dataclass(frozen=True, slots=True)
class Last:
    """The newest answer of a model."""

    path: str
    at: datetime


def remaining(connection: Connection) -> Remaining | None:
    """Estimate how long the open jobs take at the present pace; None when there is no pace to go by.

    Model loads and pauses are not in it; several servers at work side by side are.
    """
    paces, still_open = pace(connection), open_jobs(connection)
    if not still_open or not paces.keys() & still_open.keys():
        return None
    # A prompt without a pace, a new one say, is reckoned as the slowest of the others.
    slowest = max(paces.values(), key=lambda each: each.median_seconds)
    work = [(count, paces.get(prompt, slowest)) for prompt, count in still_open.items()]
    side_by_side = _side_by_side(connection)

    def seconds(quarter: int) -> float:
        return sum(count * one.asked_share * _quarters(one)[quarter] for count, one in work) / side_by_side

    return Remaining(seconds(0), seconds(1), seconds(2))


def problems(connection: Connection, limit: int) -> list[Problem]:
    """List what needs attention or waits for a further try, once for each picture, as `problems` has it."""
    found: dict[str, Problem] = {}
    rows = connection.execute(select(problems_view))
    for row in rows:
        known = found.get(row.path)
        if known is not None and row.prompt is not None:
            found[row.path] = replace(known, prompts=(*known.prompts, row.prompt))
        elif known is None and len(found) < limit:
            found[row.path] = _problem_from(row)
    rows.close()
    return list(found.values())


def count_problems(connection: Connection) -> int:
    """Count the pictures that `problems` lists."""
    return connection.scalars(select(func.count(problems_view.c.path.distinct()))).one()


def sayings(connection: Connection) -> list[Saying]:
    """List what the daemon said last of each subject but its inboxes and trees of sidecars."""
    said = select(status).where(status.c.subject != INBOXES, ~status.c.subject.startswith(TREE))
    rows = connection.execute(said.order_by(status.c.subject))
    return [Saying(row.subject, row.sentence, datetime.fromisoformat(row.at)) for row in rows]


def last_answer(connection: Connection) -> Last | None:
    """Tell which photo a model answered about last."""
    newest = select(photos.c.path, results.c.created_at).join(results, results.c.photo_id == photos.c.id)
    by_model = newest.where(results.c.source == "model").order_by(results.c.id.desc()).limit(1)
    row = connection.execute(by_model).first()
    return None if row is None else Last(row.path, datetime.fromisoformat(row.created_at))


def in_hand(connection: Connection) -> int:
    """Count the photos that a captiond has in hand."""
    held = select(func.count(jobs.c.photo_id.distinct())).where(jobs.c.state == "running")
    return connection.scalars(held).one()


def _problem_from(row: Row[Any]) -> Problem:
    next_try_at = None if row.next_try_at is None else datetime.fromisoformat(row.next_try_at)
    prompts = () if row.prompt is None else (row.prompt,)
    return Problem(row.path, row.prompt, row.state, row.reason, next_try_at, prompts)


def _quarters(one: Pace) -> tuple[float, float, float]:
    return one.quarter_seconds, one.median_seconds, one.three_quarters_seconds


def _side_by_side(connection: Connection) -> float:
    """Tell how many answers were made at a time lately: more than one where servers share the work."""
    answered = (results.c.source == "model") & results.c.seconds.is_not(None)
    newest = select(results.c.seconds, results.c.created_at).where(answered).order_by(results.c.id.desc())
    rows = connection.execute(newest.limit(RECENT_ANSWERS)).all()
    first, last = (datetime.fromisoformat(row.created_at) for row in (rows[-1], rows[0]))
    # Each moment is the end of an answer: the span begins where the first of them did.
    span_seconds = (last - first).total_seconds() + rows[-1].seconds
    worked_seconds: float = sum(row.seconds for row in rows)
    return max(1.0, worked_seconds / max(float(span_seconds), 1.0))
