"""From an entry to the bytes of its sidecar.

Coordinates are never written: a sidecar travels with the picture to people the catalogue does not. Nor is the
time of writing: equal entries give equal bytes, so that a sidecar changes only when there is news.
"""

import base64
import os
from collections.abc import Mapping, Sequence

from captiond.clock import iso
from captiond.model import Answer, Entry, InboxFile, Json, ModelIdentity, Result, Source, Status

from .document import (
    IMAGE,
    LANGUAGE_KEYS,
    MODEL_KEYS,
    SCHEMA,
    SUMMARY_KEYS,
    answer_digest,
    encoded,
)


def render(entry: Entry, file: InboxFile, generator_version: str) -> bytes:
    """Write what the catalogue knows of a photo as the sidecar of `file`; equal entries give equal bytes."""
    results = _accepted(entry.results)
    return encoded(
        {
            "schema": SCHEMA,
            "generator": {"name": "captiond", "version": generator_version},
            "image": _image(entry, file),
            "state": entry.state,
            **_known({"reason": entry.reason}),
            "summary": _summary(results),
            "results": {result.prompt: result_fields(result) for result in results},
        }
    )


def _accepted(results: Sequence[Result]) -> list[Result]:
    """Leave out the replies that are no answer; the built-in prompts come first, then the others by name."""
    order = {prompt: number for number, prompt in enumerate(SUMMARY_KEYS)}
    accepted = [result for result in results if result.answer.status is not Status.REJECTED]
    return sorted(accepted, key=lambda result: (order.get(result.prompt, len(order)), result.prompt))


def _image(entry: Entry, file: InboxFile) -> dict[str, Json]:
    name = os.fsencode(file.path.name)
    # Not `printable`, which is for terminals: only what JSON cannot hold is escaped here.
    readable = name.decode("utf-8", "backslashreplace")
    facts = entry.facts
    return _known(
        {
            "file": readable,
            "file_base64": None if readable.encode() == name else base64.b64encode(name).decode(),
            "sha256": entry.digest,
            "bytes": entry.size_bytes,
            "format": facts and facts.format,
            "width": facts and facts.width,
            "height": facts and facts.height,
            "taken_at": facts and facts.taken_at,
            "camera": facts and facts.camera,
        }
    )


def _summary(results: Sequence[Result]) -> dict[str, Json]:
    """Give quick readers the answers alone; null where the answer is that there is nothing."""
    summary: dict[str, Json] = {}
    own: dict[str, Json] = {}
    for result in results:
        prompt, answer = result.prompt, result.answer
        if answer.status is Status.SKIPPED:
            continue
        if prompt not in SUMMARY_KEYS:
            own[prompt] = _value(answer)
        elif prompt == "objects":
            summary[SUMMARY_KEYS[prompt]] = answer.content if isinstance(answer.content, list) else []
        else:
            summary[SUMMARY_KEYS[prompt]] = answer.value
        if prompt in LANGUAGE_KEYS:
            summary |= _known({LANGUAGE_KEYS[prompt]: answer.language})
    return summary | _known({"answers": own or None})


def result_fields(result: Result) -> dict[str, Json]:
    """Give all that a sidecar tells of a result."""
    answer, model = result.answer, result.model
    return _known(
        {
            "status": answer.status,
            "source": result.source,
            "from": result.from_prompt or (IMAGE if result.source is Source.MODEL else None),
            "value": _value(answer),
            "words": None if answer.content is None else answer.value,
            "language": answer.language,
            "reason": answer.reason,
            "digest": answer_digest(answer),
            "prompt_version": result.prompt_version or None,
            "model": model and _model(model),
            "finish": result.finish,
            "created_at": iso(result.created_at),
            "timing": _timing(result) or None,
        }
    )


def _value(answer: Answer) -> Json:
    return answer.value if answer.content is None else answer.content


def _model(model: ModelIdentity) -> dict[str, Json]:
    return _known({key: getattr(model, key) for key in MODEL_KEYS})


def _timing(result: Result) -> dict[str, Json]:
    return _known(
        {
            "seconds": _to_the_millisecond(result.seconds),
            "load_seconds": _to_the_millisecond(result.load_seconds),
            "prompt_tokens": result.prompt_tokens,
            "output_tokens": result.output_tokens,
        }
    )


def _to_the_millisecond(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _known(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Leave out the keys without a value."""
    return {key: value for key, value in fields.items() if value is not None}
