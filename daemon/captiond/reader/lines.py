"""Lines of text as they were found in a picture, put into the order in which a person reads them (pure)."""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

LEAST_CONFIDENCE = 0.7
"""Below it a line is leaves or clouds more often than text."""
SAME_LINE = 0.5
"""Lines whose middles lie closer than this share of their height stand side by side."""
SAME_WORDS = 1.0
"""Parts of a line with a smaller gap, in heights, are one."""

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, how sure the engine is of it (0 to 1), and its corners (x, y) in pixels.

    The corners go clockwise from where the line begins, at the top.
    """

    text: str
    confidence: float
    corners: tuple[tuple[float, float], ...]

    @property
    def tilt(self) -> float:
        """Its direction in radians; 0 is level."""
        (left, top), (right, other_top) = self.corners[0], self.corners[1]
        return math.atan2(other_top - top, right - left)

    @property
    def height(self) -> float:
        """Its height in pixels."""
        return math.dist(self.corners[0], self.corners[3])


@dataclass(frozen=True, slots=True)
class _Placed:
    """A line where it would be if the picture were level."""

    line: Line
    left: float
    right: float
    middle: float


def text_of(lines: Iterable[Line]) -> str:
    """Give what is to be read: from top to bottom, from left to right, a line for each line."""
    sure = [line for line in lines if line.confidence >= LEAST_CONFIDENCE and _says_something(line.text)]
    if not sure:
        return ""
    tilt = median(line.tilt for line in sure)
    rows = _rows([_placed(line, tilt) for line in sure])
    return "\n".join(text for row in rows for text in _joined(row))


def _says_something(text: str) -> bool:
    """Tell text from an empty board, which is read as a square."""
    return any(letter.isalnum() for letter in text)


def _placed(line: Line, tilt: float) -> _Placed:
    """Turn a line by the tilt of them all, so that a sign that hangs askew is read in its own order."""
    cosine, sine = math.cos(-tilt), math.sin(-tilt)
    across = [x * cosine - y * sine for x, y in line.corners]
    down = [x * sine + y * cosine for x, y in line.corners]
    return _Placed(line, min(across), max(across), sum(down) / len(down))


def _rows(placed: Sequence[_Placed]) -> list[list[_Placed]]:
    rows: list[list[_Placed]] = []
    for one in sorted(placed, key=lambda each: each.middle):
        if rows and one.middle - rows[-1][0].middle < SAME_LINE * min(
            one.line.height, rows[-1][0].line.height
        ):
            rows[-1].append(one)
        else:
            rows.append([one])
    return [sorted(row, key=lambda each: each.left) for row in rows]


def _joined(row: Sequence[_Placed]) -> list[str]:
    """Put together what was found in two parts."""
    texts, right = [_plain(row[0].line.text)], row[0].right
    for one in row[1:]:
        text = _plain(one.line.text)
        if one.left - right < SAME_WORDS * one.line.height:
            texts[-1] = f"{texts[-1]} {text}"
        else:
            texts.append(text)
        right = max(right, one.right)
    return texts


def _plain(text: str) -> str:
    """Give Latin punctuation its own width; the engine learnt its marks from Chinese."""
    text = text.strip()
    if any(unicodedata.name(letter, "").startswith(_EAST_ASIAN) for letter in text):
        return text
    return text.translate(_FULL_WIDTH)
