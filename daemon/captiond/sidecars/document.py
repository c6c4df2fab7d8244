"""What rendering and reading agree on: the keys that both of them list, and the JSON.

`sidecar.schema.json` says what every key means; a new key is described there too. Version 1 only ever gains
keys, and readers ignore those they do not know.
"""

import json
import math
import re

from captiond.digests import short_digest
from captiond.errors import CaptiondError
from captiond.model import Answer, Json

SCHEMA = "urn:captiond:sidecar:v1"

SUMMARY_KEYS = {
    "description": "description",
    "alt_text": "alt_text",
    "objects": "objects",
    "ocr": "text",
    "translation": "translation",
}
"""The built-in prompts in the order of the file, with the key that quick readers find their answer under."""

LANGUAGE_KEYS = {"ocr": "text_language", "translation": "translation_language"}
"""The prompts whose answer's language is in the summary too, with its key there."""

MODEL_KEYS = ("name", "digest", "family", "parameters", "quantization", "server")
"""What is told of a model: the fields of `ModelIdentity`, in its order."""

IMAGE = "image"
"""What a prompt was asked about that builds on no other prompt's answer."""


class SidecarUnreadable(CaptiondError):
    """The file is no sidecar of captiond's, or is damaged."""


def encoded(document: dict[str, Json]) -> bytes:
    """Write a document as the bytes of a sidecar: UTF-8, indented, with a last newline."""
    return json.dumps(portable(document), ensure_ascii=False, indent=2).encode() + b"\n"


def decoded(content: bytes) -> dict[str, Json]:
    """Read the bytes of a sidecar as a document of our schema; raises SidecarUnreadable."""
    try:
        document = portable(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise SidecarUnreadable("This is not a sidecar of captiond's: it is not JSON.") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise SidecarUnreadable(f"This is not a sidecar of captiond's: its schema is not {SCHEMA}.")
    return document


def answer_digest(answer: Answer) -> str:
    """Give the digest that stands beside an answer: where they no longer fit, somebody edited the answer."""
    told = [answer.status, answer.value, answer.content, answer.language, answer.reason]
    return short_digest(portable(told))


def portable(value: Json) -> Json:
    """Replace what Python has and strict JSON in UTF-8 has not: lone surrogates, NaN and infinities."""
    match value:
        case str():
            return re.sub("[\ud800-\udfff]", "\ufffd", value)
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {portable(key): portable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [portable(inner) for inner in value]
        case _:
            return value
