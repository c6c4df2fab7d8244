"""All prompts about a picture in one reply: what is sent, and what a reply says to each."""

import json
from dataclasses import replace

import pytest

from captiond.model import PromptName
from captiond.prompts import express
from captiond.prompts.builtin import ALT_TEXT, DESCRIPTION, MOOD, OBJECTS, OCR, TRANSLATION
from captiond.prompts.prompt import Prompt

ALL = [OBJECTS, DESCRIPTION, OCR, MOOD]
REPLY = {"objects": ["dog", "sign"], "description": "A dog.", "ocr": "NO_TEXT", "mood": "calm"}


@pytest.mark.parametrize(
    "alone",
    [
        TRANSLATION,
        ALT_TEXT,
        replace(OCR, model="qwen2.5vl"),
        replace(MOOD, when={"objects": True}),
        replace(MOOD, options={"temperature": 0.9}),
    ],
)
def test_what_needs_more_than_the_picture_is_asked_alone(alone: Prompt) -> None:
    assert express.together([OBJECTS, DESCRIPTION, alone]) == ["objects", "description"]


def test_every_question_is_in_the_text_under_its_name() -> None:
    text = express.wording(ALL)
    assert all(f"\n\n{prompt.name}: {prompt.text[:20]}" in text for prompt in ALL)
    assert "calm, joyful" in text


def test_the_schema_has_a_bounded_field_for_each() -> None:
    schema = express.schema(ALL)
    assert schema["required"] == list(schema["properties"]) == [prompt.name for prompt in ALL]
    lengths = [schema["properties"][name]["maxLength"] for name in ("description", "ocr")]
    assert lengths == [542, 1257]


def test_a_reply_is_what_each_would_have_said_alone() -> None:
    said = express.parts(ALL, json.dumps(REPLY))
    assert json.loads(said[PromptName("objects")]) == ["dog", "sign"]
    assert (said[PromptName("description")], said[PromptName("mood")]) == ("A dog.", "calm")


@pytest.mark.parametrize("text", ["", "A dog on a beach.", '["dog"]', '{"objects": ["dog"', "null"])
def test_what_is_no_object_says_nothing(text: str) -> None:
    assert express.parts(ALL, text) == {}


def test_a_text_that_fills_its_field_may_be_cut_and_is_left_out() -> None:
    said = express.parts(ALL, json.dumps({**REPLY, "ocr": "x" * 1257}))
    assert said.keys() == {"objects", "description", "mood"}


def test_a_field_that_is_missing_or_null_is_left_out() -> None:
    said = express.parts(ALL, json.dumps({"objects": ["dog"], "mood": None}))
    assert said.keys() == {"objects"}
