"""JSON as models write it: fenced, after a sentence, with line breaks in strings (pure)."""

import json
import math
import re

from captiond.model import Json

from .checks import storable
from .phrases import unfenced

DEEPEST = 20
"""Levels; no schema asks for more, and deeper ones are a loop of brackets."""


def read_json(text: str) -> Json:
    """Read the JSON value that a reply is, or holds after some words; raise ValueError without one."""
    text = unfenced(text.strip())
    try:
        return cleaned(DECODER.decode(text))
    except (ValueError, RecursionError):
        return embedded(text)


def embedded(text: str) -> Json:
    """Read the first object or list inside a text; raise ValueError where there is none."""
    start = re.search(r"[{\[]", text)
    if start is None:
        raise ValueError("no JSON in the text")
    try:
        value, _ = DECODER.raw_decode(text, start.start())
        return cleaned(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def cleaned(value: Json, depth: int = 0) -> Json:
    """Make every string storable; raise ValueError where the nesting is too deep."""
    if depth > DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [cleaned(inner, depth + 1) for inner in value]
    if isinstance(value, dict):
        return {storable(name): cleaned(inner, depth + 1) for name, inner in value.items()}
    return value


def finite(digits: str) -> float:
    """Read a number; JSON has no infinity, so 1e999 is refused."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number without end")
    return number


def refused(constant: str) -> Json:
    """Refuse NaN and Infinity, which Python reads and nobody else does."""
    raise ValueError(f"{constant} is not JSON")


DECODER = json.JSONDecoder(parse_float=finite, parse_constant=refused, strict=False)


def readable(value: Json) -> str:
    """Write a JSON value for people: "people: 3; mood: calm, warm"."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(filter(None, map(readable, value)))
    if isinstance(value, dict):
        fields = ((name.replace("_", " "), readable(inner)) for name, inner in value.items())
        return "; ".join(f"{name}: {inner}" for name, inner in fields if inner)
    return str(value).strip()


def strings_in(value: Json) -> list[str]:
    """Give all strings inside a JSON value, in order, without the names of fields."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [found for inner in value for found in strings_in(inner)]
    return []
