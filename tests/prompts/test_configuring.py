import pytest

from captiond.errors import BadConfiguration
from captiond.model import Json
from captiond.prompts.builtin import BUILTIN
from captiond.prompts.configuring import configured
from captiond.prompts.prompt import Kind, Prompt


def names(tables: dict[str, dict[str, Json]]) -> list[str]:
    return [prompt.name for prompt in configured(tables, targets=["en"])]


def prompt(name: str, tables: dict[str, dict[str, Json]], target: str = "en") -> Prompt:
    return next(prompt for prompt in configured(tables, targets=[target]) if prompt.name == name)


WEATHER = {"kind": "choice", "choices": ["sunny", "rainy"], "text": "How is the weather?"}
PEOPLE = {"kind": "json", "text": 'Count them, as {"people": 3}', "schema": {"type": "object"}}


def test_without_configuration_four_prompts_are_asked() -> None:
    assert names({}) == ["objects", "description", "ocr", "translation"]


def test_built_in_prompts_have_names_of_their_own() -> None:
    assert len({prompt.name for prompt in BUILTIN}) == len(BUILTIN) == 6


def test_prompts_about_the_picture_come_before_those_about_an_answer() -> None:
    tables = {"alt_text": {"enabled": True}, "mood": {"enabled": True}, "weather": WEATHER}
    expected = ["objects", "description", "mood", "weather", "ocr", "translation", "alt_text"]
    assert names(tables) == expected


def test_a_chain_of_answers_is_asked_in_its_order() -> None:
    first = {"kind": "text", "from": "second", "text": "Shorter: {text}"}
    second = {"kind": "text", "from": "description", "text": "Short: {text}"}
    assert names({"first": first, "second": second})[-2:] == ["second", "first"]


def test_a_table_changes_only_what_it_names() -> None:
    ocr = prompt("ocr", {"ocr": {"num_predict": 900, "options": {"temperature": 0.2}, "model": "qwen2.5vl"}})
    assert (ocr.num_predict, ocr.options, ocr.model) == (900, {"temperature": 0.2}, "qwen2.5vl")
    assert ocr.empty == "NO_TEXT"


def test_another_kind_lets_go_of_the_choices() -> None:
    mood = prompt("mood", {"mood": {"enabled": True, "kind": "text", "text": "Which mood?"}})
    assert (mood.kind, mood.choices) == (Kind.TEXT, ())


def test_an_empty_string_takes_a_value_away() -> None:
    translation = prompt(
        "translation", {"translation": {"from": "", "text": "Translate the sign into {target}."}}
    )
    assert translation.from_prompt is None


@pytest.mark.parametrize(
    ("name", "tables", "expected"),
    [
        ("translation", {}, "de"),
        ("translation", {"translation": {"target": "fr"}}, "fr"),
        ("description", {}, None),
        ("description", {"description": {"text": "Describe this in {target_name}."}}, "de"),
    ],
)
def test_only_what_is_asked_in_a_language_has_a_target(
    name: str, tables: dict[str, dict[str, Json]], expected: str | None
) -> None:
    assert prompt(name, tables, target="de").target == expected


def test_braces_that_are_no_variable_are_left_alone() -> None:
    assert prompt("people", {"people": PEOPLE}).text == 'Count them, as {"people": 3}'


def test_a_translation_goes_with_the_text_it_is_about() -> None:
    assert names({"ocr": {"enabled": False}}) == ["objects", "description"]
    assert names({"ocr": {"enabled": False}, "translation": {"target": "de"}}) == ["objects", "description"]


def test_a_chain_goes_with_its_first_link() -> None:
    tables = {"ocr": {"enabled": False}, "description": {"enabled": False}}
    assert names(tables) == ["objects"]


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"ocr": {"kind": "essay"}}, "'kind' of the prompt 'ocr' is wrong: 'essay' is not one of text, list"),
        (
            {"ocr": {"promt": "x"}},
            "'promt' of the prompt 'ocr' is wrong: there is no such key; the keys are enabled",
        ),
        ({"ocr": {"text": " "}}, "'text' of the prompt 'ocr' is wrong: ' ' is not a text that is not empty"),
        (
            {"ocr": {"max_chars": True}},
            "'max_chars' of the prompt 'ocr' is wrong: True is not a whole number",
        ),
        (
            {"ocr": {"tiles": 1}},
            "'tiles' of the prompt 'ocr' is wrong: 1 is not \"auto\", \"off\" or a whole",
        ),
        (
            {"objects": {"tiles": "auto"}},
            "'tiles' of the prompt 'objects' is wrong: only a text that is read from the picture can come in",
        ),
        (
            {"translation": {"tiles": 4}},
            "'tiles' of the prompt 'translation' is wrong: only a text that is read from the picture",
        ),
        (
            {"translation": {"max_side_pixels": 500}},
            "'max_side_pixels' of the prompt 'translation' is wrong: it is asked without the picture",
        ),
        (
            {"ocr": {"num_predict": 0}},
            "'num_predict' of the prompt 'ocr' is wrong: 0 is not a whole number from 1",
        ),
        (
            {"ocr": {"choices": ["a", "b"]}},
            "'choices' of the prompt 'ocr' is wrong: only a choice has choices",
        ),
        ({"ocr": {"schema": {}}}, "'schema' of the prompt 'ocr' is wrong: only a json prompt has a schema"),
        ({"ocr": {"text": "Copy {txt}"}}, "'text' of the prompt 'ocr' is wrong: there is no variable {txt}"),
        (
            {"ocr": {"text": "Copy {text}"}},
            "'text' of the prompt 'ocr' is wrong: {text} is another prompt's answer",
        ),
        (
            {"translation": {"target": "English"}},
            "'target' of the prompt 'translation' is wrong: 'English' is not",
        ),
        ({"weather": {"kind": "text"}}, "'text' of the prompt 'weather' is wrong: a new prompt needs it"),
        ({"weather": {"text": "How?"}}, "'kind' of the prompt 'weather' is wrong: a new prompt needs it"),
        (
            {"weather": {"kind": "choice", "text": "How?"}},
            "'choices' of the prompt 'weather' is wrong: a choice needs",
        ),
        (
            {"weather": WEATHER | {"choices": ["a", "A"]}},
            "'choices' of the prompt 'weather' is wrong: ['a', 'A'] is",
        ),
        (
            {"weather": WEATHER | {"choices": ["a"]}},
            "'choices' of the prompt 'weather' is wrong: ['a'] is not a list",
        ),
        (
            {"people": {"kind": "json", "text": "How?"}},
            "'schema' of the prompt 'people' is wrong: a json prompt needs",
        ),
        (
            {"people": PEOPLE | {"schema": {"properties": {"n": {"type": "int"}}}}},
            "'schema' of the prompt 'people' is wrong: the field 'n' has the unknown type 'int'",
        ),
        ({"Weather!": WEATHER}, "The prompt 'Weather!' is wrong: a name is lower-case letters"),
        (
            {"weather": WEATHER | {"from": "sky"}},
            "'from' of the prompt 'weather' is wrong: the prompt 'sky' does not",
        ),
        (
            {"ocr": {"enabled": False}, "translation": {"from": "ocr"}},
            "'from' of the prompt 'translation' is wrong: the prompt 'ocr' is not enabled",
        ),
        (
            {"alt_text": {"enabled": True}, "description": {"enabled": False}},
            "'from' of the prompt 'alt_text' is wrong: the prompt 'description' is not enabled",
        ),
        (
            {"weather": WEATHER | {"from": "weather"}},
            "'from' of the prompt 'weather' is wrong: these prompts wait",
        ),
        (
            {"one": WEATHER | {"from": "two"}, "two": WEATHER | {"from": "one"}},
            "'from' of the prompt 'one' is wrong: these prompts wait for one another: one, two",
        ),
        (
            {name: {"enabled": False} for name in ("objects", "description", "ocr")},
            "No prompt is enabled, so there is nothing to ask",
        ),
    ],
)
def test_a_mistake_is_named_with_its_prompt_and_key(
    tables: dict[str, dict[str, Json]], sentence: str
) -> None:
    with pytest.raises(BadConfiguration) as refused:
        configured(tables, targets=["en"])
    assert str(refused.value).startswith(sentence)


def test_only_the_built_in_ocr_is_read_from_tiles_until_told() -> None:
    notes = {"kind": "text", "text": "Copy the notes."}
    asked = {prompt.name: prompt.tiles for prompt in configured({"notes": notes}, targets=["en"])}
    assert asked == dict.fromkeys(["objects", "description", "notes", "translation"], "off") | {"ocr": "auto"}
    (told,) = [
        prompt
        for prompt in configured({"notes": notes | {"tiles": 20}}, targets=["en"])
        if prompt.tiles == 20
    ]
    assert told.name == "notes"


def test_an_ocr_that_is_no_text_any_more_is_not_read_from_tiles() -> None:
    tables = {"ocr": {"kind": "list"}, "translation": {"enabled": False}}
    assert {prompt.tiles for prompt in configured(tables, targets=["en"])} == {"off"}


def test_a_model_that_cuts_pictures_itself_can_be_spared_the_tiles() -> None:
    table = {"model": "deepseek-ocr:3b", "for": {"deepseek-ocr*": {"tiles": "off", "max_side_pixels": 1280}}}
    (ocr,) = [prompt for prompt in configured({"ocr": table}, targets=["en"]) if prompt.name == "ocr"]
    assert (ocr.tiles, ocr.max_side_pixels) == ("off", 1280)


@pytest.mark.parametrize(
    ("name", "special", "reason"),
    [
        ("translation", {"max_side_pixels": 336}, "it is asked without the picture"),
        ("translation", {"tiles": "auto"}, "only a text that is read from the picture can come in tiles"),
        ("ocr", {"text": "Copy {everything}."}, "there is no variable {everything}"),
    ],
)
def test_what_is_wrong_for_a_model_that_is_not_asked_yet_is_told_at_once(
    name: str, special: dict[str, Json], reason: str
) -> None:
    with pytest.raises(BadConfiguration, match=reason):
        configured({name: {"for": {"qwen*": special}}}, targets=["en"], model="llava:13b")


def test_prompts_that_are_shown_another_picture_come_last() -> None:
    tables = {"objects": {"max_side_pixels": 500}}
    assert names(tables) == ["description", "ocr", "objects", "translation"]


def test_the_common_target_must_be_a_code() -> None:
    with pytest.raises(BadConfiguration, match="is wrong: write language codes such as en"):
        configured({}, targets=["English"])


@pytest.mark.parametrize(
    ("table", "is_asked"),
    [({"num_predict": 20}, True), ({"enabled": True}, True), ({"enabled": False, "num_predict": 20}, False)],
)
def test_a_table_switches_on_what_is_off_by_default(table: dict[str, Json], is_asked: bool) -> None:
    names = [prompt.name for prompt in configured({"mood": table}, targets=["en"])]
    assert ("mood" in names) == is_asked
    assert "alt_text" not in names
