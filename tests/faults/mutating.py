"""Small pictures of every format, and how they are damaged: always in the same way for the same number."""

import random
from collections.abc import Callable, Iterator, Sequence

from PIL import Image

from captiond.imaging.limits import heif_installed
from imaging.drawing import noise, quarters, saved
from imaging.test_preparing import swapping_profile

SEED = 20_240_714
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HEADER_BYTES = 600


def seeds() -> list[bytes]:
    """Draw small valid pictures: every format, and its several ways to store pixels."""
    picture, grey = noise(96, 64), Image.new("I;16", (48, 32), 30_000)
    film = {"save_all": True, "append_images": [quarters(96, 64), noise(96, 64)]}
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 30.0, 0.0), 3: "E", 4: (151.0, 0.0, 0.0)})
    made = [
        saved(picture, "JPEG", exif=exif),
        saved(picture, "JPEG", progressive=True, icc_profile=swapping_profile()),
        saved(picture.convert("CMYK"), "JPEG"),
        saved(picture, "PNG", exif=exif, icc_profile=swapping_profile()),
        saved(grey, "PNG"),
        saved(quarters(96, 64).convert("P"), "PNG", **film),
        saved(picture, "WEBP", exif=exif),
        saved(picture.convert("RGBA"), "WEBP", lossless=True),
        saved(picture.convert("P"), "GIF", **film),
        saved(picture, "AVIF", exif=exif),
        saved(picture, "TIFF", compression="tiff_lzw"),
        saved(picture.convert("CMYK"), "TIFF", compression="tiff_adobe_deflate"),
        saved(picture, "TIFF", compression="jpeg"),
        saved(picture, "BMP"),
        saved(picture.convert("P"), "BMP"),
    ]
    return [*made, saved(picture, "HEIF")] if heif_installed() else made


def flipped(content: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(content: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    return content[: chance.randrange(1, len(content))]


def without_a_piece(content: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    first, last = sorted(chance.randrange(len(content)) for _ in range(2))
    return content[:first] + content[last:]


def with_a_piece_twice(content: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    first, last = sorted(chance.randrange(len(content)) for _ in range(2))
    return content[:last] + content[first:]


def emptied(content: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    first, last = sorted(chance.randrange(len(content)) for _ in range(2))
    return content[:first] + bytes(last - first) + content[last:]


def spliced(content: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return content[: chance.randrange(1, len(content))] + other[chance.randrange(len(other)) :]


def header_changed(content: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    """Write an extreme number somewhere at the beginning, where sizes and counts are."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(min(HEADER_BYTES, len(changed) - 4))
        size = chance.choice((1, 2, 4))
        number = chance.choice(EXTREMES) & ((1 << 8 * size) - 1)
        changed[at : at + size] = number.to_bytes(size, chance.choice(("big", "little")))
    return bytes(changed)


Damage = Callable[[bytes, random.Random, Sequence[bytes]], bytes]
DAMAGES: tuple[Damage, ...] = (
    flipped,
    flipped,
    header_changed,
    header_changed,
    header_changed,
    cut,
    without_a_piece,
    with_a_piece_twice,
    emptied,
    spliced,
)


def damaged(count: int) -> Iterator[bytes]:
    """Give as many damaged pictures; the same ones each time."""
    originals, chance = seeds(), random.Random(SEED)
    for number in range(count):
        content = originals[number % len(originals)]
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            content = chance.choice(DAMAGES)(content, chance, originals) or b"\0"
            if len(content) < 8:
                break
        yield content
