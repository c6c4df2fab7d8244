"""A reply while it comes, and what makes it complete; with the watchdog that waits for its frames."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ollama import ChatResponse

from captiond.errors import ServerRefused, ServerStumbled, UnusableReply
from captiond.model import Reply

from .model_facts import ModelFacts

NANOSECONDS = 1e9
BYTES_OF_A_TOKEN = 40
"""More than any text has; a reply of more for each token asked for was not limited by the server."""


@dataclass(slots=True)
class Draft:
    """The frames of a reply so far."""

    words: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    frames: int = 0
    size_bytes: int = 0
    last: ChatResponse | None = None

    def add(self, frame: ChatResponse) -> None:
        """Take in the next frame."""
        word, thought = frame.message.content or "", frame.message.thinking or ""
        self.words.append(word)
        self.thoughts.append(thought)
        self.size_bytes += len((word + thought).encode("utf-8", "surrogatepass"))
        self.frames += 1
        self.last = frame

    def must_fit(self, num_predict: int) -> None:
        """Raise UnusableReply where it is much longer than so many tokens can be."""
        most = BYTES_OF_A_TOKEN * max(1, num_predict)
        if self.size_bytes > most:
            reason = (
                f"The reply is too long: more than {most:,} bytes, where {num_predict:,} tokens were allowed."
            )
            raise UnusableReply(reason, self.text()[:most])

    @property
    def is_done(self) -> bool:
        """Whether the server said that this is all."""
        return self.last is not None and bool(self.last.done)

    def text(self) -> str:
        """Give the words so far."""
        return _joined(self.words)

    def broken(self, known: ModelFacts, text: str, seconds: float) -> Reply:
        """Make a reply that did not end well of what there is."""
        return Reply(text=text, finish="broken", model=known.identity, seconds=seconds)

    def reply(self, known: ModelFacts, seconds: float) -> Reply:
        """Make the reply of it; raise UnusableReply or ServerRefused where it did not end well."""
        last = self.last
        if last is None:
            raise UnusableReply("The server ended the reply before its first word.", "")
        if not last.done:
            # Ollama ends a reply so when the model repeats itself, or to swallow an error of its runner.
            raise UnusableReply("The reply broke off in the middle.", self.text())
        prompt_tokens = last.prompt_eval_count or 0
        if known.context_tokens is not None and prompt_tokens >= known.context_tokens:
            # Servers up to 0.24 cut the picture out of a prompt that is too long; later ones refuse it.
            raise ServerRefused(
                f"Picture and question are longer than the model's context of {known.context_tokens} tokens, "
                "and the server cut them. Raise ollama.num_ctx."
            )
        return Reply(
            text=self.text(),
            finish=last.done_reason or "stop",
            model=known.identity,
            thinking=_joined(self.thoughts),
            seconds=seconds,
            load_seconds=(last.load_duration or 0) / NANOSECONDS,
            reading_seconds=_reading_seconds(last),
            prompt_tokens=prompt_tokens,
            output_tokens=last.eval_count or 0,
        )


def _reading_seconds(last: ChatResponse) -> float:
    """Give what was left of the whole time: a server up to 0.24 leaves the picture out of its own figure."""
    others = (last.load_duration or 0) + (last.eval_duration or 0)
    return max(0, (last.total_duration or 0) - others) / NANOSECONDS


def _joined(pieces: list[str]) -> str:
    # JSON may hold halves of a surrogate pair, which no file and no database takes.
    return "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@asynccontextmanager
async def within(seconds: float, sentence: str) -> AsyncIterator[None]:
    """Raise ServerStumbled with the sentence when what is inside takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise ServerStumbled(sentence) from error
