from pathlib import PurePath

import pytest

from captiond.errors import BadConfiguration
from captiond.prompts.conditions import unmet
from captiond.prompts.configuring import configured
from captiond.prompts.inboxes import is_asked_in, spread

PROMPTS = configured({}, targets=["en", "pt-BR"])
SCANS, PHOTOS = "/scans", "/photos"


def asked_in(*inboxes: str) -> list[str]:
    chosen = spread(PROMPTS, {SCANS: ["ocr", "translation"]})
    return [prompt.name for prompt in chosen if is_asked_in(prompt, inboxes)]


def test_an_inbox_that_chooses_is_asked_no_more_than_that() -> None:
    assert asked_in(SCANS) == ["ocr", "translation", "translation_pt_br"]


def test_any_other_inbox_is_asked_everything() -> None:
    assert asked_in(PHOTOS) == [prompt.name for prompt in PROMPTS]


def test_a_photo_in_several_is_asked_what_any_of_them_wants() -> None:
    assert asked_in(SCANS, PHOTOS) == asked_in(PHOTOS)


def test_the_reason_is_told() -> None:
    objects = spread(PROMPTS, {SCANS: ["ocr"]})[0]
    assert unmet(objects, {}, [PurePath("a.jpg")], [SCANS]) == "it is not among the prompts of this inbox"
    assert unmet(objects, {}, [PurePath("a.jpg")], [PHOTOS]) is None


@pytest.mark.parametrize(
    ("names", "told"),
    [(["mood"], "mood is not enabled"), (["translation"], "asked about ocr, which is not among them")],
)
def test_a_choice_that_cannot_be_asked_is_refused(names: list[str], told: str) -> None:
    with pytest.raises(BadConfiguration, match=told):
        spread(PROMPTS, {SCANS: names})
