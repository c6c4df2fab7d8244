"""What a server's own words about itself and its models mean; pure, and lenient with what is missing.

`show`, `tags` and `ps` are the bodies of `/api/show`, `/api/tags` and `/api/ps`, of any version of Ollama.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeGuard

from captiond.model import Fit, Json, ModelIdentity

PINPOINTS = "clip.vision.image_grid_pinpoints"
LLAVA_16_GRIDS = ((336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008))
MOST_GRIDS = 100
LLAVA_SIDE = 336
OTHER_SIDE = 1344
"""Long side sent to models that say nothing about the size they see."""
SIDES = range(64, 8193)
"""Pixels that a model may see along a side; a server that says something else does not know."""
CONTEXTS = range(512, 2**31)
SAFE_VERSION = (0, 17, 1)
"""Older servers leak memory to whoever can reach them (CVE-2026-7482)."""
SMALLEST_VISION_CONTEXT = 2048
"""Ollama raises `num_ctx` to this for a model that sees."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model on one server; `context_tokens` is the room that a request really gets, where it is known."""

    identity: ModelIdentity
    sees: bool
    thinks: bool
    context_tokens: int | None
    fit: Fit


def full_name(name: str) -> str:
    """Write a model's name as the server lists it: `llava` is `llava:latest`."""
    short = name.removeprefix("registry.ollama.ai/").removeprefix("library/")
    return short if ":" in short.rpartition("/")[2] else f"{short}:latest"


def listed(models: Json, name: str) -> Mapping[str, Any] | None:
    """Find a model in the body of `/api/tags` or `/api/ps`."""
    for entry in _list(_mapping(models).get("models")):
        known = _mapping(entry)
        if full_name(str(known.get("model") or known.get("name") or "")) == full_name(name):
            return known
    return None


def facts(
    name: str, entry: Mapping[str, Any], show: Json, *, version: str, num_ctx: int | None, max_side: int
) -> ModelFacts:
    """Gather what is known of a model from its line in `/api/tags` and from `/api/show`."""
    shown = _mapping(show)
    details = _mapping(shown.get("details") or entry.get("details"))
    identity = ModelIdentity(
        name=name,
        digest=str(entry.get("digest") or ""),
        family=_text(details.get("family")),
        parameters=_text(details.get("parameter_size")),
        quantization=_text(details.get("quantization_level")),
        server=f"Ollama {version}",
    )
    capabilities = _list(shown.get("capabilities"))
    return ModelFacts(
        identity=identity,
        sees=_sees(shown, details),
        thinks="thinking" in capabilities,
        context_tokens=_context(shown, num_ctx),
        fit=Fit(((max_side, max_side),)) if max_side else _fit(shown, name),
    )


def hides_grids(show: Json) -> bool:
    """Say whether the model cuts pictures into grids that only a verbose `/api/show` names."""
    projector = _mapping(_mapping(show).get("projector_info"))
    return PINPOINTS in projector and not projector[PINPOINTS]


def gpu_share(ps: Json, name: str) -> float | None:
    """Give how much of the loaded model lies on the graphics card (0 to 1); None where nobody can tell."""
    loaded = listed(ps, name) or {}
    size, on_card = loaded.get("size"), loaded.get("size_vram", 0)
    if not isinstance(size, int) or not isinstance(on_card, int) or size <= 0 or not 0 <= on_card <= size:
        return None
    return on_card / size


def concerns(*, host: str, version: str, models: Sequence[str], share: float | None) -> Iterator[str]:
    """Yield the sentences that a user should read before trusting this server with pictures."""
    if not _is_this_computer(host):
        yield f"Pictures leave this computer: they are sent to {host}."
    for model in models:
        if model.endswith("cloud"):
            yield f"Pictures leave this computer: the model {model} runs in Ollama's cloud."
    if _older(version, SAFE_VERSION):
        yield (
            f"Ollama {version} has a known security hole (CVE-2026-7482): update it to "
            f"{'.'.join(map(str, SAFE_VERSION))} or later."
        )
    if share is not None and share < 1:
        where = "on the CPU alone" if share == 0 else f"to {1 - share:.0%} on the CPU"
        yield (
            f"The model {models[0]} runs {where}, which is many times slower. Check that Ollama sees the "
            "graphics card (`ollama ps`), free its memory, or choose a smaller model or ollama.num_ctx."
        )


def _sees(show: Mapping[str, Any], details: Mapping[str, Any]) -> bool:
    if "capabilities" in show:
        return "vision" in _list(show["capabilities"])
    # Servers before 0.6.4 do not list capabilities.
    info = _mapping(show.get("model_info"))
    families = {str(family) for family in _list(details.get("families"))}
    return (
        bool(show.get("projector_info"))
        or bool(families & {"clip", "mllama"})
        or any(key.endswith(".vision.block_count") for key in info)
    )


def _context(show: Mapping[str, Any], num_ctx: int | None) -> int | None:
    if num_ctx is None:
        return None
    asked = max(num_ctx, SMALLEST_VISION_CONTEXT)
    info = _mapping(show.get("model_info"))
    trained: list[int] = [
        value for key, value in info.items() if key.endswith(".context_length") and _is_in(CONTEXTS, value)
    ]
    return min([asked, *trained])


def _fit(show: Mapping[str, Any], name: str) -> Fit:
    projector = _mapping(show.get("projector_info"))
    if PINPOINTS in projector:
        return Fit(_pairs(projector[PINPOINTS]) or LLAVA_16_GRIDS)
    info = _mapping(show.get("model_info"))
    side: Json
    if projector.get("clip.has_llava_projector") or projector.get("clip.projector_type") == "mlp":
        side = projector.get("clip.vision.image_size")
    elif info.get("general.architecture") == "gemma3":
        side = info.get("gemma3.vision.image_size", 896)
    else:
        side = LLAVA_SIDE if not projector and "llava" in name.lower() else OTHER_SIDE
    known = side if _is_in(SIDES, side) else LLAVA_SIDE
    return Fit(((known, known),))


def _pairs(numbers: Json) -> tuple[tuple[int, int], ...]:
    sides = _list(numbers)
    pairs = zip(sides[::2], sides[1::2], strict=False)
    return tuple(pair for pair in pairs if all(_is_in(SIDES, side) for side in pair))[:MOST_GRIDS]


def _is_this_computer(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _older(version: str, than: tuple[int, ...]) -> bool:
    numbers = tuple(int(number) for number in re.findall(r"\d+", version.partition("-")[0])[:3])
    # Self-built servers say 0.0.0, which tells nothing.
    return any(numbers) and numbers < than


def _mapping(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _is_in(sane: range, value: Json) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value in sane


def _text(value: Json) -> str | None:
    return str(value) if value else None
