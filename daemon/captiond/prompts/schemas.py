"""JSON Schemas as the model server supports them: bounded, so that generation ends, and checked again (pure).

The server ignores keywords that it does not know, so what comes back is validated here; see `violations`.
"""

from collections.abc import Callable, Iterator, Mapping

from captiond.model import Json

MOST_ENTRIES = 12
LONGEST_ENTRY = 40
LONGEST_STRING = 200
"""Characters; the server's grammar takes no more than 2,000 repetitions in all."""


def is_number(value: Json) -> bool:
    """Tell numbers from true and false, which Python counts among them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Json) -> bool:
    """Tell whole numbers, however they are written: 3 and 3.0."""
    return is_number(value) and (isinstance(value, int) or value.is_integer())


TYPES: Mapping[str, tuple[str, Callable[[Json], bool]]] = {
    "string": ("text", lambda value: isinstance(value, str)),
    "integer": ("a whole number", is_whole),
    "number": ("a number", is_number),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "null": ("null", lambda value: value is None),
    "array": ("a list", lambda value: isinstance(value, list)),
    "object": ("an object", lambda value: isinstance(value, dict)),
}
MAPS_OF_SCHEMAS = ("properties", "$defs", "definitions")
LISTS_OF_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")


def types_of(schema: Json) -> list[str]:
    """Give the types that a schema allows; none means any."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def bounded(schema: Json) -> Json:
    """Add `maxItems` and `maxLength` where they are missing: an unbounded list or string may never end."""
    if not isinstance(schema, dict):
        return schema
    limited = limits(schema) | schema
    for key in set(MAPS_OF_SCHEMAS) & set(schema):
        limited[key] = {name: bounded(inner) for name, inner in schema[key].items()}
    for key in set(LISTS_OF_SCHEMAS) & set(schema):
        limited[key] = [bounded(inner) for inner in schema[key]]
    if "items" in schema:
        limited["items"] = bounded(schema["items"])
    return limited


def limits(schema: Mapping[str, Json]) -> dict[str, Json]:
    """Give the limits for a schema's own type, for what it does not limit itself."""
    limited = {}
    if "array" in types_of(schema):
        limited["maxItems"] = max(MOST_ENTRIES, schema.get("minItems", 0))
    if "string" in types_of(schema) and not {"enum", "const", "pattern", "format"} & set(schema):
        limited["maxLength"] = max(LONGEST_STRING, schema.get("minLength", 0))
    return limited


def mistake_in(schema: Json, where: str = "the schema") -> str | None:
    """Say what is wrong with a schema that a user wrote, before the server refuses each photo for it."""
    if not isinstance(schema, dict):
        return f"{where} is not a table"
    return next(mistakes_in(schema, where), None)


def mistakes_in(schema: Mapping[str, Json], where: str) -> Iterator[str]:
    """Give each mistake in the keywords that we or the server rely on."""
    named = schema.get("type", [])
    unknown = [one for one in (named if isinstance(named, list) else [named]) if one not in TYPES]
    if unknown:
        yield f"{where} has the unknown type {unknown[0]!r}; the types are {', '.join(TYPES)}"
    for key in (*MAPS_OF_SCHEMAS, "items"):
        if not isinstance(schema.get(key, {}), dict):
            yield f"{key!r} of {where} is not a table"
    for key in (*LISTS_OF_SCHEMAS, "required", "enum"):
        if not isinstance(schema.get(key, []), list):
            yield f"{key!r} of {where} is not a list"
    for key in ("minItems", "maxItems", "minLength", "maxLength"):
        if not (is_whole(schema.get(key, 0)) and schema.get(key, 0) >= 0):
            yield f"{key!r} of {where} is not a whole number"
    yield from mistakes_inside(schema)


def mistakes_inside(schema: Mapping[str, Json]) -> Iterator[str]:
    """Give the mistakes in the schemas that a schema holds, where it holds them soundly."""
    inside = [
        (f"the field {name!r}", inner)
        for key in MAPS_OF_SCHEMAS
        for name, inner in schema.get(key, {}).items()
    ]
    inside += [(repr(key), inner) for key in LISTS_OF_SCHEMAS for inner in schema.get(key, [])]
    inside += [("'items'", schema["items"])] if "items" in schema else []
    yield from filter(None, (mistake_in(inner, where) for where, inner in inside))


def violation(value: Json, schema: Json, field: str = "") -> str | None:
    """Say how a value breaks a schema, naming the field; None where it keeps to it."""
    return next(violations(value, schema, field), None)


def violations(value: Json, schema: Json, field: str) -> Iterator[str]:
    """Give each break of type, enum, const, required, properties, items, maxItems and maxLength."""
    if not isinstance(schema, dict):
        return
    subject = f"the field {field}" if field else "the reply"
    types = types_of(schema)
    if types and not any(TYPES[one][1](value) for one in types):
        yield f"{subject} is not {' or '.join(TYPES[one][0] for one in types)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{subject} is none of the values allowed"
    if isinstance(value, dict):
        yield from broken_fields(value, schema, field)
    if isinstance(value, list):
        yield from broken_entries(value, schema, field, subject)


def broken_fields(value: Mapping[str, Json], schema: Mapping[str, Json], field: str) -> Iterator[str]:
    """Give the breaks in an object: fields that are missing, and what is wrong inside the others."""
    prefix = f"{field}." if field else ""
    for name in schema.get("required", []):
        if name not in value:
            yield f"the field {prefix}{name} is missing"
    for name, inner in schema.get("properties", {}).items():
        if name in value:
            yield from violations(value[name], inner, f"{prefix}{name}")


def broken_entries(value: list[Json], schema: Mapping[str, Json], field: str, subject: str) -> Iterator[str]:
    """Give the breaks in a list: too many of them, and what is wrong with each."""
    if len(value) > schema.get("maxItems", len(value)):
        yield f"{subject} has more than {schema['maxItems']} entries"
    for number, inner in enumerate(value, start=1):
        yield from violations(inner, schema.get("items"), f"{field}[{number}]")
