"""Prompts that the embedded reader answers."""

from typing import Any

import pytest

from captiond.errors import BadConfiguration
from captiond.model import ModelIdentity, Reply, Status
from captiond.prompts.answers import understand
from captiond.prompts.configuring import configured
from captiond.prompts.engines import READER
from captiond.prompts.express import together
from captiond.prompts.prompt import Prompt, fingerprint


def ocr(**table: Any) -> Prompt:
    prompts = configured({"ocr": {"engine": "reader", **table}}, targets=["en"], model="llava:7b")
    return next(prompt for prompt in prompts if prompt.name == "ocr")


def reply(text: str) -> Reply:
    return Reply(text, "stop", ModelIdentity("rapidocr", "0" * 64))


def test_what_the_reader_reads_is_another_version_of_the_prompt_and_never_asked_with_others() -> None:
    of_model = next(one for one in configured({}, targets=["en"]) if one.name == "ocr")
    versions = {fingerprint(one, model="llava:7b", preparation_version=1) for one in (ocr(), of_model)}
    assert len(versions) == 2
    assert ocr().model == READER
    assert "ocr" not in together([ocr()])


def test_signs_that_speak_as_models_do_are_text() -> None:
    said = "I'm sorry, I cannot help with that.\nNO_TEXT\nThe image shows: nothing"
    assert understand(ocr(), reply(said)).value == said


def test_a_picture_in_which_nothing_was_read_has_no_text() -> None:
    answer = understand(ocr(), reply(" \n"))
    assert (answer.status, answer.value, answer.reason) == (Status.EMPTY, None, "there is no text")


def test_the_language_is_guessed_and_a_long_text_is_cut() -> None:
    text = "Achtung, hier wird gebaut. Bitte halten Sie den Eingang frei und fahren Sie nicht weiter."
    assert understand(ocr(), reply(text)).language == "de"
    answer = understand(ocr(max_chars=30), reply(text))
    assert answer.value == "Achtung, hier wird gebaut."
    assert answer.reason == "shortened to 30 characters"


@pytest.mark.parametrize(
    ("name", "table", "told"),
    [
        ("objects", {"engine": "reader"}, "only with text"),
        ("translation", {"engine": "reader"}, "only with text"),
        ("ocr", {"engine": "reader", "model": "qwen2.5vl:7b"}, "no model"),
        ("ocr", {"engine": "tesseract"}, "not one of model, reader"),
    ],
)
def test_what_the_reader_cannot_do_is_refused(name: str, table: dict[str, Any], told: str) -> None:
    with pytest.raises(BadConfiguration, match=told):
        configured({name: table}, targets=["en"])
