import pytest

from captiond.model import Answer, Status
from captiond.prompts.builtin import ALT_TEXT, DESCRIPTION, TRANSLATION
from captiond.prompts.skipping import reason_to_skip


def ok(value: str) -> Answer:
    return Answer(status=Status.OK, value=value)


NOTHING = Answer(status=Status.EMPTY, reason="there is no text")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (None, "there is no text"),
        (NOTHING, "there is no text"),
        (ok("12 € – 07:30"), "the text has no letters"),
        (ok("Please keep your dogs off the grass"), "the text is in English already"),
        (ok("Rauchen verboten"), None),
        (ok("TAXI"), None),
    ],
)
def test_a_translation_is_asked_only_where_there_is_something_to_translate(
    source: Answer | None, reason: str | None
) -> None:
    assert reason_to_skip(TRANSLATION, source) == reason


@pytest.mark.parametrize("source", [None, NOTHING, ok(" ")])
def test_a_prompt_about_an_answer_needs_one(source: Answer | None) -> None:
    assert reason_to_skip(ALT_TEXT, source) == "there is no answer to description"


def test_a_description_of_any_language_is_shortened() -> None:
    assert reason_to_skip(ALT_TEXT, ok("A dog runs on the beach.")) is None


def test_a_prompt_about_the_picture_is_always_asked() -> None:
    assert reason_to_skip(DESCRIPTION, None) is None
