"""`/api/pull` from a small registry that is not there: progress, resuming, and the ways to fail."""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from .asks import read_object
from .errors import Refusal, check_name
from .faults import Fault
from .gojson import go_json
from .models import Model, full_name, named
from .wire import JSON_BARE, Exchange
from .world import World

STEPS = 8
SMALL_BYTES = 1000
STEP_SECONDS = 0.12
STALL_SECONDS = 30.0
NAMESERVER = "192.0.2.53:53"
CONFIG_BLOBS = (
    ("c79a7c83de7770b06d1a86de431e3521758617bcc8c60dc9d41db35124e8112c", 44),
    ("46abe97e4f857c6e31dbb5fcd3f3a7189eb39899342a72d40d2c02a21ba340e2", 48),
    ("65200714427c54ae384358b7fbf8640565519add85a7bbf2054251aea35e0aba", 33),
    ("c1f575352b7dfe37a2ec2694067935528765cbfa78a05601cbf6b464df3ea4cb", 168),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from."""

    host: str
    name: str
    tag: str
    secure: bool

    @property
    def manifest(self) -> str:
        """Give the address of the manifest."""
        return f"{'https' if self.secure else 'http'}://{self.host}/v2/{self.name}/manifests/{self.tag}"


class PullFailed(Exception):
    """A pull that ends with this text."""


def source_of(model: str, *, insecure: bool) -> Source:
    """Take a model's name apart."""
    parts = full_name(model).split("/")
    hosted = len(parts) > 2 or (len(parts) > 1 and any(mark in parts[0] for mark in ".:"))  # noqa: PLR2004 - host/library/name
    host = parts.pop(0) if hosted else "registry.ollama.ai"
    name, _, tag = parts.pop().partition(":")
    return Source(host, f"{'/'.join(parts) or 'library'}/{name}", tag, secure=not (insecure and hosted))


async def pull(world: World, exchange: Exchange, fault: Fault | None) -> None:
    """Answer `/api/pull`: streamed failures are a line in a 200, others a 500."""
    value = read_object(exchange.request.body, "api.PullRequest")
    name = str(value.get("model") or value.get("name") or "")
    check_name(name, empty="invalid model name")
    lines = _lines(world, name, bool(value.get("insecure")), fault)
    if value.get("stream") is False:
        await _in_one_piece(exchange, lines)
        return
    await exchange.begin()
    try:
        async for line in lines:
            await exchange.chunk(go_json(line) + "\n")
    except PullFailed as failed:
        await exchange.chunk(go_json({"error": str(failed)}) + "\n")
    await exchange.end()


async def _in_one_piece(exchange: Exchange, lines: AsyncIterator[dict[str, Any]]) -> None:
    try:
        async for _ in lines:
            pass
    except PullFailed as failed:
        await exchange.send(500, go_json({"error": str(failed)}), JSON_BARE)
        return
    await exchange.send(200, go_json({"status": "success"}), JSON_BARE)


async def _lines(
    world: World, name: str, insecure: bool, fault: Fault | None
) -> AsyncIterator[dict[str, Any]]:
    yield {"status": "pulling manifest"}
    _reach(world, source_of(name, insecure=insecure), fault)
    model = named(name, world.settings.projector)
    there = world.shelf.find(name) is not None
    for digest, total in _blobs(model):
        async for line in _blob(world, digest, total, fault, there=there):
            yield line
    yield {"status": "verifying sha256 digest"}
    if fault and fault.kind == "pull-damaged":
        world.downloads.clear()
        got = hashlib.sha256(b"damaged").hexdigest()
        text = (
            f"digest mismatch, file must be downloaded again: want sha256:{model.text_blob}, got sha256:{got}"
        )
        raise PullFailed(text)
    yield {"status": "writing manifest"}
    world.shelf.put(name)
    world.downloads.clear()
    yield {"status": "success"}


def _blobs(model: Model) -> list[tuple[str, int]]:
    return [(model.text_blob, 524512), (model.projector_blob or model.digest, 737856), *CONFIG_BLOBS]


def _reach(world: World, source: Source, fault: Fault | None) -> None:
    """Fail where the registry cannot be reached or does not have the model."""
    kind = fault.kind if fault else ""
    refused = re.fullmatch(r"127\.0\.0\.1:9", source.host)
    if refused:
        text = f"dial tcp {source.host}: connect: connection refused"
        raise PullFailed(f'pull model manifest: Get "{source.manifest}": {text}')
    if world.settings.registry == "offline" or source.host.endswith(".invalid"):
        text = f"dial tcp: lookup {source.host} on {NAMESERVER}: no such host"
        raise PullFailed(f'pull model manifest: Get "{source.manifest}": {text}')
    if kind == "pull-error":
        raise PullFailed("pull model manifest: 500: internal error")
    if kind == "pull-missing" or world.settings.registry == "empty":
        raise PullFailed("pull model manifest: file does not exist")
    if kind == "pull-blob-missing":
        raise PullFailed("file does not exist")


async def _blob(
    world: World, digest: str, total: int, fault: Fault | None, *, there: bool
) -> AsyncIterator[dict[str, Any]]:
    """Fetch one blob: what was fetched before a pull broke off is not fetched again."""
    line = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": total}
    if there:
        yield line | {"completed": total}
        return
    if world.downloads.get(digest) == total:
        return
    if total < SMALL_BYTES:
        world.downloads[digest] = total
        yield line | {"completed": total}
        return
    yield line
    scale = world.settings.time_scale
    if fault and fault.kind in ("pull-cut", "pull-stall"):
        await world.clock.sleep((STALL_SECONDS if fault.kind == "pull-stall" else 1.0) * scale)
    while (done := world.downloads.get(digest, 0)) < total:
        await world.clock.sleep(STEP_SECONDS * scale)
        done = min(total, done + max(1, total // STEPS))
        world.downloads[digest] = done
        yield line | {"completed": done}


def delete(world: World, exchange: Exchange) -> None:
    """Take a model away, or refuse with 404."""
    value = read_object(exchange.request.body, "api.DeleteRequest")
    name = str(value.get("model") or value.get("name") or "")
    check_name(name, empty="invalid model name")
    if not world.shelf.remove(name):
        raise Refusal(404, f"model '{name}' not found")
