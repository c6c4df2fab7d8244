"""Asks models about one picture without storing anything: what `captiond try` shows side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from captiond.choices import Choices
from captiond.choosing import choices_from
from captiond.clock import SystemClock
from captiond.errors import UnusableReply
from captiond.imaging.tiling import Cutting
from captiond.imaging.worker import Decoder
from captiond.model import Answer, Fit, PromptName, Reply, Status, Tiles
from captiond.prompts.answers import understand
from captiond.prompts.engines import READER
from captiond.prompts.prompt import Prompt
from captiond.prompts.skipping import reason_to_skip
from captiond.reader.reading import Reader
from captiond.settings import Settings
from captiond.small_text import read_closely
from captiond.vision.backend import ModelNotPulled, Question, VisionBackend
from captiond.vision.ollama import OllamaBackend
from captiond.vision.questions import question_for
from captiond.wiring import backend_for

from .output import note


@dataclass(frozen=True, slots=True)
class Tried:
    """What one model said to one prompt, or why there is no answer; seconds without loading the model."""

    model: str
    prompt: PromptName
    answer: Answer
    seconds: float | None = None


async def try_out(
    settings: Settings, content: bytes, models: Sequence[str], names: Sequence[str]
) -> list[Tried]:
    """Ask each model, one after another, all prompts or those named; raises Rejected, Outage and Fatal.

    What the reader reads, it reads here too, unless models are named.
    """
    choices = choices_from(settings)
    choices = replace(choices, prompts=_wanted(choices, names, read=not models))
    limit_seconds = settings.imaging.decode_seconds
    async with Decoder(choices.limits, time_limit_seconds=limit_seconds) as decoder:
        return [
            tried
            for model in models or [settings.ollama.model]
            for tried in await _try_model(_asking(settings, model), choices, decoder, content)
        ]


def _asking(settings: Settings, model: str) -> Settings:
    return settings.model_copy(update={"ollama": settings.ollama.model_copy(update={"model": model})})


def _wanted(choices: Choices, names: Sequence[str], *, read: bool) -> tuple[Prompt, ...]:
    """Give the prompts that are named, each behind the one that it is about; without a model of their own.

    `read`: the reader keeps its prompts.
    """
    of = {prompt.name: prompt for prompt in choices.prompts}
    wanted: dict[PromptName, Prompt] = {}

    def want(name: PromptName) -> None:
        source = of[name].from_prompt
        if source in of:
            want(source)
        keeps = read and of[name].model == READER
        wanted[name] = of[name] if keeps else replace(of[name], model=None)

    for name in names or choices.names:
        want(PromptName(name))
    return tuple(wanted.values())


async def _try_model(settings: Settings, choices: Choices, decoder: Decoder, content: bytes) -> list[Tried]:
    model = settings.ollama.model
    backend = backend_for(settings.ollama.url[0], settings, choices, SystemClock())
    reader = Reader(SystemClock())
    try:
        fits = {}
        for asked in {prompt.model for prompt in choices.prompts}:
            fits[asked] = (
                reader.fit_for(asked) if asked == READER else await _fit(backend, pull=settings.ollama.pull)
            )
        picture = _Picture(content, decoder, fits)
        answers: dict[PromptName, Answer] = {}
        tried = []
        for prompt in choices.prompts:
            who, name = (reader, "reader") if prompt.model == READER else (backend, model)
            one = await _ask(who, name, prompt, picture, answers)
            answers[prompt.name] = one.answer
            tried.append(one)
        return tried
    finally:
        await reader.close()
        await backend.close()


@dataclass(frozen=True, slots=True)
class _Picture:
    """The picture as each prompt is shown it; `fits` has the pixels that each model can use."""

    content: bytes
    decoder: Decoder
    fits: Mapping[str | None, Fit]

    async def jpeg(self, prompt: Prompt) -> bytes:
        return (await self.decoder.prepare(self.content, self._fit(prompt))).jpeg

    async def cut(self, prompt: Prompt, cutting: Cutting) -> Tiles:
        return await self.decoder.cut(self.content, self._fit(prompt), cutting)

    def _fit(self, prompt: Prompt) -> Fit:
        side = prompt.max_side_pixels
        return self.fits[prompt.model] if side is None else Fit(((side, side),))


async def _fit(backend: OllamaBackend, *, pull: bool) -> Fit:
    try:
        inspection = await backend.inspect()
    except ModelNotPulled as missing:
        if not pull:
            raise
        note(f"{missing} captiond has it fetched now, which takes a while.")
        await backend.pull(lambda _status, _done_bytes, _all_bytes: None)
        inspection = await backend.inspect()
    return inspection.fit_for(None)


async def _ask(
    backend: VisionBackend | Reader,
    model: str,
    prompt: Prompt,
    picture: _Picture,
    answers: Mapping[PromptName, Answer],
) -> Tried:
    source = answers.get(prompt.from_prompt) if prompt.from_prompt else None
    skipped = reason_to_skip(prompt, source)
    if skipped:
        return Tried(model, prompt.name, Answer(Status.SKIPPED, reason=skipped))
    about = source.value if source else None
    jpeg = None if prompt.from_prompt else await picture.jpeg(prompt)

    async def ask(question: Question) -> tuple[Reply, Answer]:
        # Each of the models that are tried is asked everything.
        reply = await backend.ask(replace(question, model=None))
        return reply, understand(prompt, reply, about)

    ask_whole = partial(ask, question_for(prompt, jpeg, about))
    try:
        reply, answer = await read_closely(prompt, ask_whole, picture.cut, ask, tries=0)
    except UnusableReply as unusable:
        rejected = Answer(Status.REJECTED, reason=str(unusable), raw=unusable.raw)
        return Tried(model, prompt.name, rejected)
    return Tried(model, prompt.name, answer, max(reply.seconds - reply.load_seconds, 0.0))
