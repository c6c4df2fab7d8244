"""`captiond retry`: what failed is asked again, and what could not be read is read again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.model import Json
from captiond.printable import counted, printable

from .output import (
    AsJson,
    CatalogueFile,
    ConfigFile,
    agreed,
    catalogue_path,
    note,
    note_when_asleep,
    print_json,
    tell,
)

if TYPE_CHECKING:
    from captiond.catalogue.lookup import Known
    from captiond.catalogue.store import Connection

Photos = Annotated[
    list[str] | None,
    typer.Argument(metavar="PHOTO", help="As for show: only these.", show_default=False),
]
Failed = Annotated[bool, typer.Option("--failed", help="Ask again what failed.")]
Unreadable = Annotated[bool, typer.Option("--unreadable", help="Read again what could not be read.")]
OfPrompt = Annotated[
    list[str] | None,
    typer.Option("--prompt", metavar="NAME", help="Only this prompt; may be given several times."),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Only where the reason has this in it.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be tried again.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]


def retry(
    photos: Photos = None,
    *,
    failed: Failed = False,
    unreadable: Unreadable = False,
    prompt: OfPrompt = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    json: AsJson = False,
    catalogue: CatalogueFile = None,
    config: ConfigFile = None,
) -> None:
    """Try again what failed or could not be read. It is tried as if new; what was refused before is kept.

    Name photos, or give --failed or --unreadable; --prompt and --reason mean what failed.
    Exit codes: 0 done, 1 nothing to try again, 2 usage, 74 I/O, 75 work is left, 78 configuration.
    """
    from captiond.catalogue.database import asking
    from captiond.catalogue.retrying import to_retry
    from captiond.clock import SystemClock
    from captiond.orders import give, wish_from

    if not (photos or failed or unreadable or prompt or reason):
        raise typer.BadParameter("name photos, or give --failed or --unreadable")
    path = catalogue_path(catalogue, config)
    with asking(path) as connection:
        _must_be_asked(prompt or (), connection)
        about: dict[str, Json] = {
            "failed": failed or bool(prompt) or not unreadable,
            "unreadable": unreadable or bool(photos and not (failed or prompt)),
            "prompts": prompt or [],
            "reason": reason,
            **_named(connection, photos or ()),
        }
        did: Json = asdict(to_retry(connection, wish_from(about)))
    if _anything(did) and not dry_run:
        if not (photos or yes or json or agreed(f"{_sentence(did)} Go on?")):
            raise typer.Exit(1)
        did = give(path, "retry", about, SystemClock())
    if json:
        print_json({"dry_run": dry_run, **did})
    else:
        _print(did, path, dry_run=dry_run)
    raise typer.Exit(0 if _anything(did) else 1)


def _must_be_asked(prompts: Sequence[str], connection: "Connection") -> None:
    from captiond.catalogue.queries import prompts_asked

    names = prompts_asked(connection)
    for prompt in prompts:
        if prompt not in names:
            others = ", ".join(names) or "none yet"
            raise typer.BadParameter(printable(f"no photo was asked {prompt}; there are {others}"))


def _named(connection: "Connection", photos: Sequence[str]) -> dict[str, Json]:
    """Find the photos that are named, each by a name that only it has; exits with 1 where there is none."""
    from captiond.catalogue.lookup import look_up

    found = [only_one(called, look_up(connection, called, Path.cwd())) for called in photos]
    return {
        "photos": [known.entry.digest for known in found if known.entry] if photos else None,
        "files": [[file.inbox, file.path] for known in found if not known.entry for file in known.files],
    }


def only_one(called: str, found: Sequence["Known"]) -> "Known":
    """Give the one find of a look-up; tells all others, and exits with 1."""
    if len(found) == 1:
        return found[0]
    for known in found:
        typer.echo(printable(f"{known.inbox}/{known.path}"))
    note(f"{len(found)} pictures are called {called}; name one of them." if found else _unknown(called))
    raise typer.Exit(1)


def _unknown(called: str) -> str:
    return f"Nothing in the catalogue is called {called}."


def _anything(did: Json) -> bool:
    return bool(did["questions"] or did["pictures"])


def _print(did: Json, catalogue: Path, *, dry_run: bool) -> None:
    if not _anything(did):
        note("Nothing to try again.")
        return
    tell(f"Not done: {_sentence(did)}" if dry_run else _sentence(did))
    if not dry_run:
        note_when_asleep(catalogue)


def _sentence(did: Json) -> str:
    questions: Mapping[str, int] = did["questions"]
    parts = []
    if questions:
        each = ", ".join(f"{prompt} {count:,}" for prompt, count in questions.items())
        asked = counted(sum(questions.values()), "question", "questions")
        parts.append(
            f"{counted(did['photos'], 'photo', 'photos')} to ask again: {asked} ({printable(each)})."
        )
    if did["pictures"]:
        parts.append(f"{counted(did['pictures'], 'picture', 'pictures')} to read again.")
    return " ".join(parts)
