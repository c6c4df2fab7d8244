"""Who answers a prompt: a vision model, or the embedded reader, which reads what is written (pure)."""

from collections.abc import Iterable
from dataclasses import replace

from captiond.model import Answer, Json, Status

from .checks import storable
from .languages import guess
from .prompt import OFF, Kind, Prompt
from .texts import shortened

ENGINES = ("model", "reader")
READER = "captiond reader"
"""Stands where a model's name stands, and is none: Ollama's have no blanks."""


def is_engine(value: Json) -> bool:
    """Tell the names of engines."""
    return value in ENGINES


def read_by(engine: Json, prompt: Prompt) -> Prompt:
    """Give a prompt to its engine; the reader finds small text by itself, and needs no tiles."""
    return replace(prompt, model=READER, tiles=OFF) if engine == "reader" else prompt


def mistakes_of_reader(prompt: Prompt, named: str | None) -> Iterable[tuple[str | None, str]]:
    """Give what the reader cannot do, each with its key; `named` is the model that the table names."""
    if prompt.model != READER:
        return
    readable = prompt.kind is Kind.TEXT and prompt.from_prompt is None
    yield (None if readable else "the reader answers only with text that is in the picture"), "engine"
    yield ("the reader is no model and has none" if named else None), "model"
    yield ("the reader is no witness of itself" if prompt.witness else None), "witness"


def understand_reading(prompt: Prompt, text: str) -> Answer:
    """Make an answer of what the reader read: it says nothing of its own that could be taken off."""
    said = storable(text).strip()
    if not said:
        return Answer(Status.EMPTY, reason="there is no text")
    kept = shortened(said, prompt.max_chars)
    reason = None if kept == said else f"shortened to {prompt.max_chars} characters"
    return Answer(Status.OK, value=kept, language=guess(kept), reason=reason)
