"""The embedding endpoints: numbers from a hash in the old generation, a refusal in the new one."""

import hashlib
import struct
from typing import Any

from .asks import read_object
from .dialects import NANOSECONDS
from .errors import NO_EMBEDDINGS, Refusal, openai_error
from .gojson import go_json
from .models import Model
from .settings import SimulatorSettings
from .wire import JSON_BARE, Exchange
from .world import World

WIDTH = 64


async def embed(world: World, exchange: Exchange) -> None:
    """Answer `/api/embed`."""
    value = read_object(exchange.request.body, "api.EmbedRequest")
    model = _model(world, value)
    texts = _texts(value)
    body: dict[str, Any] = {"model": value["model"], "embeddings": []}
    if texts:
        load_seconds = await _load(world, model, status=501)
        body["embeddings"] = [_unit(text) for text in texts]
        load = round(load_seconds * NANOSECONDS)
        body |= {"total_duration": load + 1_000_000, "load_duration": load}
        body["prompt_eval_count"] = _tokens(world.settings, texts)
    await exchange.send(200, go_json(body))


async def embed_old_way(world: World, exchange: Exchange) -> None:
    """Answer `/api/embeddings`."""
    value = read_object(exchange.request.body, "api.EmbeddingRequest")
    await _load(world, _model(world, value), status=500)
    await exchange.send(200, go_json({"embedding": _unit(str(value.get("prompt", "")))}))


async def embed_openai(world: World, exchange: Exchange) -> None:
    """Answer `/v1/embeddings`."""
    value = read_object(exchange.request.body, "openai.EmbedRequest")
    try:
        await _load(world, _model(world, value), status=501)
    except Refusal as refusal:
        await exchange.send(refusal.status, openai_error(refusal, early=False), JSON_BARE)
        return
    texts = _texts(value)
    entries = [
        {"object": "embedding", "embedding": _unit(text), "index": index} for index, text in enumerate(texts)
    ]
    tokens = _tokens(world.settings, texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    body = {"object": "list", "data": entries, "model": value["model"], "usage": usage}
    await exchange.send(200, go_json(body) + "\n", JSON_BARE)


def _model(world: World, value: dict[str, Any]) -> Model:
    name = str(value.get("model", ""))
    model = world.shelf.find(name)
    if model is None:
        raise Refusal(404, f'model "{name}" not found, try pulling it first')
    return model


async def _load(world: World, model: Model, *, status: int) -> float:
    async with world.scheduler.use(model, {}, None) as (_, seconds):
        if not world.settings.old:
            raise Refusal(status, NO_EMBEDDINGS)
        return seconds


def _texts(value: dict[str, Any]) -> list[str]:
    given = value.get("input") or []
    return [given] if isinstance(given, str) else [str(one) for one in given]


def _tokens(settings: SimulatorSettings, texts: list[str]) -> int:
    """Count two tokens around each text, and no more than the context holds."""
    return sum(min(len(text.encode()) + 2, settings.context_length) for text in texts)


def _unit(text: str) -> list[float]:
    """Make a vector of length one that depends on the text alone."""
    raw = hashlib.shake_256(text.encode()).digest(2 * WIDTH)
    numbers = [number / 32768 for number in struct.unpack(f">{WIDTH}h", raw)]
    length = sum(number * number for number in numbers) ** 0.5 or 1.0
    return [round(number / length, 9) for number in numbers]
