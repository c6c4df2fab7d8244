"""How an answer looks on the wire: frames and whole bodies of `/api/chat`, `/api/generate` and `/v1`."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from .asks import Ask
from .gojson import go_json, go_time
from .settings import Clock
from .wire import JSON, JSON_BARE, NDJSON

NO_TIME = "0001-01-01T00:00:00Z"
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended; without a reason it was broken off (`done` is false)."""

    reason: str | None = None
    load: float = 0.0
    prompt_tokens: int = 0
    prompt_seconds: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    other_seconds: float = 0.0
    context: tuple[int, ...] = field(default=(), repr=False)

    def figures(self) -> dict[str, int]:
        """Give counts and durations in nanoseconds; zeros are left out."""
        total = self.load + self.prompt_seconds + self.seconds + self.other_seconds
        figures = {
            "total_duration": round(total * NANOSECONDS),
            "load_duration": round(self.load * NANOSECONDS),
            "prompt_eval_count": self.prompt_tokens,
            "prompt_eval_duration": round(self.prompt_seconds * NANOSECONDS),
            "eval_count": self.tokens,
            "eval_duration": round(self.seconds * NANOSECONDS),
        }
        return {name: value for name, value in figures.items() if value}


class Dialect(Protocol):
    """One way to write an answer down."""

    stream_kind: str
    whole_kind: str

    def piece(self, text: str, *, thinking: bool = False) -> str:
        """Write a frame with some words."""

    def last(self, outcome: Outcome) -> str:
        """Write the frame that ends a good answer."""

    def whole(self, text: str, outcome: Outcome, *, thinking: str = "") -> str:
        """Write an answer in one piece."""

    def error(self, text: str) -> str:
        """Write the line that ends a stream when something went wrong."""


class Native:
    """The frames of `/api/chat` and `/api/generate`."""

    stream_kind = NDJSON
    whole_kind = JSON

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._frames = 0

    def piece(self, text: str, *, thinking: bool = False) -> str:
        """Write a frame with some words."""
        words = self._words("", text) if thinking else self._words(text)
        return go_json(self._head() | words | {"done": False}) + "\n"

    def last(self, outcome: Outcome) -> str:
        """Write the frame that ends a good answer."""
        return self.whole("", outcome) + "\n"

    def whole(self, text: str, outcome: Outcome, *, thinking: str = "") -> str:
        """Write an answer in one piece."""
        body = self._head() | self._words(text, thinking)
        if outcome.reason is None:
            return go_json(body | {"done": False})
        body |= {"done": True, "done_reason": outcome.reason}
        if outcome.context:
            body["context"] = list(outcome.context)
        return go_json(body | outcome.figures())

    def error(self, text: str) -> str:
        """Write the line that ends a stream when something went wrong."""
        return go_json({"error": text}) + "\n"

    def nothing(self) -> str:
        """Write the body that the new generation sends when the runner fails before any word."""
        words = {"message": {"role": "", "content": ""}} if self._chat else {"response": ""}
        return go_json({"model": "", "created_at": NO_TIME} | words | {"done": False})

    def loaded(self, reason: str) -> str:
        """Write the answer to a request that only loads or unloads the model."""
        return go_json(self._head() | self._words("") | {"done": True, "done_reason": reason})

    def rendering(self, template: str, image_count: int) -> str:
        """Write the answer to a request that only wants to see the prompt."""
        words = {"message": {"role": "", "content": ""}} if self._chat else {"response": ""}
        shown = {"rendered_template": template, "image_count": image_count}
        return go_json(self._head() | words | {"done": False, "_debug_info": shown})

    @property
    def _chat(self) -> bool:
        return self._ask.endpoint == "/api/chat"

    def _head(self) -> dict[str, Any]:
        self._frames += 1
        return {"model": self._ask.model, "created_at": go_time(self._clock.now(), self._frames % 1000)}

    def _words(self, text: str, thinking: str = "") -> dict[str, Any]:
        thought = {"thinking": thinking} if thinking else {}
        if self._chat:
            return {"message": {"role": "assistant", "content": text} | thought}
        return {"response": text} | thought


class OpenAi:
    """The events of `/v1/chat/completions`."""

    stream_kind = "text/event-stream"
    whole_kind = JSON_BARE

    def __init__(self, ask: Ask, clock: Clock, number: int, *, old: bool) -> None:
        self._ask = ask
        self._old = old
        self._id = f"chatcmpl-{number % 999 + 1}"
        self._created = int(clock.now().timestamp())
        self._begun = False

    def piece(self, text: str, *, thinking: bool = False) -> str:
        """Write an event with some words; the new generation names the role only once."""
        role = {"role": "assistant"} if self._old or not self._begun else {}
        self._begun = True
        words = {"reasoning": text} if thinking else {"content": text}
        return self._event({"choices": [{"index": 0, "delta": role | words, "finish_reason": None}]})

    def last(self, outcome: Outcome) -> str:
        """Write the events that end an answer, all in one piece."""
        delta = {"role": "assistant", "content": ""} if self._old else {}
        end = self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": outcome.reason}]})
        usage = self._event({"choices": [], "usage": self._usage(outcome)}) if self._ask.usage else ""
        return f"{end}{usage}data: [DONE]\n\n"

    def whole(self, text: str, outcome: Outcome, *, thinking: str = "") -> str:
        """Write an answer in one piece."""
        message = {"role": "assistant", "content": text} | ({"reasoning": thinking} if thinking else {})
        choice = {"index": 0, "message": message, "finish_reason": outcome.reason}
        return go_json(self._head("") | {"choices": [choice], "usage": self._usage(outcome)}) + "\n"

    def error(self, text: str) -> str:
        """Write the event that ends a stream when something went wrong."""
        error = {"message": text, "type": "api_error", "param": None, "code": None}
        return f"data: {go_json({'error': error})}\n\n"

    def _event(self, more: dict[str, Any]) -> str:
        return f"data: {go_json(self._head('.chunk') | more)}\n\n"

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": f"chat.completion{kind}",
            "created": self._created,
            "model": self._ask.model,
            "system_fingerprint": "fp_ollama",
        }

    @staticmethod
    def _usage(outcome: Outcome) -> dict[str, int]:
        total = outcome.prompt_tokens + outcome.tokens
        return {
            "prompt_tokens": outcome.prompt_tokens,
            "completion_tokens": outcome.tokens,
            "total_tokens": total,
        }
