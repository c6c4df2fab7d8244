"""Who is asked at all: nobody looks for a server that no prompt needs, or starts a reader for nothing."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from .catalogue import jobs
from .catalogue.reach import reach_of
from .catalogue.store import Catalogue
from .choices import Choices
from .vision.endpoints import Endpoint
from .vision.respondents import Respondent


class Wanting:
    """The model servers and readers, and whether the prompts that are chosen now want them."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        readers: Sequence[Respondent],
        choices: Callable[[], Choices],
        catalogue: Catalogue,
    ) -> None:
        self.respondents: Sequence[Respondent] = (*endpoints, *readers)
        self._endpoints = endpoints
        self._readers = readers
        self._choices = choices
        self._catalogue = catalogue
        self._changed = asyncio.Event()

    def look_again(self) -> None:
        """Say that other prompts are chosen, or other models wished for."""
        self._changed.set()
        self._changed.clear()

    async def until_wanted(self, respondent: Respondent) -> None:
        """Wait until some prompt may be for this one."""
        while not await self._is_wanted(respondent):
            await self._changed.wait()

    async def is_getting_on(self, photos_in_hand: int, until: datetime) -> bool:
        """Tell whether a server works, or while none does the reader has something to do until then."""
        if any(endpoint.is_up for endpoint in self._endpoints):
            return True
        if not any(reader.is_up for reader in self._readers):
            return False
        if photos_in_hand:
            return True
        choices = self._choices()
        models = {one for one in choices.models if any(reader.answers(one) for reader in self._readers)}
        reach = reach_of(models, choices.prompts, main=choices.model)
        return await self._catalogue.read(jobs.is_due_until, until, reach)

    async def all_probed(self) -> bool:
        """Tell whether all who are wanted were looked at."""
        wanted = [one for one in self.respondents if await self._is_wanted(one)]
        return all(one.was_probed for one in wanted)

    async def _is_wanted(self, respondent: Respondent) -> bool:
        if any(map(respondent.may_answer, self._choices().models)):
            return True
        return any(map(respondent.may_answer, await self._catalogue.read(jobs.wished_models)))
