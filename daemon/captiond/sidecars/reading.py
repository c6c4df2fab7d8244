"""From the bytes of a sidecar back to its entry.

What a sidecar does not hold is not in the entry: coordinates, raw replies, and results that are not current.
A person may have edited the file: what does not fit is refused.
"""

import os
import re
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

from captiond.beneath import opened_beneath
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

from .conflicts import LARGEST_BYTES
from .document import IMAGE, MODEL_KEYS, SidecarUnreadable, decoded

LARGEST_NUMBER = 2**63
"""SQLite keeps no larger ones."""

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def load(path: Path, *, top: Path) -> tuple[bytes, float]:
    """Read a sidecar's bytes and when it was changed last, following no link below `top`.

    Raises SidecarUnreadable for what is no such file, and OSError.
    """
    with opened_beneath(top, path, _FILE) as descriptor:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_BYTES:
            raise SidecarUnreadable("This is not a sidecar of captiond's: it is no file, or much too large.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(), status.st_mtime


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
        size_bytes=int(_number({"bytes": image["bytes"] or 0}, "bytes")),
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
    if not re.fullmatch("[a-z][a-z0-9_]{0,30}", prompt):
        raise ValueError(f"{prompt!r} is no prompt")
    return Result(
        prompt=PromptName(prompt),
        prompt_version=_text(fields, "prompt_version") or "",
        source=Source(fields["source"]),
        answer=_accepted(prompt, answer_from(fields)),
        created_at=datetime.strptime(fields["created_at"], "%Y-%m-%dT%H:%M:%S%z"),
        from_prompt=None if asked_about in (None, IMAGE) else PromptName(asked_about),
        model=_model(fields.get("model")),
        finish=_text(fields, "finish"),
        seconds=_number(timing, "seconds"),
        load_seconds=_number(timing, "load_seconds"),
        prompt_tokens=_number(timing, "prompt_tokens"),
        output_tokens=_number(timing, "output_tokens"),
    )


def _accepted(prompt: str, answer: Answer) -> Answer:
    if answer.status is Status.REJECTED:
        raise ValueError(f"the answer to {prompt} is none")
    return answer


def answer_from(fields: dict[str, Json]) -> Answer:
    """Read an answer from its entry in `results`; raises KeyError, TypeError and ValueError."""
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
    if value is None or (isinstance(value, int | float) and abs(value) < LARGEST_NUMBER):
        return value
    raise TypeError(f"{key} is no number")
