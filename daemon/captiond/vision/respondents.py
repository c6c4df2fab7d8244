"""Who can be asked about pictures, in words: a model server with its slots, or the embedded reader."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from captiond.model import Fit, Reply

from .backend import Question
from .sight import Sight


class Respondent(Protocol):
    """Answers up to `parallel` photos' questions at once.

    `ask` raises what is to be charged to the photo, and an Outage where nothing is wrong with it.
    """

    parallel: int
    sight: Sight

    @property
    def name(self) -> str:
        """Whom people know."""

    @property
    def is_up(self) -> bool:
        """Whether it works, as far as is known."""

    async def meet(self, models: Sequence[str]) -> None:
        """Learn what is to be known of models that no prompt names, where it is not known yet."""

    @property
    def was_probed(self) -> bool:
        """Whether it was looked at yet."""

    def may_answer(self, model: str) -> bool:
        """Tell whether it is ever asked for this model."""

    def answers(self, model: str) -> bool:
        """Tell whether it can be asked now what is for this model."""

    def fit_for(self, model: str | None) -> Fit:
        """Give the pixels that a model can use, None for the main one."""

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Wait for a slot, and hold it."""

    async def until_up(self) -> None:
        """Return when it works."""

    async def ask(self, question: Question) -> Reply:
        """Ask."""
