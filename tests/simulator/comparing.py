"""What differs between a recorded response and a simulated one, in words; nothing where they agree."""

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from simulator.raw_client import Answer

LOADED_NANOSECONDS = 100_000_000
HEADERS = ("content-type", "allow")
STREAMS = ("application/x-ndjson", "text/event-stream")
TIMES = {"created_at", "modified_at", "expires_at", "created", "id"}
DURATIONS = {"total_duration", "load_duration", "prompt_eval_duration", "eval_duration"}
WORDS = {"content", "response", "rendered_template"}
EXACT_LISTS = 16


def differences(recorded: dict[str, Any], got: Answer, path: str, *, alone: bool = True) -> Iterator[str]:
    """Compare status, headers, end, and every frame; `alone`: nothing else was asked at the same time."""
    if recorded["status"] != got.status:
        yield f"status: {recorded['status']} was {got.status}: {got.body[:300]!r}"
        return
    if recorded["end"] != got.end:
        yield f"end: {recorded['end']} was {got.end}"
    if recorded["status"] is not None:
        yield from _headers(recorded["headers"], got.headers)
        yield from _body(recorded, got, path, alone=alone)


def _body(recorded: dict[str, Any], got: Answer, path: str, *, alone: bool) -> Iterator[str]:
    frames = [frame["text"] for frame in recorded.get("frames") or []]
    text = got.body.decode()
    if recorded["status"] == 200 and path == "/api/pull":
        yield from _pull(frames, text)
    elif recorded["status"] == 200 and recorded["headers"].get("content-type") in STREAMS:
        yield from _stream(frames, [frame.decode() for frame in got.frames], alone=alone)
    elif recorded["status"] == 200 and frames and frames[0].startswith("{"):
        yield from _object(json.loads("".join(frames)), json.loads(text), alone=alone)
    elif "".join(frames) != text:
        yield f"body: {''.join(frames)!r} was {text!r}"


def _headers(recorded: dict[str, str], got: dict[str, str]) -> Iterator[str]:
    for name in HEADERS:
        if recorded.get(name) != got.get(name):
            yield f"{name}: {recorded.get(name)} was {got.get(name)}"
    framing = [("content-length" in headers, "transfer-encoding" in headers) for headers in (recorded, got)]
    if framing[0] != framing[1]:
        yield f"framing: {framing[0]} was {framing[1]}"


def _pull(frames: list[str], text: str) -> Iterator[str]:
    """Compare the stages of a pull; how often progress is told, if at all, is a matter of time."""
    recorded, got = (_stages("".join(frames)), _stages(text))
    if len(recorded) < len(got) and "pulling" not in {
        stage[0] for stage in recorded if isinstance(stage, tuple)
    }:
        got = [stage for stage in got if not isinstance(stage, tuple)]
    if recorded != got:
        yield f"stages: {recorded} was {got}"


def _stages(text: str) -> list[Any]:
    stages: list[Any] = []
    for line in text.strip().split("\n"):
        value = json.loads(line)
        stage = ("pulling", tuple(value)[:3]) if "digest" in value else value
        if "error" in value:
            stage = value["error"].partition(", got sha256:")[0]
        if stage not in stages:
            stages.append(stage)
    return stages


def _stream(recorded: list[str], got: list[str], *, alone: bool) -> Iterator[str]:
    """Compare the kinds of frames in their order, the last frame closely, and their number within reason."""
    kinds = [[_kind(frame) for frame in frames[:-1]] for frames in (recorded, got)]
    if set(kinds[0]) != set(kinds[1]):
        yield f"frames: {set(kinds[0])} was {set(kinds[1])}"
    if not recorded or not got:
        if recorded or got:
            yield f"number of frames: {len(recorded)} was {len(got)}"
        return
    last, ours = _value(recorded[-1]), _value(got[-1])
    yield from _object(last, ours, alone=alone)
    tokens = last.get("eval_count")
    if tokens and last["done_reason"] == "length" and not 0.75 * tokens - 2 <= len(got) - 1 <= tokens:
        yield f"number of frames: {len(recorded)} was {len(got)}"


def _value(frame: str) -> Any:
    """Read a frame; of the events in one frame, all."""
    events = [line.removeprefix("data: ") for line in frame.strip().split("\n") if line]
    values = [json.loads(event) if event != "[DONE]" else event for event in events]
    return values[0] if len(values) == 1 else {"events": values}


def _kind(frame: str) -> str:
    return json.dumps(_shape(_value(frame)))


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shape(one) for one in value[:1]]
    return value if isinstance(value, bool) or value is None else type(value).__name__


def _object(recorded: Any, got: Any, where: str = "", *, alone: bool) -> Iterator[str]:
    """Compare keys and their order, and all values that do not depend on time or on the model's words."""
    if isinstance(recorded, dict) and isinstance(got, dict):
        if list(recorded) != list(got):
            yield f"{where} keys: {list(recorded)} was {list(got)}"
        yield from _context(recorded, got)
        recorded, got = _comparable(recorded), _comparable(got)
        for key in recorded.keys() & got.keys():
            yield from _field(key, recorded[key], got[key], f"{where}.{key}", alone=alone)
    elif isinstance(recorded, list) and isinstance(got, list):
        yield from _list(recorded, got, where, alone=alone)
    elif type(recorded) is not type(got) or (recorded != got and not isinstance(recorded, float)):
        yield f"{where}: {recorded!r} was {got!r}"


def _field(key: str, recorded: Any, got: Any, where: str, *, alone: bool) -> Iterator[str]:
    if key == "expires_at":
        if (recorded[:4] > "2300") != (got[:4] > "2300"):
            yield f"{where}: {recorded} was {got}"
    elif key == "load_duration" and alone:
        if (recorded > LOADED_NANOSECONDS) != (got > LOADED_NANOSECONDS):
            yield f"{where}: loaded {recorded} was {got}"
    elif key in TIMES | DURATIONS | WORDS or (key == "model" and not isinstance(recorded, str)):
        if isinstance(recorded, str) and "_media_" in recorded:
            return
        if type(recorded) is not type(got) or (key == "rendered_template" and recorded != got):
            yield f"{where}: {recorded!r} was {got!r}"
    else:
        yield from _object(recorded, got, where, alone=alone)


def _comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out how many words there were where they ended by themselves, and `context` (compared apart)."""
    comparable = {key: value for key, value in answer.items() if key != "context"}
    if "stop" in (answer.get("done_reason"), answer.get("finish_reason")):
        comparable["eval_count"] = 0
    choices = answer.get("choices")
    if choices and choices[0].get("finish_reason") == "stop" and "usage" in answer:
        comparable["usage"] = answer["usage"] | {"completion_tokens": 0, "total_tokens": 0}
    return comparable


def _context(recorded: dict[str, Any], got: dict[str, Any]) -> Iterator[str]:
    """Compare the tokens of the prompt, without those of the answer."""
    if "context" in recorded and "context" in got:
        size = len(got["context"]) - got["eval_count"]
        if recorded["context"][:size] != got["context"][:size]:
            yield f"context: {recorded['context'][:size]} was {got['context'][:size]}"


def _list(recorded: list[Any], got: list[Any], where: str, *, alone: bool) -> Iterator[str]:
    if recorded and isinstance(recorded[-1], dict) and "$trimmed" in recorded[-1]:
        got = [*got[:3], {"$trimmed": len(got)}]
    if all(isinstance(one, dict) and "name" in one for one in [*recorded, *got]) and where == ".models":
        by_name = lambda one: str(one["name"])  # noqa: E731 - models come in any order
        recorded, got = sorted(recorded, key=by_name), sorted(got, key=by_name)
    for at, (one, other) in enumerate(zip_longest(recorded, got, fillvalue="nothing")):
        if isinstance(one, float) or isinstance(other, float):
            continue
        yield from _object(one, other, f"{where}[{at}]", alone=alone)
