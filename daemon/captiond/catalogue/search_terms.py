"""The search language: what a person types becomes conditions; whatever it is, it is never an error.

A new `key:` is one entry in `KEYS`. Values only ever travel as parameters, and every word for FTS5 is quoted.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from unicodedata import category, normalize

from .search_doubts import doubt

LONGEST_QUERY = 1000
MOST_TERMS = 40
"""FTS5 refuses expressions that are too large, and LIKE patterns that are too long."""

COLUMNS = ("name", "description", "objects", "text", "translation", "answers")
MANY_LINED = {name: f"replace(photos.{name}, char(10), '')" for name in ("text", "translation")}
WRITTEN_COLUMNS = {
    "text": "text",
    "desc": "description",
    "description": "description",
    "name": "name",
    "translation": "translation",
}
SHORT = {"desc", "object", "language"}
"""Other names of fields that are told by one name."""
PRESENT = {
    "text": "photos.text IS NOT NULL",
    "translation": "photos.translation IS NOT NULL",
    "description": "photos.description IS NOT NULL",
    "objects": "coalesce(photos.objects, '[]') <> '[]'",
    "alt_text": "photos.alt_text IS NOT NULL",
    "date": "photos.taken_at IS NOT NULL",
    "camera": "photos.camera IS NOT NULL",
    "place": "photos.latitude IS NOT NULL",
    "copies": "photos.copies > 1",
}
STATES = {
    "done": "photos.state = 'done'",
    "failed": "photos.state = 'failed'",
    "unreadable": "photos.state = 'unreadable'",
    "waiting": "photos.state IN ('queued', 'partial')",
    "queued": "photos.state = 'queued'",
    "partial": "photos.state = 'partial'",
    "missing": "photos.missing = 1",
    "edited": "photos.edited = 1",
    "portrait": "photos.height > photos.width",
    "landscape": "photos.width > photos.height",
}

TERM = re.compile(
    r"""(?P<minus>-?)(?:(?P<key>[^\W\d]\w*):(?=\S))?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))"""
)
# Scripts written without spaces between words (and Korean, which glues endings to them).
UNSPACED = re.compile(
    "[\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc"
    "\U00020000-\U0003ffff]"
)
QUOTES = str.maketrans(dict.fromkeys("“”„«»", '"'))
AFTER = "~"
"""Behind the beginning of an ISO date, this comes after every date that begins so."""

DAY = re.compile(r"(\d{4})(?:[-./](\d{1,2})(?:[-./](\d{1,2}))?)?")


@dataclass(frozen=True, slots=True)
class Term:
    """One thing asked for: an FTS5 expression, or a condition on `photos` with its values, or just a note.

    `letters` are what the condition looks for inside of words.
    """

    typed: str
    match: str | None = None
    where: str | None = None
    values: tuple[str, ...] = ()
    note: str | None = None
    letters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Typed:
    """A term as it was typed, taken apart; `own_columns` are those of the prompts that the user added."""

    whole: str
    value: str
    today: date
    own_columns: Collection[str]
    is_phrase: bool = False
    shorten: int = 0


def parse(words: str, *, today: date, own_columns: Collection[str] = (), shorten: int = 0) -> list[Term]:
    """Read what a person typed; `shorten` cuts so many letters from the `beginnings*` among the words."""
    readable = re.sub("[\x00-\x1f\x7f\ud800-\udfff]", " ", normalize("NFC", words.translate(QUOTES)))
    terms = []
    for found in TERM.finditer(readable[:LONGEST_QUERY]):
        phrase = found["phrase"]
        typed = Typed(
            found[0], found["word"] or phrase or "", today, own_columns, phrase is not None, shorten
        )
        term = _keyed(found["key"], typed)
        terms.append(_without(term) if found["minus"] else term)
    if len(terms) > MOST_TERMS or len(readable) > LONGEST_QUERY:
        terms = [*terms[:MOST_TERMS], Term("", note="Only the beginning of this long search was looked for.")]
    return terms


def has_prefix(words: str) -> bool:
    """Tell whether a `beginning*` may be among the words."""
    return "*" in words


def _keyed(key: str | None, typed: Typed) -> Term:
    """Give the term of a `key:value`; an unknown key, or a value it does not know, is searched as words."""
    name = key.lower() if key else ""
    if name in typed.own_columns:
        conditions = [f'has_word(photos."{name}", ?)'] * len(_alternatives(typed))
        return Term(typed.whole, where=" OR ".join(conditions), values=tuple(_alternatives(typed)))
    read = KEYS.get(name)
    term = read(typed) if read else None
    if term or not key:
        return term or _written(typed, None, [typed.value])
    written = _written(typed, None, [f"{key}:{typed.value}"])
    return replace(written, note=doubt(typed.whole, key, typed.value, _known(typed.own_columns)))


def _known(own_columns: Collection[str]) -> dict[str, Collection[str]]:
    """Give each key with the values that it takes, where only some mean anything."""
    present = [*PRESENT, *sorted(own_columns)]
    some: dict[str, Collection[str]] = {"has": present, "no": present, "is": STATES}
    return {key: some.get(key, ()) for key in (*KEYS, *sorted(own_columns)) if key not in SHORT}


def _written(typed: Typed, column: str | None, alternatives: list[str]) -> Term:
    """Look for one of the alternatives in a column, or in all that is written."""
    alternatives = [word for word in alternatives if _is_readable(word)]
    matches = [_match(word, column, typed) for word in alternatives]
    if not matches:
        return Term(typed.whole)
    if all(matches):
        return Term(typed.whole, match="(" + " OR ".join(str(match) for match in matches) + ")")
    conditions, values = [], []
    for word in alternatives:
        condition, more = _contained(word, column)
        conditions.append(condition)
        values += more
    return Term(typed.whole, where=" OR ".join(conditions), values=tuple(values), letters=tuple(alternatives))


def _is_readable(word: str) -> bool:
    return any(
        category(letter)[0] in "LN" or (category(letter)[0] == "S" and letter > "~") for letter in word
    )


def _match(word: str, column: str | None, typed: Typed) -> str | None:
    """Quote a word for FTS5, or give None where its index of words cannot find it."""
    if UNSPACED.search(word) or not any(category(letter)[0] in "LN" for letter in word):
        return None
    beginning = word.endswith("*") and not typed.is_phrase
    bare = word.rstrip("*")
    if beginning and typed.shorten:
        bare = bare[: max(3, len(bare) - typed.shorten)]
    quoted = '"' + bare.replace('"', '""') + '"' + ("*" if beginning else "")
    return f"{column} : {quoted}" if column else quoted


def _contained(word: str, column: str | None) -> tuple[str, list[str]]:
    """Look for letters inside of words; line breaks of a sign do not part them."""
    letters = re.sub(r"([\\%_])", r"\\\1", word.strip("*"))
    columns = [column] if column else COLUMNS
    places = [MANY_LINED.get(name, f"photos.{name}") for name in columns]
    return " OR ".join(rf"{place} LIKE ? ESCAPE '\'" for place in places), [f"%{letters}%"] * len(columns)


def _without(term: Term) -> Term:
    """Turn a term round; what is not known counts as not so."""
    if term.match is not None:
        found = "photos.id IN (SELECT rowid FROM photos_fts WHERE photos_fts MATCH ?)"
        return Term(term.typed, where=f"NOT {found}", values=(term.match,), note=term.note)
    if term.where is not None:
        return Term(term.typed, where=f"({term.where}) IS NOT TRUE", values=term.values, note=term.note)
    return term


def _alternatives(typed: Typed) -> list[str]:
    parts = [part for part in typed.value.split(",") if part.strip()]
    return [typed.value] if typed.is_phrase or not parts else parts


def _in_column(column: str) -> Callable[[Typed], Term]:
    return lambda typed: _written(typed, column, [typed.value])


def _objects(typed: Typed) -> Term:
    return _written(typed, "objects", _alternatives(typed))


def _folder(typed: Typed) -> Term | None:
    folder = typed.value.rstrip("/")
    if not folder:
        return None
    place = "inbox || '/' || path" if folder.startswith("/") else "path"
    # Only * and ? are wild: a folder may well be called "[2019] Kenya".
    pattern = re.sub(r"\*+", "*", folder).replace("[", "[[]") + "/*"
    where = f"photos.id IN (SELECT photo_id FROM files WHERE {place} GLOB ?)"  # noqa: S608 - our own words
    return Term(typed.whole, where=where, values=(pattern,))


def _language(typed: Typed) -> Term:
    tags = [tag.lower() for tag in _alternatives(typed)]
    one = "lower(photos.language) = ? OR lower(photos.language) GLOB ?"
    values = [value for tag in tags for value in (tag, tag.replace("[", "[[]") + "-*")]
    return Term(typed.whole, where=" OR ".join([one] * len(tags)), values=tuple(values))


def _during(column: str) -> Callable[[Typed], Term]:
    def read(typed: Typed) -> Term:
        first, dots, last = typed.value.partition("..")
        start = "" if dots and not first else _start(first, typed.today)
        end = start if not dots else _start(last, typed.today) if last else ""
        if start is None or end is None:
            return _no_date(typed)
        where = f"photos.{column} >= ? AND photos.{column} < ?"
        return Term(typed.whole, where=where, values=(start, end + AFTER))

    return read


def _before(typed: Typed) -> Term:
    start = _start(typed.value, typed.today)
    return Term(typed.whole, where="photos.taken_at < ?", values=(start,)) if start else _no_date(typed)


def _after(typed: Typed) -> Term:
    start = _start(typed.value, typed.today)
    return (
        Term(typed.whole, where="photos.taken_at > ?", values=(start + AFTER,)) if start else _no_date(typed)
    )


def _start(written: str, today: date) -> str | None:
    """Give a year, month or day as the beginning of an ISO date, or None where it is none."""
    near = {"today": today, "yesterday": today - timedelta(days=1)}.get(written.lower())
    if near:
        return near.isoformat()
    parts = DAY.fullmatch(written)
    if parts is None:
        return None
    year, month, day = (int(part) if part else None for part in parts.groups())
    try:
        date(year or 0, month or 1, day or 1)
    except ValueError:
        return None
    return "-".join([f"{year:04}", *(f"{part:02}" for part in (month, day) if part)])


def _no_date(typed: Typed) -> Term:
    return Term(
        typed.whole,
        note=f"“{typed.whole}” was left out: a date looks like 2019, 2019-06, 2019-06-30 or 2018..2020.",
    )


def _present(typed: Typed) -> Term | None:
    name = typed.value.lower()
    where = f'photos."{name}" IS NOT NULL' if name in typed.own_columns else PRESENT.get(name)
    return Term(typed.whole, where=where) if where else None


def _absent(typed: Typed) -> Term | None:
    present = _present(typed)
    return _without(present) if present else None


def _state(typed: Typed) -> Term | None:
    where = STATES.get(typed.value.lower())
    return Term(typed.whole, where=where) if where else None


KEYS: dict[str, Callable[[Typed], Term | None]] = {
    **{key: _in_column(column) for key, column in WRITTEN_COLUMNS.items()},
    "objects": _objects,
    "object": _objects,
    "in": _folder,
    "lang": _language,
    "language": _language,
    "taken": _during("taken_at"),
    "added": _during("added_at"),
    "before": _before,
    "after": _after,
    "has": _present,
    "no": _absent,
    "is": _state,
}
