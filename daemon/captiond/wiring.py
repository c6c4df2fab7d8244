"""The parts that are made of many settings: a model server, as the service asks it.

Below this file, `choosing.py` and `app.py` nobody knows the settings.
"""

import random

import structlog

from .choices import Choices
from .clock import Clock
from .imaging.canary import CANARY_JPEG, RED_AND_BLUE_JPEG
from .prompts.checks import streaming_stop
from .settings import Settings
from .vision.endpoints import Endpoint, Health
from .vision.ollama import OllamaBackend, TimeLimits

PULL_STEP_PERCENT = 5


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
