"""`captiond try`: what models say about one picture, side by side; nothing is stored."""

import os
import stat
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.model import Json, Status
from captiond.printable import printable

from .output import AsJson, bold, listed, note, print_field, print_json
from .run import ConfigFile, OllamaUrl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .trying import Tried

File = Annotated[Path, typer.Argument(metavar="FILE", help="A picture, wherever it lies.")]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="Ask this model; may be given several times."),
]
Prompts = Annotated[
    list[str] | None,
    typer.Option("--prompt", metavar="NAME", help="Only this prompt; may be given several times."),
]


def try_(
    file: File,
    *,
    model: Models = None,
    prompt: Prompts = None,
    json: AsJson = False,
    ollama: OllamaUrl = None,
    config: ConfigFile = None,
) -> None:
    """Ask about one picture and print what comes. Several models stand side by side. Nothing is stored.

    Exit codes: 0 answered, 1 some prompts got no usable answer, or the picture cannot be read, 2 usage,
    69 no model server that works, 74 I/O, 78 configuration.
    """
    import asyncio

    from captiond.choosing import choices_from
    from captiond.errors import Rejected
    from captiond.settings import load

    from .trying import try_out

    settings = load(config, {"ollama.url": ollama}, os.environ)
    names = choices_from(settings).names
    if unknown := [name for name in prompt or () if name not in names]:
        raise typer.BadParameter(f"there is no prompt {listed(unknown)}; there are {listed(names)}")
    content = _content(file, settings.imaging.max_file_bytes)
    try:
        tried = asyncio.run(try_out(settings, content, model or (), prompt or ()))
    except Rejected as rejection:
        note(f"{file}: {rejection}")
        raise typer.Exit(1) from None
    if json:
        print_json([_document(each) for each in tried])
    else:
        _print(tried)
    raise typer.Exit(1 if any(each.answer.status is Status.REJECTED for each in tried) else 0)


def _content(file: Path, most_bytes: int) -> bytes:
    """Read the picture; what is no file, or too large, is wrong use."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise typer.BadParameter(f"{printable(str(file))} is no file")
        if status.st_size > most_bytes:
            raise typer.BadParameter(f"{printable(str(file))} is larger than imaging.max_file_megabytes")
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{printable(str(file))}: {error.strerror}") from error


def _print(tried: "Sequence[Tried]") -> None:
    """Print prompt by prompt, so that the models' answers stand below each other."""
    width = max(len(each.model) for each in tried) + 2
    for prompt in dict.fromkeys(each.prompt for each in tried):
        typer.echo(bold(prompt))
        for each in tried:
            if each.prompt == prompt:
                took = "" if each.seconds is None else f"{each.seconds:.1f} s"
                print_field(each.model, _told(each), width=width, aside=took)


def _told(tried: "Tried") -> str:
    answer = tried.answer
    match answer.status:
        case Status.OK:
            return answer.value or ""
        case Status.REJECTED:
            return f"no answer: {answer.reason} — {answer.raw}"
        case _:
            return f"nothing: {answer.reason}"


def _document(tried: "Tried") -> dict[str, Json]:
    answer = asdict(tried.answer)
    answer["status"] = str(tried.answer.status)
    return {"model": tried.model, "prompt": tried.prompt, "seconds": tried.seconds, **answer}
