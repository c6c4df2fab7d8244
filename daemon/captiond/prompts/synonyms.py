"""Names that mean the same, kept under one of them: for search and facets (pure)."""

from collections.abc import Callable, Mapping, Sequence

from captiond.model import Json

ARE_WANTED = 'a table of names, each with a list of its other names: { bicycle = ["bike"] }'


def are_synonyms(value: Json) -> bool:
    """Tell tables of names, each with its other names in a list."""
    return isinstance(value, Mapping) and all(
        isinstance(others, list | tuple)
        and all(isinstance(name, str) and name.strip() for name in (kept, *others))
        for kept, others in value.items()
    )


def under_one_name(
    names: Sequence[str], synonyms: Mapping[str, Sequence[str]], clean: Callable[[str], str]
) -> list[str]:
    """Put the name that is kept in the place of its other names; each once, in their order.

    Only whole names are compared, as `clean` writes them: no part of one is ever another.
    """
    kept = {clean(other): clean(name) for name, others in synonyms.items() for other in others}
    return list(dict.fromkeys(kept.get(name, name) for name in names))
