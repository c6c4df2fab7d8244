"""`captiond demo`: the real daemon against a simulated model server, on a few drawn pictures."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="FOLDER", help="Draw the pictures here; a new folder otherwise.", show_default=False
    ),
]

NO_MODEL = (
    "This is a demonstration: no model is at work. A simulated server answers; it sees colours, brightness,\n"
    "and the strip of blocks that its pictures carry as text. Everything else is the real daemon."
)


def demo(folder: Folder = None) -> None:
    """Show everything on a simulated model server. No Ollama, no GPU, no network."""
    from captiond.simulator.samples import draw_samples

    place = folder or Path(tempfile.mkdtemp(prefix="captiond-demo-"))
    inbox, catalogue = place / "inbox", place / "catalogue.db"
    typer.echo(f"{NO_MODEL}\n")
    try:
        for path in draw_samples(inbox):
            typer.echo(f"drew {path}")
    except OSError as error:
        raise typer.BadParameter(f"{place} cannot be drawn into: {error.strerror}") from error
    with _simulator() as url:
        _captiond("run", inbox, "--once", "--catalogue", catalogue, "--ollama", url, check=True)
    _captiond("show", "road sign.jpg", "--catalogue", catalogue)
    _captiond("search", "liberté", "--catalogue", catalogue)
    typer.echo(
        f"\nThe pictures, their sidecars and the catalogue are in {place}\n"
        f"Look into it:  sqlite3 {shlex.quote(str(catalogue))} 'SELECT path, description, text FROM photos'"
    )


@contextmanager
def _simulator() -> Iterator[str]:
    """Run a simulated server as a process of its own and give its address."""
    command = [sys.executable, "-m", "captiond.simulator", "--port", "0", "--stop-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def _captiond(*arguments: str | Path, check: bool = False) -> None:
    """Say a command as one would type it, and run it."""
    typer.echo(f"\n$ captiond {shlex.join(map(str, arguments))}")
    command = [sys.executable, "-m", "captiond", *map(str, arguments)]
    code = subprocess.run(command, check=False, env=_without_settings()).returncode
    if check and code:
        raise typer.Exit(code)


def _without_settings() -> dict[str, str]:
    """Give the environment without the user's own settings, which are not for play."""
    ours = ("CAPTIOND_", "OLLAMA_HOST")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"CAPTIOND_CONFIG": os.devnull}
