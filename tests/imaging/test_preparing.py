import subprocess
import sys
import time
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms

from captiond.errors import DamagedPicture, NotAPicture, PictureTooLarge, Rejected, UnsupportedPicture
from captiond.imaging.canary import CANARY_JPEG
from captiond.imaging.limits import Limits
from captiond.imaging.preparing import prepare
from captiond.model import Fit
from imaging.drawing import (
    ALL,
    CORNERS,
    FIT,
    SHARED,
    colour_at,
    corners,
    noise,
    opened,
    pixel_at,
    png_of_ones,
    quarters,
    saved,
    turned,
)

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "HEIF"]


def needs_extra(name: str) -> None:
    if name == "HEIF":
        pytest.importorskip("pillow_heif")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_a_picture_comes_out_upright(name: str, orientation: int) -> None:
    needs_extra(name)
    image = prepare(turned(name, orientation), FIT, ALL)
    assert corners(opened(image)) == CORNERS
    assert (image.facts.width, image.facts.height) == (image.width, image.height) == (120, 80)


@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_the_box_is_chosen_for_the_upright_picture(orientation: int) -> None:
    image = prepare(turned("JPEG", orientation, (1200, 400)), Fit(((300, 100), (100, 200))), ALL)
    assert (image.width, image.height) == (300, 100)
    assert (image.facts.width, image.facts.height) == (1200, 400)
    assert corners(opened(image)) == CORNERS


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read_and_shrunk(name: str) -> None:
    needs_extra(name)
    image = prepare(saved(quarters(1000, 600), name), FIT, ALL)
    assert (image.width, image.height, image.facts.format) == (672, 403, name)
    assert corners(opened(image)) == CORNERS


def test_a_small_picture_is_not_enlarged() -> None:
    image = prepare(saved(quarters(20, 10), "PNG"), FIT, ALL)
    assert (image.width, image.height) == (20, 10)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (7, 5)])
def test_odd_sizes_work(size: tuple[int, int]) -> None:
    image = prepare(saved(Image.new("RGB", size, "red"), "JPEG"), FIT, ALL)
    assert colour_at(opened(image), 0, 0) == "red"


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_keeps_its_colours(name: str) -> None:
    image = prepare(saved(quarters().convert("CMYK"), name), FIT, ALL)
    assert corners(opened(image)) == CORNERS


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_deep_grey_is_scaled_and_not_clipped(name: str) -> None:
    deep = Image.new("I;16", (32, 32), 30_000)
    assert pixel_at(opened(prepare(saved(deep, name), FIT, ALL))) == pytest.approx((117, 117, 117), abs=1)


@pytest.mark.parametrize(("mode", "black", "grey", "white"), [("F", 0.0, 0.5, 1.0), ("I", -200, 0, 200)])
def test_other_numbers_are_scaled_to_what_is_there(
    mode: str, black: float, grey: float, white: float
) -> None:
    picture = Image.new(mode, (48, 16), grey)
    picture.paste(black, (0, 0, 16, 16))
    picture.paste(white, (32, 0, 48, 16))
    seen = opened(prepare(saved(picture, "TIFF"), FIT, ALL))
    assert [colour_at(seen, 0.1, 0.5), colour_at(seen, 0.9, 0.5)] == ["black", "white"]
    assert pixel_at(seen) == pytest.approx((127, 127, 127), abs=2)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "LAB"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    name = "TIFF" if mode == "LAB" else "PNG"
    picture = Image.new("LAB", (64, 64), (255, 128, 128)) if mode == "LAB" else noise(64, 64).convert(mode)
    assert opened(prepare(saved(picture, name), FIT, ALL)).mode == "RGB"


@pytest.mark.parametrize("name", ["PNG", "WEBP", "AVIF"])
def test_transparent_becomes_white(name: str) -> None:
    picture = Image.new("RGBA", (900, 90), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 450, 90))
    seen = opened(prepare(saved(picture, name), FIT, ALL))
    assert [colour_at(seen, 0.2, 0.5), colour_at(seen, 0.8, 0.5)] == ["red", "white"]


@pytest.mark.parametrize(("name", "mode"), [("PNG", "P"), ("GIF", "P"), ("PNG", "L"), ("PNG", "RGB")])
def test_a_colour_that_stands_for_transparent_becomes_white(name: str, mode: str) -> None:
    picture = Image.new(mode, (900, 90), 0)
    key: Any = (0, 0, 0) if mode == "RGB" else 0
    assert colour_at(opened(prepare(saved(picture, name, transparency=key), FIT, ALL)), 0.5, 0.5) == "white"


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_of_a_film_the_first_picture_is_taken(name: str) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("blue", "lime")]
    content = saved(Image.new("RGB", (64, 64), "red"), name, save_all=True, append_images=frames)
    assert colour_at(opened(prepare(content, FIT, ALL)), 0.5, 0.5) == "red"


def swapping_profile() -> bytes:
    """Make a profile in which the first channel is blue and the last is red."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    unnamed = srgb.replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be"))
    return unnamed.replace(b"rXYZ", b"swap").replace(b"bXYZ", b"rXYZ").replace(b"swap", b"bXYZ")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_colour_profile_is_applied(name: str) -> None:
    content = saved(Image.new("RGB", (32, 32), "red"), name, icc_profile=swapping_profile())
    assert colour_at(opened(prepare(content, FIT, ALL)), 0.5, 0.5) == "blue"


def test_a_broken_colour_profile_is_ignored() -> None:
    content = saved(quarters(), "JPEG", icc_profile=b"no profile at all" * 9)
    assert corners(opened(prepare(content, FIT, ALL))) == CORNERS


def test_a_profile_for_other_channels_is_ignored() -> None:
    grey = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    content = saved(quarters(), "PNG", icc_profile=grey)
    assert corners(opened(prepare(content, FIT, ALL))) == CORNERS


def test_nothing_of_the_original_but_pixels_goes_along() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRETMAKE"
    content = saved(
        quarters(), "JPEG", exif=exif, comment=b"SECRETCOMMENT", icc_profile=b"SECRETPROFILE" * 20
    )
    image = prepare(content, FIT, ALL)
    assert b"SECRET" not in image.jpeg
    assert set(opened(image).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_the_facts_are_those_of_the_original() -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Apple\0", "iPhone\x1b[31m 13"
    exif.get_ifd(0x8769).update({0x9003: "2022:02:16 12:55:41", 0x9011: "+01:00"})
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 30.0, 0.0), 3: "E", 4: (151.0, 0.0, 0.0)})
    facts = prepare(saved(quarters(1200, 800), "JPEG", exif=exif), FIT, ALL).facts
    assert (facts.width, facts.height, facts.camera) == (1200, 800, "Apple iPhone [31m 13")
    assert (facts.taken_at, facts.latitude, facts.longitude) == ("2022-02-16T12:55:41+01:00", -33.5, 151.0)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 99]
)
def test_a_broken_exif_costs_only_the_facts(exif: bytes) -> None:
    image = prepare(saved(quarters(), "JPEG", exif=exif), FIT, ALL)
    assert (image.facts.camera, corners(opened(image))) == (None, CORNERS)


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    assert corners(opened(prepare(turned("JPEG", orientation), FIT, ALL))) == CORNERS


@pytest.mark.parametrize("share", [0.5, 0.99])
@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_that_is_cut_off_is_damaged(name: str, share: float) -> None:
    needs_extra(name)
    whole = saved(noise(640, 480), name)
    with pytest.raises(DamagedPicture):
        prepare(whole[: int(len(whole) * share)], FIT, ALL)


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", FORMATS)
def test_a_copy_that_is_not_finished_is_damaged(name: str, share: float) -> None:
    needs_extra(name)
    whole = saved(noise(640, 480), name)
    written = int(len(whole) * share) // 512 * 512
    with pytest.raises(DamagedPicture, match="probably not completely copied"):
        prepare(whole[:written] + bytes(len(whole) - written), FIT, ALL)


def test_a_phone_may_append_its_own() -> None:
    content = saved(quarters(), "JPEG") + b"\0\0\1\x0aMotionPhoto_Data" + bytes(9000)
    assert corners(opened(prepare(content, FIT, ALL))) == CORNERS


def test_a_jpeg_of_several_pictures_is_a_jpeg() -> None:
    content = saved(quarters(), "MPO", save_all=True, append_images=[Image.new("RGB", (120, 80), "black")])
    image = prepare(content, FIT, ALL)
    assert (image.facts.format, corners(opened(image))) == ("JPEG", CORNERS)


def test_a_bomb_is_refused_by_its_header() -> None:
    bomb = png_of_ones(60_000, 60_000)
    started = time.monotonic()
    with pytest.raises(PictureTooLarge, match=r"60,000 × 60,000 pixels; .* at most 120 million of a PNG"):
        prepare(bomb, FIT, ALL)
    assert time.monotonic() - started < 2


def test_a_side_that_is_too_long_is_refused() -> None:
    with pytest.raises(PictureTooLarge, match="at most 1,000 a side"):
        prepare(saved(Image.new("1", (1001, 1)), "PNG"), FIT, Limits(max_side=1000))


def test_a_file_that_is_too_long_is_refused() -> None:
    with pytest.raises(PictureTooLarge, match="at most 1,000"):
        prepare(saved(noise(), "JPEG"), FIT, Limits(max_file_bytes=1000))


def test_an_empty_file_is_no_picture() -> None:
    with pytest.raises(NotAPicture, match="the file is empty"):
        prepare(b"", FIT, ALL)


@pytest.mark.parametrize("name", ["TIFF", "BMP"])
def test_tiff_and_bmp_are_off_by_default(name: str) -> None:
    with pytest.raises(UnsupportedPicture, match=f"{name} is switched off"):
        prepare(saved(quarters(), name), FIT, Limits())


def test_the_canary_is_a_picture() -> None:
    assert len(CANARY_JPEG) < 1500
    seen = opened(prepare(CANARY_JPEG, FIT, Limits()))
    assert (colour_at(seen, 0.5, 0.5), colour_at(seen, 0.02, 0.02)) == ("red", "white")


PEAK = """
import sys
from captiond.imaging.limits import Limits
from captiond.imaging.preparing import prepare
from captiond.model import Fit
image = prepare(open(sys.argv[1], "rb").read(), Fit(((672, 672),)), Limits())
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(image.facts.width, image.facts.height, image.width, int(peak.split()[1]) // 1024)
"""


@pytest.mark.slow
def test_a_photo_of_200_megapixels_needs_little_memory(tmp_path: Any) -> None:
    path = tmp_path / "huge.jpg"
    Image.new("RGB", (16_320, 12_240), "teal").save(path, quality=70)
    command = [sys.executable, "-c", PEAK, str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)
    width, height, prepared_width, peak_mib = map(int, told.stdout.split())
    assert (width, height, prepared_width) == (16_320, 12_240, 672)
    assert peak_mib < 150


@pytest.mark.skipif(not (SHARED / "photos").is_dir(), reason="no real photos beside the checkout")
@pytest.mark.parametrize("number", [3, 5, 6, 8])
def test_real_photos_of_a_waterfall_are_all_alike(number: int) -> None:
    kind = "portrait" if (SHARED / f"photos/portrait_{number}.jpg").exists() else "landscape"
    first, other = (
        opened(prepare((SHARED / f"photos/{kind}_{it}.jpg").read_bytes(), FIT, ALL)).resize((16, 16))
        for it in (1, number)
    )
    difference = sum(abs(a - b) for a, b in zip(first.tobytes(), other.tobytes(), strict=True)) / 768
    assert first.size == other.size
    assert difference < 6


@pytest.mark.skipif(not (SHARED / "photos").is_dir(), reason="no real photos beside the checkout")
def test_all_real_photos_are_prepared() -> None:
    photos = [path for path in (SHARED / "photos").iterdir() if path.suffix != ".md"]
    for path in photos:
        if path.suffix == ".HEIC" and not ALL.heif:
            continue
        opened(prepare(path.read_bytes(), FIT, ALL))
    assert len(photos) >= 24


def test_damage_is_told_in_one_line_without_control_characters() -> None:
    whole = bytearray(saved(noise(), "PNG"))
    whole[300:340] = b"\x1b[31m\0" * 6 + b"xxxx"
    with pytest.raises(Rejected) as caught:
        prepare(bytes(whole), FIT, ALL)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 260


def test_bytes_are_left_as_they_are() -> None:
    content = saved(quarters(), "JPEG")
    before = BytesIO(content).getvalue()
    assert prepare(content, FIT, ALL) == prepare(content, FIT, ALL)
    assert content == before
