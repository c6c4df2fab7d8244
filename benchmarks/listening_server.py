"""A simulated model server in this process that notes when each question came and when it was answered."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from captiond.simulator.server import Simulator
from captiond.simulator.settings import SimulatorSettings
from captiond.simulator.wire import Exchange


@dataclass(frozen=True, slots=True)
class Question:
    """A chat request, whole as it came; the moments are monotonic, in seconds."""

    body: bytes
    came: float
    answered: float


class ListeningServer(Simulator):
    """`arrivals` gets the moment at which a question has come, `questions` all of it once it is answered."""

    def __init__(self, settings: SimulatorSettings) -> None:
        super().__init__(settings)
        self.arrivals: asyncio.Queue[float] = asyncio.Queue()
        self.questions: list[Question] = []

    async def _respond(self, exchange: Exchange) -> None:
        came = time.monotonic()
        asked = exchange.request.path == "/api/chat"
        if asked:
            self.arrivals.put_nowait(came)
        await super()._respond(exchange)
        if asked:
            self.questions.append(Question(exchange.request.body, came, time.monotonic()))

    def forget(self) -> Sequence[Question]:
        """Give the questions so far and begin anew."""
        while not self.arrivals.empty():
            self.arrivals.get_nowait()
        asked, self.questions = self.questions, []
        return asked
