"""Where the tiles of a picture lie that has more pixels than a model can use at once (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

from captiond.model import Fit

from .fitting import fitted

OVERLAP = 0.15
"""The share of a tile that its neighbour shows, too: two lines of small text, half a dozen letters."""
TIMES_LARGER = 1.5
"""Tiles that show letters less enlarged than this, against the whole picture, are not worth their calls."""
MOST_PIXELS = 24_000_000
"""Of all tiles together: what a picture of a camera has, so that tiles need no more memory than that."""
MOST_TILES = 64
AS_GOOD = 0.9
"""Tiles that show letters only this little smaller are as good, and may be fewer."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """How a picture is to be cut: into `most` tiles, and maybe only where it looks like small text."""

    most: int
    only_small_text: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """Tiles in rows and columns over a picture that was shrunk to `width` and `height`; all in pixels."""

    width: int
    height: int
    tile_width: int
    tile_height: int
    columns: int
    rows: int

    @property
    def across(self) -> float:
        """Give the share of a tile that the next one beside it shows, too."""
        return _shared(self.width, self.tile_width, self.columns)

    @property
    def down(self) -> float:
        """Give the share of a tile that the next one below it shows, too."""
        return _shared(self.height, self.tile_height, self.rows)

    def places(self) -> Iterator[tuple[int, int, tuple[int, int, int, int]]]:
        """Yield each tile's row, column and box (left, top, right, bottom), row by row."""
        for row in range(self.rows):
            top = _start(row, self.rows, self.height - self.tile_height)
            for column in range(self.columns):
                left = _start(column, self.columns, self.width - self.tile_width)
                yield row, column, (left, top, left + self.tile_width, top + self.tile_height)


def grid_of(width: int, height: int, fit: Fit, most: int) -> Grid | None:
    """Choose the grid of at most `most` tiles that shows the letters largest, and of the like the cheapest.

    None where the whole picture, shrunk into one view, shows them about as large.
    """
    shrink = min(1.0, sqrt(MOST_PIXELS / (width * height)))
    grids = [
        _grid(width * shrink, height * shrink, box, columns, rows)
        for box in fit.boxes
        for columns in range(1, most + 1)
        for rows in range(1, most // columns + 1)
    ]
    largest = max(grid.width for grid in grids)
    seen, _ = fitted(width, height, fit)
    if largest < TIMES_LARGER * seen:
        return None
    return min((grid for grid in grids if grid.width >= AS_GOOD * largest), key=_pixels)


def _grid(width: float, height: float, box: tuple[int, int], columns: int, rows: int) -> Grid:
    scale = min(1.0, _covered(box[0], columns) / width, _covered(box[1], rows) / height)
    canvas_width, canvas_height = max(1, round(width * scale)), max(1, round(height * scale))
    return Grid(
        canvas_width, canvas_height, min(box[0], canvas_width), min(box[1], canvas_height), columns, rows
    )


def _covered(side: int, count: int) -> float:
    return side * (count - (count - 1) * OVERLAP)


def _pixels(grid: Grid) -> int:
    return grid.columns * grid.rows * grid.tile_width * grid.tile_height


def _shared(whole: int, tile: int, count: int) -> float:
    return 0.0 if count == 1 else 1 - (whole - tile) / (count - 1) / tile


def _start(number: int, count: int, last: int) -> int:
    return 0 if count == 1 else round(number * last / (count - 1))
