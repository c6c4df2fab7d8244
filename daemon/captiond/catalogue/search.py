"""Search as people type it, over SQLite's FTS5; plain `sqlite3`, so that a command line answers at once.

The language is in `search_terms.py`. All SQL that only SQLite understands stands here and there.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches

from .search_doubts import NotUnderstood
from .search_terms import Term, has_prefix, parse

MOST_RANKED = 2000
"""Of a very frequent word only the newest photos are ranked: that is 35 times quicker at a million photos."""

MOST_SHORTENED = 3
MOST_NAMES = 20_000
SNIPPET_WORDS = 12
EXCERPT_LETTERS = 30
SNIPPET_COLUMNS = {"text": 3, "translation": 4, "description": 1, "objects": 2, "answers": 5, "name": 0}
"""The columns of `photos_fts` by number, in the order in which a place found is worth showing."""

HIT = """
SELECT id, path, inbox, name, taken_at, language, description, objects, text, translation, state, missing,
  sha256
FROM photos WHERE id IN (SELECT value FROM json_each(?))"""


@dataclass(frozen=True, slots=True)
class Hit:
    """A photo that was found; `snippet` shows the words found in [brackets], in the column `found_in`."""

    id: int
    path: str
    inbox: str
    name: str
    taken_at: str | None
    language: str | None
    description: str | None
    objects: tuple[str, ...]
    text: str | None
    translation: str | None
    state: str
    missing: bool
    sha256: str
    snippet: str | None = None
    found_in: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gave: the best hits, how many there are (`more`: at least so many), what to say of it."""

    hits: tuple[Hit, ...]
    count: int
    more: bool = False
    notes: tuple[str, ...] = ()
    suggestion: str | None = None


def search(connection: sqlite3.Connection, words: str, *, limit: int, today: date) -> Found:
    """Find photos; best first where words were looked for, else newest first. Never fails on `words`."""
    connection.create_function("has_word", 2, has_word, deterministic=True)
    own = _own_columns(connection)
    terms = parse(words, today=today, own_columns=own)
    notes = [term.note for term in terms if term.note]
    asked = [term for term in terms if term.match or term.where]
    if terms and not asked:
        return Found((), 0, notes=tuple(notes or ["There is no letter or digit in that to look for."]))
    ids = _candidates(connection, asked)
    if not ids and has_prefix(words):
        ids, asked = _shortened(connection, words, today, own)
    if not ids:
        notes += _what_is_in_the_way(connection, asked)
        return Found((), 0, notes=tuple(notes), suggestion=_suggestion(connection, asked))
    best = _ranked(connection, asked, ids)[:limit]
    return Found(_hits(connection, asked, best), len(ids), len(ids) == MOST_RANKED, tuple(notes))


def matching(connection: sqlite3.Connection, words: str, *, today: date) -> list[int]:
    """Give the ids of all photos that a search finds, however many; none where nothing was looked for.

    Raises NotUnderstood where a part of it means nothing.
    """
    connection.create_function("has_word", 2, has_word, deterministic=True)
    terms = parse(words, today=today, own_columns=_own_columns(connection))
    notes = [term.note for term in terms if term.note]
    if notes:
        raise NotUnderstood(notes[0])
    asked = [term for term in terms if term.match or term.where]
    return _candidates(connection, asked, limit=-1) if asked else []


def has_word(text: str | None, words: str) -> bool:
    """Tell whether `words` stand together in `text`, whatever the case; for the columns of users' prompts."""
    if text is None:
        return False
    wanted = " ".join(re.findall(r"\w+", words.casefold()))
    written = " ".join(re.findall(r"\w+", str(text).casefold()))
    beginning = "" if words.endswith("*") else " "
    return bool(wanted) and f" {wanted}{beginning}" in f" {written} "


def _own_columns(connection: sqlite3.Connection) -> set[str]:
    """Name the columns of the prompts that the user added: the generated ones, but for `year`."""
    columns = connection.execute("SELECT name FROM pragma_table_xinfo('photos') WHERE hidden = 2")
    return {name for (name,) in columns} - {"year"}


def _candidates(
    connection: sqlite3.Connection, terms: Sequence[Term], *, limit: int = MOST_RANKED
) -> list[int]:
    """Give the ids of the newest photos that fulfil all terms; all of them where `limit` is -1."""
    match = " AND ".join(term.match for term in terms if term.match)
    conditions = [f"({term.where})" for term in terms if term.where]
    values = [value for term in terms if term.where for value in term.values]
    if match:
        origin, order = "photos_fts JOIN photos ON photos.id = photos_fts.rowid", "photos_fts.rowid DESC"
        conditions, values = ["photos_fts MATCH ?", *conditions], [match, *values]
    else:
        origin, order = "photos", "photos.taken_at DESC, photos.id DESC"
    where = " AND ".join(conditions) or "TRUE"
    query = f"SELECT photos.id FROM {origin} WHERE {where} ORDER BY {order} LIMIT ?"  # noqa: S608 - our words
    return [row[0] for row in connection.execute(query, [*values, limit])]


def _ranked(connection: sqlite3.Connection, terms: Sequence[Term], ids: list[int]) -> list[int]:
    """Put candidates in order: best first, then newest first."""
    match = " AND ".join(term.match for term in terms if term.match)
    if not match:
        return ids
    query = "SELECT rowid FROM photos_fts WHERE photos_fts MATCH ? AND rowid >= ? ORDER BY rank, rowid DESC"
    candidates = set(ids)
    return [row[0] for row in connection.execute(query, (match, min(ids))) if row[0] in candidates]


def _shortened(
    connection: sqlite3.Connection, words: str, today: date, own: set[str]
) -> tuple[list[int], list[Term]]:
    """Try again with shorter beginnings: the index holds stems, and `universi` is not in `univers`."""
    asked: list[Term] = []
    for shorten in range(1, MOST_SHORTENED + 1):
        terms = parse(words, today=today, own_columns=own, shorten=shorten)
        asked = [term for term in terms if term.match or term.where]
        ids = _candidates(connection, asked)
        if ids:
            return ids, asked
    return [], asked


def _hits(connection: sqlite3.Connection, terms: Sequence[Term], ids: list[int]) -> tuple[Hit, ...]:
    snippets = _snippets(connection, terms, ids)
    letters = [word for term in terms for word in term.letters]
    hits = {}
    for identity, *columns in connection.execute(HIT, (json.dumps(ids),)):
        columns[6] = tuple(json.loads(columns[6] or "[]"))
        columns[10] = bool(columns[10])
        hit = Hit(identity, *columns)
        snippet, found_in = snippets.get(identity) or _excerpt(hit, letters) or (None, None)
        hits[identity] = replace(hit, snippet=snippet, found_in=found_in)
    return tuple(hits[identity] for identity in ids if identity in hits)


def _excerpt(hit: Hit, letters: Iterable[str]) -> tuple[str, str] | None:
    """Show where letters stand that FTS5 cannot find."""
    for column in ("text", "translation", "description", "name"):
        whole = str(getattr(hit, column) or "").replace("\n", "")
        for sought in letters:
            before, found, after = whole.partition(sought)
            if found:
                start = "…" if len(before) > EXCERPT_LETTERS else ""
                end = "…" if len(after) > EXCERPT_LETTERS else ""
                around = f"{before[-EXCERPT_LETTERS:]}[{found}]{after[:EXCERPT_LETTERS]}"
                return f"{start}{around}{end}", column
    return None


def _snippets(
    connection: sqlite3.Connection, terms: Sequence[Term], ids: list[int]
) -> dict[int, tuple[str, str]]:
    """Show where the words were found: the first column of those worth showing that holds one."""
    match = " AND ".join(term.match for term in terms if term.match)
    if not match:
        return {}
    pieces = ", ".join(
        f"snippet(photos_fts, {number}, char(2), char(3), '…', {SNIPPET_WORDS})"
        for number in SNIPPET_COLUMNS.values()
    )
    query = (
        f"SELECT rowid, {pieces} FROM photos_fts "  # noqa: S608 - our words
        "WHERE photos_fts MATCH ? AND rowid IN (SELECT value FROM json_each(?))"
    )
    return {
        identity: found
        for identity, *texts in connection.execute(query, (match, json.dumps(ids)))
        if (found := _first_marked(texts))
    }


def _first_marked(texts: Iterable[str | None]) -> tuple[str, str] | None:
    for column, text in zip(SNIPPET_COLUMNS, texts, strict=True):
        if text and "\x02" in text:
            plain = _without_json(text) if column in ("objects", "answers") else text
            return plain.replace("\x02", "[").replace("\x03", "]"), column
    return None


def _without_json(text: str) -> str:
    return ", ".join(part.strip() for part in re.sub(r'[\[\]{}"]', "", text).split(",") if part.strip())


def _what_is_in_the_way(connection: sqlite3.Connection, terms: Sequence[Term]) -> list[str]:
    """Tell which single term empties the result, and how many photos match without it."""
    notes = []
    for term in terms if len(terms) > 1 else ():
        count = len(_candidates(connection, [other for other in terms if other is not term]))
        if count:
            photos = "1 photo matches" if count == 1 else f"{count} photos match"
            notes.append(f"{photos} without {term.typed}")
    return notes


def _suggestion(connection: sqlite3.Connection, terms: Sequence[Term]) -> str | None:
    """Offer a word that is the name of an object somewhere and is written nearly like one that was typed."""
    typed = [term.typed.lower().rpartition(":")[2].strip('"*') for term in terms if term.match]
    if not typed:
        return None
    # Steps from name to name along the index; a plain DISTINCT would read millions of rows.
    names = connection.execute(
        "WITH RECURSIVE one (name) AS (SELECT min(name) FROM objects UNION ALL "
        "SELECT (SELECT min(name) FROM objects WHERE name > one.name) FROM one WHERE one.name IS NOT NULL) "
        "SELECT name FROM one WHERE name IS NOT NULL LIMIT ?",
        (MOST_NAMES,),
    )
    known = {word for (name,) in names for word in name.lower().split()}
    for word in typed:
        near: list[str] = [] if word in known else get_close_matches(word, known, n=1, cutoff=0.75)
        if near:
            return near[0]
    return None
