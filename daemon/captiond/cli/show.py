"""`captiond show`: all that is known of one picture, and why something is missing."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.printable import printable

from .output import (
    AsJson,
    CatalogueFile,
    ConfigFile,
    bold,
    catalogue_path,
    dim,
    listed,
    local,
    note,
    print_field,
    print_json,
)

if TYPE_CHECKING:
    from captiond.catalogue.lookup import JobKnown, Known
    from captiond.model import Entry, Result

Photo = Annotated[
    str,
    typer.Argument(
        metavar="PHOTO", help="A path, a name, part of a name, or the first 8 digits or more of its SHA-256."
    ),
]

LABELS = {"objects": "objects", "description": "description", "ocr": "text", "translation": "translation"}
"""The built-in prompts in the order in which people read them, as they are called on the screen."""


def show(
    photo: Photo, *, json: AsJson = False, catalogue: CatalogueFile = None, config: ConfigFile = None
) -> None:
    """Show what is known of a picture, and why it waits, failed or was not read.

    Exit codes: 0 shown, 1 nothing or several so called, 2 usage, 74 I/O, 78 configuration or newer catalogue.
    """
    from captiond.catalogue.database import asking
    from captiond.catalogue.locking import is_locked
    from captiond.catalogue.lookup import look_up
    from captiond.catalogue.outlook import sayings

    path = catalogue_path(catalogue, config)
    with asking(path) as connection:
        found = look_up(connection, photo, Path.cwd())
        said = {saying.subject: saying.sentence for saying in sayings(connection)} if is_locked(path) else {}
    if json:
        print_json({"photos": [_document(known) for known in found]})
    elif len(found) == 1:
        _print(found[0], said.get("daemon"))
    else:
        _print_choice(photo, found)
    raise typer.Exit(0 if len(found) == 1 else 1)


def why(known: "Known") -> str | None:
    """Say in one sentence why a picture has not all its answers; None where it has."""
    if known.entry is None:
        return _why_not_read(known)
    if known.entry.state == "unreadable":
        return (
            f"Unreadable: {_reason(known.entry.reason)} It is not tried again while its bytes are the same."
        )
    if known.missing:
        seen_at = local(known.files[0].seen_at)
        return f"No file has this picture any more (last seen {seen_at}); its answers stay."
    failed = [job for job in known.jobs if job.state == "failed"]
    waiting = [job for job in known.jobs if job.state != "failed"]
    return _why_waiting(waiting) if waiting else _why_failed(failed) if failed else None


def _why_not_read(known: "Known") -> str:
    file = known.files[0]
    if file.state == "missing":
        return f"The file is gone (last seen {local(file.seen_at)})."
    return f"Not read: {_reason(file.reason)}"


def _why_failed(failed: Sequence["JobKnown"]) -> str:
    names = listed(job.prompt for job in failed)
    tries = max(job.tries for job in failed)
    times = "1 try" if tries == 1 else f"{tries} tries"
    return f"Failed after {times} of {names}: {_reason(failed[-1].error)}"


def _why_waiting(waiting: Sequence["JobKnown"]) -> str:
    names = listed(job.prompt for job in waiting)
    troubled = [job for job in waiting if job.error]
    problem = f" Last problem: {_reason(troubled[-1].error)}" if troubled else ""
    later = [job.next_try_at for job in waiting if job.next_try_at]
    if any(job.state == "running" for job in waiting):
        return f"In hand: {names} being asked.{problem}"
    if len(later) < len(waiting):
        return f"Waiting for its turn: {names}.{problem}"
    tries = max(job.tries for job in waiting)
    return f"Waiting: {names}, try {tries + 1} at {local(min(later))}.{problem}"


def _reason(reason: str | None) -> str:
    """Give a reason as the end of a sentence."""
    return f"{(reason or 'the reason was not kept').rstrip('.')}."


def _print(known: "Known", daemon_says: str | None) -> None:
    typer.echo("   ".join(filter(None, _heading(known))))
    results = sorted(known.entry.results, key=_place) if known.entry else []
    width = max((len(_label(result)) for result in results), default=0) + 2
    for result in results:
        print_field(_label(result), _text(result), width=width, aside=_aside(result))
    sentence = why(known)
    if sentence:
        typer.echo(printable(sentence))
    if daemon_says and any(job.state == "queued" for job in known.jobs):
        typer.echo(dim(printable(f"captiond: {daemon_says}")))
    for file in known.files[1:] if known.entry else ():
        typer.echo(dim(printable(f"also {file.inbox}/{file.path}{_if_gone(file.state)}")))
    for file in known.files:
        if file.sidecar_reason:
            typer.echo(printable(f"No sidecar: {file.sidecar_reason}"))
    if results and all(result.source == "model" for result in results):
        typer.echo(dim("Machine-written; not checked by anyone."))


def _heading(known: "Known") -> tuple[str, ...]:
    folder, _, name = f"{known.inbox}/{known.path}".rpartition("/")
    facts = known.entry.facts if known.entry else None
    size = f"{facts.width}×{facts.height}" if facts else ""
    taken_at = (facts.taken_at or "").replace("T", " ")[:16] if facts else ""
    return bold(printable(name)), size, printable(taken_at), printable(folder) + "/"


def _if_gone(state: str) -> str:
    return " (gone)" if state == "missing" else ""


def _place(result: "Result") -> tuple[int, str]:
    order = list(LABELS)
    return (order.index(result.prompt) if result.prompt in LABELS else len(order), result.prompt)


def _label(result: "Result") -> str:
    label = LABELS.get(result.prompt, result.prompt)
    return (
        f"{label} ({result.answer.language})" if result.answer.language and result.prompt == "ocr" else label
    )


def _text(result: "Result") -> str:
    answer = result.answer
    if answer.status == "skipped":
        return f"not asked: {answer.reason or 'not needed'}"
    if isinstance(answer.content, list) and all(isinstance(part, str) for part in answer.content):
        return ", ".join(answer.content) or "none"
    return answer.value or "none"


def _aside(result: "Result") -> str:
    """Tell who gave an answer, and how long it took."""
    if result.answer.status == "skipped":
        return ""
    giver = {"human": "a person", "import": "imported"}.get(result.source, "")
    giver = giver or (result.model.name if result.model else "")
    about = f"from the {LABELS.get(result.from_prompt, result.from_prompt)}" if result.from_prompt else ""
    seconds = f"{result.seconds:.1f} s" if result.seconds is not None else ""
    return ", ".join(filter(None, (giver, about, seconds)))


def _print_choice(called: str, found: Sequence["Known"]) -> None:
    for known in found:
        typer.echo(printable(f"{known.inbox}/{known.path}"))
    if found:
        note(f"{len(found)} pictures are called so; name one of them.")
    elif (Path.cwd() / called).exists():
        note(f"{called} is not in the catalogue: it lies in no inbox, or captiond has not come to it yet.")
    else:
        note(f"Nothing in the catalogue is called {called}.")


def _document(known: "Known") -> dict[str, object]:
    """Give the shape of a photo in `--json`; later versions only add keys."""
    entry = known.entry
    return {
        "path": known.path,
        "inbox": known.inbox,
        "why": why(known),
        "missing": known.missing,
        **(
            _entry_document(entry)
            if entry
            else {"sha256": None, "state": known.files[0].state, "results": {}}
        ),
        "files": [
            {
                "path": file.path,
                "inbox": file.inbox,
                "state": file.state,
                "reason": file.reason,
                "sidecar_reason": file.sidecar_reason,
            }
            for file in known.files
        ],
        "jobs": [
            {
                "prompt": job.prompt,
                "state": job.state,
                "tries": job.tries,
                "error": job.error,
                "next_try_at": job.next_try_at and job.next_try_at.isoformat(),
            }
            for job in known.jobs
        ],
    }


def _entry_document(entry: "Entry") -> dict[str, object]:
    facts = entry.facts
    return {
        "sha256": entry.digest,
        "state": entry.state,
        "bytes": entry.size_bytes,
        "format": facts and facts.format,
        "width": facts and facts.width,
        "height": facts and facts.height,
        "taken_at": facts and facts.taken_at,
        "camera": facts and facts.camera,
        "results": {result.prompt: _result_document(result) for result in entry.results},
    }


def _result_document(result: "Result") -> dict[str, object]:
    answer = result.answer
    return {
        "status": answer.status,
        "value": answer.value,
        "content": answer.content,
        "language": answer.language,
        "reason": answer.reason,
        "source": result.source,
        "model": result.model and result.model.name,
        "from": result.from_prompt,
        "seconds": result.seconds,
        "created_at": result.created_at.isoformat(),
    }
