"""What the settings say, as plain values and as the parts that are made of many of them.

Below this file and `app.py` nobody knows the settings.
"""

import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from .choices import Choices
from .clock import Clock
from .imaging.canary import CANARY_JPEG, RED_AND_BLUE_JPEG
from .imaging.limits import PREPARATION_VERSION, Limits, heif_installed
from .inbox.ignoring import from_setting
from .model import SidecarPlace
from .outbox import SidecarPlaces
from .prompts.builtin import BUILTIN
from .prompts.checks import streaming_stop
from .prompts.configuring import configured
from .prompts.express import together
from .prompts.inboxes import spread
from .prompts.prompt import Prompt, fingerprint
from .settings import Settings
from .vision.endpoints import Endpoint, Health
from .vision.ollama import OllamaBackend, TimeLimits

PULL_STEP_PERCENT = 5


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


def endpoint_for(
    url: str, settings: Settings, choices: Choices, clock: Clock, log: structlog.stdlib.BoundLogger
) -> Endpoint:
    """Make a server as the service asks it, which tells the log what happens to it."""
    ollama, backend = settings.ollama, backend_for(url, settings, choices, clock)
    talk = _Talk(log.bind(server=backend.name))
    return Endpoint(
        backend,
        parallel=ollama.parallel,
        canary_jpeg=CANARY_JPEG,
        clock=clock,
        rng=random.Random(),  # noqa: S311 - jitter
        pull=ollama.pull,
        sight_jpegs=RED_AND_BLUE_JPEG,
        changed=talk.changed,
        progress=talk.pulling,
    )


def backend_for(url: str, settings: Settings, choices: Choices, clock: Clock) -> OllamaBackend:
    """Make the adapter to one server, with the limits and options of the settings."""
    ollama = settings.ollama
    return OllamaBackend(
        url,
        ollama.model,
        clock=clock,
        options=ollama.options(),
        keep_alive=ollama.keep_alive,
        limits=TimeLimits(
            connect_seconds=ollama.connect_seconds,
            first_frame_seconds=ollama.first_frame_seconds,
            gap_seconds=ollama.gap_seconds,
            total_seconds=ollama.total_seconds,
        ),
        max_side_pixels=ollama.max_side_pixels,
        other_models=choices.other_models,
        stop_early=streaming_stop,
    )


class _Talk:
    """Says once what happens to a server, and now and then how far a model is fetched."""

    def __init__(self, log: structlog.stdlib.BoundLogger) -> None:
        self._log = log
        self._told_percent = -PULL_STEP_PERCENT

    def changed(self, _name: str, health: Health) -> None:
        if health.up:
            self._log.info("server ready")
            for warning in health.warnings:
                self._log.warning("server warning", reason=warning)
        else:
            self._log.warning("server away", reason=health.reason)

    def pulling(self, status: str, done_bytes: int, all_bytes: int) -> None:
        percent = 100 * done_bytes // all_bytes if all_bytes else 0
        if percent < self._told_percent:
            self._told_percent = -PULL_STEP_PERCENT
        if percent >= self._told_percent + PULL_STEP_PERCENT:
            self._told_percent = percent
            self._log.info("fetching the model", step=status, percent=percent, bytes=all_bytes)


def place_for(inbox: Path, settings: Settings) -> SidecarPlace:
    """Give the place of an inbox's sidecars; several inboxes share a tree by their names."""
    place = settings.sidecars
    if place.folder is None or len(settings.inboxes) == 1:
        return place
    return replace(place, folder=place.folder / inbox.relative_to("/"))
