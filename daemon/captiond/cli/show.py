"""`captiond show`: all that is known of one picture, and why something is missing."""

import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.printable import printable
from captiond.prompts.witnesses import NEEDS_A_LOOK

from .output import (
    AsJson,
    CatalogueFile,
    ConfigFile,
    bold,
    catalogue_path,
    dim,
    is_told,
    note,
    one_line,
    print_field,
    print_json,
    tell,
)
from .reasons import why_not_done

if TYPE_CHECKING:
    from captiond.catalogue.lookup import JobKnown, Known
    from captiond.model import Entry, Result

Photo = Annotated[
    str,
    typer.Argument(
        metavar="PHOTO", help="A path, a name, part of a name, or the first 8 digits or more of its SHA-256."
    ),
]

LONGEST_REFUSED = 300
"""Characters of a reply that was no answer, for people; `--json` has all that was kept."""

LABELS = {"objects": "objects", "description": "description", "ocr": "text", "translation": "translation"}
"""The built-in prompts in the order in which people read them, as they are called on the screen."""


def show(
    photo: Photo, *, json: AsJson = False, catalogue: CatalogueFile = None, config: ConfigFile = None
) -> None:
    """Show what is known of a picture. Where it waits, failed or was not read, it says why.

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
        _print_choice(found)
        if not found:
            _print_nothing(photo, catalogue, config)
    raise typer.Exit(0 if len(found) == 1 else 1)


def _print(known: "Known", daemon_says: str | None) -> None:
    typer.echo("   ".join(filter(None, _heading(known))))
    results = sorted(known.entry.results, key=_place) if known.entry else []
    width = max((len(_label(result)) for result in results), default=0) + 2
    for result in results:
        print_field(_label(result), _text(result), width=width, aside=_aside(result))
    sentence = why_not_done(known)
    if sentence:
        tell(sentence)
    _print_refused(known.jobs)
    if daemon_says and any(job.state == "queued" for job in known.jobs):
        tell(f"captiond: {daemon_says}", dim)
    _print_files(known)
    if results and all(result.source == "model" for result in results):
        typer.echo(dim("Machine-written; not checked by anyone."))


def _print_refused(jobs: Sequence["JobKnown"]) -> None:
    for refused in filter(None, (job.refused for job in jobs)):
        said = textwrap.shorten(one_line(refused.answer.raw or ""), LONGEST_REFUSED, placeholder=" …")
        label = f"refused reply to {_label(refused)}: "
        print_field(label, said or "nothing", width=len(label), aside=_aside(refused))


def _print_files(known: "Known") -> None:
    for file in known.files[1:] if known.entry else ():
        typer.echo(dim(printable(f"also {file.inbox}/{file.path}{_if_gone(file.state)}")))
    for file in known.files:
        if file.sidecar_reason:
            tell(f"No sidecar: {file.sidecar_reason}")


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
    language = result.answer.language
    return f"{label} ({language})" if result.prompt == "ocr" and is_told(language) else label


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
    doubt = result.answer.reason if NEEDS_A_LOOK in (result.answer.reason or "") else ""
    return ", ".join(filter(None, (giver, about, seconds, doubt)))


def _print_choice(found: Sequence["Known"]) -> None:
    for known in found:
        typer.echo(printable(f"{known.inbox}/{known.path}"))
    if found:
        note(f"{len(found)} pictures are called so; name one of them.")


def _print_nothing(called: str, catalogue: Path | None, config: Path | None) -> None:
    from .why import explanation

    path = Path(os.path.normpath(Path.cwd() / called))
    if os.path.lexists(path):
        note(f"{called} is not in the catalogue. {explanation(path, catalogue, config).sentence}")
    else:
        note(f"Nothing in the catalogue is called {called}.")


def _document(known: "Known") -> dict[str, object]:
    """Give the shape of a photo in `--json`; later versions only add keys."""
    entry = known.entry
    return {
        "path": known.path,
        "inbox": known.inbox,
        "why": why_not_done(known),
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
                "refused": job.refused and {**_result_document(job.refused), "raw": job.refused.answer.raw},
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
