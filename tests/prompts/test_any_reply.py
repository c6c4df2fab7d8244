"""Whatever a model says, it becomes an answer or an UnusableReply; nothing else gets out."""

import json
from contextlib import suppress
from dataclasses import replace
from random import Random

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
WORDS = st.sampled_from(["a dog", "the red car", "1", "STOP", "犬", "is on the left of it", "SAME", "*"])
PATTERN = st.lists(WORDS | st.just("{n}"), min_size=1, max_size=6)
ENDS = st.sampled_from([". ", ", ", "\n", "。", "; ", " "])


def going_on(pattern: list[str], end: str, times: int, before: str) -> str:
    """Give what is said again and again, with its count in it."""
    line = " ".join(pattern) + end
    return before + "".join(line.replace("{n}", str(count)) for count in range(times))


NEAR_LOOPS = st.builds(
    going_on, PATTERN, ENDS, st.integers(1, 150), st.sampled_from(["", "A room. ", "<think>"])
)
LOOPS_INSIDE = st.tuples(NEAR_LOOPS, PIECES | NEAR_LOOPS).map("\n".join)
REPLIES = TEXTS | JSONS | PIECES | PIECES.map(lambda text: text * 40) | NEAR_LOOPS | LOOPS_INSIDE


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: f"{prompt.name}-{prompt.empty}")
@settings(max_examples=40, deadline=None)
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


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: f"{prompt.name}-{prompt.empty}")
@settings(max_examples=40, deadline=None)
@given(text=REPLIES, rng=st.randoms(use_true_random=False))
@example(text="the " * 80 + "end of it. A dog on a beach.", rng=Random(1))
@example(text="<think>" + "hmm " * 80 + "</think>A dog on a beach.", rng=Random(1))
@example(text='{"n": 1,' + "\n" * 420 + '"tags": ["a"]}', rng=Random(1))
def test_what_is_an_answer_is_not_stopped_on_its_way(prompt: Prompt, text: str, rng: Random) -> None:
    try:
        understand(prompt, reply_of(text))
    except UnusableReply:
        return
    ends = sorted(rng.randint(0, len(text)) for _ in range(60))
    assert [streaming_stop(text[:end]) for end in ends] == [None] * 60


@settings(max_examples=25, deadline=None)
@given(text=LOOPS_INSIDE)
def test_what_would_be_stopped_on_its_way_is_no_answer(text: str) -> None:
    if any(streaming_stop(text[:end]) for end in range(0, len(text) + 1, 50)):
        with pytest.raises(UnusableReply):
            understand(PROMPTS[1], reply_of(text))


@given(text=REPLIES, target=st.sampled_from(["en", "zh", "ja", "pt-BR"]))
def test_a_text_in_the_target_is_guessed_to_be(text: str, target: str) -> None:
    assert not same_language(text, target) or guess(text) == target.split("-", maxsplit=1)[0]
