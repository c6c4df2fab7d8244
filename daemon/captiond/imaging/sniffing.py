"""Which format are these bytes? Decided by the first bytes alone, never by the name.

To add a format that is known but never read: one line in `_SIGNATURES` or `_BRANDS`.
"""

import sys
from typing import Literal

from captiond.errors import NotAPicture, Rejected, UnsupportedPicture

HEAD_BYTES = 4096
"""As much of a file as `sniff` looks at."""

DEFAULT_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
OPTIONAL_FORMATS = ("TIFF", "BMP", "HEIF")

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"8BPS", "PSD"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEGXL"),
    (b"\xff\x0a", "JPEGXL"),
    (b"II\xbc", "JPEGXR"),
    (b"FUJIFILMCCD-RAW", "RAW"),
    (b"IIRO", "RAW"),
    (b"IIRS", "RAW"),
    (b"MMOR", "RAW"),
    (b"IIU\0", "RAW"),
    (b"FOVb", "RAW"),
    (b"\0MRM", "RAW"),
    (b"\0\0\1\0", "ICO"),
    (b"icns", "ICNS"),
    (b"DDS ", "DDS"),
    (b"SIMPLE  =", "FITS"),
    (b"qoif", "QOI"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "HDR"),
    (b"BPG\xfb", "BPG"),
    (b"AT&TFORM", "DjVu"),
    (b"gimp xcf", "XCF"),
    (b"%PDF-", "PDF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"\x1aE\xdf\xa3", "MKV"),
    (b"<svg", "SVG"),
)
"""First bytes and the format they are of; the longest of a family first."""

_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIF",
    b"heix": "HEIF",
    b"heim": "HEIF",
    b"heis": "HEIF",
    b"hevc": "HEIF",
    b"hevx": "HEIF",
    b"hevm": "HEIF",
    b"hevs": "HEIF",
    b"crx ": "RAW",
    b"qt  ": "MOV",
}
"""Brands of ISO media files (`ftyp`); the first that is known decides."""

_NO_PICTURES = frozenset(("MP4", "MOV", "AVI", "MKV", "PDF", "EPS"))
"""Formats that are known only to be named in a sentence."""

_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_TIFF_ORDERS: dict[bytes, Literal["little", "big"]] = {
    b"II*\0": "little",
    b"II+\0": "little",
    b"MM\0*": "big",
    b"MM\0+": "big",
}
_NEW_SUBFILE_TYPE = 254
_DNG_VERSION = 0xC612
_REDUCED_RESOLUTION = 1


def sniff(head: bytes) -> str | None:
    """Name the format by the first bytes of a file (at most `HEAD_BYTES`), or None where none is known."""
    if head[:4] in _TIFF_ORDERS:
        return "RAW" if _is_raw(head) else "TIFF"
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[4:8] == b"ftyp":
        return _media(head)
    if head[:4] == b"RIFF":
        return {b"WEBP": "WEBP", b"AVI ": "AVI"}.get(head[8:12])
    return _guarded(head)


def refusal(name: str | None, enabled: tuple[str, ...], *, heif_available: bool) -> Rejected | None:
    """Give the reason, with its cure, why a picture of this format is not read; None where it is."""
    if name is None:
        return NotAPicture("this is no picture: its first bytes are of no format that captiond knows")
    if name == "HEIF" and not heif_available:
        return UnsupportedPicture(
            f"HEIC pictures need one more package: {sys.prefix}/bin/pip install pillow-heif, "
            "then start captiond again",
            name,
        )
    if name == "HEIF" or name in enabled:
        return None
    if name in DEFAULT_FORMATS + OPTIONAL_FORMATS:
        return UnsupportedPicture(f'{name} is switched off: add "{name}" to imaging.formats', name)
    return UnsupportedPicture(f"captiond does not read {name}", name)


def check_head(head: bytes, enabled: tuple[str, ...], *, heif_available: bool) -> Rejected | None:
    """Refuse a file by its first bytes, or not: `sniff` and `refusal` in one."""
    return refusal(sniff(head), enabled, heif_available=heif_available)


def is_stray(rejection: Rejected) -> bool:
    """Tell whether this is no picture at all: a letter, a movie."""
    name = rejection.image_format if isinstance(rejection, UnsupportedPicture) else None
    return isinstance(rejection, NotAPicture) or name in _NO_PICTURES


def _media(head: bytes) -> str:
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)), 4))]
    known = (_BRANDS[brand] for brand in brands if brand in _BRANDS)
    if (name := next(known, None)) is not None:
        return name
    return "HEIF" if b"mif1" in brands or b"msf1" in brands else "MP4"


def _guarded(head: bytes) -> str | None:
    """Name the formats whose signature is too short to be trusted alone."""
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace():
        return "PNM"
    if head.lstrip().startswith((b"<?xml", b"<!--", b"<svg")) and b"<svg" in head:
        return "SVG"
    return None


def _is_raw(head: bytes) -> bool:
    """Tell a camera's raw file from a TIFF: its first picture is only a preview."""
    if head[8:10] == b"CR":
        return True
    order = _TIFF_ORDERS[head[:4]]

    def number(at: int, size: int) -> int:
        return int.from_bytes(head[at : at + size], order)

    start = number(4, 4)
    entries = range(start + 2, start + 2 + 12 * number(start, 2), 12)
    tags = {number(at, 2): number(at + 8, 4) for at in entries if at + 12 <= len(head)}
    return _DNG_VERSION in tags or tags.get(_NEW_SUBFILE_TYPE) == _REDUCED_RESOLUTION
