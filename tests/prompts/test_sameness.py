from dataclasses import replace

import pytest

from captiond.model import Answer, Digest, PromptName, Status
from captiond.prompts.builtin import ALT_TEXT, DESCRIPTION, MOOD, OBJECTS, OCR
from captiond.prompts.prompt import Prompt
from captiond.prompts.sameness import PHOTOS, Sameness

DOG = Answer(Status.OK, value="A brown dog runs along a beach with a stick in its mouth.")
CAT = Answer(Status.OK, value="A grey cat sleeps on a windowsill between two flower pots.")
THINGS = Answer(Status.OK, value="dog, beach, stick, sea", content=["dog", "beach", "stick", "sea"])
SHORT = Answer(Status.OK, value="A black picture.")
NOTHING = Answer(Status.EMPTY, reason="there is nothing to list")


def sentences(prompt: Prompt, answers: list[Answer], photos: str = "abcdefghijklmnopqrstuvwxyz") -> list[str]:
    """Tell one answer for each photo, and give what is said to it."""
    sameness = Sameness()
    told = [
        sameness.told(prompt, Digest(photo), answer) for photo, answer in zip(photos, answers, strict=False)
    ]
    return [sentence for sentence in told if sentence]


def test_the_same_long_answer_for_five_photos_is_noticed() -> None:
    assert sentences(DESCRIPTION, [DOG] * (PHOTOS - 1)) == []
    (sentence,) = sentences(DESCRIPTION, [DOG] * PHOTOS)
    assert sentence == f"5 different photos in a row have the same description: “{DOG.value}”"


def test_it_is_noticed_until_a_photo_has_another_answer() -> None:
    sameness = Sameness()
    noticed = []
    for photo, answer in zip("abcdefg", [DOG] * 6 + [CAT], strict=True):
        sameness.told(DESCRIPTION, Digest(photo), answer)
        noticed.append(sameness.is_noticed)
    assert noticed == [False] * 4 + [True, True, False]


def test_it_is_said_once_in_a_row() -> None:
    assert len(sentences(DESCRIPTION, [DOG] * 20)) == 1
    assert len(sentences(DESCRIPTION, [DOG] * 6 + [CAT] + [DOG] * 6)) == 2


@pytest.mark.parametrize("between", [CAT, SHORT, NOTHING])
def test_another_answer_ends_the_row(between: Answer) -> None:
    assert sentences(DESCRIPTION, [DOG, DOG, DOG, DOG, between, DOG, DOG, DOG, DOG]) == []


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        (MOOD, Answer(Status.OK, value="calm")),
        (MOOD, replace(DOG)),
        (DESCRIPTION, SHORT),
        (OBJECTS, THINGS),
        (OBJECTS, NOTHING),
        (OCR, NOTHING),
        (OCR, Answer(Status.OK, value="© Jane Doe Photography, www.example.com, all rights reserved")),
        (ALT_TEXT, DOG),
    ],
)
def test_what_may_be_the_same_never_counts(prompt: Prompt, answer: Answer) -> None:
    assert sentences(prompt, [answer] * 20) == []


def test_one_photo_asked_again_and_again_is_one() -> None:
    assert sentences(DESCRIPTION, [DOG] * 20, photos="a" * 20) == []
    assert sentences(DESCRIPTION, [DOG] * 20, photos="abcd" * 5) == []


def test_each_prompt_has_a_row_of_its_own() -> None:
    sameness = Sameness()
    other = replace(DESCRIPTION, name=PromptName("other"))
    told = [sameness.told(prompt, Digest(photo), DOG) for photo in "abcde" for prompt in (DESCRIPTION, other)]
    assert [bool(sentence) for sentence in told] == [False] * 8 + [True] * 2
