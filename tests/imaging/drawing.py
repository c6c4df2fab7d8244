"""Pictures for the tests of imaging, and how to look at what came out."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from captiond.imaging.limits import Limits, heif_installed
from captiond.model import Fit, PreparedImage

SHARED = Path(__file__).resolve().parents[3] / "shared"
FIT = Fit(((672, 672),))
ALL = Limits(formats=("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"), heif=heif_installed())
CORNERS = ("red", "lime", "blue", "yellow")
"""The colours of `quarters`: top left, top right, bottom left, bottom right."""

_STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters(width: int = 120, height: int = 80) -> Image.Image:
    """Draw four quarters of one colour each: upright they are `CORNERS`."""
    picture = Image.new("RGB", (width, height))
    for place, colour in enumerate(CORNERS):
        left, top = (place % 2) * (width // 2), (place // 2) * (height // 2)
        picture.paste(colour, (left, top, left + width // 2, top + height // 2))
    return picture


def noise(width: int = 320, height: int = 240, mode: str = "RGB") -> Image.Image:
    """Draw what does not compress and has no zeros at its end."""
    row = bytes(1 + (7 * at * at + 13 * at) % 251 for at in range(4096))
    needed = width * height * len(mode)
    return Image.frombytes(mode, (width, height), (row * (needed // len(row) + 1))[:needed])


def saved(picture: Image.Image, name: str, **options: Any) -> bytes:
    """Encode a picture; HEIF needs its extra."""
    if name == "HEIF":
        from pillow_heif import from_pillow  # noqa: PLC0415 -- an extra

        buffer = BytesIO()
        from_pillow(picture).save(buffer, **options)
        return buffer.getvalue()
    buffer = BytesIO()
    picture.save(buffer, name, **options)
    return buffer.getvalue()


def png_of_ones(width: int, height: int, rows: int | None = None) -> bytes:
    """Write a PNG of one bit a pixel without ever holding its pixels; `rows` of its height are there."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    packer = zlib.compressobj(1)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(packer.compress(row) for _ in range(height if rows is None else rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def turned(name: str, orientation: int, size: tuple[int, int] = (120, 80)) -> bytes:
    """Encode `quarters` lying as `orientation` says, with the EXIF that tells so."""
    stored = quarters(*size)
    if orientation in _STORED_AS:
        stored = stored.transpose(_STORED_AS[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(stored, name, exif=exif.tobytes(), quality=95)


def opened(image: PreparedImage) -> Image.Image:
    """Open what was prepared as anybody would."""
    picture = Image.open(BytesIO(image.jpeg))
    picture.load()
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (image.width, image.height))
    return picture


def colour_at(picture: Image.Image, across: float, down: float) -> str:
    """Name the colour at a place between 0 and 1: the nearest of a few."""
    pixel = pixel_at(picture, across, down)
    named = {
        "red": (255, 0, 0),
        "lime": (0, 255, 0),
        "blue": (0, 0, 255),
        "yellow": (255, 255, 0),
        "white": (255, 255, 255),
        "black": (0, 0, 0),
    }
    return min(named, key=lambda name: sum(abs(a - b) for a, b in zip(pixel, named[name], strict=True)))


def pixel_at(picture: Image.Image, across: float = 0.5, down: float = 0.5) -> tuple[int, int, int]:
    pixel = picture.getpixel((int(across * picture.width), int(down * picture.height)))
    assert isinstance(pixel, tuple)
    red, green, blue = (int(value) for value in pixel)
    return red, green, blue


def corners(picture: Image.Image) -> tuple[str, ...]:
    """Name the colours of the four quarters."""
    places = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
    return tuple(colour_at(picture, *place) for place in places)
