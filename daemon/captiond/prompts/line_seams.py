"""Lines that go on in the next tile: joined where both tiles show the same letters (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import ceil
from typing import NamedTuple

LEAST_LETTERS = 3
"""So many letters in common are a seam; fewer only where they are all of a line."""
READ_ALIKE = 0.7
"""The share of letters at a seam that two readings agree on; an edge cuts through some."""
SLACK = 1.4
"""Letters may be so much narrower than the mean one."""
TELLING_LETTERS, MOST_PLACES, MOST_COMPARED = 24, 50, 20_000
"""How many last letters are looked for; in how many places; and comparisons at a seam, in all."""

Pair = tuple[int, int]
"""The numbers of a line on the left and of one on the right."""


class _Seam(NamedTuple):
    """Where a line goes on in another: its last `shared` letters are the first there, but for `misread`."""

    shared: int
    misread: int

    @property
    def weight(self) -> int:
        return self.shared - 2 * self.misread


class _Line(NamedTuple):
    """A line of a row of tiles, and how long the part is that the last tile showed; 0: it ended before."""

    text: str
    reach: int

    @property
    def letters(self) -> str:
        """Give its letters, lower case; spaces and marks are read too differently."""
        return "".join(self.text[place].lower()[0] for place in self.places)

    @property
    def places(self) -> list[int]:
        """Give where they stand; of a line without letters, where its marks do."""
        letters = [place for place, letter in enumerate(self.text) if letter.isalnum()]
        return letters or [place for place, letter in enumerate(self.text) if not letter.isspace()]


def joined(columns: Mapping[int, Sequence[str]], across: float) -> list[str]:
    """Join the lines of a row of tiles, from left to right.

    `columns` has the lines of each tile by its column, `across` is the share of a tile (0 to 1) that the next
    one shows, too; a tile that is missing joins nothing.
    """
    widest = max((len(line) for lines in columns.values() for line in lines), default=0)
    all_lines: list[_Line] = []
    before = -1
    for column, lines in columns.items():
        right = [_Line(line, len(line)) for line in lines]
        seams = _seams(all_lines, right, widest, across) if across and column == before + 1 else {}
        all_lines = _joined_lines(all_lines, right, seams)
        before = column
    return [line.text for line in all_lines]


def _joined_lines(left: Sequence[_Line], right: Sequence[_Line], seams: Mapping[Pair, _Seam]) -> list[_Line]:
    """Join the lines that go on in the next tile; the others keep their order, those on the left first."""
    lines: list[_Line] = []
    done_left = done_right = 0
    for i, j in [*_best_pairs(seams, len(left), len(right)), (len(left), len(right))]:
        lines += [line._replace(reach=0) for line in left[done_left:i]]
        lines += right[done_right:j]
        if (i, j) in seams:
            lines.append(_joined(left[i], right[j], seams[i, j]))
        done_left, done_right = i + 1, j + 1
    return lines


def _seams(left: Sequence[_Line], right: Sequence[_Line], widest: int, across: float) -> dict[Pair, _Seam]:
    """Find which lines may go on in which; `widest` is the longest line that a tile shows, in letters."""
    most_letters = ceil(widest * across * SLACK) + 1
    least_reach = widest * (1 - across) / SLACK
    beginnings = [line.letters for line in right]
    known = _pieces(beginnings, most_letters)
    endings = [line.letters if line.reach else "" for line in left]
    seams: dict[Pair, _Seam] = {}
    for i, j, shared in islice(_meetings(endings, known), MOST_COMPARED):
        seam = _seam(endings[i], beginnings[j], shared)
        if seam and ((i, j) not in seams or seam.weight > seams[i, j].weight):
            seams[i, j] = seam
    for i, ending in enumerate(endings):
        for j, beginning in enumerate(beginnings):
            level = i == j or len(left) - i == len(right) - j
            scrap = _scrap(ending, beginning) if level or left[i].reach >= least_reach else None
            if scrap and (i, j) not in seams:
                seams[i, j] = scrap
    return seams


def _pieces(lines: Sequence[str], most_letters: int) -> dict[str, list[tuple[int, int]]]:
    """Say in which lines, and where, each few letters stand that they begin with."""
    known: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(lines):
        for at in range(min(len(line), most_letters) - LEAST_LETTERS + 1):
            places = known.setdefault(line[at : at + LEAST_LETTERS], [])
            if len(places) < MOST_PLACES:
                places.append((number, at))
    return known


def _meetings(
    endings: Sequence[str], known: Mapping[str, Sequence[tuple[int, int]]]
) -> Iterator[tuple[int, int, int]]:
    """Yield which lines may meet which, and how many letters they would share."""
    for i, ending in enumerate(endings):
        first = max(0, len(ending) - TELLING_LETTERS)
        met = {
            (j, len(ending) - at + place)
            for at in range(first, len(ending) - LEAST_LETTERS + 1)
            for j, place in known.get(ending[at : at + LEAST_LETTERS], ())
        }
        yield from ((i, j, shared) for j, shared in sorted(met, key=lambda meeting: abs(meeting[0] - i)))


def _seam(ending: str, beginning: str, shared: int) -> _Seam | None:
    """Compare letter by letter the end of a line with the beginning of another; None: it is no seam."""
    if shared > len(ending):
        return None
    pairs = list(zip(ending[len(ending) - shared :], beginning, strict=False))
    misread = sum(one != other for one, other in pairs)
    right = len(pairs) - misread
    alike = right >= READ_ALIKE * len(pairs) and right - misread >= LEAST_LETTERS
    return _Seam(len(pairs) if shared > len(beginning) else shared, misread) if alike else None


def _scrap(ending: str, beginning: str) -> _Seam | None:
    """Take a line of one or two letters, which the edge left over of a line, as part of it."""
    short = min(len(ending), len(beginning))
    whole = ending.endswith(beginning) if len(beginning) == short else beginning.startswith(ending)
    return _Seam(short, 0) if whole and 0 < short < LEAST_LETTERS else None


def _best_pairs(seams: Mapping[Pair, _Seam], rows: int, columns: int) -> list[Pair]:
    """Choose pairs of lines that do not cross, and have most letters in common."""
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], _with(seams, best, (i, j)))
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        if (i, j) in seams and best[i][j] == _with(seams, best, (i, j)):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _with(seams: Mapping[Pair, _Seam], best: Sequence[Sequence[int]], pair: Pair) -> int:
    i, j = pair
    return best[i + 1][j + 1] + (max(1, seams[pair].weight) if pair in seams else 0)


def _joined(left: _Line, right: _Line, seam: _Seam) -> _Line:
    """Go over in the middle of what both show: each edge spoils the letters next to it."""
    left_places, right_places = left.places, right.places
    if seam.shared >= len(right_places):
        return left._replace(reach=right.reach)
    if seam.shared >= len(left_places):
        return right
    middle = seam.shared // 2
    kept = left.text[: left_places[len(left_places) - seam.shared + middle]]
    return _Line(kept + right.text[right_places[middle] :], right.reach)
