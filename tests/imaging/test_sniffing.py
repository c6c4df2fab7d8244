import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captiond.errors import NotAPicture, UnsupportedPicture
from captiond.imaging.sniffing import DEFAULT_FORMATS, HEAD_BYTES, OPTIONAL_FORMATS, refusal, sniff
from imaging.drawing import noise, saved


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "ICO", "JPEG2000"])
def test_a_format_is_known_by_its_first_bytes(name: str) -> None:
    assert sniff(saved(noise(64, 64), name)[:HEAD_BYTES]) == name


def test_heic_is_known_by_its_first_bytes() -> None:
    pytest.importorskip("pillow_heif")
    assert sniff(saved(noise(64, 64), "HEIF")[:HEAD_BYTES]) == "HEIF"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x14ftypmif1\0\0\0\0mif1", "HEIF"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "MP4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "MOV"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "RAW"),
        (b"8BPS\0\1", "PSD"),
        (b"\xff\x0a\xfa", "JPEGXL"),
        (b"%PDF-1.7", "PDF"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "SVG"),
        (b"RIFF\x10\0\0\0AVI LIST", "AVI"),
        (b"II*\0\x10\0\0\0CR\2\0", "RAW"),
    ],
)
def test_formats_that_pillow_does_not_write_are_known_too(head: bytes, name: str) -> None:
    assert sniff(head) == name


def test_a_raw_file_is_told_from_a_tiff_by_its_preview() -> None:
    preview_first = b"II*\0\x08\0\0\0" + b"\1\0" + b"\xfe\0\4\0\1\0\0\0\1\0\0\0"
    assert sniff(preview_first) == "RAW"


@pytest.mark.parametrize(
    "head", [b"", b"hello", b"BMW is a car", b"P9 plain words", b"RIFF\0\0\0\0WAVE", b"\0" * 64]
)
def test_other_bytes_are_no_picture(head: bytes) -> None:
    assert sniff(head) is None


@given(
    st.binary(max_size=64),
    st.sampled_from([b"", b"II*\0", b"MM\0*", b"\0\0\0\x20ftyp", b"RIFF", b"BM", b"P"]),
)
def test_no_bytes_upset_it(rest: bytes, start: bytes) -> None:
    name = sniff(start + rest)
    assert name is None or name


@pytest.mark.parametrize("name", DEFAULT_FORMATS)
def test_an_enabled_format_is_not_refused(name: str) -> None:
    assert refusal(name, DEFAULT_FORMATS, heif_available=False) is None


@pytest.mark.parametrize("name", ["TIFF", "BMP"])
def test_a_format_that_is_off_says_how_to_switch_it_on(name: str) -> None:
    refused = refusal(name, DEFAULT_FORMATS, heif_available=True)
    assert isinstance(refused, UnsupportedPicture)
    assert str(refused) == f'{name} is switched off: add "{name}" to imaging.formats'


def test_heic_without_its_extra_says_how_to_install_it() -> None:
    refused = refusal("HEIF", DEFAULT_FORMATS + OPTIONAL_FORMATS, heif_available=False)
    cure = f"{sys.prefix}/bin/pip install pillow-heif, then start captiond again"
    assert str(refused) == f"HEIC pictures need one more package: {cure}"


def test_heic_with_its_extra_needs_no_setting() -> None:
    assert refusal("HEIF", DEFAULT_FORMATS, heif_available=True) is None


def test_a_known_format_that_is_never_read_is_named() -> None:
    refused = refusal("PSD", DEFAULT_FORMATS, heif_available=True)
    assert isinstance(refused, UnsupportedPicture)
    assert (str(refused), refused.image_format) == ("captiond does not read PSD", "PSD")


def test_unknown_bytes_are_refused_as_no_picture() -> None:
    assert isinstance(refusal(None, DEFAULT_FORMATS, heif_available=True), NotAPicture)
