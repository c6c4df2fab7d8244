"""`captiond search`: find photos by what is on them."""

import time
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from captiond.printable import counted, printable

from .output import (
    AsJson,
    CatalogueFile,
    ConfigFile,
    bold,
    catalogue_path,
    dim,
    is_told,
    note,
    on_terminal,
    one_line,
    print_json,
)

if TYPE_CHECKING:
    from captiond.catalogue.search import Found, Hit

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="WORDS",
        help='Words, "a phrase", -without, begin*, text:invoice, in:2019, taken:2019-06, lang:fr, is:failed.',
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Print at most so many photos.")]


def search(
    words: Words,
    *,
    limit: Limit = 20,
    json: AsJson = False,
    catalogue: CatalogueFile = None,
    config: ConfigFile = None,
) -> None:
    """Find photos by what is on them, or written there, when and where.

    Through a pipe: a line for each photo, of path, date, language and excerpt with tabs between them.
    Exit codes: 0 found, 1 nothing found, 2 usage, 74 I/O, 78 configuration or newer catalogue.
    """
    from captiond.catalogue.opening import reading
    from captiond.catalogue.search import search as find

    for word in words:
        if word.startswith("--"):
            raise typer.BadParameter(f"there is no option {printable(word)}; a word to leave out has one -")
    started = time.perf_counter()
    query = " ".join(words)
    with reading(catalogue_path(catalogue, config)) as connection:
        found = find(connection, query, limit=limit, today=datetime.now().astimezone().date())
    milliseconds = (time.perf_counter() - started) * 1000
    if json:
        print_json(_document(query, found))
    else:
        _print(found, milliseconds)
    raise typer.Exit(0 if found.hits else 1)


def _document(query: str, found: "Found") -> dict[str, object]:
    """Give the shape of `--json`; later versions only add keys."""
    return {
        "query": query,
        "count": found.count,
        "more": found.more,
        "notes": list(found.notes),
        "suggestion": found.suggestion,
        "photos": [{key: value for key, value in asdict(hit).items() if key != "id"} for hit in found.hits],
    }


def _print(found: "Found", milliseconds: float) -> None:
    for hit in found.hits:
        if on_terminal():
            _print_hit(hit)
        else:
            columns = (f"{hit.inbox}/{hit.path}", hit.taken_at, hit.language, _excerpt(hit))
            typer.echo("\t".join(printable(column or "") for column in columns))
    for sentence in found.notes:
        note(sentence)
    if found.suggestion:
        note(f"Did you mean {found.suggestion}?")
    if on_terminal() or not found.hits:
        shown = f", the best {len(found.hits):,} shown" if found.count > len(found.hits) else ""
        count = counted(found.count, "photo") if found.hits else "No photo"
        least = "at least " if found.more else ""
        note(f"{least}{count}{shown} ({milliseconds:.0f} ms)")


def _print_hit(hit: "Hit") -> None:
    language = hit.language if is_told(hit.language) else ""
    heading = [bold(printable(hit.path)), (hit.taken_at or "")[:10], language]
    typer.echo("   ".join(filter(None, [*heading, dim("(the file is gone)") if hit.missing else ""])))
    typer.echo(f"    {_excerpt(hit)}")


def _excerpt(hit: "Hit") -> str:
    """Show where the words are; of a text with its translation, both."""
    excerpt = one_line(hit.snippet or hit.description or hit.text or "")
    if hit.found_in == "text" and hit.translation:
        return f"{excerpt}  →  {one_line(hit.translation)[:80]}"
    return excerpt
