"""A picture in tiles, for a model that would see too few of its pixels at once."""

from dataclasses import dataclass

from PIL import Image, ImageChops

from captiond.model import Fit, PictureFacts, Tile, Tiles

from .fitting import fitted
from .limits import Limits
from .preparing import encoded, finished
from .tiling import Cutting, Grid, grid_of

_CONTRAST_SHARE = 0.2
_LEAST_CONTRAST = 60
_SMALL_TEXT_SHARE = 0.07
"""Pages and labels lose more (10 to 30 %), most photos and large signs less (0 to 5 %)."""
_ANYTHING_SHARE = 0.003
"""What a word of small text makes of a tile; sky, walls and margins lose nothing."""


def cut(content: bytes, fit: Fit, cutting: Cutting, limits: Limits) -> Tiles:
    """Cut a picture into upright tiles, but for those that show no more than the whole in one view does.

    What the one view loses tells: the picture is shrunk as for that, enlarged again, and compared with
    itself. Small text is lost all over, at full contrast; a large sign, a wall or a face hardly at all.
    Raises as `prepare` does.
    """
    scissors = _Scissors(fit, cutting)
    return finished(content, scissors.size_for, limits, scissors.cut)


@dataclass(slots=True)
class _Scissors:
    fit: Fit
    cutting: Cutting
    grid: Grid | None = None

    def size_for(self, width: int, height: int) -> tuple[int, int]:
        self.grid = grid_of(width, height, self.fit, self.cutting.most)
        if self.grid is None:
            return fitted(width, height, self.fit)
        return self.grid.width, self.grid.height

    def cut(self, image: Image.Image, _: PictureFacts) -> Tiles:
        grid = self.grid
        if grid is None:
            return Tiles(())
        lost = _lost(image.convert("L"), fitted(*image.size, self.fit))
        shares = {(row, column): _white(lost.crop(box)) for row, column, box in grid.places()}
        if self.cutting.only_small_text and max(shares.values()) < _SMALL_TEXT_SHARE:
            return Tiles(())
        tiles = tuple(
            Tile(encoded(image.crop(box)), row, column)
            for row, column, box in grid.places()
            if shares[row, column] >= _ANYTHING_SHARE
        )
        return Tiles(tiles, grid.across, grid.down)


def _lost(grey: Image.Image, view: tuple[int, int]) -> Image.Image:
    """Show white where a view of this size loses what is there, measured by the picture's own contrast."""
    seen = grey.resize(view, Image.Resampling.LANCZOS).resize(grey.size, Image.Resampling.BICUBIC)
    level = _CONTRAST_SHARE * max(_LEAST_CONTRAST, _contrast(grey))
    return ImageChops.difference(grey, seen).point(lambda value: 255 * (value >= level))


def _contrast(grey: Image.Image) -> int:
    """Give the range of the levels of light (0 to 255), but for the darkest and brightest hundredth."""
    levels = sorted(grey.resize((100, 100), Image.Resampling.NEAREST).tobytes())
    return levels[-len(levels) // 100] - levels[len(levels) // 100]


def _white(mask: Image.Image) -> float:
    return mask.histogram()[255] / (mask.width * mask.height)
