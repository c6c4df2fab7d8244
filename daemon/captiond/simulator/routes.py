"""Which endpoint answers what, and how errors leave the server."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from .asks import Ask, read_chat, read_generate, read_object
from .dialects import Native, OpenAi
from .embeddings import embed, embed_old_way, embed_openai
from .errors import (
    BUSY,
    Refusal,
    RunnerDied,
    bad_image,
    check_name,
    died_before_answer,
    model_missing,
    openai_error,
    out_of_memory,
)
from .faults import CONNECTION_KINDS, STATUS_KINDS, Fault
from .gojson import GoError, go_json
from .models import full_name
from .openai import read_completion
from .pull import delete, pull
from .show import openai_model, show, tag
from .talk import talk
from .wire import JSON, JSON_BARE, TEXT, Exchange
from .world import World

Endpoint = Callable[[World, Exchange], Awaitable[None]]


async def answer(world: World, exchange: Exchange) -> None:
    """Answer one request: the right endpoint, or the server's way of saying that there is none."""
    world.counters.requests += not exchange.request.path.startswith("/simulator/")
    if not _local(exchange.request.headers.get("host", "")):
        await exchange.send(403, kind=None)
        return
    methods = ROUTES.get(_pattern(exchange.request.path))
    if methods is None:
        await exchange.send(404, "404 page not found", TEXT)
        return
    endpoint = methods.get(exchange.request.method)
    if endpoint is None:
        await exchange.send(405, "405 method not allowed", TEXT, [("Allow", ", ".join(methods))])
        return
    try:
        if not await _met_fault(world, exchange):
            await endpoint(world, exchange)
    except Refusal as refusal:
        await exchange.send(refusal.status, refusal.body())
    except GoError as error:
        await exchange.send(400, go_json({"error": str(error)}))


def _local(host: str) -> bool:
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    local = name in ("", "localhost", "[::1]", "0.0.0.0") or name.startswith("127.")  # noqa: S104 - a name to compare
    return local or name.endswith((".localhost", ".local", ".internal"))


def _pattern(path: str) -> str:
    return "/v1/models/" if path.startswith("/v1/models/") else path


async def _met_fault(world: World, exchange: Exchange) -> bool:
    """Let a fault that names this path strike, where it is one that needs no answer to strike in."""
    path = exchange.request.path
    if path in QUESTIONS or path == "/api/pull" or path.startswith("/simulator/"):
        return False
    fault = world.faults.find(path)
    return fault is not None and await _struck(world, exchange, fault, "")


async def _struck(world: World, exchange: Exchange, fault: Fault, model: str) -> bool:
    """Break the connection or answer with an error; say whether the request is done with."""
    world.counters.faults += 1
    if fault.kind in STATUS_KINDS:
        raise _status(world, fault, model)
    if fault.kind not in CONNECTION_KINDS or fault.kind == "zero-frames":
        return False
    match fault.kind:
        case "hang":
            await world.clock.sleep(fault.seconds)
            exchange.cut()
        case "reset":
            exchange.reset()
        case "eof":
            exchange.cut()
        case _:
            await exchange.send(403, kind=None)
    return True


def _status(world: World, fault: Fault, model: str) -> Refusal:
    old = world.settings.old
    if fault.kind == "crash":
        world.scheduler.kill_runner()
    refusals = {
        "model-missing": model_missing(model),
        "crash": died_before_answer(RunnerDied(), old=old),
        "out-of-memory": out_of_memory(8 << 30, old=old),
        "busy": Refusal(503, BUSY),
        "bad-request": Refusal(400, fault.text) if fault.text else bad_image(),
        "too-large": Refusal(413, "", by_runner=True),
        "server-error": Refusal(500, fault.text or "internal error"),
    }
    return refusals[fault.kind]


async def _question(world: World, exchange: Exchange, ask: Ask, dialect: Native | OpenAi) -> None:
    """Answer a question, with whatever fault is set for it."""
    try:
        digests = [hashlib.sha256(image).hexdigest() for image in ask.images] if world.faults.listed() else []
        fault = world.faults.find(ask.endpoint, ask.prompt, digests, question=True) if ask.messages else None
        if fault and await _struck(world, exchange, fault, ask.model):
            return
        await talk(world, exchange, ask, dialect, fault)
    except Refusal as refusal:
        if isinstance(dialect, OpenAi):
            await exchange.send(refusal.status, openai_error(refusal, early=False), JSON_BARE)
        elif refusal.by_runner and ask.stream:
            await exchange.begin(JSON_BARE, refusal.status)
            await exchange.chunk(refusal.body())
            await exchange.end()
        else:
            raise


async def _chat(world: World, exchange: Exchange) -> None:
    ask = read_chat(exchange.request.body)
    await _question(world, exchange, ask, Native(ask, world.clock))


async def _generate(world: World, exchange: Exchange) -> None:
    ask = read_generate(exchange.request.body)
    await _question(world, exchange, ask, Native(ask, world.clock))


async def _completions(world: World, exchange: Exchange) -> None:
    try:
        ask = read_completion(exchange.request.body)
    except (Refusal, GoError) as error:
        refusal = error if isinstance(error, Refusal) else Refusal(400, str(error))
        await exchange.send(refusal.status, openai_error(refusal, early=True))
        return
    number = world.counters.requests * 37
    await _question(world, exchange, ask, OpenAi(ask, world.clock, number, old=world.settings.old))


async def _root(_: World, exchange: Exchange) -> None:
    await exchange.send(200, "Ollama is running", "text/plain; charset=utf-8")


async def _version(world: World, exchange: Exchange) -> None:
    await exchange.send(200, go_json({"version": world.settings.version}))


async def _status_page(_: World, exchange: Exchange) -> None:
    await exchange.send(200, go_json({"cloud": {"disabled": True, "source": "env"}}))


async def _tags(world: World, exchange: Exchange) -> None:
    models = [tag(model, old=world.settings.old) for model in world.shelf.all()]
    await exchange.send(200, go_json({"models": models}))


async def _ps(world: World, exchange: Exchange) -> None:
    await exchange.send(200, go_json({"models": world.scheduler.listed()}))


async def _show(world: World, exchange: Exchange) -> None:
    value = read_object(exchange.request.body, "api.ShowRequest")
    name = str(value.get("model") or value.get("name") or "")
    check_name(name)
    model = world.shelf.find(name)
    if model is None:
        raise model_missing(name if world.settings.old else full_name(name))
    body = show(model, old=world.settings.old, verbose=bool(value.get("verbose")))
    await exchange.send(200, go_json(body))


async def _pull(world: World, exchange: Exchange) -> None:
    fault = world.faults.find("/api/pull")
    world.counters.faults += fault is not None
    await pull(world, exchange, fault)


async def _delete(world: World, exchange: Exchange) -> None:
    delete(world, exchange)
    await exchange.send(200, kind=None)


async def _openai_models(world: World, exchange: Exchange) -> None:
    models = sorted((openai_model(model) for model in world.shelf.all()), key=lambda one: str(one["id"]))
    body = go_json({"object": "list", "data": models or None})
    await exchange.send(200, body + "\n", JSON_BARE)


async def _openai_model(world: World, exchange: Exchange) -> None:
    name = exchange.request.path.removeprefix("/v1/models/")
    model = world.shelf.find(name)
    if model is None:
        refusal = model_missing(name if world.settings.old else full_name(name))
        await exchange.send(404, openai_error(refusal, early=False), JSON_BARE)
        return
    await exchange.send(200, go_json(openai_model(model)) + "\n", JSON_BARE)


async def _counters(world: World, exchange: Exchange) -> None:
    await exchange.send(200, go_json(world.counters.as_json()))


async def _set_faults(world: World, exchange: Exchange) -> None:
    """Take a JSON list of faults in the place of all that are set."""
    body: Any = exchange.request.body
    try:
        faults = [Fault.from_json(one) for one in read_object(body, "faults").get("faults", [])]
    except (ValueError, TypeError) as error:
        raise Refusal(400, str(error)) from error
    world.faults.set(*faults)
    await exchange.send(200, go_json({"faults": [fault.kind for fault in faults]}))


async def _kill_runner(world: World, exchange: Exchange) -> None:
    world.scheduler.kill_runner()
    await exchange.send(200, "{}", JSON)


QUESTIONS = frozenset({"/api/chat", "/api/generate", "/v1/chat/completions"})
ROUTES: dict[str, dict[str, Endpoint]] = {
    "/": {"HEAD": _root, "GET": _root},
    "/api/version": {"HEAD": _version, "GET": _version},
    "/api/status": {"GET": _status_page},
    "/api/tags": {"HEAD": _tags, "GET": _tags},
    "/api/ps": {"GET": _ps},
    "/api/show": {"POST": _show},
    "/api/chat": {"POST": _chat},
    "/api/generate": {"POST": _generate},
    "/api/pull": {"POST": _pull},
    "/api/delete": {"DELETE": _delete},
    "/api/embed": {"POST": embed},
    "/api/embeddings": {"POST": embed_old_way},
    "/v1/chat/completions": {"POST": _completions},
    "/v1/embeddings": {"POST": embed_openai},
    "/v1/models": {"GET": _openai_models},
    "/v1/models/": {"GET": _openai_model},
    "/simulator/counters": {"GET": _counters},
    "/simulator/faults": {"POST": _set_faults},
    "/simulator/kill-runner": {"POST": _kill_runner},
}
