"""Pages come in tiles that can be read; photos, signs, and what is blank do not."""

from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageStat

from captiond.errors import DamagedPicture
from captiond.imaging.cutting import cut
from captiond.imaging.limits import Limits
from captiond.imaging.preparing import prepare
from captiond.imaging.tiling import Cutting, grid_of
from captiond.model import Fit, Tiles
from imaging.drawing import SHARED, quarters, saved

LLAVA = Fit(((336, 336),))
AUTO, ALWAYS = Cutting(12, only_small_text=True), Cutting(12, only_small_text=False)
SENTENCE = "The quick brown fox jumps over the lazy dog and then it sleeps in the warm sun all day. "


def page(
    width: int, height: int, *, pixels: int = 12, ink: str = "black", paper: str = "white", lines: int = 999
) -> Image.Image:
    """Draw a page of text in letters of a size."""
    picture = Image.new("RGB", (width, height), paper)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(pixels)
    for number, top in enumerate(range(20, height - 20 - pixels, pixels * 3 // 2)):
        if number < lines:
            pen.text((20, top), (SENTENCE * 9)[number : number + (width - 40) * 2 // pixels], ink, font)
    return picture


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(BytesIO(jpeg))


def sizes(tiles: Tiles) -> set[tuple[int, int]]:
    return {opened(tile.jpeg).size for tile in tiles.tiles}


def difference(one: Image.Image, other: Image.Image) -> float:
    (mean,) = ImageStat.Stat(ImageChops.difference(one.convert("L"), other.convert("L"))).mean
    return float(mean)


def test_small_text_comes_pixel_by_pixel_as_it_was() -> None:
    picture = page(620, 620)
    content = saved(picture, "PNG")
    tiles = cut(content, LLAVA, AUTO, Limits())
    grid = grid_of(620, 620, LLAVA, 12)
    assert grid is not None
    boxes = {(row, column): box for row, column, box in grid.places()}
    assert (
        [(tile.row, tile.column) for tile in tiles.tiles] == list(boxes) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    )
    assert sizes(tiles) == {(336, 336)}
    whole = opened(prepare(content, LLAVA, Limits()).jpeg).resize((620, 620))
    for tile in tiles.tiles:
        original = picture.crop(boxes[tile.row, tile.column])
        assert difference(opened(tile.jpeg), original) < 3
        assert difference(whole.crop(boxes[tile.row, tile.column]), original) > 20, "this is what is lost"


@pytest.mark.parametrize(
    "picture",
    [
        page(1240, 1754),
        page(800, 1000, ink="#777", paper="#ddd"),
        page(800, 1000, ink="white", paper="#123"),
        page(1654, 2339, pixels=28),
    ],
    ids=["12 px", "faint", "white on blue", "a scanned letter"],
)
def test_a_page_comes_in_tiles(picture: Image.Image) -> None:
    tiles = cut(saved(picture, "PNG"), LLAVA, AUTO, Limits())
    assert len(tiles.tiles) > 8
    assert sizes(tiles) == {(336, 336)}


@pytest.mark.parametrize(
    "content",
    [saved(quarters(1200, 900), "JPEG"), saved(page(900, 900, pixels=300, lines=1), "PNG")],
    ids=["areas", "a large sign"],
)
def test_what_one_view_shows_as_well_does_not_come_in_tiles(content: bytes) -> None:
    assert cut(content, LLAVA, AUTO, Limits()) == Tiles(())


def test_tiles_that_were_ordered_come_of_any_picture_that_loses_something() -> None:
    sign = saved(page(900, 900, pixels=300, lines=1), "PNG")
    assert cut(sign, LLAVA, ALWAYS, Limits()).tiles
    assert len(cut(sign, LLAVA, Cutting(2, only_small_text=False), Limits()).tiles) <= 2


def test_a_small_picture_has_no_tiles() -> None:
    assert cut(saved(page(400, 300), "PNG"), LLAVA, ALWAYS, Limits()) == Tiles(())


def test_blank_parts_are_left_out() -> None:
    picture = Image.new("RGB", (1200, 1200), "white")
    picture.paste(page(400, 400), (0, 0))
    tiles = cut(saved(picture, "PNG"), LLAVA, AUTO, Limits())
    assert {(tile.row, tile.column) for tile in tiles.tiles} == {(0, 0)}


def test_tiles_are_upright() -> None:
    picture = page(620, 900)
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = saved(picture.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)
    upright = cut(saved(picture, "PNG"), LLAVA, AUTO, Limits())
    turned = cut(lying, LLAVA, AUTO, Limits())
    assert [(tile.row, tile.column) for tile in turned.tiles] == [
        (tile.row, tile.column) for tile in upright.tiles
    ]
    for one, other in zip(turned.tiles, upright.tiles, strict=True):
        assert difference(opened(one.jpeg), opened(other.jpeg)) < 6


def test_a_damaged_picture_is_refused_as_ever() -> None:
    with pytest.raises(DamagedPicture):
        cut(saved(page(800, 800), "JPEG")[:9000], LLAVA, AUTO, Limits())


@pytest.mark.skipif(not SHARED.is_dir(), reason="there are no real photos beside the checkout")
def test_few_real_photos_look_like_small_text() -> None:
    photos = sorted((SHARED / "photos").glob("*.jpg"))
    cut_up = [photo.name for photo in photos if cut(photo.read_bytes(), LLAVA, AUTO, Limits()).tiles]
    assert len(photos) > 15
    assert len(cut_up) <= 2, "grass may"
