"""Loops that are not exact: sentences or lines that go on and on, with one word or number changed (pure)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LINE_END = re.compile(r"\n+")
SENTENCE_END = re.compile(r"(?<=[.!?])[ \t]+|(?<=[。！？])")
COMMA = re.compile(r"[,;] |[、，；]")
LIST_NUMBER = re.compile(r"\s*(?:[-*•]\s*)?\(?\d+[.):]\s+")
WORD_OR_NUMBER = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,:]\d+)*"
)
"""A character of a script without blanks is as good as a word."""
FEWEST_WORDS = 4
"""In shorter pieces one changed word is all there is: "a dog, a cat", "No dogs", "06:12 to Bonn"."""
MOST_PIECES_IN_TURN = 3


@dataclass(frozen=True, slots=True)
class Patience:
    """How many pieces alike in a row are too many: lines, and sentences or list entries within one line."""

    lines: int
    sentences: int


FREE = Patience(lines=24, sentences=12)
"""For words of the model's own: a team has eleven players, a day 24 hours."""
VERBATIM = Patience(lines=120, sentences=40)
"""For words from a picture: an invoice has 60 lines, a year 52 weeks, a challenge 100 days."""


def near_loop(text: str, patience: Patience) -> str | None:
    """Give the piece that comes again and again up to the end of a text, nearly the same; None without one.

    The last piece of all may be half a one. Sentences and entries are looked for in the last line only:
    in a table each line may end with a full stop.
    """
    lines = LINE_END.split(text)
    last_line = lines[-1]
    return (
        going_on(lines, patience.lines)
        or going_on(SENTENCE_END.split(last_line), patience.sentences)
        or going_on(COMMA.split(last_line), patience.sentences)
    )


def going_on(pieces: Sequence[str], count: int) -> str | None:
    """Find that the last `count` whole pieces are alike, each to the one before or two or three before.

    Very many short ones are a loop too, where they only count up.
    """
    whole = [piece for piece in pieces[:-1] if piece.strip()]
    for turn in range(1, MOST_PIECES_IN_TURN + 1):
        if in_turn(whole[-count:], count, turn, alike) or in_turn(
            whole[-VERBATIM.lines :], VERBATIM.lines, turn, counted
        ):
            return whole[-1]
    return None


def in_turn(pieces: Sequence[str], count: int, turn: int, same: Callable[[str, str], bool]) -> bool:
    """Tell whether `count` pieces are each the same as the one `turn` places before; looks from the end."""
    return len(pieces) == count and all(
        same(pieces[place], pieces[place - turn]) for place in range(count - 1, turn - 1, -1)
    )


def alike(one: str, other: str) -> bool:
    """Tell whether two pieces of some length differ in one word or number at most; rows of a table do not."""
    changed = changes(one, other)
    return changed is not None and len(changed) <= 1 and len(words_of(one)) >= FEWEST_WORDS


def counted(one: str, other: str) -> bool:
    """Tell whether two pieces with words differ in one number at most."""
    changed = changes(one, other)
    return changed is not None and len(changed) <= 1 and words_of(one) == words_of(other) != []


def changes(one: str, other: str) -> list[str] | None:
    """Give the words and numbers of one that differ from the other's; None where it is longer or shorter."""
    ones, others = parts(one), parts(other)
    if len(ones) != len(others):
        return None
    return [part for part, before in zip(ones, others, strict=True) if part != before]


def words_of(piece: str) -> list[str]:
    """Give the words of a piece, without its numbers."""
    return [part for part in parts(piece) if not part[0].isdigit()]


def parts(piece: str) -> list[str]:
    """Give the words and numbers of a piece, without its number in a list."""
    return WORD_OR_NUMBER.findall(LIST_NUMBER.sub("", piece, count=1))
