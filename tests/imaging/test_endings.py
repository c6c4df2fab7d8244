import pytest
from PIL import Image

from captiond.imaging.endings import missing_end
from imaging.drawing import noise, saved


def preallocated(content: bytes, share: float = 0.5) -> bytes:
    """Leave a copy half done: the blocks that are not written yet are zeros."""
    written = int(len(content) * share) // 512 * 512
    return content[:written] + bytes(len(content) - written)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"])
def test_a_whole_picture_has_its_end(name: str) -> None:
    assert missing_end(name, saved(noise(), name)) is None


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"])
def test_a_copy_that_is_half_done_ends_in_zeros(name: str) -> None:
    half = preallocated(saved(noise(640, 480), name))
    assert missing_end(name, half) == "the end of the file is empty: probably not completely copied"


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_a_picture_that_is_cut_off_has_no_end(name: str) -> None:
    whole = saved(noise(), name)
    assert "ends before the picture does" in str(missing_end(name, whole[: len(whole) // 2]))


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
@pytest.mark.parametrize("after", [b"MotionPhoto_Data" * 100, bytes(8192)])
def test_what_follows_the_end_is_left_alone(name: str, after: bytes) -> None:
    assert missing_end(name, saved(noise(), name) + after) is None


def test_the_end_of_a_preview_is_not_the_end_of_the_picture() -> None:
    preview = saved(noise(16, 16), "JPEG")
    whole = saved(noise(), "JPEG", exif=b"Exif\0\0" + preview)
    assert preview in whole
    assert missing_end("JPEG", whole[: len(whole) // 2]) is not None


@pytest.mark.parametrize("name", ["TIFF", "BMP"])
def test_black_rows_at_the_end_are_no_missing_end(name: str) -> None:
    picture = noise(301, 200)
    picture.paste("black", (0, 150, 301, 200) if name == "TIFF" else (0, 0, 301, 50))
    assert missing_end(name, saved(picture, name)) is None


def test_a_flat_picture_may_end_in_zeros() -> None:
    flat = saved(Image.new("RGB", (8000, 6000), "white"), "WEBP")
    assert flat.endswith(bytes(4096))
    assert missing_end("WEBP", flat) is None
