"""The adapter to Ollama: a look at the server, and a question asked under a watchdog."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from captiond.clock import Clock
from captiond.errors import CaptiondError, Fatal, Rejected, ServerAway, TryAgain, UnusableReply
from captiond.model import Json, Reply

from .backend import Inspection, PullProgress, Question
from .connection import Connection
from .draft import Draft, within
from .model_facts import ModelFacts, concerns, gpu_share
from .models import Models
from .translation import Asked, ConnectionLost, translating

LOAD_OPTIONS = frozenset(
    {"num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict"}
)
"""Options that load the model anew when they change: no question may bring its own."""
LOOK_SECONDS = 30.0
DRAIN_SECONDS = 1.0
FRAMES_BETWEEN_CHECKS = 50


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long a server may take to connect, to its first word, between words, and in all; in seconds."""

    connect_seconds: float = 5.0
    first_frame_seconds: float = 600.0
    gap_seconds: float = 60.0
    total_seconds: float = 900.0


class OllamaBackend:
    """A `VisionBackend` over one Ollama server.

    `options` go with every question: a change of those that load the model would cost minutes. `other_models`
    are asked for by single prompts, and tell whether they are shown pictures. `stop_early` reads a reply
    while it comes and gives a reason to break it off, or None. Only `api_key` is ever sent as a key, never
    the environment's.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        clock: Clock,
        options: Mapping[str, Json] | None = None,
        keep_alive: float | str | None = None,
        limits: TimeLimits | None = None,
        max_side_pixels: int = 0,
        other_models: Mapping[str, bool] | None = None,
        api_key: str | None = None,
        stop_early: Callable[[str], str | None] | None = None,
    ) -> None:
        self._model = model
        self._clock = clock
        self._options = dict(options or {})
        self._keep_alive = _duration(keep_alive)
        self._limits = limits or TimeLimits()
        self._stop_early = stop_early
        self._connection = Connection(
            url, connect_seconds=self._limits.connect_seconds, read_seconds=LOOK_SECONDS, api_key=api_key
        )
        self._models = Models(
            self._connection,
            {model: True} | {other: sees for other, sees in (other_models or {}).items() if other != model},
            num_ctx=self._options.get("num_ctx"),
            max_side=max_side_pixels,
        )

    @property
    def name(self) -> str:
        """Name the server by its address."""
        return self._connection.name

    async def inspect(self, more: Sequence[str] = ()) -> Inspection:
        """Look whether the server is there and its model is there and can see; remember what they all are."""
        self._models.want(more)
        try:
            with translating(Asked(self.name, self._model)):
                return await self._look()
        except (TryAgain, Rejected) as error:
            raise ServerAway(str(error)) from error

    async def pull(self, progress: PullProgress) -> None:
        """Fetch all models that are not there."""
        await self._models.pull(progress)

    async def ask(self, question: Question) -> Reply:
        """Ask, and return the reply only when it is complete."""
        model = question.model or self._model
        known = await self._models.of(model, for_picture=question.image is not None)
        started = self._clock.monotonic_seconds()
        draft = Draft()
        try:
            with translating(Asked(self.name, model, draft.text)):
                await self._receive(draft, question, known)
            return draft.reply(known, self._clock.monotonic_seconds() - started)
        except ConnectionLost as lost:
            if await self._anybody_there():
                raise
            raise ServerAway(f"{self.name} went away in the middle of a request.") from lost
        except UnusableReply as failure:
            seconds = self._clock.monotonic_seconds() - started
            failure.reply = draft.broken(known, failure.raw, seconds)
            raise

    async def close(self) -> None:
        """Let go of all connections."""
        await self._connection.close()

    async def _look(self) -> Inspection:
        version = await self._models.learn()
        known = await self._models.of(self._model, for_picture=True)
        share = gpu_share(await self._connection.get("/api/ps"), self._model)
        host, models = self._connection.host, self._models.names
        lacking = {model: str(missing) for model, missing in self._models.lacking.items()}
        return Inspection(
            server_version=version,
            model=self._model,
            digest=known.identity.digest,
            fits=self._models.fits,
            gpu_share=share,
            warnings=(
                *concerns(host=host, version=version, models=models, share=share),
                *(f"{reason} Prompts with this model wait." for reason in lacking.values()),
            ),
            lacking=lacking,
        )

    async def _receive(self, draft: Draft, question: Question, known: ModelFacts) -> None:
        limits = self._limits
        late = f"{self.name} did not finish its reply within {limits.total_seconds:g} seconds."
        async with within(limits.total_seconds, late), aclosing(await self._chat(question, known)) as frames:
            seconds = limits.first_frame_seconds
            while not draft.is_done:
                silent = f"{self.name} was silent for {seconds:g} seconds in the middle of a request."
                async with within(seconds, silent):
                    frame = await anext(frames, None)
                if frame is None:
                    return
                draft.add(frame)
                draft.must_fit(question.num_predict)
                self._judge_early(draft)
                seconds = limits.gap_seconds
            await _drain(frames)

    async def _chat(self, question: Question, known: ModelFacts) -> Any:
        messages: list[dict[str, Any]] = [{"role": "user", "content": question.text}]
        if question.image is not None:
            # The picture in a message of its own comes before all words in every template, so that the server
            # encodes it once for all questions about it.
            messages.insert(0, {"role": "user", "images": [question.image]})
        sampling = {name: value for name, value in question.options.items() if name not in LOAD_OPTIONS}
        return await self._connection.client.chat(
            known.identity.name,
            messages,
            stream=True,
            # A thinking model would spend num_predict on thoughts; models that cannot think refuse the word.
            think=False if known.thinks else None,
            format=question.schema,
            # Zero would mean no limit at all.
            options={**self._options, **sampling, "num_predict": max(1, question.num_predict)},
            keep_alive=self._keep_alive,
        )

    def _judge_early(self, draft: Draft) -> None:
        if self._stop_early is None or draft.frames % FRAMES_BETWEEN_CHECKS:
            return
        if reason := self._stop_early(draft.text()):
            raise UnusableReply(reason, draft.text())

    async def _anybody_there(self) -> bool:
        try:
            with translating(Asked(self.name, self._model)):
                await self._connection.get("/api/version")
        except Fatal:
            raise
        except CaptiondError:
            return False
        return True


async def _drain(frames: Any) -> None:
    """Read to the end of a complete reply, so that its connection can be used again."""
    with suppress(CaptiondError), translating(Asked("", "")):
        async with within(DRAIN_SECONDS, ""):
            await anext(frames, None)


def _duration(keep_alive: float | str | None) -> float | str | None:
    """Make a number of `"-1"`: the server takes a string for a duration with a unit."""
    if not isinstance(keep_alive, str):
        return keep_alive
    try:
        return int(keep_alive)
    except ValueError:
        return keep_alive
