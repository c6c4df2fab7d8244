"""`captiond pause` and `captiond resume`: no photo is begun in between, also after a restart."""

import typer

from .output import CatalogueFile, ConfigFile, catalogue_path


def pause(*, catalogue: CatalogueFile = None, config: ConfigFile = None) -> None:
    """Begin no more photos until `captiond resume`. Those in hand are finished, new ones are catalogued.

    Exit codes: 0 paused, 2 usage, 74 I/O or no catalogue yet, 78 configuration or newer catalogue.
    """
    is_new = _changed("pause", catalogue, config)
    typer.echo("Paused: photos wait until `captiond resume`." if is_new else "Paused already.")


def resume(*, catalogue: CatalogueFile = None, config: ConfigFile = None) -> None:
    """Go on after `captiond pause`.

    Exit codes: 0 goes on, 2 usage, 74 I/O or no catalogue yet, 78 configuration or newer catalogue.
    """
    is_new = _changed("resume", catalogue, config)
    typer.echo("It goes on." if is_new else "There was no pause.")


def _changed(order: str, catalogue: CatalogueFile, config: ConfigFile) -> bool:
    from captiond.clock import SystemClock
    from captiond.orders import give

    return bool(give(catalogue_path(catalogue, config), order, {}, SystemClock())["changed"])
