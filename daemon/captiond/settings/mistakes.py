"""What is wrong with the settings, in words: where the setting stands, what it must be, what was meant.

A kind of mistake that pydantic finds and `_SENTENCES` does not know is told in pydantic's own words.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from captiond.errors import WrongPrompt
from captiond.model import Json
from captiond.printable import printable

from .sources import SettingPath, Source, holds

_SENTENCES = {
    "dict_type": "must be a table of settings",
    "mapping_type": "must be a table of settings",
    "model_attributes_type": "must be a table of settings",
    "model_type": "must be a table of settings",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_unicode": "must be text in UTF-8",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}

_SHOWN_CHARACTERS = 60


def explain(problems: Iterable[Mapping[str, Json]], sources: Sequence[Source], known: Sequence[str]) -> str:
    """Tell pydantic's problems to a person, one line each; `sources` come strongest first.

    `known` are the dotted names of all settings, with `*` for the name of a prompt.
    """
    lines = (printable(_told(problem, sources, known)) for problem in problems)
    return "\n".join(dict.fromkeys(lines))


def located(wrong: WrongPrompt, sources: Sequence[Source]) -> str:
    """Tell where the table stands that does not fit together, or the key in it, and why."""
    table: SettingPath = ("prompts", wrong.prompt)
    told = {table: wrong.reason}
    if wrong.key:
        told = {(*table, wrong.key): wrong.reason, table: f"{wrong.key}: {wrong.reason}"}
    for path, reason in told.items():
        for source in sources:
            if holds(source.values, path):
                return printable(f"{source.place(path)}: {reason}")
    return printable(str(wrong))


def _told(problem: Mapping[str, Json], sources: Sequence[Source], known: Sequence[str]) -> str:
    path = tuple(step for step in problem["loc"] if step != "[key]")
    source = next((source for source in sources if holds(source.values, path)), Source("settings", {}))
    if problem["type"] != "extra_forbidden":
        return f"{source.place(path)}: {_wrong(problem)}"
    meant = _meant(path, known)
    cure = f"; did you mean {source.spelled(meant, path)}?" if meant else ""
    return f"{source.place(path)}: unknown setting{cure}"


def _wrong(problem: Mapping[str, Json]) -> str:
    own = problem["type"] == "value_error"
    sentence = str(problem["ctx"]["error"] if own else _SENTENCES.get(problem["type"], problem["msg"]))
    return f"{sentence}, not {_shown(problem['input'])}" if sentence.startswith("must be") else sentence


def _shown(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    short = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
    return short if isinstance(value, int | float) else f'"{short}"'


def _meant(path: SettingPath, known: Sequence[str]) -> str | None:
    """Guess the setting that was meant: the same name in another table, else the nearest spelling."""
    if path[0] == "prompts" and len(path) > 1:
        known = [name.replace("*", str(path[1]), 1) for name in known]
    candidates = [name for name in known if "*" not in name]
    elsewhere = [name for name in candidates if name.split(".")[-1] == path[-1]]
    if elsewhere:
        return elsewhere[0]
    table = "".join(f"{step}." for step in path[:-1])
    beside = [name.removeprefix(table) for name in candidates if name.startswith(table)]
    nearest = get_close_matches(str(path[-1]), beside, n=1, cutoff=0.7)
    return table + nearest[0] if nearest else None
