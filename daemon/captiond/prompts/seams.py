"""One text from those of overlapping tiles, in which what two tiles read at their seam stands once (pure).

Tiles beside each other are joined first, line by line, by the letters that both show (`line_seams.py`); then
the rows of tiles, by the lines that both show. Away from the seams nothing is ever dropped, however alike.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from math import ceil
from statistics import fmean
from typing import NamedTuple

from .checks import flat
from .line_seams import joined

SLACK = 1.4
"""Lines may be so much lower than the mean one."""
SEAM_LINES = 6
"""Lines may stand close in a tile that is empty elsewhere: so many may be at a seam, whatever the mean is."""
ALIKE, ALONE_ALIKE, CUT_ALIKE = 0.8, 0.9, 0.45
"""How alike (0 to 1) two readings of a line are; when it is alone at its seam; when an edge cuts it."""
DISTINCT_LETTERS = 20
"""Lines of so many letters are at a seam by no accident; an edge may make anything of those beside them."""
MOST_LINES, LONGEST_LINE = 150, 400
"""No tile shows more, so that is no reading of one, and is left as it is: comparing it would take minutes."""
MOST_SEAM_LINES, MOST_SCRAPS, COMPARED_LETTERS = 40, 6, 160

Place = tuple[int, int]
"""Row and column of a tile, from 0."""


def merged(texts: Mapping[Place, str], *, across: float, down: float) -> str:
    """Merge what was read from tiles, top to bottom and left to right; tiles without text may be missing.

    `across` and `down` are the shares of a tile (0 to 1) that the next one beside or below it shows, too.
    """
    if any(map(_is_too_long, texts.values())):
        return "\n".join(texts[place] for place in sorted(texts))
    lines: list[str] = []
    above, lines_above = -1, 0
    for row in sorted({row for row, _ in texts}):
        columns = {column: _lines(texts[place, column]) for place, column in sorted(texts) if place == row}
        in_row = joined(columns, across)
        seen_twice = max(len(in_row), lines_above) * down if row == above + 1 else 0.0
        lines = _below(lines, in_row, seen_twice, len({column for _, column in texts}))
        above, lines_above = row, len(in_row)
    return "\n".join(lines)


def _is_too_long(text: str) -> bool:
    lines = text.split("\n")
    return len(lines) > MOST_LINES or max(map(len, lines)) > LONGEST_LINE


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


class _Overlap(NamedTuple):
    """Lines that stand in two rows of tiles, between scraps of lines that their edges cut."""

    lines: int
    scraps_above: int
    scraps_below: int
    likeness: float


def _below(above: Sequence[str], below: Sequence[str], seen_twice: float, columns: int) -> list[str]:
    """Put lines under others, of which the last about `seen_twice` and the first are the same."""
    found = list(_overlaps(above, below, seen_twice, columns)) if seen_twice else []
    if not found:
        return [*above, *below]

    def fitness(overlap: _Overlap) -> tuple[float, int, float, int]:
        scraps, off = overlap.scraps_above + overlap.scraps_below, abs(overlap.lines - seen_twice)
        return round(overlap.likeness, 2), -scraps, -off, overlap.lines

    lines, scraps_above, scraps_below, _ = max(found, key=fitness)
    start = len(above) - scraps_above - lines
    same = _best_readings(above[start : start + lines], below[scraps_below : scraps_below + lines])
    return [*above[:start], *same, *below[scraps_below + lines :]]


def _best_readings(above: Sequence[str], below: Sequence[str]) -> list[str]:
    """Choose between readings: the edges are above the first line and below the last one."""
    longer = [max(pair, key=len) for pair in zip(above, below, strict=True)]
    return longer if len(longer) == 1 else [above[0], *longer[1:-1], below[-1]]


def _overlaps(
    above: Sequence[str], below: Sequence[str], seen_twice: float, columns: int
) -> Iterator[_Overlap]:
    """Find the lines that may be the same; each column of tiles leaves a scrap of a line that is cut."""
    most = min(MOST_SEAM_LINES, max(SEAM_LINES, ceil(seen_twice * SLACK)))
    scraps = min(columns, MOST_SCRAPS)
    last, first = above[-most - scraps :], below[: most + scraps]
    alike = [[_alike(one, other) for other in first] for one in last]
    for scraps_above in range(min(scraps, len(last)) + 1):
        for scraps_below in range(min(scraps, len(first)) + 1):
            end = len(last) - scraps_above
            for lines in range(1, min(most, end, len(first) - scraps_below) + 1):
                ratios = [alike[end - lines + line][scraps_below + line] for line in range(lines)]
                overlap = _Overlap(lines, scraps_above, scraps_below, fmean(ratios))
                if min(ratios) >= (ALIKE if lines > 1 else ALONE_ALIKE) and _is_explained(
                    last, first, overlap
                ):
                    yield overlap


def _alike(one: str, other: str) -> float:
    """Say how alike two readings are; never are two lines of a price list with other numbers."""
    return _ratio(one, other, ALIKE) if _numbers(one) == _numbers(other) else 0.0


def _is_explained(above: Sequence[str], below: Sequence[str], overlap: _Overlap) -> bool:
    """Tell whether scraps are readings of lines that the other row of tiles shows whole."""
    lines, scraps_above, scraps_below, _ = overlap
    start = len(above) - scraps_above - lines
    pairs = []
    if scraps_above:
        pairs.append((above[start + lines], below[scraps_below + lines : scraps_below + lines + 1]))
    if scraps_below:
        pairs.append((below[scraps_below - 1], above[start - 1 : start] if start else []))
    if not all(whole for _, whole in pairs):
        return False
    distinct = sum(map(len, above[start : start + lines])) >= DISTINCT_LETTERS
    alike = max(scraps_above, scraps_below) <= 1 and all(
        _ratio(scrap, whole) >= CUT_ALIKE for scrap, (whole,) in pairs
    )
    return distinct or alike


def _ratio(one: str, other: str, least: float = CUT_ALIKE) -> float:
    """Compare words, not marks; 0 where they are less alike than `least`."""
    one, other = (flat(line)[:COMPARED_LETTERS] or line for line in (one, other))
    if one == other:
        return 1.0
    compared = SequenceMatcher(None, one, other, autojunk=False)
    return compared.ratio() if min(compared.real_quick_ratio(), compared.quick_ratio()) >= least else 0.0


def _numbers(line: str) -> list[str]:
    """Give what tells the lines of a price list apart."""
    return re.findall(r"\d+", line)
