"""`captiond redo`: prompts asked anew, of the photos that a search finds."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.model import Json, PromptName
from captiond.printable import counted, printable

from .output import (
    AsJson,
    CatalogueFile,
    ConfigFile,
    agreed,
    catalogue_path,
    duration,
    note,
    note_when_asleep,
    print_json,
    tell,
)

if TYPE_CHECKING:
    from captiond.catalogue.editing import Again
    from captiond.catalogue.queries import Pace

Words = Annotated[str, typer.Argument(metavar="QUERY", help='As for search; "" finds every photo.')]
OfPrompts = Annotated[
    list[str], typer.Option("--prompt", metavar="NAME", help="What to ask anew; may be given several times.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be asked.")]
OfModel = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="Ask this model, for these photos alone and this once."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]


def redo(
    query: Words,
    *,
    prompt: OfPrompts,
    model: OfModel = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: AsJson = False,
    catalogue: CatalogueFile = None,
    config: ConfigFile = None,
) -> None:
    """Ask prompts anew about the photos that a search finds.

    They are asked in their present wording, of the present model; old answers stay until new ones come.
    Answers that a person gave or confirmed stay for ever, and are not asked.
    Exit codes: 0 done, 1 nothing to ask, 2 usage, 74 I/O, 75 work is left, 78 configuration.
    """
    from captiond.catalogue.editing import Again
    from captiond.clock import SystemClock
    from captiond.orders import give

    path = catalogue_path(catalogue, config)
    _must_be_configured(prompt, config)
    again = Again(query, tuple(PromptName(name) for name in dict.fromkeys(prompt)), model)
    questions, paces = _counted(path, again)
    told = _sentence(questions, paces, model)
    if model is not None and any(questions.values()):
        _tell_whether_it_can_be_asked(model, again.prompts, config)
    if any(questions.values()) and not dry_run:
        if not (yes or json or agreed(f"{told} Go on?")):
            raise typer.Exit(1)
        about: dict[str, Json] = {"words": query, "prompts": list(again.prompts), "model": model}
        questions = give(path, "redo", about, SystemClock())["questions"]
    if json:
        print_json({"dry_run": dry_run, "questions": dict(questions)})
    elif any(questions.values()):
        tell(f"Not done: {told}" if dry_run else told)
        if not dry_run:
            note_when_asleep(path)
    else:
        note("Nothing to ask: no photo is found, or a person has answered.")
    raise typer.Exit(0 if any(questions.values()) else 1)


def _counted(catalogue: Path, again: "Again") -> tuple[Mapping[PromptName, int], "Mapping[PromptName, Pace]"]:
    from captiond.catalogue import queries
    from captiond.catalogue.database import asking
    from captiond.catalogue.editing import to_redo
    from captiond.catalogue.search_doubts import NotUnderstood

    with asking(catalogue) as connection:
        try:
            return to_redo(connection, again, datetime.now(UTC)), queries.pace(connection)
        except NotUnderstood as doubt:
            raise typer.BadParameter(printable(str(doubt)), param_hint="QUERY") from doubt


def _must_be_configured(prompts: Sequence[str], config: Path | None) -> None:
    from captiond.choosing import choices_from
    from captiond.settings import load

    names = choices_from(load(config, {}, os.environ)).names
    for prompt in prompts:
        if prompt not in names:
            raise typer.BadParameter(f"there is no prompt {prompt}; there are {', '.join(names)}")


def _tell_whether_it_can_be_asked(model: str, prompts: Sequence[str], config: Path | None) -> None:
    import asyncio

    from captiond.settings import load

    from .asked_of import why_not

    reason = asyncio.run(why_not(load(config, {}, os.environ), model, prompts))
    if reason is not None:
        note(f"{reason} Till then the questions wait.")


def _sentence(
    questions: Mapping[PromptName, int], paces: "Mapping[PromptName, Pace]", model: str | None
) -> str:
    each = ", ".join(f"{prompt} {count:,}" for prompt, count in questions.items())
    of_whom = f" of {model}" if model else ""
    told = f"{counted(sum(questions.values()), 'question', 'questions')} to ask anew{of_whom} ({each})"
    if model or not questions.keys() <= paces.keys():
        return f"{told}."
    seconds = sum(count * paces[prompt].median_seconds for prompt, count in questions.items())
    return f"{told}: about {duration(seconds)}."
