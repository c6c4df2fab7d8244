import pytest

from captiond.errors import DamagedPicture
from captiond.imaging.limits import Limits
from captiond.imaging.preparing import prepare
from captiond.imaging.scans import many_scans
from captiond.model import Fit
from faults.bombs import progressive_jpeg
from imaging.drawing import noise, saved


def test_pictures_of_cameras_and_editors_have_few_scans() -> None:
    for options in ({}, {"progressive": True}, {"progressive": True, "quality": 100}):
        assert many_scans(saved(noise(), "JPEG", **options), 12) is None


@pytest.mark.parametrize("scans", [100, 101, 2000])
def test_scans_are_counted(scans: int) -> None:
    told = many_scans(progressive_jpeg(640, 480, scans - 1), 100)
    assert told == (
        f"the JPEG goes over its pixels {scans:,} times; captiond reads at most 100" if scans > 100 else None
    )


def test_what_lies_around_the_picture_is_not_counted() -> None:
    picture = saved(noise(), "JPEG", comment=b"\xff\xda" * 500, progressive=True)
    assert many_scans(picture + b"\xff\xda\x00\x02" * 500, 100) is None


def test_an_end_in_a_comment_hides_nothing() -> None:
    bomb = progressive_jpeg(640, 480, 200)
    at = bomb.index(b"\xff\xda", bomb.index(b"\xff\xda") + 2)
    hidden = bomb[:at] + b"\xff\xfe\x00\x04\xff\xd9" + bomb[at:]
    assert many_scans(hidden, 100) is not None


@pytest.mark.parametrize("share", range(0, 100, 7))
def test_any_piece_is_counted_without_trouble(share: int) -> None:
    bomb = progressive_jpeg(64, 48, 300)
    many_scans(bomb[: len(bomb) * share // 100], 10)


def test_scans_behind_a_whole_picture_are_not_decoded() -> None:
    picture = saved(noise(), "JPEG")
    first, end = picture.index(b"\xff\xda"), picture.rindex(b"\xff\xd9")
    followed = picture[:end] + picture[first:end] * 200 + picture[end:]
    assert many_scans(followed, 100) is None
    with pytest.raises(DamagedPicture):
        prepare(followed, Fit(((336, 336),)), Limits())


def test_scans_of_single_colours_are_counted() -> None:
    picture = saved(noise(), "JPEG")
    first, end = picture.index(b"\xff\xda"), picture.rindex(b"\xff\xd9")
    one_colour = picture[first : first + 4] + b"\x01" + picture[first + 5 : end]
    assert many_scans(picture[:first] + one_colour * 200 + picture[end:], 100) is not None
