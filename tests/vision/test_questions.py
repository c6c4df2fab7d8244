"""What a question is known by: all that is asked, and of whom."""

from dataclasses import fields, replace
from typing import Any

import pytest

from captiond.vision.backend import Question
from captiond.vision.questions import digest_of

MAIN = "llava:13b"
QUESTION = Question("Copy all the text.", b"jpeg", {"type": "string"}, 900, {"seed": 1, "temperature": 0.3})
OTHERS: dict[str, Any] = {
    "text": "Copy all the text!",
    "image": b"jpfg",
    "schema": {"type": "array"},
    "num_predict": 901,
    "options": {"seed": 2, "temperature": 0.3},
    "model": "llava:7b",
}


def test_the_same_question_has_the_same_digest() -> None:
    same = replace(QUESTION, options={"temperature": 0.3, "seed": 1}, model=MAIN)
    assert digest_of(same, "whichever") == digest_of(QUESTION, MAIN)
    assert len(digest_of(QUESTION, MAIN)) == 64


@pytest.mark.parametrize("field", [field.name for field in fields(Question)])
def test_whatever_is_asked_otherwise_has_another(field: str) -> None:
    assert digest_of(replace(QUESTION, **{field: OTHERS[field]}), MAIN) != digest_of(QUESTION, MAIN)


def test_a_question_without_a_picture_is_another() -> None:
    assert digest_of(replace(QUESTION, image=None), MAIN) != digest_of(replace(QUESTION, image=b""), MAIN)
    assert digest_of(QUESTION, "llava:7b") != digest_of(QUESTION, MAIN)
