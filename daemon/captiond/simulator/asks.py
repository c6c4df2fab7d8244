"""Reading what a client asks, with the servers' own complaints about what they cannot read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import Refusal
from .gojson import GoError, go_base64, go_kind, go_loads, mismatch

INTEGERS = frozenset(
    [
        "num_ctx",
        "num_predict",
        "seed",
        "top_k",
        "num_keep",
        "num_batch",
        "num_gpu",
        "main_gpu",
        "num_thread",
        "repeat_last_n",
    ]
)
FLOATS = frozenset(
    ["temperature", "top_p", "min_p", "typical_p", "repeat_penalty", "presence_penalty", "frequency_penalty"]
)
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION = re.compile(r"([-+]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+)")
DURATION_PART = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class Said:
    """One message as it was sent."""

    role: str
    content: str
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for an answer, whichever endpoint it came to; without messages it only loads the model."""

    endpoint: str
    model: str
    messages: tuple[Said, ...]
    stream: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    format: Any = None
    keep_alive: float | None = None
    think: bool = False
    tools: bool = False
    truncate: bool = True
    raw: bool = False
    system: str | None = None
    render_only: bool = False
    usage: bool = False

    @property
    def prompt(self) -> str:
        """Give the words that were asked last."""
        return next((said.content for said in reversed(self.messages) if said.content), "")

    @property
    def images(self) -> list[bytes]:
        """Give all images that came along."""
        return [image for said in self.messages for image in said.images]


def read_object(body: bytes, type_name: str) -> dict[str, Any]:
    """Read the body as a JSON object, or say what is wrong with it."""
    if not body:
        raise Refusal(400, "missing request body")
    value = go_loads(body)
    if not isinstance(value, dict):
        raise GoError(f"json: cannot unmarshal {go_kind(value)} into Go value of type {type_name}")
    return value


def read_chat(body: bytes) -> Ask:
    """Read the body of `/api/chat`."""
    value = read_object(body, "api.ChatRequest")
    messages = _typed(value, "messages", list, "ChatRequest", "[]api.Message") or []
    return Ask(
        "/api/chat",
        str(_typed(value, "model", str, "ChatRequest", "string") or ""),
        tuple(_message(one) for one in messages),
        tools=bool(value.get("tools")),
        **_shared(value, "ChatRequest"),
    )


def read_generate(body: bytes) -> Ask:
    """Read the body of `/api/generate`."""
    value = read_object(body, "api.GenerateRequest")
    prompt = _typed(value, "prompt", str, "GenerateRequest", "string") or ""
    images = _images(value.get("images"), "GenerateRequest.images")
    system = _typed(value, "system", str, "GenerateRequest", "string")
    return Ask(
        "/api/generate",
        str(_typed(value, "model", str, "GenerateRequest", "string") or ""),
        (Said("user", prompt, images),) if prompt else (),
        raw=bool(value.get("raw")),
        system=system,
        **_shared(value, "GenerateRequest"),
    )


def _shared(value: Mapping[str, Any], struct: str) -> dict[str, Any]:
    stream = _typed(value, "stream", bool, struct, "bool")
    return {
        "stream": True if stream is None else stream,
        "options": _typed(value, "options", dict, struct, "map[string]interface {}") or {},
        "format": value.get("format"),
        "keep_alive": read_keep_alive(value.get("keep_alive")),
        "think": bool(value.get("think")),
        "truncate": value.get("truncate") is not False,
        "render_only": bool(value.get("_debug_render_only")),
    }


def _typed(value: Mapping[str, Any], name: str, kind: type, struct: str, go_type: str) -> Any:
    found = value.get(name)
    if found is None or isinstance(found, kind):
        return found
    raise mismatch(found, f"{struct}.{name}", go_type)


def _message(value: Any) -> Said:
    if not isinstance(value, dict):
        raise mismatch(value, "ChatRequest.messages", "api.Message")
    role = _typed(value, "role", str, "ChatRequest.messages", "string") or ""
    content = _typed(value, "content", str, "ChatRequest.messages", "string") or ""
    return Said(role, content, _images(value.get("images"), "ChatRequest.messages.images"))


def _images(value: Any, where: str) -> tuple[bytes, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise mismatch(value, where, "[]api.ImageData")
    for one in value:
        if one is not None and not isinstance(one, str):
            raise mismatch(one, where, "api.ImageData")
    return tuple(go_base64(one or "") for one in value)


def read_keep_alive(value: Any) -> float | None:
    """Read how many seconds the model stays: a number, or a duration as Go writes it; below zero for ever."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise GoError("Unsupported type: 'bool'")
    if isinstance(value, int | float):
        return float("inf") if value < 0 else float(value)
    if isinstance(value, str):
        seconds = _go_duration(value)
        return float("inf") if seconds < 0 else seconds
    raise GoError(
        f"Unsupported type: '{'[]interface {}' if isinstance(value, list) else 'map[string]interface {}'}'"
    )


def _go_duration(text: str) -> float:
    if text in ("0", "+0", "-0"):
        return 0.0
    if found := DURATION.fullmatch(text):
        total = sum(float(number) * UNITS[unit] for number, unit in DURATION_PART.findall(found.group(2)))
        return -total if found.group(1) == "-" else total
    if re.fullmatch(r"[-+]?\d+(?:\.\d*)?", text):
        raise GoError(f'time: missing unit in duration "{text}"')
    raise GoError(f'time: invalid duration "{text}"')


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse known options of the wrong type; unknown ones are ignored."""
    for name, value in options.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name in INTEGERS and not number:
            raise Refusal(500, f'option "{name}" must be of type integer')
        if name in FLOATS and not number:
            raise Refusal(500, f'option "{name}" must be of type float32')
        if name == "stop" and not isinstance(value, list):
            raise Refusal(500, 'option "stop" must be of type array')
        if name == "use_mmap" and value is not None and not isinstance(value, bool):
            raise Refusal(500, 'option "use_mmap" must be of type boolean')
