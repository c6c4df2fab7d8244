"""JSON as Go writes it, and the way Go complains about JSON that it cannot read."""

import json
import re
from base64 import b64decode
from datetime import datetime
from typing import Any

ESCAPED = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")


def go_json(value: Any) -> str:
    """Write a value without blanks and with `<`, `>`, `&` escaped, as `encoding/json` does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(ESCAPED)


def go_time(moment: datetime, nanoseconds: int = 0) -> str:
    """Write a moment as RFC 3339 with nanoseconds and without trailing zeros."""
    fraction = f"{moment.microsecond * 1000 + nanoseconds:09d}".rstrip("0")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + "Z"


class GoError(Exception):
    """A body that Go would not take; the text is Go's."""


def go_kind(value: Any) -> str:
    """Name the kind of a JSON value as Go's error texts do."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    kinds: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return kinds[type(value)]


def mismatch(value: Any, where: str, wanted: str) -> GoError:
    """Say that a value is of the wrong kind for a field."""
    return GoError(f"json: cannot unmarshal {go_kind(value)} into Go struct field {where} of type {wanted}")


def go_loads(body: bytes) -> Any:
    """Read JSON, with Go's words for what is wrong."""
    try:
        return json.loads(body)
    except UnicodeDecodeError as error:
        raise GoError("invalid character in string literal") from error
    except json.JSONDecodeError as error:
        rest = error.doc[error.pos :].lstrip()
        if not rest or error.msg.startswith("Unterminated"):
            raise GoError("unexpected EOF") from error
        raise GoError(f"invalid character '{rest[0]}' looking for beginning of value") from error


def go_base64(text: str) -> bytes:
    """Decode padded standard base64, line breaks allowed, or say where it breaks."""
    places = (
        [index for index, sign in enumerate(text) if sign not in "\r\n"]
        if "\n" in text or "\r" in text
        else None
    )
    plain = text if places is None else "".join(text[index] for index in places)
    wrong = NOT_BASE64.search(plain)
    end = wrong.start() if wrong else len(plain) - len(plain) % 4 if len(plain) % 4 else None
    if end is None:
        return b64decode(plain)
    raise GoError(
        f"illegal base64 data at input byte {end if places is None else places[min(end, len(places) - 1)]}"
    )
