import pytest
from hypothesis import given
from hypothesis import strategies as st

from captiond.imaging.fitting import fitted
from captiond.model import Fit

LLAVA_16 = Fit(((336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008)))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4000, 3000), (672, 504)),
        ((3000, 4000), (504, 672)),
        ((4000, 1000), (1008, 252)),
        ((1000, 4000), (252, 1008)),
        ((100, 80), (100, 80)),
        ((60_000, 10), (1008, 1)),
    ],
)
def test_the_box_that_keeps_most_is_chosen(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fitted(*size, LLAVA_16) == expected


@given(st.integers(1, 65_500), st.integers(1, 65_500))
def test_a_picture_fits_in_a_box_and_is_never_enlarged(width: int, height: int) -> None:
    new_width, new_height = fitted(width, height, LLAVA_16)
    assert 1 <= new_width <= width
    assert 1 <= new_height <= height
    assert any(new_width <= box[0] and new_height <= box[1] for box in LLAVA_16.boxes)
