"""`captiond run`: the daemon itself, watching or once."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.model import Json

if TYPE_CHECKING:
    from captiond.settings import Settings

Inboxes = Annotated[
    list[Path] | None,
    typer.Argument(metavar="INBOX", help="Folders to watch; made when they are missing.", show_default=False),
]
Once = Annotated[bool, typer.Option("--once", help="Do what is there, then exit.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Read this configuration file.")
]
CatalogueFile = Annotated[
    Path | None, typer.Option("--catalogue", metavar="FILE", help="Keep the catalogue in this file.")
]
OllamaUrl = Annotated[str | None, typer.Option("--ollama", metavar="URL", help="Ask this Ollama server.")]
Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="Ask this model.")]
LogStyle = Annotated[
    str | None, typer.Option("--log", metavar="text|json", help="Write log lines, also on a terminal.")
]


def run(
    inboxes: Inboxes = None,
    *,
    once: Once = False,
    config: ConfigFile = None,
    catalogue: CatalogueFile = None,
    ollama: OllamaUrl = None,
    model: Model = None,
    log: LogStyle = None,
) -> None:
    """Watch inboxes and read every picture in them.

    Exit codes: 0 well, 1 some photos failed, 2 usage, 69 model server unreachable (--once), 74 I/O,
    75 another captiond has this catalogue or work is left, 78 configuration or newer catalogue.
    """
    from captiond.settings import load

    from .running import run_daemon

    flags: dict[str, Json] = {
        "inboxes": inboxes or None,
        "catalogue": catalogue,
        "ollama.url": ollama,
        "ollama.model": model,
        "log": log,
    }

    def settings() -> "Settings":
        return load(config, flags, os.environ)

    # Read once: a configuration may come out of a pipe.
    at_start = settings()
    if not at_start.inboxes:
        raise typer.BadParameter("name a folder to watch: captiond run ~/Pictures/inbox")
    sys.exit(run_daemon(at_start, settings, once=once))
