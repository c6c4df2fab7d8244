"""The daemon's side of the reader's process: a model server's part, played by what reads text.

What runs inside is `cage.py`, how it is kept is `imaging/caged.py`; it starts when text is first wanted.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress

from captiond.clock import Clock
from captiond.errors import ServerAway, ServerStumbled
from captiond.imaging.caged import Caged, Trade
from captiond.imaging.wire import Nonsense
from captiond.model import Fit, Json, ModelIdentity, Reply
from captiond.printable import printable
from captiond.prompts.engines import READER
from captiond.vision.backend import Question
from captiond.vision.sight import Sight

CAGE = (sys.executable, "-P", "-m", "captiond.reader.cage")
"""The reader's process; `-P` keeps the current folder, which may be an inbox, off its import path."""

SIDE_PIXELS = 2000
"""The longest side of the picture that is read."""

_START_SECONDS = 120.0
_READ_SECONDS = 300.0
_PAUSE_SECONDS = 60.0
_RECYCLE_AFTER = 50
_MOST_TEXT_BYTES = 1024 * 1024
_KEPT_VARIABLES_OF = "OPENBLAS_"
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""As the cage wants it; and no more memory for those that are not there."""


class Reader:
    """Answers prompts by reading the text in the picture; nothing is started before the first of them.

    `command` is what is started; it must speak as `cage.py` does.
    """

    parallel = 1
    was_probed = True
    name = "the reader"

    def __init__(
        self, clock: Clock, *, time_limit_seconds: float = _READ_SECONDS, command: Sequence[str] = CAGE
    ) -> None:
        self.sight = Sight(self.ask)
        self._clock = clock
        self._turn = asyncio.Lock()
        self._slot = asyncio.Semaphore(self.parallel)
        self._caged = Caged(
            Trade(
                name=self.name,
                title=self.name,
                command=command,
                read_ready=_identity,
                most_reply_bytes=_MOST_TEXT_BYTES,
                start_seconds=_START_SECONDS,
                time_limit_seconds=time_limit_seconds,
                recycle_after=_RECYCLE_AFTER,
                died=ServerStumbled,
                away=ServerAway,
                environment=_environment(os.environ),
            )
        )
        self.is_up = True
        """Whether it started when it was last wanted."""

    async def meet(self, models: Sequence[str]) -> None:
        """Do nothing: it has no models."""

    def may_answer(self, model: str) -> bool:
        """Tell whether it is ever asked for this model: only where a prompt wants the reader."""
        return model == READER

    def answers(self, model: str) -> bool:
        """Tell the same: it is always there."""
        return self.may_answer(model)

    def fit_for(self, model: str | None) -> Fit:  # noqa: ARG002 - there is one only
        """Give the pixels that are read."""
        return Fit(((SIDE_PIXELS, SIDE_PIXELS),))

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Wait for the slot, and hold it."""
        return self._slot

    async def until_up(self) -> None:
        """Return at once, or when its process has started: it does not where memory is short."""
        while not self.is_up:
            await self._clock.sleep(_PAUSE_SECONDS)
            with suppress(ServerAway):
                await self.start()

    @property
    def pid(self) -> int | None:
        """Give the process id of the reader's process, None where none runs."""
        return self._caged.pid

    async def start(self) -> ModelIdentity:
        """Start its process now; gives what reads. Raises ServerAway where it does not start."""
        try:
            identity = await self._caged.start()
        except ServerAway:
            self.is_up = False
            raise
        self.is_up = True
        return identity

    async def ask(self, question: Question) -> Reply:
        """Read the picture of a question; no text is an empty reply.

        Raises ServerStumbled where the picture kills or hangs the process, ServerAway where it does not
        start.
        """
        assert question.image is not None
        async with self._turn:
            identity = await self.start()
            started = self._clock.monotonic_seconds()
            text = await self._caged.ask({"size": len(question.image)}, question.image, _text)
            seconds = self._clock.monotonic_seconds() - started
        return Reply(text, finish="stop", model=identity, seconds=seconds)

    async def close(self) -> None:
        """End the process, whatever it does."""
        await self._caged.close()


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in variables.items() if name.startswith(_KEPT_VARIABLES_OF)}
    return kept | _ONE_THREAD


def _identity(header: Json) -> ModelIdentity:
    """Read what the reader's process says first; `Nonsense` where that is not who reads."""
    try:
        made = header["ready"]
        return ModelIdentity(
            str(made["engine"]), str(made["digest"]), family="PP-OCRv6", server=str(made["runtime"])
        )
    except (KeyError, TypeError) as error:
        raise Nonsense(f"it is not ready: {error!r}") from None


def _text(header: Json, text: bytes) -> str:
    if "failed" in header:
        raise ServerStumbled(f"the reader cannot read this picture: {printable(str(header['failed']))}")
    return text.decode("utf-8", "replace")
