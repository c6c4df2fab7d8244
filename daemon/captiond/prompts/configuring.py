"""What a configuration makes of the prompts that ship, and which prompts it adds (pure).

To add a key to a prompt's table: one entry in `KEYS`, and a field of `Prompt` of the same name.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain

from captiond.errors import BadConfiguration, WrongPrompt
from captiond.model import Json, PromptName

from .builtin import BUILTIN, OFF_BY_DEFAULT
from .conditions import PLACES, asked_first, is_condition, wanted_from
from .engines import ENGINES, is_engine, mistakes_of_reader, read_by
from .prompt import AUTO, OFF, Kind, Prompt
from .schemas import mistake_in
from .synonyms import ARE_WANTED, are_synonyms
from .witnesses import READER_WITNESS, mistakes_of_witness
from .wording import MATERIAL, VARIABLES, unknown_variables

NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
"""A prompt's name becomes a column of the catalogue."""
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
FIELDS = {"from": "from_prompt"}
"""Keys of a prompt's table that are not called as the field they set."""
FEWEST_TILES, MOST_TILES = 2, 64


def is_count(value: Json) -> bool:
    """Tell whole numbers from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_tiling(value: Json) -> bool:
    """Tell "auto", "off" and numbers of tiles; more would take minutes for a picture."""
    return value in (AUTO, OFF) or (is_count(value) and FEWEST_TILES <= value <= MOST_TILES)


def is_choices(value: Json) -> bool:
    """Tell lists of two and more words that differ not only in case."""
    if not isinstance(value, list | tuple) or not all(
        isinstance(choice, str) and choice.strip() for choice in value
    ):
        return False
    return len(value) > 1 and len({choice.casefold() for choice in value}) == len(value)


def is_text(value: Json) -> bool:
    """Tell strings; an empty one takes a built-in value away."""
    return isinstance(value, str)


OF_A_MODEL = ("text", "empty", "num_predict", "options", "tiles", "max_side_pixels")
"""What may be another for some models: a specialist for reading wants words of its own."""


def are_languages(value: Json) -> bool:
    """Tell one language code, or several in a list."""
    several = [value] if isinstance(value, str) else value
    return (
        isinstance(several, list | tuple)
        and bool(several)
        and all(isinstance(one, str) and LANGUAGE.fullmatch(one) for one in several)
    )


def are_tables(value: Json) -> bool:
    """Tell tables of what may be another for some models, each right in itself."""
    return isinstance(value, Mapping) and all(
        isinstance(table, Mapping) and all(key in OF_A_MODEL and KEYS[key][1](table[key]) for key in table)
        for table in value.values()
    )


KEYS: Mapping[str, tuple[str, Callable[[Json], bool]]] = {
    "enabled": ("true or false", lambda value: isinstance(value, bool)),
    "kind": (f"one of {', '.join(Kind)}", lambda value: value in list(Kind)),
    "text": ("a text that is not empty", lambda value: is_text(value) and bool(value.strip())),
    "choices": ("a list of at least two different words", is_choices),
    "schema": ("a JSON Schema", lambda value: isinstance(value, Mapping)),
    "from": ("the name of a prompt", is_text),
    "empty": ("a word", is_text),
    "target": ("a language code such as en or pt-BR, or several", are_languages),
    "max_chars": ("a whole number from 1", is_count),
    "num_predict": ("a whole number from 1", is_count),
    "options": ("a table of model options", lambda value: isinstance(value, Mapping)),
    "model": ("the name of a model", is_text),
    "engine": (f"one of {', '.join(ENGINES)}", is_engine),
    "witness": (f'"{READER_WITNESS}"', lambda value: value == READER_WITNESS),
    "tiles": (f'"auto", "off" or a whole number from {FEWEST_TILES} to {MOST_TILES}', is_tiling),
    "max_side_pixels": ("a whole number from 1", is_count),
    "synonyms": (ARE_WANTED, are_synonyms),
    "for": ("a table of tables, each under the pattern of a model's name", are_tables),
    "when": (
        "a table of conditions, each true, false, a pattern or a list of patterns",
        lambda value: isinstance(value, Mapping) and all(map(is_condition, value.values())),
    ),
}


def configured(
    tables: Mapping[str, Mapping[str, Json]], *, targets: Sequence[str], model: str = ""
) -> tuple[Prompt, ...]:
    """Give the prompts to ask, in asking order: the built-in ones as `tables` changes them, then new ones.

    `tables` holds the configuration's table for each prompt name; `targets` are the languages to translate
    into; `model` is asked where a prompt names none. Raises BadConfiguration with the prompt and the key in
    its sentence.
    """
    if not are_languages(targets):
        raise BadConfiguration(f"The target {targets!r} is wrong: write language codes such as en or pt-BR.")
    shipped = {prompt.name: prompt for prompt in BUILTIN}
    for name, table in tables.items():
        check_keys(name, table)
    enabled = [
        made(PromptName(name), shipped.get(PromptName(name)), tables.get(name, {}), model)
        for name in dict.fromkeys([*shipped, *tables])
        if tables.get(name, {}).get("enabled", name in tables or name not in OFF_BY_DEFAULT)
    ]
    prompts = in_each_language(without_orphans(enabled, tables), tables, targets)
    if not prompts:
        raise BadConfiguration(
            "No prompt is enabled, so there is nothing to ask: enable at least one under [prompts]."
        )
    check_conditions(prompts)
    return in_asking_order(prompts)


def check_keys(name: str, table: Mapping[str, Json]) -> None:
    """Raise BadConfiguration for a name that is no column, an unknown key, a value of the wrong sort."""
    if not NAME.fullmatch(name):
        raise WrongPrompt(
            name, None, "a name is lower-case letters, digits and _, begins with a letter, and has at most 31"
        )
    for key, value in table.items():
        if key not in KEYS:
            raise WrongPrompt(name, key, f"there is no such key; the keys are {', '.join(KEYS)}")
        wanted, fits = KEYS[key]
        if not fits(value):
            raise WrongPrompt(name, key, f"{value!r} is not {wanted}")


def made(name: PromptName, shipped: Prompt | None, table: Mapping[str, Json], model: str) -> Prompt:
    """Make a prompt from its built-in form, if it has one, and its table; raise BadConfiguration."""
    for key in ("kind", "text"):
        if shipped is None and key not in table:
            raise WrongPrompt(name, key, "a new prompt needs it")
    prompt = shipped or Prompt(name=name, kind=Kind(table["kind"]), text=table["text"])
    keys = table.keys() - {"enabled", "target", "for", "when", "engine"}
    changes = {FIELDS.get(key, key): field(table[key]) for key in table if key in keys}
    when = {about: wanted_from(value) for about, value in table.get("when", {}).items()}
    prompt = fitting(replace(prompt, **changes, when=when), table)
    asked = prompt
    for pattern, special in table.get("for", {}).items():
        other = {key: field(value) for key, value in special.items()}
        # Also where it is for another model: `redo --model` may ask that one any time.
        check(replace(prompt, **other), table)
        if fnmatchcase(prompt.model or model, pattern):
            asked = replace(asked, **other)
    check(asked := read_by(table.get("engine"), asked), table)
    return asked


def in_each_language(
    prompts: list[Prompt], tables: Mapping[str, Mapping[str, Json]], targets: Sequence[str]
) -> list[Prompt]:
    """Set the language of what is translated; each further one has a prompt of its own, `translation_fr`."""
    names = {prompt.name for prompt in prompts}
    spoken: list[Prompt] = []
    for prompt in prompts:
        table = tables.get(prompt.name, {})
        if not (prompt.target or "target" in table or "{target" in prompt.text):
            spoken.append(prompt)
            continue
        first, *others = languages(table.get("target", targets))
        spoken.append(replace(prompt, target=first))
        for other in others:
            name = PromptName(f"{prompt.name}_{other.lower().replace('-', '_')}")
            if name in names or not NAME.fullmatch(name):
                raise WrongPrompt(prompt.name, "target", f"a prompt for {other} cannot be called {name}")
            spoken.append(replace(prompt, name=name, target=other))
    return spoken


def languages(value: Json) -> list[str]:
    """Give the languages of a key, each once."""
    return list(dict.fromkeys([value] if isinstance(value, str) else value))


def field(value: Json) -> Json:
    """Give a key's value as a prompt holds it: lists as tuples, an empty string as nothing."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list):
        return tuple(value)
    return value


def fitting(prompt: Prompt, table: Mapping[str, Json]) -> Prompt:
    """Set the kind, and let go of what belongs to the built-in kind when the table chose another."""
    kind = Kind(prompt.kind)
    choices = prompt.choices if kind is Kind.CHOICE or "choices" in table else ()
    schema = prompt.schema if kind is Kind.JSON or "schema" in table else None
    read = (kind is Kind.TEXT and prompt.from_prompt is None) or "tiles" in table
    return replace(prompt, kind=kind, choices=choices, schema=schema, tiles=prompt.tiles if read else OFF)


def check(prompt: Prompt, table: Mapping[str, Json]) -> None:
    """Raise BadConfiguration where the parts of a prompt do not fit together."""
    of_reader = mistakes_of_reader(prompt, table.get("model"))
    for reason, key in chain(mistakes(prompt), of_reader, mistakes_of_witness(prompt)):
        if reason:
            raise WrongPrompt(prompt.name, key, reason)


def mistakes(prompt: Prompt) -> Iterable[tuple[str | None, str]]:
    """Give what may be wrong, each with its key; None where it is right."""
    kind, unknown = prompt.kind, unknown_variables(prompt.text)
    yield ("a choice needs its choices" if kind is Kind.CHOICE and not prompt.choices else None), "choices"
    yield ("only a choice has choices" if kind is not Kind.CHOICE and prompt.choices else None), "choices"
    yield ("a json prompt needs a schema" if kind is Kind.JSON and prompt.schema is None else None), "schema"
    yield (
        ("only a json prompt has a schema" if kind is not Kind.JSON and prompt.schema is not None else None),
        "schema",
    )
    yield (mistake_in(prompt.schema) if prompt.schema is not None else None), "schema"
    known = ", ".join(f"{{{name}}}" for name in VARIABLES)
    yield (f"there is no variable {{{unknown[0]}}}; there are {known}" if unknown else None), "text"
    lost = MATERIAL in prompt.text and prompt.from_prompt is None
    yield ("{text} is another prompt's answer: say which with from" if lost else None), "text"
    blind = prompt.from_prompt is not None
    apart = prompt.tiles != OFF and (blind or kind is not Kind.TEXT)
    yield ("only a text that is read from the picture can come in tiles" if apart else None), "tiles"
    sized = blind and prompt.max_side_pixels is not None
    yield ("it is asked without the picture" if sized else None), "max_side_pixels"
    yield ("only a list has names" if kind is not Kind.LIST and prompt.synonyms else None), "synonyms"


def without_orphans(prompts: list[Prompt], tables: Mapping[str, Mapping[str, Json]]) -> list[Prompt]:
    """Drop built-in prompts whose source is not asked; raise BadConfiguration where the user wanted them."""
    names = {prompt.name for prompt in prompts}
    orphans = [prompt for prompt in prompts if prompt.from_prompt and prompt.from_prompt not in names]
    if not orphans:
        return prompts
    for orphan in orphans:
        if is_wanted(orphan.name, tables.get(orphan.name, {})):
            known = orphan.from_prompt in tables or orphan.from_prompt in {prompt.name for prompt in BUILTIN}
            state = "is not enabled" if known else "does not exist"
            raise WrongPrompt(orphan.name, "from", f"the prompt {orphan.from_prompt!r} {state}")
    return without_orphans([prompt for prompt in prompts if prompt not in orphans], tables)


def is_wanted(name: PromptName, table: Mapping[str, Json]) -> bool:
    """Tell whether a user asked for a prompt, rather than only changed how a built-in one is asked."""
    shipped = name in {prompt.name for prompt in BUILTIN}
    return not shipped or "from" in table or table.get("enabled") is True


def check_conditions(prompts: list[Prompt]) -> None:
    """Raise BadConfiguration for a condition about a prompt that is not asked, or true of a place."""
    asked = {prompt.name for prompt in prompts}
    for prompt in prompts:
        for about, wanted in prompt.when.items():
            if about in PLACES and isinstance(wanted, bool):
                raise WrongPrompt(prompt.name, "when", f"{about} needs a pattern, such as scans/*")
            if about not in PLACES and PromptName(about) not in asked:
                known = ", ".join((*sorted(asked - {prompt.name}), *PLACES))
                raise WrongPrompt(prompt.name, "when", f"there is no {about} to ask first; there are {known}")


def in_asking_order(prompts: list[Prompt]) -> tuple[Prompt, ...]:
    """Put those about the picture first, which is encoded once then, and each behind what it waits for.

    Of them, those come last that may be asked about tiles, or are shown the picture in another size.
    """
    ordered: list[Prompt] = []
    waiting = sorted(prompts, key=_moment)
    while waiting:
        asked = {prompt.name for prompt in ordered}
        ready = next((prompt for prompt in waiting if asked_first(prompt) <= asked), None)
        if ready is None:
            circle = ", ".join(prompt.name for prompt in waiting)
            key = "from" if waiting[0].from_prompt else "when"
            raise WrongPrompt(waiting[0].name, key, f"these prompts wait for one another: {circle}")
        ordered.append(ready)
        waiting.remove(ready)
    return tuple(ordered)


def _moment(prompt: Prompt) -> tuple[bool, bool, bool]:
    return prompt.from_prompt is not None, prompt.max_side_pixels is not None, prompt.tiles != OFF
