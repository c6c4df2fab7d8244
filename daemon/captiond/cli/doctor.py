"""`captiond doctor`: is everything in place, and how long will it take?"""

import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from captiond.model import Json
from captiond.printable import counted

from .output import AsJson, bold, dim, print_json, tell
from .run import CatalogueFile, ConfigFile, Inboxes, Model, OllamaUrl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from captiond.doctor.finding import Finding

SERVER_SUBJECTS = frozenset(("server", "sight"))


def doctor(
    inboxes: Inboxes = None,
    *,
    json: AsJson = False,
    config: ConfigFile = None,
    catalogue: CatalogueFile = None,
    ollama: OllamaUrl = None,
    model: Model = None,
) -> None:
    """Look whether everything is in place. Each warning comes with its cure; nothing is changed or stored.

    Exit codes: 0 ready (perhaps with warnings), 2 usage, 69 no model server that works, 74 a folder or the
    catalogue cannot be used, 78 configuration.
    """
    import asyncio

    from captiond.settings import load

    from .examining import findings

    flags: dict[str, Json] = {
        "inboxes": inboxes or None,
        "catalogue": catalogue,
        "ollama.url": ollama,
        "ollama.model": model,
    }
    found = asyncio.run(findings(load(config, flags, os.environ)))
    if json:
        print_json([{**asdict(finding), "level": str(finding.level)} for finding in found])
    else:
        _print(found)
    sys.exit(exit_code(found))


def exit_code(found: "Sequence[Finding]") -> int:
    """Give the code for what stands in the way first: a folder, then the server."""
    failed = {finding.subject for finding in found if finding.level == "fail"}
    if failed - SERVER_SUBJECTS:
        return 74
    return 69 if failed else 0


def _print(found: "Sequence[Finding]") -> None:
    for finding in found:
        mark = finding.level.ljust(4)
        emphasised = bold(mark) if finding.level in {"warn", "fail"} else dim(mark)
        typer.echo(f" {emphasised}  ", nl=False)
        tell(finding.sentence, column=len(f" {mark}  "))
        if finding.fix:
            typer.echo(f"       {dim('fix:')} ", nl=False)
            tell(finding.fix, column=len("       fix: "))
    typer.echo(bold(verdict(found)))


def verdict(found: "Sequence[Finding]") -> str:
    """Sum the findings up in a sentence."""
    failures = sum(finding.level == "fail" for finding in found)
    warnings = sum(finding.level == "warn" for finding in found)
    warned = f" {counted(warnings, 'warning', 'warnings')}." if warnings else ""
    if failures:
        return f"Not ready: {counted(failures, 'problem', 'problems')} to cure.{warned}"
    return f"Ready.{warned}"
