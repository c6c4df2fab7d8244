"""When a prompt is asked: by what others answered, by folder, by name."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath

import pytest

from captiond.errors import BadConfiguration
from captiond.model import Answer, Json, PromptName, Status
from captiond.prompts.conditions import asked_first, reasons_gone, unmet, wanted_from
from captiond.prompts.configuring import configured
from captiond.prompts.prompt import Kind, Prompt

OBJECTS, OCR = PromptName("objects"), PromptName("ocr")
ANSWERS = {
    OBJECTS: Answer(Status.OK, "Police car, road sign", ["police car", "road sign"]),
    OCR: Answer(Status.EMPTY, reason="there is no text"),
}
FILES = [PurePath("Street/2019/IMG_1.JPG"), PurePath("copy.png")]


def plate(when: Mapping[str, Json]) -> Prompt:
    wanted = {about: wanted_from(value) for about, value in when.items()}
    return Prompt(PromptName("plate"), Kind.TEXT, "Which plate?", when=wanted)


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"objects": True},
        {"ocr": False},
        {"objects": "police car"},
        {"objects": "*car"},
        {"objects": ["truck", "ROAD SIGN"]},
        {"folder": "street/*"},
        {"folder": "."},
        {"name": "*.jpg"},
        {"objects": "*car", "folder": "street*", "ocr": False},
    ],
)
def test_a_prompt_is_asked_where_all_conditions_hold(when: dict[str, Json]) -> None:
    assert unmet(plate(when), ANSWERS, FILES) is None


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ({"ocr": True}, "it is asked only where ocr has an answer"),
        ({"objects": False}, "it is asked only where objects has no answer"),
        ({"objects": "ca"}, "it is asked only where objects has ca"),
        ({"objects": ["truck", "bus"]}, "it is asked only where objects has truck or bus"),
        ({"ocr": "*"}, "it is asked only where ocr has *"),
        ({"folder": "2019"}, "it is asked only where folder has 2019"),
        ({"objects": "*car", "name": "*.gif"}, "it is asked only where name has *.gif"),
    ],
)
def test_the_condition_that_does_not_hold_is_told(when: dict[str, Json], sentence: str) -> None:
    assert unmet(plate(when), ANSWERS, FILES) == sentence


def test_a_word_of_a_text_may_be_wanted() -> None:
    answers = {OCR: Answer(Status.OK, "INVOICE no. 7:\ntotal 12.00")}
    assert unmet(plate({"ocr": ["invoice", "receipt"]}), answers, FILES) is None


def test_what_decides_is_asked_first() -> None:
    prompt = plate({"objects": "car", "folder": "x"})
    assert asked_first(prompt) == {OBJECTS}


def test_a_prompt_stands_behind_those_that_decide_about_it() -> None:
    tables = {
        "zebra": {"kind": "text", "text": "Which zebra?", "when": {"animal": "zebra"}},
        "animal": {"kind": "text", "text": "Which animal?"},
        "why": {"kind": "text", "text": "Why?", "when": {"translation": True}},
    }
    names = [prompt.name for prompt in configured(tables, targets=["en"])]
    assert names == ["objects", "description", "animal", "zebra", "ocr", "translation", "why"]


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"objekts": True}, "there is no objekts to ask first; there are description, objects, ocr"),
        ({"mood": True}, "there is no mood to ask first"),
        ({"folder": True}, "folder needs a pattern, such as scans/*"),
        ({"objects": 3}, "table of conditions"),
        ({"objects": []}, "table of conditions"),
        ("objects", "table of conditions"),
        ({"plate": True}, "wait for one another: plate"),
    ],
)
def test_a_condition_that_can_never_be_is_told_at_start(when: Json, words: str) -> None:
    table = {"kind": "text", "text": "Which plate?", "when": when}
    with pytest.raises(BadConfiguration, match="'when' of the prompt 'plate'") as mistake:
        configured({"plate": table}, targets=["en"])
    assert words in str(mistake.value)


@pytest.mark.parametrize(
    ("when", "file"), [({"folder": "street/*"}, "street/2020/a.jpg"), ({"name": "*.png"}, "deep/a.PNG")]
)
def test_a_place_that_fits_takes_away_the_reason_that_another_was(when: dict[str, Json], file: str) -> None:
    elsewhere = [PurePath("scans/a.gif")]
    reason = unmet(plate(when), ANSWERS, elsewhere)
    assert reason in reasons_gone(plate(when), PurePath(file), "/inbox")
    assert reason not in reasons_gone(plate(when), elsewhere[0], "/inbox")


def test_an_inbox_that_did_not_choose_a_prompt_takes_no_reason_away() -> None:
    prompt = replace(plate({}), not_in=("/scans",))
    reason = unmet(prompt, ANSWERS, FILES, {"/scans"})
    assert reason in reasons_gone(prompt, FILES[0], "/photos")
    assert reason not in reasons_gone(prompt, FILES[0], "/scans")
