"""Looking at pixels: the little that can be said about a picture without a model."""

import colorsys
from collections import Counter
from dataclasses import dataclass

from PIL import Image

from .strip import read_strip

GRID = 24
HUES = (
    (0.045, "red"),
    (0.11, "orange"),
    (0.19, "yellow"),
    (0.42, "green"),
    (0.53, "turquoise"),
    (0.7, "blue"),
    (0.8, "purple"),
    (0.93, "pink"),
    (1.01, "red"),
)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: shares and levels from 0 to 1; `text` is what a strip says, None where there is none."""

    width: int
    height: int
    brightness: float
    contrast: float
    colours: tuple[tuple[str, float], ...]
    top: str
    bottom: str
    brightest: str
    text: str | None

    @property
    def shape(self) -> str:
        """Say whether the picture is wide, tall or square."""
        if self.width > self.height * 1.1:
            return "wide"
        return "tall" if self.height > self.width * 1.1 else "square"


def look_at(image: Image.Image) -> Look:
    """Look at a decoded RGB picture; a strip is read and then left out of the colours."""
    strip = read_strip(image)
    seen = image.crop((0, 0, image.width, max(1, image.height - strip[1]))) if strip else image
    cells = _cells(seen)
    light = [sum(cell) / 765 for cell in cells]
    names = [colour_name(cell) for cell in cells]
    mean = sum(light) / len(light)
    half = len(cells) // 2
    return Look(
        image.width,
        image.height,
        mean,
        (sum((one - mean) ** 2 for one in light) / len(light)) ** 0.5,
        tuple((name, count / len(cells)) for name, count in Counter(names).most_common(4)),
        Counter(names[:half]).most_common(1)[0][0],
        Counter(names[half:]).most_common(1)[0][0],
        _brightest(light),
        strip[0] if strip else None,
    )


def _cells(image: Image.Image) -> list[tuple[int, int, int]]:
    small = image.resize((GRID, GRID), Image.Resampling.BOX).tobytes()
    return [(small[at], small[at + 1], small[at + 2]) for at in range(0, len(small), 3)]


def colour_name(colour: tuple[int, int, int]) -> str:
    """Name a colour with an everyday word."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    if value < 0.18:  # noqa: PLR2004 - where colours end and black begins, by eye
        return "black"
    if saturation < 0.16:  # noqa: PLR2004 - where colours end and greys begin, by eye
        return "white" if value > 0.85 else "grey"  # noqa: PLR2004 - the same
    name = next(name for end, name in HUES if hue < end)
    return "brown" if name in ("orange", "red") and value < 0.6 and saturation < 0.85 else name  # noqa: PLR2004 - the same


def _brightest(light: list[float]) -> str:
    """Say in which part of the picture most light is, if in any."""
    rows = [sum(light[at : at + GRID]) / GRID for at in range(0, len(light), GRID)]
    columns = [sum(light[at::GRID]) / GRID for at in range(GRID)]
    third = GRID // 3
    parts = {
        "at the top": sum(rows[:third]),
        "at the bottom": sum(rows[-third:]),
        "on the left": sum(columns[:third]),
        "on the right": sum(columns[-third:]),
        "in the middle": (sum(rows[third:-third]) + sum(columns[third:-third])) / 2,
    }
    ranked = sorted(parts.items(), key=lambda part: -part[1])
    return ranked[0][0] if ranked[0][1] - ranked[-1][1] > 0.02 * third else "everywhere"
