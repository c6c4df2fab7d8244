"""`captiond edit` and `captiond confirm`: a person's answer, which no model replaces."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.errors import BadConfiguration
from captiond.model import Answer, Json, PromptName, Source, Status
from captiond.printable import counted, printable

from .output import CatalogueFile, ConfigFile, at_keyboard, listed, note, note_when_asleep
from .retry import only_one

if TYPE_CHECKING:
    from captiond.catalogue.lookup import Known
    from captiond.choices import Choices
    from captiond.prompts.prompt import Prompt
    from captiond.settings import Settings

Photo = Annotated[str, typer.Argument(metavar="PHOTO", help="As for show: a path, a name, part of one.")]
OfPrompt = Annotated[str, typer.Argument(metavar="PROMPT", help="Which answer: description, ocr …")]
OfPrompts = Annotated[
    list[str] | None,
    typer.Argument(metavar="PROMPT", help="Which answers; all when none is named.", show_default=False),
]
Text = Annotated[
    str | None,
    typer.Argument(
        metavar="TEXT",
        help="The answer. Without it an editor opens, or standard input is read. Nothing: there is none.",
        show_default=False,
    ),
]
Derived = Annotated[
    bool, typer.Option("--derived", help="Ask anew what was asked about it: the translation of a text, say.")
]


def edit(
    photo: Photo,
    prompt: OfPrompt,
    text: Text = None,
    *,
    derived: Derived = False,
    catalogue: CatalogueFile = None,
    config: ConfigFile = None,
) -> None:
    """Give an answer of one's own. It is kept above all that a model says, in the catalogue and the sidecar.

    Exit codes: 0 kept, 1 no such photo, 2 usage, 74 I/O, 78 configuration.
    """
    from captiond.prompts.corrections import corrected

    settings, choices = _settings(catalogue, config)
    about = _prompt(choices, prompt)
    known = _photo(settings, photo)
    try:
        answer = corrected(about, _written(_said(known, about.name)) if text is None else text)
    except ValueError as mistake:
        raise typer.BadParameter(f"{prompt}: {mistake}") from None
    asked = _give(settings, choices, known, about, answer, derived=derived)
    typer.echo(printable(f"Kept: {prompt} of {known.path}: {answer.value or 'nothing'}"))
    if asked:
        note(f"{counted(asked, 'question', 'questions')} about it will be asked anew.")
    stale = [] if derived else _answered(known, _derived(choices.prompts, about.name))
    if stale:
        note(f"Still about the answer before: {listed(stale)}; with --derived it is asked anew.")
    note_when_asleep(settings.catalogue)


def confirm(
    photo: Photo,
    prompts: OfPrompts = None,
    *,
    catalogue: CatalogueFile = None,
    config: ConfigFile = None,
) -> None:
    """Say that a model's answers are right. They are a person's from then on, and no model replaces them.

    Exit codes: 0 kept, 1 no such photo or nothing to confirm, 2 usage, 74 I/O, 78 configuration.
    """
    settings, choices = _settings(catalogue, config)
    named = [_prompt(choices, prompt).name for prompt in prompts or ()]
    known = _photo(settings, photo)
    results = known.entry.results if known.entry else ()
    said = {one.prompt: one for one in results if one.answer.status is not Status.SKIPPED}
    wanted = named or [name for name in choices.names if name in said and said[name].source != Source.HUMAN]
    unsaid = [name for name in wanted if name not in said]
    if unsaid or not wanted:
        typer.echo(printable(f"There is no answer to confirm{': ' + listed(unsaid) if unsaid else ''}."))
        raise typer.Exit(1)
    for name in wanted:
        _give(settings, choices, known, _prompt(choices, name), said[name].answer, derived=False)
    typer.echo(printable(f"Confirmed: {listed(wanted)} of {known.path}."))
    note_when_asleep(settings.catalogue)


def _settings(catalogue: Path | None, config: Path | None) -> tuple["Settings", "Choices"]:
    from captiond.choosing import choices_from
    from captiond.settings import load

    settings = load(config, {"catalogue": catalogue}, os.environ)
    return settings, choices_from(settings)


def _prompt(choices: "Choices", name: str) -> "Prompt":
    for prompt in choices.prompts:
        if prompt.name == name:
            return prompt
    raise typer.BadParameter(f'there is no prompt "{name}"; there are {listed(choices.names)}')


def _photo(settings: "Settings", called: str) -> "Known":
    from captiond.catalogue.database import asking
    from captiond.catalogue.lookup import look_up

    with asking(settings.catalogue) as connection:
        known = only_one(called, look_up(connection, called, Path.cwd()))
    if known.entry is None:
        typer.echo(printable(f"{known.path} holds no photo that was read."))
        raise typer.Exit(1)
    return known


def _answered(known: "Known", prompts: Sequence[str]) -> list[str]:
    results = known.entry.results if known.entry else ()
    return [result.prompt for result in results if result.prompt in prompts]


def _said(known: "Known", prompt: PromptName) -> str:
    """Give the present answer as a person would write it."""
    results = known.entry.results if known.entry else ()
    answer = next((result.answer for result in results if result.prompt == prompt), None)
    if answer is None:
        return ""
    if isinstance(answer.content, dict):
        return json.dumps(answer.content, ensure_ascii=False, indent=2)
    return answer.value or ""


def _written(before: str) -> str:
    """Have a person write the answer, beginning with the present one; a program gives it as its input."""
    if not at_keyboard():
        return sys.stdin.read()
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.NamedTemporaryFile("w+", suffix=".txt", encoding="utf-8") as page:
        page.write(f"{before}\n")
        page.flush()
        try:
            subprocess.run([*shlex.split(editor), page.name], check=True)  # noqa: S603 - the person's own editor
        except (OSError, subprocess.CalledProcessError) as error:
            raise BadConfiguration(f"the editor {editor} failed ({error}); set EDITOR") from error
        return Path(page.name).read_text(encoding="utf-8", errors="replace")


def _give(
    settings: "Settings",
    choices: "Choices",
    known: "Known",
    prompt: "Prompt",
    answer: Answer,
    *,
    derived: bool,
) -> int:
    from captiond.clock import SystemClock
    from captiond.orders import give
    from captiond.prompts.conditions import following

    assert known.entry is not None
    about: dict[str, Json] = {
        "photo": known.entry.digest,
        "prompt": {"name": prompt.name, "kind": prompt.kind, "text": prompt.text},
        "version": choices.versions[prompt.name],
        "answer": {name: value for name, value in asdict(answer).items() if name != "raw"},
        "again": _derived(choices.prompts, prompt.name) if derived else [],
        "following": following(choices.prompts, prompt.name),
    }
    asked: int = give(settings.catalogue, "edit", about, SystemClock())["questions"]
    return asked


def _derived(prompts: Sequence["Prompt"], name: PromptName) -> list[str]:
    """Name the prompts that are asked about an answer, and about theirs."""
    direct = [prompt.name for prompt in prompts if prompt.from_prompt == name]
    return [found for each in direct for found in (each, *_derived(prompts, each))]
