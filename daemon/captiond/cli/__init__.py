"""Arguments in, text or JSON out: one file for each group of commands, imported only when it runs."""

import errno
import sys

import typer

from captiond import __version__
from captiond.errors import CaptiondError, Fatal, ModelMissing, ServerAway

from .backup import backup
from .demo import demo
from .doctor import doctor
from .edit import confirm, edit
from .facets import facets
from .import_ import import_
from .output import note
from .pause import pause, resume
from .redo import redo
from .retry import retry
from .run import run
from .search import search
from .show import show
from .status import status
from .try_ import try_
from .verify import verify
from .why import why

app = typer.Typer(
    help="A folder that reads your photos: drop pictures in, a local vision model says what is on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    run,
    doctor,
    facets,
    show,
    why,
    status,
    demo,
    edit,
    confirm,
    redo,
    retry,
    pause,
    resume,
    verify,
    backup,
):
    app.command()(command)
app.command("try")(try_)
app.command("import")(import_)
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
        _tell(str(error))
        sys.exit(error.exit_code)
    except CaptiondError as error:
        _tell(str(error))
        sys.exit(69 if isinstance(error, (ServerAway, ModelMissing)) else 74)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _tell(f"the output cannot be written: {error.strerror}")
        sys.exit(74)


def _tell(mistakes: str) -> None:
    for line in f"captiond: {mistakes}".split("\n"):
        note(line)
