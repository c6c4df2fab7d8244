"""What a search did not understand, in sentences: `key:value` that was looked for as words (pure)."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from captiond.errors import CaptiondError

ALIKE = 0.7


class NotUnderstood(CaptiondError):
    """A part of a search means nothing, so that more photos would be found than were meant."""


def doubt(typed: str, key: str, value: str, known: Mapping[str, Collection[str]]) -> str | None:
    """Say what may have been meant by `key:value`; None where it looks like nothing but words.

    `known` has each key with the values that it takes; none where it takes any.
    """
    if value.startswith("//"):
        return None
    name = key.lower()
    as_words = f"“{typed}” was looked for as words"
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=ALIKE)
        if near:
            return f"{as_words}; did you mean {near[0]}:{value}?"
        fields = ", ".join(f"{field}:" for field in known)
        return f"{as_words}: there is no {key}:, but {fields}. In quotes words are meant."
    if not known[name]:
        return None
    near = get_close_matches(value.lower(), known[name], n=1, cutoff=ALIKE)
    if near:
        return f"{as_words}; did you mean {key}:{near[0]}?"
    return f"{as_words}: behind {key}: may stand {', '.join(known[name])}."
