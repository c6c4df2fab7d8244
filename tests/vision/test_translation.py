"""No error of the vendor's libraries gets out untranslated."""

import json
from collections.abc import Iterator
from types import ModuleType

import httpcore
import httpx
import ollama
import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from captiond.errors import CaptiondError, ServerAway, ServerRefused, UnusableReply
from captiond.vision.translation import LONGEST_QUOTE, Asked, server_text, translated, translating

ASKED = Asked("http://here", "llava")


def classes_of(module: ModuleType) -> Iterator[type[Exception]]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Exception):
            yield value


def kinds_below(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for below in kind.__subclasses__():
        yield from kinds_below(below)


EVERY_CLASS = sorted(
    {
        *classes_of(httpx),
        *classes_of(httpcore),
        *classes_of(ollama),
        *(kind for kind in kinds_below(OSError) if kind.__module__ in {"builtins", "socket", "ssl"}),
        json.JSONDecodeError,
        UnicodeDecodeError,
        UnicodeEncodeError,
        RecursionError,
        PydanticSerializationError,
    },
    key=lambda kind: (kind.__module__, kind.__name__),
)


def made(kind: type[Exception]) -> Exception:
    """Make an instance without its constructor, whose arguments differ from class to class."""
    if kind is PydanticSerializationError:
        return PydanticSerializationError("boom")
    error = kind.__new__(kind, "boom")
    error.__dict__.update(error="boom", status_code=500)
    return error


def validation_error() -> ValidationError:
    class Frame(BaseModel):
        done: bool

    with pytest.raises(ValidationError) as raised:
        Frame.model_validate({"done": "boom"})
    return raised.value


@pytest.mark.parametrize("kind", EVERY_CLASS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_error_of_the_libraries_is_translated(kind: type[Exception]) -> None:
    with pytest.raises(CaptiondError), translating(ASKED):
        raise made(kind)


def test_the_list_of_classes_is_not_empty() -> None:
    names = {kind.__name__ for kind in EVERY_CLASS}
    assert {"ResponseError", "ConnectError", "RemoteProtocolError", "ConnectionRefusedError"} <= names
    assert len(EVERY_CLASS) > 60


def test_a_frame_that_does_not_validate_is_translated() -> None:
    assert "here" in str(translated(validation_error(), ASKED))


def test_what_cannot_be_serialised_is_translated() -> None:
    with pytest.raises(CaptiondError), translating(ASKED):
        to_json(object())


def test_our_own_errors_pass_as_they_are() -> None:
    ours = ServerRefused("no")
    with pytest.raises(ServerRefused) as raised, translating(ASKED):
        raise ours
    assert raised.value is ours


def test_the_cause_is_kept_for_the_log() -> None:
    with pytest.raises(ServerAway) as raised, translating(ASKED):
        raise ConnectionRefusedError(111, "Connection refused")
    assert isinstance(raised.value.__cause__, ConnectionRefusedError)


def test_an_unusable_reply_carries_what_had_come() -> None:
    error = ollama.ResponseError("prediction aborted, token repeat limit reached", 500)
    found = translated(error, Asked("http://here", "llava", lambda: "the the the"))
    assert isinstance(found, UnusableReply)
    assert found.raw == "the the the"


@pytest.mark.parametrize(
    "error",
    [
        "boom",
        {"message": "boom"},
        {"error": {"code": 400, "message": "boom", "type": "x"}},
        '{"error":{"code":400,"message":"boom"}}',
        json.dumps({"error": json.dumps({"error": {"message": "boom"}})}),
    ],
)
def test_the_words_are_found_two_levels_deep(error: object) -> None:
    assert server_text(error) == "boom"


@pytest.mark.parametrize("error", ["", "{", "[1]", '{"error":', {}, None, 7, "{" * 10_000])
def test_an_error_without_words_is_no_accident(error: object) -> None:
    assert isinstance(server_text(error), str)


def test_a_long_text_is_shortened() -> None:
    sentence = str(translated(ollama.ResponseError("x" * 5000, 500), ASKED))
    assert len(sentence) < LONGEST_QUOTE + 60
    assert "…" in sentence
