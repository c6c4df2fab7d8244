"""The models of one server: learnt once, learnt anew by every inspection, fetched where they are missing."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ollama import ProgressResponse

from captiond.errors import ModelMissing, Outage, Rejected, ServerAway, TryAgain
from captiond.model import Fit, Json

from .backend import ModelNotPulled, PullProgress
from .connection import Connection
from .draft import within
from .model_facts import ModelFacts, facts, hides_grids, listed
from .translation import Asked, translating

PULL_SILENCE_SECONDS = 600.0
"""A large file is checked without a word after it has come."""


class Models:
    """What is known of a server's models: the first of `wanted`, which is the main one, and all others.

    `wanted` tells which of them must see. `num_ctx` and `max_side` as they are set; None and 0 leave it to
    the model. `lacking` tells why one of the others cannot be used; without the first one nothing can.
    """

    def __init__(
        self, connection: Connection, wanted: Mapping[str, bool], *, num_ctx: int | None, max_side: int
    ) -> None:
        self._connection = connection
        self._main = next(iter(wanted))
        self._wanted = dict.fromkeys(wanted)
        self._must_see = {name for name, must_see in wanted.items() if must_see}
        self._num_ctx = num_ctx
        self._max_side = max_side
        self._known: dict[str, ModelFacts] = {}
        self._unfetched: dict[str, ModelMissing] = {}
        self.lacking: dict[str, ModelMissing] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The models that were asked for, the main one first."""
        return tuple(self._wanted)

    @property
    def fits(self) -> dict[str, Fit]:
        """The pixels that each model can use, as far as they are known."""
        return {name: known.fit for name, known in self._known.items()}

    def want(self, more: Sequence[str]) -> None:
        """Look at more models, at every look from now on."""
        self._wanted.update(dict.fromkeys(more))

    async def learn(self) -> str:
        """Ask the server about all models, whatever is known of them; give its version."""
        about = await self._connection.get("/api/version")
        version = str(about["version"])
        tags = await self._connection.get("/api/tags")
        lacking = {}
        for name in self.names:
            try:
                self._known[name] = await self._facts(name, version, tags)
                self._check_sight(name)
            except ModelMissing as missing:
                if name == self._main:
                    raise
                self._known.pop(name, None)
                lacking[name] = self._unfetched.get(name, missing)
        self.lacking = lacking
        return version

    async def of(self, name: str, *, for_picture: bool) -> ModelFacts:
        """Give what is known of a model; learn it where that is nothing, and at every look from then on."""
        self._wanted[name] = None
        if for_picture:
            self._must_see.add(name)
        if name not in self._known:
            with translating(Asked(self._connection.name, name)):
                await self.learn()
        if missing := self.lacking.get(name):
            raise type(missing)(str(missing))
        self._check_sight(name)
        return self._known[name]

    async def pull(self, progress: PullProgress) -> None:
        """Fetch those that are not there; raise ModelMissing where that fails for the main one."""
        with translating(Asked(self._connection.name, self._main)):
            tags = await self._connection.get("/api/tags")
        self._unfetched = {}
        for name in self.names:
            if listed(tags, name) is not None:
                continue
            try:
                await self._pull(name, progress)
            except ModelMissing as missing:
                if name == self._main:
                    raise
                self._unfetched[name] = missing

    def _check_sight(self, name: str) -> None:
        # A server up to 0.24 drops the picture without a word and lets the model invent an answer.
        if name in self._must_see and not self._known[name].sees:
            raise ModelMissing(
                f"The model {name} on {self._connection.name} cannot see pictures. "
                "Choose a vision model, such as llava:13b-v1.6."
            )

    async def _facts(self, name: str, version: str, tags: Json) -> ModelFacts:
        entry = listed(tags, name)
        if entry is None:
            server = self._connection.name
            raise ModelNotPulled(
                f"{server} has not got the model {name}. `ollama pull {name}` there fetches it."
            )
        show = await self._connection.post("/api/show", {"model": name})
        if hides_grids(show):
            show = await self._connection.post("/api/show", {"model": name, "verbose": True})
        return facts(name, entry, show, version=version, num_ctx=self._num_ctx, max_side=self._max_side)

    async def _pull(self, name: str, progress: PullProgress) -> None:
        server = self._connection.name
        try:
            with translating(Asked(server, name)):
                last = await self._follow_pull(name, progress)
        except ServerAway:
            raise
        except (Outage, TryAgain, Rejected) as error:
            raise ModelMissing(
                f"The model {name} could not be fetched. {error} Try `ollama pull {name}` there."
            ) from error
        if last != "success":
            raise ModelMissing(f"{server} stopped fetching the model {name}. Try `ollama pull {name}` there.")

    async def _follow_pull(self, name: str, progress: PullProgress) -> str:
        status = ""
        silent = f"{self._connection.name} said nothing for {PULL_SILENCE_SECONDS:g} seconds."
        stream: Any = await self._connection.client.pull(name, stream=True)
        async with aclosing(stream):
            while True:
                async with within(PULL_SILENCE_SECONDS, silent):
                    frame: ProgressResponse | None = await anext(stream, None)
                if frame is None:
                    return status
                status = frame.status or ""
                progress(status, frame.completed or 0, frame.total or 0)
