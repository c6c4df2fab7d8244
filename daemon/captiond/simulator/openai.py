"""The part of `/v1` that was recorded: chat completions, models, embeddings."""

from typing import Any

from .asks import Ask, Said
from .errors import Refusal
from .gojson import GoError, go_base64, go_loads

DATA_URLS = frozenset(f"data:image/{kind};base64" for kind in ("jpeg", "jpg", "png", "webp"))


def read_completion(body: bytes) -> Ask:
    """Read the body of `/v1/chat/completions` as a chat."""
    if not body:
        raise Refusal(400, "EOF")
    value = go_loads(body)
    messages = value.get("messages") or []
    if not messages:
        raise Refusal(400, "[] is too short - 'messages'")
    options = {name: value[name] for name in ("temperature", "seed", "stop", "top_p") if name in value}
    if "max_tokens" in value:
        options["num_predict"] = value["max_tokens"]
    stream_options = value.get("stream_options") or {}
    return Ask(
        "/v1/chat/completions",
        str(value.get("model") or ""),
        tuple(said for message in messages for said in _said(message)),
        stream=bool(value.get("stream")),
        options=options,
        format=_format(value.get("response_format")),
        usage=bool(stream_options.get("include_usage")),
    )


def _said(message: dict[str, Any]) -> list[Said]:
    """Take a message apart: each part of its content becomes a message of its own, in order."""
    role, content = str(message.get("role", "")), message.get("content") or ""
    if isinstance(content, str):
        return [Said(role, content)]
    return [_part(role, part) for part in content]


def _part(role: str, part: dict[str, Any]) -> Said:
    if part.get("type") == "text":
        return Said(role, str(part.get("text", "")))
    address = part.get("image_url")
    url = str(address.get("url", "") if isinstance(address, dict) else address)
    return Said(role, "", (_image(url),))


def _image(url: str) -> bytes:
    if url.startswith(("http://", "https://")):
        raise Refusal(400, "image URLs are not currently supported, please use base64 encoded data instead")
    head, comma, encoded = url.partition(",")
    if not (comma and head in DATA_URLS):
        raise Refusal(400, "invalid image input")
    try:
        return go_base64(encoded)
    except GoError as error:
        raise Refusal(400, "invalid image input") from error


def _format(value: Any) -> Any:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "json_object":
        return "json"
    return value["json_schema"].get("schema") if kind == "json_schema" else None
