import json

import jsonschema
import pytest

from captiond.model import Json
from captiond.prompts.schemas import bounded, mistake_in, violation

SCHEMA = {
    "type": "object",
    "required": ["people", "mood"],
    "properties": {
        "people": {"type": "integer"},
        "mood": {"type": "string", "enum": ["calm", "tense"]},
        "note": {"type": ["string", "null"]},
        "tags": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
        "light": {"type": "object", "required": ["lux"], "properties": {"lux": {"type": "number"}}},
    },
}
GOOD = {"people": 3, "mood": "calm"}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (GOOD, None),
        (GOOD | {"people": 3.0, "note": None, "tags": ["a", "b"], "light": {"lux": 1.5}, "more": 1}, None),
        ([], "the reply is not an object"),
        ({"people": 3}, "the field mood is missing"),
        (GOOD | {"people": "three"}, "the field people is not a whole number"),
        (GOOD | {"people": True}, "the field people is not a whole number"),
        (GOOD | {"people": 2.5}, "the field people is not a whole number"),
        (GOOD | {"mood": "happy"}, "the field mood is none of the values allowed"),
        (GOOD | {"note": 1}, "the field note is not text or null"),
        (GOOD | {"tags": ["a", "b", "c"]}, "the field tags has more than 2 entries"),
        (GOOD | {"tags": ["a", 1]}, "the field tags[2] is not text"),
        (GOOD | {"light": {}}, "the field light.lux is missing"),
        (GOOD | {"light": {"lux": "1"}}, "the field light.lux is not a number"),
    ],
)
def test_a_break_of_the_schema_names_its_field(value: Json, sentence: str | None) -> None:
    assert violation(value, SCHEMA) == sentence
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(value) is (sentence is None)


def test_every_list_and_string_gets_an_end() -> None:
    limited = bounded(SCHEMA)["properties"]
    assert limited["tags"] == {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 200}}
    assert limited["note"]["maxLength"] == 200


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "enum": ["a"]},
        {"type": "string", "pattern": "^a$"},
        {"type": "string", "maxLength": 7},
        {"type": "array", "maxItems": 3, "items": {"type": "integer"}},
        {"type": "boolean"},
    ],
)
def test_what_has_an_end_already_stays(schema: Json) -> None:
    assert bounded(schema) == schema


def test_the_limits_reach_every_corner() -> None:
    text = {"type": "string"}
    schema = {"anyOf": [text, {"type": "array", "items": text, "minItems": 20}], "$defs": {"a": text}}
    dumped = json.dumps(bounded(schema))
    assert dumped.count('"maxLength": 200') == 3
    assert '"maxItems": 20' in dumped


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        (SCHEMA, None),
        ({}, None),
        ([], "the schema is not a table"),
        ({"type": "int"}, "the schema has the unknown type 'int'; the types are string, integer"),
        ({"properties": ["a"]}, "'properties' of the schema is not a table"),
        ({"properties": {"a": "string"}}, "the field 'a' is not a table"),
        ({"required": "a"}, "'required' of the schema is not a list"),
        ({"items": {"type": "array", "maxItems": "3"}}, "'maxItems' of 'items' is not a whole number"),
        ({"anyOf": [{"enum": "a"}]}, "'enum' of 'anyOf' is not a list"),
    ],
)
def test_a_mistake_in_a_schema_is_said(schema: Json, sentence: str | None) -> None:
    assert (mistake_in(schema) or "").startswith(sentence or "\0" * bool(sentence))
    assert (mistake_in(schema) is None) is (sentence is None)
