"""What a picture costs, and which files a server can read."""

import io

import pytest
from PIL import Image

from captiond.simulator.errors import Refusal, RunnerDied
from captiond.simulator.looks import colour_name
from captiond.simulator.pictures import Darkroom, open_pixels
from captiond.simulator.strip import draw_strip, read_strip
from simulator.conftest import Paint
from simulator.recorded import RECORDINGS

TOKENS = {
    (300, 300): 576,
    (336, 336): 576,
    (1, 1): 576,
    (337, 336): 1728,
    (400, 300): 1728,
    (672, 336): 1728,
    (336, 672): 1728,
    (1008, 336): 2304,
    (336, 1008): 2304,
    (3000, 1000): 2304,
    (200, 2000): 2304,
    (672, 504): 2880,
    (672, 378): 2880,
    (1920, 1080): 2880,
    (4000, 3000): 2880,
}


def encoded(image: Image.Image, kind: str, **how: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **how)
    return content.getvalue()


@pytest.mark.parametrize("size", TOKENS, ids=str)
def test_the_tokens_of_a_picture(size: tuple[int, int]) -> None:
    content = encoded(Image.new("1", size), "PNG")
    picture = Darkroom(old=False).develop(content)
    assert (picture.tiles("fixed") * 576, picture.tiles("anyres") * 576) == (576, TOKENS[size])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "PPM", "TGA", "WEBP"])
def test_the_new_generation_reads(kind: str) -> None:
    assert open_pixels(encoded(Image.new("RGB", (20, 10), "red"), kind), old=False).size == (20, 10)


@pytest.mark.parametrize("kind", ["TIFF", "ICO", "AVIF", "JPEG2000"])
def test_the_new_generation_does_not_read(kind: str) -> None:
    with pytest.raises(Refusal, match="Failed to load image"):
        open_pixels(encoded(Image.new("RGB", (32, 32), "red"), kind), old=False)


def test_earlier_versions_do_not_read_webp() -> None:
    with pytest.raises(Refusal, match="Failed to load image"):
        open_pixels(encoded(Image.new("RGB", (20, 10)), "WEBP"), old=False, webp=False)


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "AVIF"])
def test_the_old_generation_dies_of(kind: str) -> None:
    with pytest.raises(RunnerDied):
        open_pixels(encoded(Image.new("RGB", (32, 32), "red"), kind), old=True)


def test_half_a_jpeg_is_good_enough(paint: Paint) -> None:
    content = paint("red", "red")
    assert open_pixels(content[: len(content) // 2], old=False).getpixel((300, 20))[0] > 200


def test_half_a_png_is_not() -> None:
    content = (RECORDINGS / "images" / "truncated.png").read_bytes()
    with pytest.raises(Refusal):
        open_pixels(content, old=False)


def test_transparency_is_dropped_and_not_put_on_white() -> None:
    content = encoded(Image.new("RGBA", (8, 8), (10, 20, 30, 0)), "PNG")
    assert open_pixels(content, old=False).getpixel((0, 0)) == (10, 20, 30)


@pytest.mark.parametrize("text", ["", "EXIT", "Attention ! Éléphants en liberté", "日本語の看板", "x" * 120])
@pytest.mark.parametrize("size", [(1200, 900), (900, 1200), (3000, 2000)], ids=str)
def test_a_strip_survives_jpeg_and_shrinking(text: str, size: tuple[int, int]) -> None:
    marked = draw_strip(Image.effect_noise(size, 60).convert("RGB"), text)
    marked.thumbnail((336, 336), Image.Resampling.LANCZOS)
    small = Image.open(io.BytesIO(encoded(marked, "JPEG", quality=85)))
    found = read_strip(small)
    assert found is not None
    assert found[0] == text


def test_a_picture_without_a_strip_has_no_text() -> None:
    assert read_strip(Image.effect_noise((640, 480), 90).convert("RGB")) is None


def test_a_damaged_strip_is_not_read() -> None:
    marked = draw_strip(Image.new("RGB", (960, 720), "green"), "NO PARKING")
    marked.paste("white", (400, 640, 440, 670))
    assert read_strip(marked) is None


def test_a_strip_upside_down_is_not_read() -> None:
    marked = draw_strip(Image.new("RGB", (960, 720), "green"), "NO PARKING")
    assert read_strip(marked.rotate(180)) is None


@pytest.mark.parametrize(
    ("text", "size"), [("x" * 121, (960, 720)), ("x", (100, 100)), ("x" * 120, (960, 200))]
)
def test_what_does_not_fit_in_a_strip_is_refused(text: str, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="strip"):
        draw_strip(Image.new("RGB", size), text)


HUES = {
    "red": 0,
    "orange": 25,
    "yellow": 55,
    "green": 120,
    "turquoise": 178,
    "blue": 235,
    "purple": 275,
    "pink": 310,
}


@pytest.mark.parametrize("name", HUES)
def test_colours_have_their_names(name: str) -> None:
    dot = Image.new("HSV", (1, 1), (round(HUES[name] / 360 * 255), 230, 230)).convert("RGB")
    red, green, blue = dot.tobytes()
    assert colour_name((red, green, blue)) == name
