"""What settings become: plain values for all who must not know them."""

from pathlib import Path
from typing import Any

import pytest

from captiond.choosing import choices_from
from captiond.errors import BadConfiguration
from captiond.model import Job, PromptName, SidecarPlace
from captiond.settings import Settings

DESCRIPTION = PromptName("description")
OCR = PromptName("ocr")


def settings(tmp_path: Path, **more: Any) -> Settings:
    chosen = {"inboxes": (tmp_path / "inbox",), "catalogue": tmp_path / "catalogue.db"}
    return Settings(**{**chosen, **more})


def test_prompts_come_in_asking_order(tmp_path: Path) -> None:
    mood = {"enabled": True}
    choices = choices_from(settings(tmp_path, prompts={"mood": mood}))
    assert choices.names == ("objects", "description", "mood", "ocr", "translation")


def test_a_prompts_own_options_go_before_those_of_all(tmp_path: Path) -> None:
    prompts = {"ocr": {"options": {"temperature": 0.7}}}
    choices = choices_from(settings(tmp_path, ollama={"seed": 9}, prompts=prompts))
    options = {prompt.name: prompt.options for prompt in choices.prompts}
    assert (options[OCR]["temperature"], options[OCR]["seed"]) == (0.7, 9)
    assert options[DESCRIPTION]["temperature"] == 0.0


def test_a_wish_changes_model_words_and_version_of_one_prompt(tmp_path: Path) -> None:
    prompts = {"ocr": {"for": {"deepseek-ocr*": {"text": "Free OCR."}}}}
    usual = choices_from(settings(tmp_path, prompts=prompts, express=True))
    wished = usual.wished([Job(OCR, 0, "deepseek-ocr:3b"), Job(DESCRIPTION, 0)])
    assert (wished.prompt(OCR).model, wished.prompt(OCR).text) == ("deepseek-ocr:3b", "Free OCR.")
    assert wished.versions[OCR] != usual.versions[OCR]
    assert wished.prompt(DESCRIPTION) == usual.prompt(DESCRIPTION)
    assert {prompt.name for prompt in usual.express} - {prompt.name for prompt in wished.express} == {OCR}


def test_without_a_wish_the_choices_stay_as_they_are(tmp_path: Path) -> None:
    usual = choices_from(settings(tmp_path))
    assert usual.wished([Job(OCR, 0)]) is usual


@pytest.mark.parametrize(
    "change",
    [
        {"ollama": {"model": "llava:7b"}},
        {"ollama": {"temperature": 0.5}},
        {"prompts": {"description": {"text": "What is it?"}}},
    ],
)
def test_a_prompts_version_follows_all_that_decides_its_answer(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    before = choices_from(settings(tmp_path)).versions
    after = choices_from(settings(tmp_path, **change)).versions
    assert before[DESCRIPTION] != after[DESCRIPTION]
    assert (before[OCR] == after[OCR]) == ("prompts" in change)


def test_limits_are_taken_over(tmp_path: Path) -> None:
    imaging = {"formats": ("JPEG", "TIFF"), "max_file_megabytes": 7}
    limits = choices_from(settings(tmp_path, imaging=imaging)).limits
    assert (limits.formats, limits.max_file_bytes) == (("JPEG", "TIFF"), 7_000_000)


def test_one_inbox_has_the_tree_for_itself_and_several_share_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    alone = settings(tmp_path, sidecars=f"tree:{tree}")
    both = settings(tmp_path, sidecars=f"tree:{tree}", inboxes=("/pictures/a", "/pictures/b"))
    assert list(choices_from(alone).sidecars.of_inbox.values()) == [SidecarPlace("tree", tree)]
    assert choices_from(both).sidecars.of_inbox == {
        Path("/pictures/a"): SidecarPlace("tree", tree / "pictures/a"),
        Path("/pictures/b"): SidecarPlace("tree", tree / "pictures/b"),
    }


def test_sidecars_that_find_no_room_go_beside_the_catalogue(tmp_path: Path) -> None:
    assert choices_from(settings(tmp_path)).sidecars.fallback == tmp_path / "sidecars"


def test_a_prompt_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="season"):
        choices_from(settings(tmp_path, prompts={"season": {"text": "When was it?"}}))


def test_a_specialist_gets_words_of_its_own(tmp_path: Path) -> None:
    prompts = {"ocr": {"for": {"deepseek-ocr*": {"text": "Free OCR."}}}}
    for model, text in (("deepseek-ocr:3b", "Free OCR."), ("llava:7b", "Copy all the text")):
        choices = choices_from(settings(tmp_path, ollama={"model": model}, prompts=prompts))
        assert {prompt.name: prompt.text for prompt in choices.prompts}[OCR].startswith(text)


def test_the_model_of_the_prompt_itself_decides_about_its_words(tmp_path: Path) -> None:
    ocr = {"model": "deepseek-ocr", "for": {"deepseek*": {"text": "Free OCR.", "num_predict": 90}}}
    choices = choices_from(settings(tmp_path, prompts={"ocr": ocr}))
    found = next(prompt for prompt in choices.prompts if prompt.name == OCR)
    assert (found.text, found.num_predict) == ("Free OCR.", 90)


def test_each_language_has_a_prompt_of_its_own(tmp_path: Path) -> None:
    choices = choices_from(settings(tmp_path, translation={"target": ["en", "fr", "pt-BR"]}))
    targets = {prompt.name: prompt.target for prompt in choices.prompts if prompt.target}
    assert targets == {"translation": "en", "translation_fr": "fr", "translation_pt_br": "pt-BR"}


def test_a_name_that_a_language_would_take_twice_is_refused(tmp_path: Path) -> None:
    mine = {"translation_fr": {"kind": "text", "text": "Say it in French."}}
    with pytest.raises(BadConfiguration, match="a prompt for fr cannot be called translation_fr"):
        choices_from(settings(tmp_path, translation={"target": "en,fr"}, prompts=mine))


def test_a_wrong_word_for_some_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="'for' of the prompt 'ocr'"):
        choices_from(settings(tmp_path, prompts={"ocr": {"for": {"llava*": {"kind": "text"}}}}))
