"""Whatever a model says, it becomes an answer or an UnusableReply; nothing else gets out."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from captiond.errors import UnusableReply
from captiond.model import Answer, PromptName, Status
from captiond.prompts.answers import understand, words
from captiond.prompts.builtin import BUILTIN
from captiond.prompts.checks import streaming_stop
from captiond.prompts.languages import guess, same_language
from captiond.prompts.loose_json import strings_in
from captiond.prompts.prompt import Kind, Prompt
from prompts.replying import reply_of

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "tags": {"type": "array"}},
    "required": ["n"],
}
PROMPTS = [
    *BUILTIN,
    Prompt(name=PromptName("people"), kind=Kind.JSON, text="How many?", schema=SCHEMA),
    Prompt(name=PromptName("anything"), kind=Kind.JSON, text="What?", schema={}),
    replace(BUILTIN[4], empty="NONE"),
]
TEXTS = st.text(st.characters(), max_size=300)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
).map(json.dumps)
PARTS = (
    *(
        "The image shows ",
        "NO_TEXT",
        "```",
        "\n",
        '"',
        "[",
        "]",
        "{",
        ": ",
        "<think>",
        "</think>",
        "calm",
        "dog, ",
    ),
    *("Here is the text:", "SAME", ">>>", "#####", "\ud800", "\x00", "I'm sorry", "[…]", "no text", " "),
)
PIECES = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)
REPLIES = TEXTS | JSONS | PIECES | PIECES.map(lambda text: text * 40)


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: f"{prompt.name}-{prompt.empty}")
@settings(max_examples=40)
@given(text=REPLIES, about=st.none() | TEXTS, finish=st.sampled_from(["stop", "stop", "stop", "length", ""]))
@example(text="[" * 100_000, about=None, finish="stop")
@example(text='{"a":' * 900 + "1" + "}" * 900, about=None, finish="stop")
@example(text='{"n": ' + "9" * 5000 + "}", about=None, finish="stop")
@example(text=" \n" * 20_000 + "x", about=None, finish="stop")
def test_any_reply_is_an_answer_or_refused(prompt: Prompt, text: str, about: str | None, finish: str) -> None:
    with suppress(UnusableReply):
        answer = understand(prompt, reply_of(text, finish), about)
        assert is_sound(answer)
        assert finish == "stop"


def is_sound(answer: Answer) -> bool:
    strings = strings_in([answer.value, answer.content, answer.raw, words(answer)])
    json.dumps(answer.content, allow_nan=False)
    storable = "".join(strings).encode() is not None and not any("\x00" in string for string in strings)
    return storable and (answer.status is Status.OK) == bool((answer.value or "").strip())


@given(text=REPLIES)
def test_any_beginning_can_be_looked_at(text: str) -> None:
    assert streaming_stop(text) is None or streaming_stop(text)


@given(text=REPLIES, target=st.sampled_from(["en", "zh", "ja", "pt-BR"]))
def test_a_text_in_the_target_is_guessed_to_be(text: str, target: str) -> None:
    assert not same_language(text, target) or guess(text) == target.split("-", maxsplit=1)[0]
