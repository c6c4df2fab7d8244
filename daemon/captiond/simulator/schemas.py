"""JSON for a schema in `format`: what the pixels allow to say, in the shape that is asked for."""

import json
import re
from collections.abc import Mapping
from typing import Any

from .gojson import go_json
from .sayings import Saying

TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}
SHAPE_KEYS = ("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "properties", "items")

Schema = Mapping[str, Any]


class SchemaError(Exception):
    """A schema that the server cannot turn into a grammar, in the new generation's words."""


def check_schema(schema: Any, root: Schema) -> None:
    """Refuse what the grammar converter refuses: unknown types, loose patterns, references into nothing."""
    if not isinstance(schema, Mapping):
        return
    if reference := schema.get("$ref"):
        _resolve(str(reference), root)
    kind = schema.get("type")
    if isinstance(kind, str) and kind not in TYPES:
        raise SchemaError(f"Unrecognized schema: {go_json(schema)}")
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and not (pattern.startswith("^") and pattern.endswith("$")):
        raise SchemaError("Pattern must start with '^' and end with '$'")
    below = [*schema.get("properties", {}).values(), schema.get("items"), *schema.get("anyOf", [])]
    for one in [*below, *schema.get("oneOf", [])]:
        check_schema(one, root)


def _resolve(reference: str, root: Schema) -> Schema:
    found: Any = root
    for name in reference.removeprefix("#/").split("/"):
        if not isinstance(found, Mapping) or name not in found:
            raise SchemaError(f"Error resolving ref {reference}: {name} not in {go_json(found)}")
        found = found[name]
    assert isinstance(found, Mapping)
    return found


def answer_schema(schema: Schema, saying: Saying, *, sort_keys: bool) -> str:
    """Write JSON that fits the schema; the native path of the new generation sorts the keys."""
    return json.dumps(_Filler(schema, saying).fill(schema, ""), ensure_ascii=False, sort_keys=sort_keys)


class _Filler:
    def __init__(self, root: Schema, saying: Saying) -> None:
        self._root = root
        self._saying = saying

    def fill(self, schema: Schema, name: str) -> Any:
        """Give a value for one schema; `name` is the property it stands in."""
        if "$ref" in schema:
            return self.fill(_resolve(str(schema["$ref"]), self._root), name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._choice(list(schema["enum"]), name)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self.fill(self._best_of(schema[key], name), name)
        return self._by_type(schema, name)

    def _by_type(self, schema: Schema, name: str) -> Any:
        kind = self._kind(schema, name)
        if kind == "object":
            return {key: self.fill(one, key) for key, one in schema.get("properties", {}).items()}
        if kind == "array":
            return self._list(schema, name)
        if kind == "string":
            return _fitting(self._words(schema, name), schema)
        if kind in ("integer", "number"):
            return self._number(schema)
        return self._saying.brightness > 0.5 if kind == "boolean" else None  # noqa: PLR2004 - the middle of the scale

    def _kind(self, schema: Schema, name: str) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            return str(self._best_of([{"type": one} for one in kind], name)["type"])
        if isinstance(kind, str):
            return kind
        return "object" if "properties" in schema else "array" if "items" in schema else "object"

    def _best_of(self, schemas: list[Schema], name: str) -> Any:
        """Choose null only where there is nothing to say."""
        filled = [one for one in schemas if one.get("type") != "null"]
        silent = len(filled) < len(schemas) and self._saying.word_for(name) is None
        return {"type": "null"} if silent or not filled else filled[0]

    def _choice(self, values: list[Any], name: str) -> Any:
        said = self._saying.word_for(name)
        colours = [colour for colour, _ in self._saying.look.colours] if self._saying.look else []
        for fitting in (said, *colours):
            if fitting in values:
                return fitting
        return values[min(int(self._saying.brightness * len(values)), len(values) - 1)]

    def _list(self, schema: Schema, name: str) -> list[Any]:
        inner = schema.get("items", {"type": "string"})
        least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 12))
        simple = inner.get("type", "string") == "string" and not {"enum", "const", "$ref", "anyOf"} & set(
            inner
        )
        if simple:
            values: list[Any] = [_fitting(word, inner) for word in self._saying.list_for(name)]
        else:
            values = [self.fill(inner, name)]
        while len(values) < least:
            values.append(_fitting(f"thing {len(values) + 1}", inner) if simple else self.fill(inner, name))
        return values[:most]

    def _words(self, schema: Schema, name: str) -> str:
        formats = {"date": "2026-01-01", "time": "12:00:00", "date-time": "2026-01-01T12:00:00Z"}
        if schema.get("format") in formats:
            return formats[str(schema["format"])]
        if schema.get("format") == "uuid":
            return "00000000-0000-4000-8000-000000000000"
        return self._saying.word_for(name) or ""

    def _number(self, schema: Schema) -> int:
        least = int(schema.get("minimum", 0))
        most = int(schema.get("maximum", max(100, least)))
        return least + round(self._saying.brightness * (most - least))


def _fitting(text: str, schema: Schema) -> str:
    """Cut and fill a text to the limits of its schema."""
    cut = text[: int(schema["maxLength"])] if "maxLength" in schema else text
    filled = cut.ljust(int(schema.get("minLength", 0)), ".")
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and not re.search(pattern, filled):
        return re.sub(r"[\^$\\]|\{.*?\}|[()\[\]?*+|.]", "", pattern)
    return filled
