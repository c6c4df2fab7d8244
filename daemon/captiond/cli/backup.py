"""`captiond backup`: the catalogue as one file, for another disk."""

from pathlib import Path
from typing import Annotated

import typer

from captiond.printable import printable

from .output import CatalogueFile, ConfigFile, catalogue_path

Target = Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Replace a file of that name.")]
MEGABYTE = 1_000_000


def backup(
    file: Target, *, force: Force = False, catalogue: CatalogueFile = None, config: ConfigFile = None
) -> None:
    """Copy the catalogue to a file, also while captiond runs. Copying it by hand then would lose answers.

    Exit codes: 0 there is a copy, 2 usage or the file is there already, 74 I/O, 78 configuration.
    """
    from captiond.catalogue.backup import BackupThere, back_up

    target = file.expanduser().absolute()
    try:
        size_bytes = back_up(catalogue_path(catalogue, config), target, replace=force)
    except BackupThere as refusal:
        raise typer.BadParameter(printable(str(refusal)), param_hint="FILE") from refusal
    typer.echo(printable(f"{target}: {_size(size_bytes)}; it opens, and is whole."))


def _size(size_bytes: int) -> str:
    if size_bytes < MEGABYTE:
        return f"{size_bytes / 1000:.0f} kB"
    return f"{size_bytes / MEGABYTE:,.1f} MB"
