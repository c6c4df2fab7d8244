"""How reading commands find the catalogue, and what their output looks like: plain, and safe to print."""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from captiond.model import Json
from captiond.printable import printable

CatalogueFile = Annotated[
    Path | None, typer.Option("--catalogue", metavar="FILE", help="The catalogue to read.")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The configuration that names the catalogue.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def catalogue_path(catalogue: Path | None, config: Path | None) -> Path:
    """Find the catalogue: the one named, else the one of the settings; raises BadConfiguration."""
    if catalogue is not None:
        return catalogue.expanduser().absolute()
    from captiond.settings import load

    return load(config, {}, os.environ).catalogue


def print_json(value: Json) -> None:
    """Print JSON in which only visible characters stand as they are; the others are escaped, and exact."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    typer.echo(re.sub(r"[^\n -~]", _visible, text))


def tell(
    sentence: str,
    look: Callable[[str], str] = str,
    *,
    column: int = 0,
    aside: str = "",
    err: bool = False,
) -> None:
    """Print a sentence, as `look` makes it look, and an aside; `err` is standard error.

    A terminal also wraps it, between words: a path or an address stays whole. The first line begins in
    `column`, and the others below it.
    """
    lines, room = [printable(sentence)], sys.maxsize
    if (sys.stderr if err else sys.stdout).isatty():
        room = max(shutil.get_terminal_size().columns - column, 20)
        lines = _wrapped(lines[0], room)
    apart = "  " if len(lines[-1]) + len(aside) < room - 1 else "\n"
    told = f"\n{' ' * column}".join(map(look, lines))
    typer.echo(f"{told}{apart}{aside}" if aside else told, err=err)


def note(sentence: str) -> None:
    """Tell a person something that is no result."""
    tell(sentence, err=True)


def note_when_asleep(catalogue: Path) -> None:
    """Tell a person that what he wants done waits for a captiond to run."""
    from captiond.catalogue.locking import is_locked

    if not is_locked(catalogue):
        note("captiond is not running; the next `captiond run` does the rest.")


def on_terminal() -> bool:
    """Tell whether a person is looking at the output."""
    return sys.stdout.isatty()


def agreed(question: str) -> bool:
    """Ask a person whether to go on; a program, which cannot answer, always does."""
    return not at_keyboard() or typer.confirm(question)


def at_keyboard() -> bool:
    """Tell whether a person can answer."""
    return sys.stdin.isatty()


def dim(text: str) -> str:
    """Make text step back, on a terminal with colours."""
    return _styled(text, dim=True)


def bold(text: str) -> str:
    """Make text stand out, on a terminal with colours."""
    return _styled(text, bold=True)


def print_field(label: str, text: str, *, width: int, aside: str = "") -> None:
    """Print a label and its text, each line of it below the first; a terminal also wraps long lines."""
    lines = [printable(line) for line in text.splitlines()] or [""]
    asides = [printable(aside)] if aside else []
    if on_terminal():
        room = max(shutil.get_terminal_size().columns - width, 20)
        lines = [piece for line in lines for piece in textwrap.wrap(line, room) or [""]]
        if len(f"{lines[-1]}  {aside}") > room:
            asides = ["", *textwrap.wrap(printable(aside), room)]
    beside, *below = asides or [""]
    lines[-1] += f"  {dim(beside)}" if beside else ""
    lines += [dim(line) for line in below]
    for head, line in zip([bold(label.ljust(width)), *[" " * width] * len(lines)], lines, strict=False):
        typer.echo(f"{head}{line}".rstrip())


def one_line(text: str) -> str:
    """Write a text of several lines as one, to look at; nothing in it can command a terminal."""
    return printable(" / ".join(line.strip() for line in text.splitlines() if line.strip()))


def listed(words: Iterable[str]) -> str:
    """Write words as people do: `a, b and c`."""
    *most, last = list(words)
    return f"{', '.join(most)} and {last}" if most else last


def is_told(language: str | None) -> bool:
    """Tell whether a language says something to a person: "und" stands for one that is not sure."""
    return language not in (None, "und")


def local(moment: datetime) -> str:
    """Write a moment in the reader's own time; today by the hour alone."""
    here = moment.astimezone()
    today = here.date() == datetime.now().astimezone().date()
    return f"{here:%H:%M}" if today else f"{here:%Y-%m-%d %H:%M}"


def duration(seconds: float) -> str:
    """Write seconds as people say them, no more exactly than an estimate is."""
    if seconds < 90:  # noqa: PLR2004 - seconds are said up to a minute and a half
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 90:  # noqa: PLR2004 - and minutes up to an hour and a half
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{round(hours / 24)} days"  # noqa: PLR2004 - two days


def _wrapped(line: str, room: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    wrapped = textwrap.wrap(
        line, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return wrapped or [line]


def _styled(text: str, **style: bool) -> str:
    return typer.style(text, **style) if on_terminal() and not os.environ.get("NO_COLOR") else text


def _visible(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]
