"""Questions about what is known; each is a function on a read-only connection and writes nothing.

`Catalogue.ask` and `Catalogue.read` run them.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, exists, func, select

from captiond.clock import iso
from captiond.model import (
    Answer,
    Digest,
    Entry,
    FileStamp,
    ModelIdentity,
    PictureFacts,
    PromptName,
    Result,
    Source,
    Status,
)

from . import statements as sql
from .lists import at_places
from .places import MOST_PARAMETERS, readable
from .tables import files, jobs, photos, prompts, results

PHOTO_STATES = ("queued", "partial", "done", "failed", "unreadable")
JOB_STATES = ("queued", "running", "waiting", "failed")
FILE_STATES = ("known", "skipped", "refused", "missing")

RECENT_RESULTS = 1000
RECENT_ANSWERS = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """How many photos, jobs and files are in each state; every state is there, with 0 too."""

    photos: Mapping[str, int]
    jobs: Mapping[str, int]
    files: Mapping[str, int]

    @property
    def photos_to_do(self) -> int:
        """Photos that still have something to be asked."""
        return self.photos["queued"] + self.photos["partial"]

    @property
    def need_attention(self) -> int:
        """Photos that failed or cannot be decoded, and files that are not read although they should be."""
        return self.photos["failed"] + self.photos["unreadable"] + self.files["refused"]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds for one answer to a prompt: half of the last answers were quicker than the median.

    `asked_share` is how much of the results had to be asked for; the others were skipped.
    """

    quarter_seconds: float
    median_seconds: float
    three_quarters_seconds: float
    asked_share: float


def entry(connection: Connection, photo_id: int) -> Entry:
    """Give all that a sidecar tells of a photo; results are the current ones, in the order they came."""
    of_photo = {"of_photo": photo_id}
    photo = connection.execute(sql.PHOTO, of_photo).one()
    return Entry(
        digest=Digest(photo.sha256),
        size_bytes=photo.bytes,
        facts=_facts_from(photo),
        state=photo.state,
        reason=photo.reason,
        results=tuple(result_from(row) for row in connection.execute(sql.CURRENT_RESULTS, of_photo)),
    )


def known_stamps(connection: Connection, places: Sequence[bytes]) -> dict[bytes, FileStamp]:
    """Give the stamps under which these files were looked at; a file that is new or due again has none."""
    # By position: naming the columns of a million rows takes seconds.
    return {
        place: FileStamp(device % 2**64, inode % 2**64, size_bytes, mtime_ns, ctime_ns)
        for place, device, inode, size_bytes, mtime_ns, ctime_ns in at_places(connection, sql.STAMPS, places)
    }


def read_in_inbox(connection: Connection, inbox: Path) -> Iterator[Path]:
    """Yield the files of an inbox that were read, or refused for what they are.

    To be used up while the connection is open.
    """
    looked_at = select(files.c.path_bytes).where(
        files.c.inbox == readable(inbox), files.c.state.in_(("known", "refused"))
    )
    for place in connection.execution_options(yield_per=MOST_PARAMETERS).scalars(looked_at):
        path = Path(os.fsdecode(place))
        if path.is_relative_to(inbox):
            yield path


def absent_since(connection: Connection, inbox: Path, moment: datetime) -> list[Path]:
    """List the files of an inbox that were missed first at that moment or before."""
    long_absent = files.c.absent_since <= iso(moment)
    places = select(files.c.path_bytes).where(files.c.inbox == readable(inbox), long_absent)
    return [Path(os.fsdecode(place)) for place in connection.scalars(places)]


def knows_inbox(connection: Connection, inbox: Path) -> bool:
    """Tell whether files were ever seen in this inbox."""
    seen = select(files.c.id).where(files.c.inbox == readable(inbox)).limit(1)
    return connection.scalars(seen).first() is not None


def knows_photos(connection: Connection) -> bool:
    """Tell whether there is any photo."""
    return connection.scalars(select(photos.c.id).limit(1)).first() is not None


def prompts_asked(connection: Connection) -> list[PromptName]:
    """Name the prompts that some photo was asked, or has still to be asked."""
    names = select(prompts.c.name).union(select(jobs.c.prompt))
    return [PromptName(name) for name in sorted(connection.scalars(names))]


def problems_in(connection: Connection, inboxes: Sequence[Path]) -> int:
    """Count the files in these inboxes that were refused, or whose photo failed or is unreadable."""
    bad = (files.c.state == "refused") | photos.c.state.in_(("failed", "unreadable"))
    there = files.c.inbox.in_([readable(inbox) for inbox in inboxes]) & (files.c.state != "missing")
    joined = files.outerjoin(photos, photos.c.id == files.c.photo_id)
    return connection.scalars(select(func.count()).select_from(joined).where(bad, there)).one()


def current_answer(connection: Connection, photo_id: int, prompt: PromptName) -> Answer | None:
    """Give the answer that counts for one photo and prompt, or None where there is none yet."""
    asked = {"of_photo": photo_id, "of_prompt": prompt}
    row = connection.execute(sql.CURRENT_RESULT, asked).one_or_none()
    return None if row is None else answer_from(row)


def progress(connection: Connection) -> Progress:
    """Count photos, jobs and files by their state; not the photos that would be asked, were they there."""
    in_vain = (photos.c.missing == 1) & photos.c.state.in_(("queued", "partial"))
    return Progress(
        photos=_counted(connection, photos.c.state, PHOTO_STATES, ~in_vain),
        jobs=_counted(connection, jobs.c.state, JOB_STATES),
        files=_counted(connection, files.c.state, FILE_STATES),
    )


def next_try_at(connection: Connection) -> datetime | None:
    """Tell when the next waiting job is due, among photos that are there and in nobody's hands."""
    others = jobs.alias()
    in_hand = exists().where(others.c.photo_id == jobs.c.photo_id, others.c.state == "running")
    there = exists().where(photos.c.id == jobs.c.photo_id, photos.c.missing == 0)
    earliest = select(func.min(jobs.c.next_try_at)).where(jobs.c.state == "waiting", there, ~in_hand)
    moment = connection.scalars(earliest).one()
    return None if moment is None else datetime.fromisoformat(moment)


def pace(connection: Connection) -> dict[PromptName, Pace]:
    """Give the seconds that answers took lately: the last 100 of each prompt among the newest 1,000.

    A prompt that was only skipped lately has no pace.
    """
    newest = select(results.c.prompt, results.c.seconds).where(results.c.source == "model")
    seconds: dict[PromptName, list[float | None]] = {}
    for row in connection.execute(newest.order_by(results.c.id.desc()).limit(RECENT_RESULTS)):
        seconds.setdefault(PromptName(row.prompt), []).append(row.seconds)
    paces = {prompt: _pace_of(newest_first[:RECENT_ANSWERS]) for prompt, newest_first in seconds.items()}
    return {prompt: found for prompt, found in paces.items() if found is not None}


def prompts_in_hand(connection: Connection, photo_id: int) -> list[PromptName]:
    """Name the prompts of a leased photo that are neither answered nor charged yet."""
    held = (jobs.c.photo_id == photo_id) & (jobs.c.state == "running")
    return [PromptName(prompt) for prompt in connection.scalars(select(jobs.c.prompt).where(held))]


def open_jobs(connection: Connection) -> dict[PromptName, int]:
    """Count the jobs of each prompt that will still be asked."""
    still = select(jobs.c.prompt, func.count()).where(jobs.c.state != "failed").group_by(jobs.c.prompt)
    return {PromptName(prompt): count for prompt, count in connection.execute(still)}


def answer_from(row: Row[Any]) -> Answer:
    """Read an answer back from a row of `results`."""
    return Answer(
        status=Status(row.status),
        value=row.value,
        content=None if row.content is None else json.loads(row.content),
        language=row.language,
        reason=row.reason,
        raw=row.raw,
    )


def result_from(row: Row[Any]) -> Result:
    """Read a result back from a row of `results` joined with its prompt and model."""
    return Result(
        prompt=PromptName(row.prompt),
        prompt_version=row.prompt_version or "",
        source=Source(row.source),
        answer=answer_from(row),
        created_at=datetime.fromisoformat(row.created_at),
        from_prompt=None if row.from_prompt is None else PromptName(row.from_prompt),
        model=_model_from(row),
        finish=row.finish,
        seconds=row.seconds,
        load_seconds=row.load_seconds,
        prompt_tokens=row.prompt_tokens,
        output_tokens=row.output_tokens,
    )


def _counted(
    connection: Connection, state: Column[str], states: tuple[str, ...], *conditions: ColumnElement[bool]
) -> dict[str, int]:
    counts = connection.execute(select(state, func.count()).where(*conditions).group_by(state))
    return dict.fromkeys(states, 0) | {row[0]: row[1] for row in counts}


def _model_from(row: Row[Any]) -> ModelIdentity | None:
    if row.model_name is None:
        return None
    return ModelIdentity(
        row.model_name, row.digest, row.family, row.parameters, row.quantization, row.server or None
    )


def _facts_from(photo: Row[Any]) -> PictureFacts | None:
    if photo.format is None:
        return None
    return PictureFacts(
        photo.format,
        photo.width,
        photo.height,
        photo.taken_at,
        photo.camera,
        photo.latitude,
        photo.longitude,
    )


def _pace_of(seconds: list[float | None]) -> Pace | None:
    asked = [one for one in seconds if one is not None]
    share = len(asked) / len(seconds)
    if len(asked) > 1:
        low, middle, high = quantiles(asked, n=4, method="inclusive")
        return Pace(low, middle, high, share)
    return Pace(asked[0], asked[0], asked[0], share) if asked else None
