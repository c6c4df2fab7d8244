"""Asks models about one picture without storing anything: what `captiond try` shows side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from captiond.choices import Choices
from captiond.clock import SystemClock
from captiond.errors import UnusableReply
from captiond.imaging.worker import Decoder
from captiond.model import Answer, Fit, PromptName, Status
from captiond.prompts.answers import understand
from captiond.prompts.prompt import Prompt
from captiond.prompts.skipping import reason_to_skip
from captiond.settings import Settings
from captiond.vision.backend import ModelNotPulled, VisionBackend
from captiond.vision.ollama import OllamaBackend
from captiond.vision.questions import question_for
from captiond.wiring import backend_for, choices_from


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
    """Ask each model, one after another, all prompts or those named; raises Rejected, Outage and Fatal."""
    choices = choices_from(settings)
    choices = replace(choices, prompts=_wanted(choices, names))
    limit_seconds = settings.imaging.decode_seconds
    async with Decoder(choices.limits, time_limit_seconds=limit_seconds) as decoder:
        return [
            tried
            for model in models or [settings.ollama.model]
            for tried in await _try_model(_asking(settings, model), choices, decoder, content)
        ]


def _asking(settings: Settings, model: str) -> Settings:
    return settings.model_copy(update={"ollama": settings.ollama.model_copy(update={"model": model})})


def _wanted(choices: Choices, names: Sequence[str]) -> tuple[Prompt, ...]:
    """Give the prompts that are named, each behind the one that it is about; without a model of their own."""
    of = {prompt.name: prompt for prompt in choices.prompts}
    wanted: dict[PromptName, Prompt] = {}

    def want(name: PromptName) -> None:
        source = of[name].from_prompt
        if source in of:
            want(source)
        wanted[name] = replace(of[name], model=None)

    for name in names or choices.names:
        want(PromptName(name))
    return tuple(wanted.values())


async def _try_model(settings: Settings, choices: Choices, decoder: Decoder, content: bytes) -> list[Tried]:
    model = settings.ollama.model
    backend = backend_for(settings.ollama.url[0], settings, choices, SystemClock())
    try:
        picture = await decoder.prepare(content, await _fit(backend, pull=settings.ollama.pull))
        answers: dict[PromptName, Answer] = {}
        tried = []
        for prompt in choices.prompts:
            one = await _ask(backend, model, prompt, picture.jpeg, answers)
            answers[prompt.name] = one.answer
            tried.append(one)
        return tried
    finally:
        await backend.close()


async def _fit(backend: OllamaBackend, *, pull: bool) -> Fit:
    try:
        inspection = await backend.inspect()
    except ModelNotPulled:
        if not pull:
            raise
        await backend.pull(lambda _status, _done_bytes, _all_bytes: None)
        inspection = await backend.inspect()
    return inspection.fit_for(None)


async def _ask(
    backend: VisionBackend, model: str, prompt: Prompt, jpeg: bytes, answers: Mapping[PromptName, Answer]
) -> Tried:
    source = answers.get(prompt.from_prompt) if prompt.from_prompt else None
    skipped = reason_to_skip(prompt, source)
    if skipped:
        return Tried(model, prompt.name, Answer(Status.SKIPPED, reason=skipped))
    about = source.value if source else None
    # Each of the models that are tried is asked everything.
    picture = None if prompt.from_prompt else jpeg
    question = replace(question_for(prompt, picture, about), model=None)
    try:
        reply = await backend.ask(question)
        answer = understand(prompt, reply, about)
    except UnusableReply as unusable:
        rejected = Answer(Status.REJECTED, reason=str(unusable), raw=unusable.raw)
        return Tried(model, prompt.name, rejected)
    return Tried(model, prompt.name, answer, reply.seconds - reply.load_seconds)
