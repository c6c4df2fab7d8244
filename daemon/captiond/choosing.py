"""What the settings say, as the plain values that everything below works with.

Apart from `wiring.py`, for most commands want these and no model server.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

from .choices import Choices
from .imaging.limits import PREPARATION_VERSION, Limits, heif_installed
from .inbox.ignoring import from_setting
from .model import SidecarPlace
from .prompts.builtin import BUILTIN
from .prompts.configuring import configured
from .prompts.express import together
from .prompts.inboxes import spread
from .prompts.prompt import Prompt, fingerprint
from .settings import Settings
from .sidecars import SidecarPlaces


def choices_from(settings: Settings, of_model: str | None = None) -> Choices:
    """Turn settings into the plain values that the pipeline works with; raises BadConfiguration.

    `of_model`: as if every prompt named this model.
    """
    chosen, sampling = _configured(settings, of_model), settings.ollama.options()
    prompts = tuple(replace(prompt, options={**sampling, **prompt.options}) for prompt in chosen)
    at_once = together(chosen) if settings.express else []
    return Choices(
        prompts=prompts,
        versions={
            prompt.name: fingerprint(
                prompt,
                model=settings.ollama.model,
                preparation_version=PREPARATION_VERSION,
                express=prompt.name in at_once,
            )
            for prompt in prompts
        },
        express=tuple(prompt for prompt in prompts if prompt.name in at_once),
        limits=Limits(
            formats=settings.imaging.formats,
            max_file_bytes=settings.imaging.max_file_bytes,
            heif=heif_installed(),
        ),
        store_gps=settings.imaging.store_gps,
        sidecars=SidecarPlaces(
            of_inbox={inbox: place_for(inbox, settings) for inbox in settings.inboxes},
            fallback=settings.catalogue.parent / "sidecars",
        ),
        ignore=from_setting(settings.inbox.ignore).patterns,
        model=settings.ollama.model,
        of_model=partial(choices_from, settings),
    )


def _configured(settings: Settings, of_model: str | None) -> tuple[Prompt, ...]:
    tables, targets = settings.prompt_tables(), settings.translation.target
    if of_model is not None:
        # Whatever else answers a prompt usually is not asked now.
        named = {"model": of_model, "engine": "model"}
        shipped = (prompt.name for prompt in BUILTIN)
        tables = {name: {**tables.get(name, {}), **named} for name in (*shipped, *tables)}
    chosen = {str(inbox): names for inbox, names in settings.inbox.prompts.items()}
    return spread(configured(tables, targets=targets, model=settings.ollama.model), chosen)


def place_for(inbox: Path, settings: Settings) -> SidecarPlace:
    """Give the place of an inbox's sidecars; several inboxes share a tree by their names."""
    place = settings.sidecars
    if place.folder is None or len(settings.inboxes) == 1:
        return place
    return replace(place, folder=place.folder / inbox.relative_to("/"))
