"""`captiond import`: what sidecars say goes into the catalogue, and no model is asked."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.printable import counted, printable

from .output import AsJson, CatalogueFile, ConfigFile, note, print_json

if TYPE_CHECKING:
    from captiond.importing import Imported
    from captiond.settings import Settings

Sidecars = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FOLDER|SIDECAR", help="By default the inboxes, and their trees.", show_default=False
    ),
]


def import_(
    sidecars: Sidecars = None,
    *,
    json: AsJson = False,
    catalogue: CatalogueFile = None,
    config: ConfigFile = None,
) -> None:
    """Take over what sidecars say. A lost catalogue is made again, and what a person edited counts.

    A folder that lies in no inbox of the settings is an inbox of its own.
    Exit codes: 0 done, 1 some were left out, 2 usage, 74 I/O, 75 captiond is running, 78 configuration.
    """
    from captiond.choosing import choices_from
    from captiond.clock import SystemClock
    from captiond.gathering import find_all, folders_of, with_trees
    from captiond.importing import import_all

    named = [path.expanduser().absolute() for path in sidecars or ()]
    for path in named:
        if not os.path.lexists(path):
            raise typer.BadParameter(printable(f"{path} is not there"))
    settings = _settings(named, catalogue, config)
    if not settings.inboxes:
        raise typer.BadParameter("name a folder with sidecars: captiond import ~/Pictures/inbox")
    choices = choices_from(settings)
    places = choices.sidecars
    found = find_all(with_trees(named, places) if named else folders_of(places), places)
    refused: list[tuple[Path, str]] = []

    def refuse(path: Path, sentence: str) -> None:
        refused.append((path, sentence))
        if not json:
            note(f"{path}: {sentence}")

    told = import_all(settings.catalogue, found, choices, SystemClock().now(), refuse)
    if json:
        print_json(_document(told, refused))
    else:
        typer.echo(_sentence(told))
    raise typer.Exit(1 if refused else 0)


def _settings(named: list[Path], catalogue: Path | None, config: Path | None) -> "Settings":
    """Load the settings, without inboxes there with those that the catalogue knows.

    A folder that is no part of an inbox, nor of its sidecars, becomes one.
    """
    from captiond.settings import load

    from .verify import known_inboxes

    settings = load(config, {"catalogue": catalogue}, os.environ)
    watched = list(settings.inboxes) or known_inboxes(settings.catalogue)
    tree = settings.sidecars.folder
    known = [*watched, settings.catalogue.parent / "sidecars", *([tree] if tree else [])]
    new = [path for path in named if path.is_dir() and not any(path.is_relative_to(top) for top in known)]
    inboxes = [*watched, *new]
    return load(config, {"catalogue": catalogue, "inboxes": inboxes or None}, os.environ)


def _sentence(told: "Imported") -> str:
    photos, results = counted(told.photos, "photo"), counted(told.results, "answer")
    sentences = [f"{counted(told.sidecars, 'sidecar')} read: {photos} and {results} new in the catalogue"]
    if told.edits:
        sentences.append(f"{counted(told.edits, 'answer')} edited by hand")
    if told.refused:
        sentences.append(f"{told.refused:,} left out")
    return f"{', '.join(sentences)}."


def _document(told: "Imported", refused: list[tuple[Path, str]]) -> dict[str, object]:
    """Give the shape of `--json`; later versions only add keys."""
    return {
        "sidecars": told.sidecars,
        "photos": told.photos,
        "results": told.results,
        "edited": told.edits,
        "left_out": [{"path": str(path), "reason": sentence} for path, sentence in refused],
    }
