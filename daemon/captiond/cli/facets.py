"""`captiond facets`: how many photos have which answer."""

from dataclasses import asdict
from typing import Annotated

import typer

from captiond.printable import printable

from .output import AsJson, CatalogueFile, ConfigFile, catalogue_path, note, one_line, print_json

OfPrompt = Annotated[str, typer.Argument(metavar="PROMPT", help="Such as objects, or a choice of your own.")]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Print at most so many answers.")]


def facets(
    prompt: OfPrompt,
    *,
    limit: Limit = 40,
    json: AsJson = False,
    catalogue: CatalogueFile = None,
    config: ConfigFile = None,
) -> None:
    """Count the photos for each answer to a prompt. Of a list each entry counts; the most frequent is first.

    Exit codes: 0 told, 1 no answer yet, 2 usage, 74 I/O, 78 configuration or newer catalogue.
    """
    from captiond.catalogue.facets import answered
    from captiond.catalogue.facets import facets as counted_answers
    from captiond.catalogue.opening import reading

    with reading(catalogue_path(catalogue, config)) as connection:
        found = counted_answers(connection, prompt)
        others = [] if found else answered(connection)
    if json:
        print_json({"prompt": prompt, "count": len(found), "facets": [asdict(one) for one in found[:limit]]})
    for facet in () if json else found[:limit]:
        typer.echo(printable(f"{facet.photos:>7,}  {one_line(facet.value)}"))
    if len(found) > limit and not json:
        note(f"and {len(found) - limit:,} more: --limit {len(found)}")
    if not found:
        note(f"No photo has an answer to {prompt}; there are some to: {', '.join(others) or 'none'}.")
    raise typer.Exit(0 if found else 1)
