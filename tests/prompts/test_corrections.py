from dataclasses import replace

import pytest

from captiond.model import PromptName, Status
from captiond.prompts.builtin import BUILTIN
from captiond.prompts.corrections import corrected
from captiond.prompts.prompt import Kind, Prompt

OF = {prompt.name: prompt for prompt in BUILTIN}
SCHEMA = {"type": "object", "properties": {"people": {"type": "integer"}}, "required": ["people"]}
PEOPLE = Prompt(PromptName("people"), Kind.JSON, "How many?", schema=SCHEMA)
CALM = Prompt(PromptName("mood"), Kind.CHOICE, "Which mood?", choices=("calm", "tense"))


def test_a_text_is_taken_as_it_is_written() -> None:
    answer = corrected(OF["ocr"], "  Note: no dogs.\nHere is the text:\n")
    assert (answer.status, answer.value) == (Status.OK, "Note: no dogs.\nHere is the text:")


def test_nothing_is_the_answer_that_there_is_nothing() -> None:
    answer = corrected(OF["ocr"], " \n")
    assert (answer.status, answer.value) == (Status.EMPTY, None)


def test_a_translation_has_the_language_that_it_is_in() -> None:
    assert corrected(replace(OF["translation"], target="fr"), "Sortie").language == "fr"


def test_names_are_cut_at_commas_and_lines_only() -> None:
    answer = corrected(OF["objects"], "A road sign, elephant\nفيل أفريقي, elephant")
    assert answer.content == ["road sign", "elephant", "فيل أفريقي"]


def test_a_choice_is_one_of_the_choices() -> None:
    assert corrected(CALM, "Calm").value == "calm"


def test_json_follows_its_schema() -> None:
    assert corrected(PEOPLE, '{"people": 3}').content == {"people": 3}


@pytest.mark.parametrize(
    ("prompt", "text", "words"),
    [
        (OF["objects"], ", ,", "no name"),
        (CALM, "happy", "calm, tense"),
        (PEOPLE, "three", "not JSON"),
        (PEOPLE, '{"people": "three"}', "people"),
    ],
)
def test_what_does_not_fit_is_told(prompt: Prompt, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        corrected(prompt, text)


def test_what_no_database_takes_is_replaced() -> None:
    assert corrected(OF["description"], "a\ud800b\x00c").value == "a\ufffdbc"
