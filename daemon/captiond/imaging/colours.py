"""Pixels of any mode in, 8 bits of sRGB a channel out."""

import struct
import zlib
from io import BytesIO

from PIL import Image, ImageCms

BAD_BYTES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What Pillow raises on bytes that it cannot read; anything else is our fault and ends the decode process."""


def resizable(image: Image.Image) -> Image.Image:
    """Give the picture 8 bits a channel and a mode in which pixels can be averaged."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bits(image)
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGB") if image.mode in ("P", "RGBX") else image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale deep grey to 0…255; Pillow's own conversion cuts off all above 255."""
    deep = image.mode.startswith("I;16")
    image = image.convert("I") if deep else image
    lowest, highest = (0, 65_535) if deep else _range(*image.getextrema())
    scale = 255 / (highest - lowest)
    return image.point(lambda value: value * scale - lowest * scale).convert("L")


def _range(lowest: float, highest: float) -> tuple[float, float]:
    """Guess which values are black and white where the format does not say."""
    if lowest >= 0:
        return 0, next((white for white in (1, 255, 65_535) if highest <= white), highest)
    return lowest, max(highest, lowest + 1)


def on_white(image: Image.Image) -> Image.Image:
    """Lay what is transparent on white paper."""
    if image.mode != "RGBA":
        return image
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Give the colours as sRGB, from what the picture's own profile says they are, if that can be read."""
    if image.mode == "LAB":
        return _converted(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    try:
        source = ImageCms.getOpenProfile(BytesIO(profile)) if profile else None
        if source is not None and not ImageCms.getProfileDescription(source).startswith("sRGB"):
            return _converted(image, source)
    except (ImageCms.PyCMSError, *BAD_BYTES):
        pass  # a broken profile, or one for other channels: the colours are shown as they are
    return image.convert("RGB")


def _converted(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None
    return converted
