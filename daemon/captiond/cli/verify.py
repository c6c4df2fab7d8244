"""`captiond verify`: do the catalogue, the sidecars and the pictures agree?"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.printable import counted

from .output import AsJson, CatalogueFile, ConfigFile, print_json, tell

if TYPE_CHECKING:
    from captiond.sidecars import SidecarPlaces
    from captiond.verifying import Finding

Files = Annotated[bool, typer.Option("--files", help="Read every picture, too: bytes may rot on a disk.")]


def verify(
    *,
    files: Files = False,
    json: AsJson = False,
    catalogue: CatalogueFile = None,
    config: ConfigFile = None,
) -> None:
    """Compare catalogue, sidecars and pictures. Nothing is changed.

    Exit codes: 0 all agree, 1 some do not, 2 usage, 74 I/O, 78 configuration or newer catalogue.
    """
    from captiond.settings import load
    from captiond.verifying import verify as found_in

    path = load(config, {"catalogue": catalogue}, os.environ).catalogue
    findings = []
    for finding in found_in(path, _places(path, config), read_files=files):
        findings.append(finding)
        if not json:
            tell(_sentence(finding))
    if json:
        print_json({"findings": [_document(finding) for finding in findings]})
    elif not findings:
        typer.echo("Catalogue, sidecars and pictures agree." + ("" if files else " --files reads them all."))
    else:
        typer.echo(f"{counted(len(findings), 'finding')}.")
    raise typer.Exit(1 if findings else 0)


def known_inboxes(catalogue: Path) -> list[Path]:
    """Give the inboxes that a catalogue knows; none where there is no catalogue, or it cannot be read."""
    from captiond.catalogue.database import asking
    from captiond.catalogue.holdings import inboxes_of
    from captiond.errors import CatalogueFault

    try:
        with asking(catalogue) as connection:
            return [file.inbox for file in inboxes_of(connection)]
    except CatalogueFault:
        # Missing or damaged: what can be said of it is said by who looks at it closely.
        return []


def _places(catalogue: Path, config: Path | None) -> "SidecarPlaces":
    """Tell where sidecars are: of the inboxes in the settings, else of those that the catalogue knows."""
    from captiond.choosing import choices_from
    from captiond.settings import load

    settings = load(config, {"catalogue": catalogue}, os.environ)
    if not settings.inboxes:
        inboxes = known_inboxes(catalogue)
        settings = load(config, {"catalogue": catalogue, "inboxes": inboxes or None}, os.environ)
    return choices_from(settings).sidecars


def _sentence(finding: "Finding") -> str:
    sentence = finding.sentence
    return f"{finding.path}: {sentence[0].upper()}{sentence[1:]}"


def _document(finding: "Finding") -> dict[str, str]:
    """Give the shape of a finding in `--json`; later versions only add keys."""
    return {
        "subject": finding.subject,
        "path": str(finding.path),
        "sentence": _sentence(finding).partition(": ")[2],
    }
