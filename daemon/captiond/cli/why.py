"""`captiond why`: one sentence about any path, and the gate that decided."""

import os
import signal
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import AsJson, CatalogueFile, ConfigFile, print_json, tell
from .reasons import Context, Explanation, explain, outside

if TYPE_CHECKING:
    from captiond.catalogue.store import Connection
    from captiond.settings import Settings

AnyPath = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", readable=False, help="Any path, whether captiond knows it, ignores it, or it is gone."
    ),
]
NO_SUCH_FILE = 1


def why(
    file: AnyPath, *, json: AsJson = False, catalogue: CatalogueFile = None, config: ConfigFile = None
) -> None:
    """Say in one sentence what is with a file. It waits, is ignored, done, failed or gone, and why.

    Exit codes: 0 told, 1 there is no such file and never was, 2 usage, 74 I/O, 78 configuration or newer
    catalogue.
    """
    path = Path(os.path.normpath(Path.cwd() / file))
    found = explanation(path, catalogue, config)
    if json:
        inbox = found.inbox and str(found.inbox)
        print_json({"file": str(path), "gate": found.gate, "sentence": found.sentence, "inbox": inbox})
    else:
        tell(f"{found.sentence} [{found.gate}]")
    raise typer.Exit(NO_SUCH_FILE if found.gate == "nothing" else 0)


def explanation(path: Path, catalogue: Path | None, config: Path | None) -> Explanation:
    """Look at the file system and into the catalogue, where there is one, and say what that means."""
    from captiond.catalogue.database import asking
    from captiond.settings import load

    settings = load(config, {"catalogue": catalogue}, os.environ)
    there = settings.catalogue.exists()
    with asking(settings.catalogue) if there else nullcontext() as connection:
        return _explained(path, settings, connection)


def _explained(path: Path, settings: "Settings", connection: "Connection | None") -> Explanation:
    from captiond.catalogue import inboxes as said
    from captiond.catalogue import whereabouts
    from captiond.inbox.gates import beneath, first_gate
    from captiond.inbox.ignoring import IgnoreRules

    inboxes = list(settings.inboxes)
    if connection is not None:
        inboxes += [
            *whereabouts.inboxes(connection),
            *(Path(one.inbox) for one in said.standings(connection)),
        ]
    place = beneath(path, inboxes)
    if place is None:
        return outside(list(dict.fromkeys(inboxes)), exists=os.path.lexists(path))
    inbox, path = place
    gate = first_gate(inbox, path, IgnoreRules(inbox, settings.inbox.ignore))
    known = whereabouts.at(connection, path) if connection else None
    return explain(gate, known, _context(inbox, path, settings, connection, held_open=_held_open(gate)))


def _context(
    inbox: Path, path: Path, settings: "Settings", connection: "Connection | None", *, held_open: bool
) -> Context:
    from captiond.catalogue import inboxes, outlook
    from captiond.catalogue.locking import is_locked
    from captiond.catalogue.places import readable

    running = connection is not None and is_locked(settings.catalogue)
    standings = inboxes.standings(connection) if connection and running else []
    says = {saying.subject: saying.sentence for saying in outlook.sayings(connection)} if connection else {}
    standing = next((one for one in standings if one.inbox == readable(inbox)), None)
    waiting = standing.waiting if standing else ()
    return Context(
        inbox=inbox,
        now=datetime.now(UTC),
        running=running,
        daemon_says=says.get("daemon"),
        standing=standing,
        waiting=next((one for one in waiting if one.path == readable(path)), None),
        quiet_seconds=settings.inbox.quiet_seconds,
        held_open=held_open,
    )


def _held_open(gate: object) -> bool:
    from captiond.inbox.leasing import Writer
    from captiond.inbox.reading import look_closely
    from captiond.model import InboxFile

    if not isinstance(gate, InboxFile):
        return False
    # A writer that opens the file in this instant makes the kernel send this signal, which would kill.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    return look_closely(gate.inbox, gate.path)[1] is Writer.SOMEBODY
