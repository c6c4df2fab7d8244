"""Tiles cover the whole picture, overlap, are no more than allowed; none are made where they show no more."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captiond.imaging.fitting import fitted
from captiond.imaging.tiling import AS_GOOD, MOST_PIXELS, TIMES_LARGER, Grid, grid_of
from captiond.model import Fit

LLAVA = Fit(((336, 336),))
GRIDS = Fit(((336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008)))

SIDES = st.integers(1, 12_000)
FITS = st.sampled_from([LLAVA, GRIDS, Fit(((1344, 1344),)), Fit(((64, 8192),))])


def starts(grid: Grid) -> tuple[list[int], list[int]]:
    places = list(grid.places())
    return sorted({box[0] for _, _, box in places}), sorted({box[1] for _, _, box in places})


@given(SIDES, SIDES, FITS, st.integers(2, 64))
def test_tiles_cover_the_picture_and_overlap(width: int, height: int, fit: Fit, most: int) -> None:
    grid = grid_of(width, height, fit, most)
    if grid is None:
        return
    places = list(grid.places())
    assert [(row, column) for row, column, _ in places] == [
        (row, column) for row in range(grid.rows) for column in range(grid.columns)
    ]
    assert grid.columns * grid.rows <= most
    for lefts, whole, tile in zip(
        starts(grid), (grid.width, grid.height), (grid.tile_width, grid.tile_height), strict=True
    ):
        assert lefts[0] == 0
        assert lefts[-1] + tile == whole
        assert all(after - before <= 0.9 * tile + 1 for before, after in pairwise(lefts))


@given(SIDES, SIDES, FITS, st.integers(2, 64))
def test_tiles_fit_the_model_and_are_worth_their_calls(width: int, height: int, fit: Fit, most: int) -> None:
    grid = grid_of(width, height, fit, most)
    if grid is None:
        return
    assert any(grid.tile_width <= box[0] and grid.tile_height <= box[1] for box in fit.boxes)
    assert grid.width <= width
    assert grid.height <= height, "never enlarged"
    assert grid.width * grid.height <= MOST_PIXELS * 1.01
    assert grid.width >= AS_GOOD * TIMES_LARGER * fitted(width, height, fit)[0] - 1
    assert 0 <= grid.across < 1
    assert 0 <= grid.down < 1


@pytest.mark.parametrize(("size", "fit"), [((336, 336), LLAVA), ((500, 300), LLAVA), ((1000, 600), GRIDS)])
def test_a_picture_that_one_view_shows_about_as_large_has_no_tiles(size: tuple[int, int], fit: Fit) -> None:
    assert grid_of(*size, fit, 12) is None


def test_the_cheapest_grid_is_taken_of_those_that_show_as_much() -> None:
    grid = grid_of(672, 600, LLAVA, 12)
    assert grid is not None
    assert (grid.columns, grid.rows) == (2, 2), "not six, for letters that are 8 % larger"


def test_a_page_gets_all_the_tiles_there_may_be() -> None:
    grid = grid_of(2480, 3508, LLAVA, 12)
    assert grid is not None
    assert (grid.columns, grid.rows, grid.tile_width) == (3, 4, 336)
