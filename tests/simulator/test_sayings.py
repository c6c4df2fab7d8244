"""Honest words for every kind of question."""

import json
from itertools import combinations
from typing import Any

import jsonschema
import pytest

from captiond.simulator.pictures import Darkroom
from captiond.simulator.sayings import Saying
from captiond.simulator.schemas import answer_schema
from captiond.simulator.translation import LANGUAGES, language_of, rows, translate
from simulator.conftest import Asked, Paint

OBJECTS = "List the physical things that are clearly visible in this picture, at most 12. No colours."
DESCRIBE = "Describe this picture in one or two plain sentences for a person who cannot see it."
OCR = (
    "Copy all the text written in this picture exactly as it is written. Do not translate, correct, explain "
    "or describe anything. If there is no text in the picture, answer only: NO_TEXT"
)
TRANSLATE = (
    "Translate the text between the marks into {}. If it is already in {}, answer only: SAME\n<<<\n{}\n>>>"
)

WORD: dict[str, Any] = {"type": "string"}


def fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


SCHEMAS: dict[str, dict[str, Any]] = {
    "list": {"type": "array", "items": WORD | {"maxLength": 40}, "maxItems": 12},
    "wrapped": fields(objects={"type": "array", "maxItems": 2, "items": WORD}),
    "choice": fields(mood={"enum": ["calm", "tense", "sad"]}),
    "bare enum": {"enum": ["day", "night"]},
    "maybe": fields(text={"type": ["string", "null"], "maxLength": 9}),
    "any of": {"anyOf": [{"type": "null"}, WORD]},
    "numbers": fields(n={"type": "integer", "minimum": 3, "maximum": 5}, x={"type": "number"}),
    "nested": {
        "$defs": {"T": fields(a={"const": 1}, b={"type": "boolean"})},
        "type": "array",
        "items": {"$ref": "#/$defs/T"},
        "minItems": 2,
    },
    "at least": {"type": "array", "items": WORD | {"minLength": 20}, "minItems": 7},
    "date": fields(day=WORD | {"format": "date"}),
}


def say(prompt: str, image: bytes | None) -> Saying:
    return Saying(prompt, Darkroom(old=False).develop(image).look if image else None)


def test_different_pictures_get_different_words(paint: Paint) -> None:
    colours = ("red", "green", "blue", "yellow", "black", "white", "purple")
    said = [say(DESCRIBE, paint(*pair)).words() for pair in combinations(colours, 2)]
    assert len(set(said)) == len(said)


def test_a_description_says_what_the_pixels_show(paint: Paint) -> None:
    said = say(DESCRIBE, paint("green", "blue", size=(400, 300))).words()
    assert "wide picture" in said
    assert "blue at the top and green below" in said


def test_a_list_names_areas(paint: Paint) -> None:
    assert say(OBJECTS, paint("green", "blue")).words().startswith("green area, blue area")


def test_text_is_read_from_the_strip_and_from_nowhere_else(paint: Paint) -> None:
    assert say(OCR, paint(text="Zu verkaufen")).words() == "Zu verkaufen"
    assert say(OCR, paint()).words() == "NO_TEXT"


def test_the_strip_does_not_change_the_colours(paint: Paint) -> None:
    plain, marked = (say(DESCRIBE, paint("red", "red", text=text)).look for text in ("", "SALE"))
    assert plain is not None
    assert marked is not None
    assert plain.colours[0] == marked.colours[0] == ("red", 1.0)


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("SORTIE DE SECOURS", "English", "EXIT OF EMERGENCY [word by word]"),
        ("Heute frisch: Brot und Käse", "English", "Today fresh: Bread and Cheese [word by word]"),
        ("Ausgang", "French", "Sortie [word by word]"),
        ("Xyzzy 12", "English", "Xyzzy 12 [word by word]"),
        ("NO PARKING", "English", "SAME"),
    ],
)
def test_a_translation_is_word_by_word_and_says_so(text: str, language: str, said: str) -> None:
    assert say(TRANSLATE.format(language, language, text), None).words() == said


def test_without_a_picture_nothing_is_invented() -> None:
    assert "no picture" in say(DESCRIBE, None).words()


def test_every_row_of_the_dictionary_has_four_words() -> None:
    assert all(set(row) == set(LANGUAGES) for row in rows())
    assert language_of("Ausgang") == "de"
    assert translate("exit", "en") is None


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("text", ["", "Zu verkaufen"])
def test_every_schema_gets_json_that_fits(name: str, text: str, paint: Paint) -> None:
    said = answer_schema(SCHEMAS[name], say(OBJECTS, paint(text=text)), sort_keys=False)
    jsonschema.validate(json.loads(said), SCHEMAS[name])


def test_properties_are_filled_by_their_names(paint: Paint) -> None:
    names = ("objects", "description", "text", "language", "translation")
    schema = {"type": "object", "properties": {name: {"type": ["string", "null"]} for name in names}}
    schema["properties"]["objects"] = {"type": "array", "items": {"type": "string"}}
    said = json.loads(answer_schema(schema, say("Answer as JSON.", paint(text="SORTIE")), sort_keys=False))
    assert (said["text"], said["language"], said["translation"]) == ("SORTIE", "fr", "EXIT [word by word]")
    assert "sign" in said["objects"]


def test_only_the_native_path_sorts_keys(paint: Paint) -> None:
    schema = {"type": "object", "properties": {"zeta": {"type": "string"}, "alpha": {"type": "string"}}}
    said = [answer_schema(schema, say("?", paint()), sort_keys=native) for native in (False, True)]
    assert [list(json.loads(one)) for one in said] == [["zeta", "alpha"], ["alpha", "zeta"]]


@pytest.mark.anyio
async def test_a_schema_that_is_cut_is_no_json(serving: Asked, paint: Paint) -> None:
    async with serving() as (_, client):
        messages = [{"role": "user", "content": OBJECTS, "images": [paint()]}]
        reply = await client.chat(
            "llava:13b-v1.6", messages, format=SCHEMAS["list"], options={"num_predict": 3}
        )
    assert reply.done_reason == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.message.content or "")
