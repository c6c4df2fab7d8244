"""`captiond status`: how the work stands, in one plain sentence first."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.printable import counted, printable

from .inbox_lines import inbox_lines
from .output import (
    AsJson,
    CatalogueFile,
    ConfigFile,
    bold,
    catalogue_path,
    dim,
    local,
    print_json,
    tell,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from captiond.catalogue.inboxes import InboxStanding
    from captiond.catalogue.outlook import Last, Problem, Remaining, Saying
    from captiond.catalogue.queries import Pace, Progress
    from captiond.model import PromptName

ProblemLimit = Annotated[
    int, typer.Option("--problems", min=0, metavar="N", help="Print at most so many problems.")
]


@dataclass(frozen=True, slots=True)
class Standing:
    """All that the catalogue and its lock tell of the work; the sentence is made of it."""

    running: bool
    in_hand: int
    progress: "Progress"
    pace: "Mapping[PromptName, Pace]"
    remaining: "Remaining | None"
    sayings: "Sequence[Saying]"
    inboxes: "Sequence[InboxStanding]"
    last: "Last | None"
    problem_count: int
    problems: "Sequence[Problem]"


def status(
    *,
    json: AsJson = False,
    problems: ProblemLimit = 10,
    catalogue: CatalogueFile = None,
    config: ConfigFile = None,
) -> None:
    """Tell how far it is, when it will be done, what needs attention.

    Exit codes: 0 told, 2 usage, 74 I/O or no catalogue yet, 78 configuration or newer catalogue.
    """
    from captiond.catalogue import inboxes, outlook, queries
    from captiond.catalogue.database import asking
    from captiond.catalogue.locking import is_locked

    path = catalogue_path(catalogue, config)
    running = is_locked(path)
    with asking(path) as connection:
        standing = Standing(
            running=running,
            in_hand=outlook.in_hand(connection),
            progress=queries.progress(connection),
            pace=queries.pace(connection),
            remaining=outlook.remaining(connection),
            sayings=_latest(outlook.sayings(connection), path) if running else outlook.sayings(connection),
            inboxes=inboxes.standings(connection),
            last=outlook.last_answer(connection),
            problem_count=outlook.count_problems(connection),
            problems=outlook.problems(connection, problems),
        )
    if json:
        print_json(_document(standing))
    else:
        _print(standing)


def _latest(sayings: "Sequence[Saying]", catalogue: "Path") -> "Sequence[Saying]":
    """Put what the daemon says this moment in the place of what it wrote last: it may be unable to write."""
    from captiond.catalogue.outlook import Saying
    from captiond.orders import told

    sentence = told(catalogue)
    if sentence is None:
        return sayings
    others = [saying for saying in sayings if saying.subject != "daemon"]
    return [Saying("daemon", sentence, datetime.now().astimezone()), *others]


def sentence_of(standing: Standing) -> str:
    """Say in a sentence how the work stands."""
    to_do = standing.progress.photos_to_do
    paused = any(each.subject == "paused" for each in standing.sayings)
    if not standing.running:
        waiting = f"; {counted(to_do, 'photo waits', 'photos wait')}" if to_do else ""
        return f"Not running{', and paused' if paused else ''}{waiting}."
    if paused:
        return "Pausing: what is in hand is finished." if standing.in_hand else "Paused."
    if standing.in_hand:
        return "Reading."
    obstacle = next((each.obstacle for each in standing.sayings if each.subject == "daemon"), "")
    if to_do or obstacle:
        return f"Waiting. {obstacle}".strip()
    if standing.progress.need_attention:
        return "Idle: all that can be read is read."
    return "Idle: every photo is read."


def _print(standing: Standing) -> None:
    photos = standing.progress.photos
    sentence = sentence_of(standing)
    tell(sentence, bold, aside=_counts(standing))
    if standing.pace and photos["done"]:
        typer.echo(_pace(standing))
    if standing.remaining and standing.in_hand:
        typer.echo(_estimate(standing.remaining))
    files = standing.progress.files
    aside = [
        counted(files["skipped"], "other file skipped", "other files skipped") if files["skipped"] else "",
        counted(files["missing"], "file gone", "files gone") if files["missing"] else "",
    ]
    if any(aside):
        typer.echo(dim(", ".join(filter(None, aside)) + "."))
    if standing.last:
        typer.echo(printable(f"Last: {standing.last.path}, {local(standing.last.at)}."))
    for saying in standing.sayings if standing.running else ():
        if saying.sentence not in sentence:
            tell(f"{saying.subject}: {saying.sentence} ({local(saying.at)})", dim)
    for line in [line for one in standing.inboxes for line in inbox_lines(one)] if standing.running else ():
        tell(line, dim)
    _print_problems(standing)


def _counts(standing: Standing) -> str:
    photos, attention = standing.progress.photos, standing.progress.need_attention
    total = sum(photos.values())
    counts = [f"{photos['done']:,} of {counted(total, 'photo')} done"]
    if standing.progress.photos_to_do:
        counts.append(f"{standing.progress.photos_to_do:,} waiting")
    if attention:
        counts.append(counted(attention, "needs attention", "need attention"))
    return ", ".join(counts) + "."


def _pace(standing: Standing) -> str:
    each = [f"{prompt} {one.median_seconds:.1f} s" for prompt, one in reversed(list(standing.pace.items()))]
    whole = sum(one.median_seconds * one.asked_share for one in standing.pace.values())
    return f"Pace {whole:.1f} s a photo: {' · '.join(each)}"


def _estimate(remaining: "Remaining") -> str:
    now = datetime.now().astimezone()
    least, middle, most = (
        local(now + timedelta(seconds=seconds))
        for seconds in (remaining.least_seconds, remaining.middle_seconds, remaining.most_seconds)
    )
    return f"Done about {middle}" + (f", between {least} and {most}." if least != most else ".")


def _print_problems(standing: Standing) -> None:
    for problem in standing.problems:
        asked = f" ({', '.join(problem.prompts)})" if problem.prompts else ""
        again = f"; again at {local(problem.next_try_at)}" if problem.next_try_at else ""
        tell(f"  {problem.path}{asked}: {problem.state}: {problem.reason}{again}")
    if standing.progress.jobs["failed"]:
        typer.echo(dim("  captiond retry --failed asks again what failed"))
    more = standing.problem_count - len(standing.problems)
    if more > 0:
        typer.echo(dim(f"  and {more:,} more: captiond status --problems {standing.problem_count}"))


def _document(standing: Standing) -> dict[str, object]:
    """Give the shape of `--json`; later versions only add keys. Times are ISO 8601, durations seconds."""
    return {
        "sentence": sentence_of(standing),
        "running": standing.running,
        "in_hand": standing.in_hand,
        "photos": dict(standing.progress.photos),
        "jobs": dict(standing.progress.jobs),
        "files": dict(standing.progress.files),
        "pace": {prompt: asdict(one) for prompt, one in standing.pace.items()},
        "remaining": standing.remaining and asdict(standing.remaining),
        "said": {
            saying.subject: {"sentence": saying.sentence, "at": saying.at.isoformat()}
            for saying in standing.sayings
        },
        "inboxes": [asdict(one) for one in standing.inboxes],
        "last": standing.last and {"path": standing.last.path, "at": standing.last.at.isoformat()},
        "problem_count": standing.problem_count,
        "problems": [
            {**asdict(problem), "next_try_at": problem.next_try_at and problem.next_try_at.isoformat()}
            for problem in standing.problems
        ],
    }
