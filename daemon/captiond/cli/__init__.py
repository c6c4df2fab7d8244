"""Arguments in, text or JSON out: one file for each group of commands, imported only when it runs."""

import sys

import typer

from captiond import __version__
from captiond.errors import CaptiondError, Fatal

from .demo import demo
from .run import run
from .search import search
from .show import show
from .status import status

app = typer.Typer(
    help="A folder that reads your photos: drop pictures in, a local vision model says what is on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (run, show, status, demo):
    app.command()(command)
# "-dog" is a word to leave out, not an option.
app.command(context_settings={"ignore_unknown_options": True})(search)


@app.callback(invoke_without_command=True)
def options(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Take the options that belong to no command."""
    if version:
        typer.echo(f"captiond {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; whatever goes wrong on purpose is one sentence and an exit code."""
    try:
        app()
    except Fatal as error:
        print(f"captiond: {error}", file=sys.stderr)  # noqa: T201 - the one sentence
        sys.exit(error.exit_code)
    except CaptiondError as error:
        print(f"captiond: {error}", file=sys.stderr)  # noqa: T201 - the one sentence
        sys.exit(74)
