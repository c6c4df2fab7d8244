"""From the bytes of a sidecar back to its entry.

What a sidecar does not hold is not in the entry: coordinates, raw replies, and results that are not current.
A person may have edited the file: what does not fit is refused.
"""

import re
from datetime import datetime
from typing import Any

from captiond.model import (
    Answer,
    Digest,
    Entry,
    Json,
    ModelIdentity,
    PictureFacts,
    PromptName,
    Result,
    Source,
    Status,
)

from .document import IMAGE, MODEL_KEYS, SidecarUnreadable, decoded


def parse(content: bytes) -> Entry:
    """Read a sidecar back; raises SidecarUnreadable."""
    document = decoded(content)
    try:
        return _entry(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SidecarUnreadable(f"This sidecar is damaged: {error!r}.") from error


def _entry(document: dict[str, Json]) -> Entry:
    image = document["image"]
    if not re.fullmatch("[0-9a-f]{64}", image["sha256"]):
        raise ValueError(image["sha256"])
    return Entry(
        digest=Digest(image["sha256"]),
        size_bytes=int(image["bytes"]),
        facts=_facts(image),
        state=str(document["state"]),
        reason=_text(document, "reason"),
        results=tuple(_result(prompt, fields) for prompt, fields in document["results"].items()),
    )


def _facts(image: dict[str, Json]) -> PictureFacts | None:
    facts = PictureFacts(
        format=_text(image, "format") or "",
        width=_number(image, "width") or 0,
        height=_number(image, "height") or 0,
        taken_at=_text(image, "taken_at"),
        camera=_text(image, "camera"),
    )
    return facts if facts.format else None


def _result(prompt: str, fields: dict[str, Json]) -> Result:
    asked_about, timing = _text(fields, "from"), fields.get("timing", {})
    return Result(
        prompt=PromptName(prompt),
        prompt_version=_text(fields, "prompt_version") or "",
        source=Source(fields["source"]),
        answer=_answer(fields),
        created_at=datetime.strptime(fields["created_at"], "%Y-%m-%dT%H:%M:%S%z"),
        from_prompt=None if asked_about in (None, IMAGE) else PromptName(asked_about),
        model=_model(fields.get("model")),
        finish=_text(fields, "finish"),
        seconds=_number(timing, "seconds"),
        load_seconds=_number(timing, "load_seconds"),
        prompt_tokens=_number(timing, "prompt_tokens"),
        output_tokens=_number(timing, "output_tokens"),
    )


def _answer(fields: dict[str, Json]) -> Answer:
    value = fields.get("value")
    # Structure that is itself a text is known by the words beside it.
    structured = "words" in fields or not isinstance(value, str)
    return Answer(
        status=Status(fields["status"]),
        value=_text(fields, "words") if structured else value,
        content=value if structured else None,
        language=_text(fields, "language"),
        reason=_text(fields, "reason"),
    )


def _model(fields: dict[str, Json] | None) -> ModelIdentity | None:
    if not fields:
        return None
    name, digest, *others = (_text(fields, key) for key in MODEL_KEYS)
    if name is None or digest is None:
        raise ValueError(fields)
    return ModelIdentity(name, digest, *others)


def _text(fields: dict[str, Json], key: str) -> str | None:
    value = fields.get(key)
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{key} is no text")


def _number(fields: dict[str, Json], key: str) -> Any:
    value = fields.get(key)
    if value is None or isinstance(value, int | float):
        return value
    raise TypeError(f"{key} is no number")
