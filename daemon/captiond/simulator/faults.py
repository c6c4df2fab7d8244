"""What can go wrong, when, and which fault meets which request.

A fault is data (a kind and when it strikes), so that a test, the command line or an HTTP request can set it.
What each kind does to the wire is in `routes.py` and `mischief.py`; what it does to the words, in `slips.py`.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

CONNECTION_KINDS = frozenset({"hang", "reset", "eof", "zero-frames", "forbidden"})
STATUS_KINDS = frozenset(
    {"model-missing", "crash", "out-of-memory", "busy", "bad-request", "too-large", "server-error"}
)
STREAM_KINDS = frozenset(
    {
        "slow", "hang-mid-stream", "reset-mid-stream", "eof-mid-stream", "cut-chunk", "no-done", "done-false",
        "error-line", "kill-runner", "garbage-line", "long-line", "invalid-utf8",
    }
)  # fmt: skip
WORD_KINDS = frozenset(
    {
        "whitespace", "loop", "repeat", "hashes", "empty", "thinking", "refusal", "cut-json", "wrong-schema",
        "preamble", "fence", "echo", "same", "no-text",
    }
)  # fmt: skip
PULL_KINDS = frozenset(
    {"pull-error", "pull-missing", "pull-blob-missing", "pull-damaged", "pull-cut", "pull-stall"}
)
KINDS = CONNECTION_KINDS | STATUS_KINDS | STREAM_KINDS | WORD_KINDS | PULL_KINDS


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, and when.

    The filters (`path`, `prompt`: parts of the text; `image`: start of the SHA-256 of its bytes) choose
    requests; without a `path` these are questions (chat, generate, /v1) only. Among them it strikes the `nth`
    (from 1), or every `every`-th, or each with `probability`, `times` at most.
    `after_frames`, `seconds`, `size_bytes` and `text` say how, where the kind needs it.
    """

    kind: str
    path: str = ""
    prompt: str = ""
    image: str = ""
    nth: int = 0
    every: int = 0
    probability: float = 1.0
    seed: int = 0
    times: int = 0
    after_frames: int = 3
    seconds: float = 3600.0
    size_bytes: int = 100_000_000
    text: str = ""

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist."""
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}; there are: {', '.join(sorted(KINDS))}.")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Fault":
        """Read a fault from a JSON object with the names of its fields."""
        known = {one.name for one in fields(cls)}
        if unknown := set(value) - known:
            raise ValueError(f"A fault has no {', '.join(sorted(unknown))}.")
        return cls(**value)

    @classmethod
    def from_text(cls, text: str) -> "Fault":
        """Read a fault from the command line: `kind` or `kind:field=value,field=value`."""
        kind, _, rest = text.partition(":")
        kinds = {one.name: one.type for one in fields(cls)}
        pairs = dict(pair.split("=", 1) for pair in rest.split(",") if pair)
        values: dict[str, Any] = {}
        for name, value in pairs.items():
            wanted = kinds.get(name, str)
            values[name] = wanted(value) if isinstance(wanted, type) else value
        return cls.from_json({"kind": kind, **values})


@dataclass(slots=True)
class Watched:
    """A fault that waits for its moment."""

    fault: Fault
    dice: random.Random = field(init=False)
    met: int = 0
    struck: int = 0

    def __post_init__(self) -> None:
        """Seed the dice once for the life of the fault."""
        self.dice = random.Random(self.fault.seed)

    def strikes(self, path: str, prompt: str, images: Iterable[str], *, question: bool) -> bool:
        """Say whether the fault strikes this request, and remember that it was asked."""
        fault = self.fault
        if fault.path not in path or fault.prompt not in prompt or not (fault.path or question):
            return False
        if fault.image and not any(image.startswith(fault.image) for image in images):
            return False
        self.met += 1
        struck = self._now()
        self.struck += struck
        return struck

    def _now(self) -> bool:
        fault = self.fault
        if fault.times and self.struck >= fault.times:
            return False
        if fault.nth:
            return self.met == fault.nth
        if fault.every:
            return self.met % fault.every == 0
        return fault.probability >= 1.0 or self.dice.random() < fault.probability


class Faults:
    """The faults that are set at present."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._watched = [Watched(fault) for fault in faults]

    def set(self, *faults: Fault) -> None:
        """Put these faults in the place of all others."""
        self._watched = [Watched(fault) for fault in faults]

    def add(self, *faults: Fault) -> None:
        """Set these faults besides those that are set already."""
        self._watched += [Watched(fault) for fault in faults]

    def clear(self) -> None:
        """Let everything go well again."""
        self._watched = []

    def listed(self) -> list[Fault]:
        """Give the faults that are set."""
        return [one.fault for one in self._watched]

    def find(
        self, path: str, prompt: str = "", images: Iterable[str] = (), *, question: bool = False
    ) -> Fault | None:
        """Give the first fault that strikes this request (a question, or a path that a fault names)."""
        known = tuple(images)
        for one in self._watched:
            if one.strikes(path, prompt, known, question=question):
                return one.fault
        return None
