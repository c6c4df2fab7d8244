"""Whose turn it is at a server: one model's photos after another's, for loading a model can take a minute."""

import asyncio
from collections.abc import Callable, Sequence
from math import inf

from .catalogue.reach import Reach, reach_of
from .choices import Choices
from .clock import Clock
from .vision.respondents import Respondent

TURN_SECONDS = 600.0
"""The longest turn where another model is waited for: a fresh photo is done after two of them."""
LINGER_SECONDS = 3.0
"""So long nothing more must have come for a model before its turn ends: files come in bursts."""
LEAST_WAIT_SECONDS = 0.1
"""A difference of two moments may be rounded to next to nothing."""

Offer = tuple[str, Reach | None]
"""A model, and what it can be asked; None: everything."""


class Turns:
    """The turns of the models of one server; whoever takes a photo holds `choosing` meanwhile.

    A turn ends when nothing of its model is due any more, or after ten minutes, and with the last photo that
    is in hand: a server with room for one model only never loads two back and forth.
    """

    def __init__(self, respondent: Respondent, choices: Callable[[], Choices], clock: Clock) -> None:
        self.choosing = asyncio.Lock()
        self._respondent = respondent
        self._choices = choices
        self._clock = clock
        self._model: str | None = None
        self._in_hand = 0
        self._began_seconds = 0.0
        self._idle_since_seconds: float | None = None

    async def offers(self, wished: Sequence[str]) -> list[Offer]:
        """List the models whose photos may be taken now, the first choice first; none: not now.

        `wished` are the models that single jobs want.
        """
        await self._respondent.meet(wished)
        choices = self._choices()
        asked = list(dict.fromkeys((*choices.models, *wished)))
        models = [model for model in asked if self._respondent.answers(model)]
        if len(asked) == len(models) == 1:
            return [(models[0], None)]
        prompts, main = choices.prompts, choices.model
        return [(model, reach_of({model}, prompts, main=main)) for model in self._in_order(models)]

    def took(self, model: str) -> None:
        """A photo was taken for this model."""
        if model != self._model or self._is_over:
            self._began_seconds = self._clock.monotonic_seconds()
        self._model = model
        self._in_hand += 1
        self._idle_since_seconds = None

    def found_none(self) -> None:
        """Nothing was due for the models that were offered."""
        if self._idle_since_seconds is None:
            self._idle_since_seconds = self._clock.monotonic_seconds()

    def lingering_seconds(self) -> float:
        """Give how long the turn still waits for more of its model, where that is what it waits for."""
        if self._idle_since_seconds is None or self._is_idle:
            return inf
        left = self._idle_since_seconds + LINGER_SECONDS - self._clock.monotonic_seconds()
        return max(left, LEAST_WAIT_SECONDS)

    def gave_back(self) -> None:
        """A photo that was taken is in hand no more."""
        self._in_hand -= 1

    def _in_order(self, models: Sequence[str]) -> list[str]:
        if self._model not in models:
            return [] if self._in_hand else list(models)
        place = models.index(self._model)
        current, others = [models[place]], [*models[place + 1 :], *models[:place]]
        if self._is_over:
            return [] if self._in_hand else others + current
        return current if self._in_hand or not self._is_idle else current + others

    @property
    def _is_over(self) -> bool:
        return self._clock.monotonic_seconds() - self._began_seconds >= TURN_SECONDS

    @property
    def _is_idle(self) -> bool:
        since = self._idle_since_seconds
        return since is not None and self._clock.monotonic_seconds() - since >= LINGER_SECONDS
