from dataclasses import replace
from typing import Any

import pytest

from captiond.errors import BadConfiguration
from captiond.model import ModelIdentity, Reply
from captiond.prompts.answers import understand
from captiond.prompts.builtin import OBJECTS
from captiond.prompts.configuring import configured
from captiond.prompts.prompt import Prompt, fingerprint

SYNONYMS = {"Road sign": ["traffic sign", "street sign"], "bicycle": ["Bike"], "ダチョウ": ["駝鳥"]}


def objects(**table: Any) -> Prompt:
    return configured({"objects": table}, targets=["en"])[0]


def names(reply: str) -> list[str]:
    answer = understand(objects(synonyms=SYNONYMS), Reply(reply, "stop", ModelIdentity("llava", "sha256:0")))
    assert answer.value == ", ".join(answer.content)
    return list(answer.content)


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        ('["traffic sign", "dog"]', ["road sign", "dog"]),
        ('["A Street Sign", "road sign", "bikes", "bike"]', ["road sign", "bikes", "bicycle"]),
        ('["bike rack", "motorbike"]', ["bike rack", "motorbike"]),
        ('["駝鳥", "駝鳥の卵", "حمار وحشي"]', ["ダチョウ", "駝鳥の卵", "حمار وحشي"]),
        ("traffic sign, bike", ["road sign", "bicycle"]),
    ],
)
def test_only_whole_names_are_kept_under_the_name_they_stand_for(reply: str, kept: list[str]) -> None:
    assert names(reply) == kept


@pytest.mark.parametrize("wrong", [{"bicycle": "bike"}, {"bicycle": [1]}, {"bicycle": [" "]}, ["bike"]])
def test_what_is_no_table_of_lists_is_refused(wrong: object) -> None:
    with pytest.raises(BadConfiguration, match="each with a list of its other names"):
        objects(synonyms=wrong)


def test_only_a_list_has_synonyms() -> None:
    with pytest.raises(BadConfiguration, match="only a list has names"):
        configured({"description": {"synonyms": SYNONYMS}}, targets=["en"])


def test_synonyms_are_part_of_the_version_and_none_are_not() -> None:
    usual = fingerprint(OBJECTS, model="llava", preparation_version=1)
    assert fingerprint(replace(OBJECTS, synonyms={}), model="llava", preparation_version=1) == usual
    assert fingerprint(replace(OBJECTS, synonyms=SYNONYMS), model="llava", preparation_version=1) != usual
