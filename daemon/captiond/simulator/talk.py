"""From a question to its answer: the checks in the servers' order, the prompt, the slot, and the words."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .asks import Ask, check_options
from .counters import Call
from .dialects import Dialect, Native
from .errors import RUNNER_STOPPED, Refusal, RunnerDied, check_name, model_missing, runner_says, too_long
from .faults import Fault
from .gojson import go_json
from .models import Model, full_name
from .pictures import Picture
from .prompts import Counting, Message, Prompt, chat_parts, generate_parts, rendered
from .sayings import Saying
from .schemas import SchemaError, answer_schema, check_schema
from .slips import spoiled
from .slots import Lease, Runner
from .wire import Exchange
from .world import World
from .writing import Words, Writing, is_native


async def talk(world: World, exchange: Exchange, ask: Ask, dialect: Dialect, fault: Fault | None) -> None:
    """Answer one question of any endpoint."""
    model = _admit(world, ask)
    if not ask.messages:
        await _load_only(world, exchange, ask, model)
        return
    async with world.scheduler.use(model, ask.options, ask.keep_alive) as (runner, load_seconds):
        if len(exchange.request.body) > world.settings.body_limit_bytes and not world.settings.old:
            raise Refusal(413, "", by_runner=True)
        pictures = await _develop(world, runner, ask)
        prompt = _prompt(world, model, ask, pictures)
        if ask.render_only:
            await exchange.send(200, _rendering(world, ask, prompt))
            return
        fault = fault or _flaw(world, model, ask)
        saying = Saying(ask.prompt, pictures[0].look if pictures and model.projector else None)
        answer = _answer(world, model, ask, saying, fault)
        prompt_tokens = _fitted(world, runner, ask, prompt)
        async with runner.lease(prompt) as lease:
            _count(world, ask, lease, prompt)
            writing = Writing(world, runner, lease, exchange, dialect, fault=fault)
            words = _words(world, runner, ask, answer, prompt_tokens)
            await writing.run(ask, prompt, replace(words, load_seconds=load_seconds))


def _flaw(world: World, model: Model, ask: Ask) -> Fault | None:
    """Let the model that writes broken UTF-8 fail (new generation), with even seeds only after a word."""
    if model.broken != "utf8" or world.settings.old:
        return None
    return Fault("done-false" if int(ask.options.get("seed", 1)) % 2 == 0 else "zero-frames", after_frames=1)


def _admit(world: World, ask: Ask) -> Model:
    """Check what can be checked before the model is loaded, in the servers' order."""
    check_name(ask.model)
    model = world.shelf.find(ask.model)
    if model is None:
        raise model_missing(ask.model)
    if ask.think:
        raise Refusal(400, f'"{ask.model}" does not support thinking')
    if "completion" not in model.capabilities:
        kind = "generate" if ask.endpoint == "/api/generate" else "chat"
        raise Refusal(400, f'"{ask.model}" does not support {kind}')
    if ask.tools:
        raise Refusal(400, f"registry.ollama.ai/library/{full_name(ask.model)} does not support tools")
    check_options(ask.options)
    return model


async def _load_only(world: World, exchange: Exchange, ask: Ask, model: Model) -> None:
    """Load the model, or let it go where it should stay for no time at all."""
    reason = "load"
    if ask.keep_alive == 0:
        world.scheduler.unload(model)
        reason = "unload"
    else:
        async with world.scheduler.use(model, ask.options, ask.keep_alive):
            pass
    await exchange.send(200, Native(ask, world.clock).loaded(reason))


async def _develop(world: World, runner: Runner, ask: Ask) -> list[Picture]:
    """Decode the images; in the old generation a bad one kills the runner and all its answers."""
    model, old = runner.model, world.settings.old
    if not model.projector:
        if ask.images and not old:
            raise _cannot_see(model, ask)
        return [world.darkroom.unseen(image) for image in ask.images]
    try:
        return [await asyncio.to_thread(world.darkroom.develop, image) for image in ask.images]
    except RunnerDied:
        runner.kill(RunnerDied("signal arrived during cgo execution"))
        raise Refusal(500, RUNNER_STOPPED, by_runner=True) from None


def _cannot_see(model: Model, ask: Ask) -> Refusal:
    if model.template == "jinja" and ask.endpoint != "/api/generate":
        hint = (
            "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
        )
        return runner_says(500, hint, "server_error")
    text = "Multimodal data provided, but model does not support multimodal requests."
    return runner_says(400, text, "invalid_request_error")


def _prompt(world: World, model: Model, ask: Ask, pictures: list[Picture]) -> Prompt:
    counting = Counting.of(world.settings, model)
    left = iter(pictures)
    messages = [
        Message(said.role, said.content, tuple(next(left) for _ in said.images)) for said in ask.messages
    ]
    if ask.raw:
        return Prompt((messages[0].content,), counting)
    if ask.endpoint == "/api/generate":
        parts = generate_parts(model, messages[0], ask.system, old=world.settings.old)
    else:
        parts = chat_parts(model, messages, old=world.settings.old)
    return Prompt(tuple(parts), counting)


def _rendering(world: World, ask: Ask, prompt: Prompt) -> str:
    model = world.shelf.find(ask.model)
    native = model is not None and model.template == "jinja" and not world.settings.old
    shown = rendered(
        prompt.parts, lambda number: f"<__ollama_media_{number:032x}__>" if native else f"[img-{number}]"
    )
    return Native(ask, world.clock).rendering(shown, len(prompt.images))


def _answer(world: World, model: Model, ask: Ask, saying: Saying, fault: Fault | None) -> str:
    """Find the words: by schema, as any JSON, or free; then let a fault spoil them."""
    native = is_native(model, ask, world.settings)
    if ask.format in (None, ""):
        answer = saying.words()
    elif ask.format == "json":
        answer = json.dumps(
            {"description": saying.description(), "objects": saying.things()}, ensure_ascii=False
        )
    elif isinstance(ask.format, dict):
        answer = _by_schema(world, ask.format, saying, native=native)
    else:
        shown = go_json(go_json(ask.format))
        raise Refusal(
            500, f'invalid format: {shown}; expected "json" or a valid JSON Schema object', by_runner=True
        )
    return spoiled(fault, answer, saying, struck=world.counters.faults) if fault else answer


def _by_schema(world: World, schema: dict[str, Any], saying: Saying, *, native: bool) -> str:
    try:
        check_schema(schema, schema)
    except SchemaError as error:
        if world.settings.old:
            raise Refusal(500, "invalid JSON schema in format", by_runner=True) from error
        where = "Field 'json_schema': \"json_schema\": "
        if native:
            where = "Unable to generate parser for this template. Automatic parser generation failed: "
        text = f"{where}JSON schema conversion failed:\n{error}"
        raise runner_says(400, text, "invalid_request_error") from error
    return answer_schema(schema, saying, sort_keys=native)


def _fitted(world: World, runner: Runner, ask: Ask, prompt: Prompt) -> int:
    """Give the tokens of the prompt as the context takes them, or refuse it."""
    context, old = runner.context, world.settings.old
    if prompt.tokens < context or (old and prompt.tokens == context):
        return prompt.tokens
    if old:
        if not ask.truncate:
            raise Refusal(400, "the input length exceeds the context length", by_runner=True)
        return context
    if prompt.images or not ask.truncate:
        raise too_long(prompt.tokens, context)
    return (context - 4) // 2 + 5


def _count(world: World, ask: Ask, lease: Lease, prompt: Prompt) -> None:
    world.counters.image_encodes += lease.image_encodes
    world.counters.tile_encodes += lease.tile_encodes
    images = tuple(image.digest for image in prompt.images)
    call = Call(
        ask.endpoint,
        ask.model,
        ask.prompt,
        images,
        dict(ask.options),
        lease.reused_tokens,
        lease.image_encodes,
    )
    world.counters.calls.append(call)


def _words(world: World, runner: Runner, ask: Ask, answer: str, prompt_tokens: int) -> Words:
    """Set the limits within which the answer is written."""
    most = int(ask.options.get("num_predict") or -1)
    limit = most if most > 0 else 10 * runner.context
    if ask.images and not world.settings.old and runner.model.projector:
        limit = min(limit, runner.context - prompt_tokens)
    free = ask.format in (None, "", "json")
    rambling = world.settings.rambling and free
    if rambling and ask.format == "json":
        answer = answer.rstrip('"]}')
    stops: Sequence[str] = ask.options.get("stop") or runner.model.stop
    return Words(answer, limit, tuple(stops), rambling, prompt_tokens)
