"""How the daemon and its decode process speak: a length, a JSON header that long, the bytes it announces.

Never a pickle: what comes from the decode process is believed no more than the picture it read.
"""

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import TypeVar

from captiond.errors import DamagedPicture, NotAPicture, PictureTooLarge, Rejected, UnsupportedPicture
from captiond.model import Fit, Json, PictureFacts, PreparedImage, Tile, Tiles

from .bars import Bars
from .limits import Limits
from .tiling import MOST_TILES, Cutting

PREFIX = struct.Struct(">I")
"""The length of the header, in bytes."""

MAX_HEADER_BYTES = 64 * 1024
MAX_JPEG_BYTES = 64 * 1024 * 1024

_REJECTIONS: Mapping[str, type[Rejected]] = {
    kind.__name__: kind for kind in (NotAPicture, DamagedPicture, PictureTooLarge)
}


_Read = TypeVar("_Read")


class Nonsense(ValueError):
    """The other side does not keep to the protocol."""


def packed(header: Json) -> bytes:
    """Give a header as it goes over the pipe, with its length before it."""
    encoded = json.dumps(header).encode()
    return PREFIX.pack(len(encoded)) + encoded


def header_length(prefix: bytes) -> int:
    """Read the length of the header that follows; `Nonsense` where it is longer than any of ours."""
    length: int = PREFIX.unpack(prefix)[0]
    if length > MAX_HEADER_BYTES:
        raise Nonsense("the header is too long")
    return length


def read_bars(header: Json) -> Bars:
    """Read what the decode process says first, what it is held by; `Nonsense` where that is not it."""
    try:
        told = header["bars"]
        return Bars(int(told["landlock_abi"]), bool(told["seccomp"]), tuple(map(str, told["gaps"])))
    except (KeyError, TypeError, ValueError) as error:
        raise Nonsense(f"it is not ready: {error!r}") from None


def request(content_bytes: int, fit: Fit, limits: Limits, cutting: Cutting | None = None) -> Json:
    """Write the header that goes before a picture of `content_bytes`; `cutting`: it is to come in tiles."""
    told = {"size": content_bytes, "boxes": fit.boxes, "limits": asdict(limits)}
    return told if cutting is None else {**told, "cutting": asdict(cutting)}


def read_request(header: Json) -> tuple[int, Fit, Limits, Cutting | None]:
    """Read what `request` wrote."""
    limits = header["limits"]
    fit = Fit(tuple((width, height) for width, height in header["boxes"]))
    cutting = Cutting(**header["cutting"]) if "cutting" in header else None
    return header["size"], fit, Limits(**{**limits, "formats": tuple(limits["formats"])}), cutting


def accepted(image: PreparedImage) -> Json:
    """Write the header that goes before a prepared JPEG."""
    return {
        "size": len(image.jpeg),
        "ok": {"facts": asdict(image.facts), "width": image.width, "height": image.height},
    }


def accepted_tiles(tiles: Tiles) -> Json:
    """Write the header that goes before the JPEGs of tiles, one behind the other."""
    return {
        "size": sum(len(tile.jpeg) for tile in tiles.tiles),
        "ok": {
            "tiles": [[tile.row, tile.column, len(tile.jpeg)] for tile in tiles.tiles],
            "across": tiles.across,
            "down": tiles.down,
        },
    }


def rejected(error: Rejected) -> Json:
    """Write the header that tells why there is no JPEG."""
    return {
        "size": 0,
        "rejected": type(error).__name__,
        "sentence": str(error),
        "format": getattr(error, "image_format", None),
    }


def reply_bytes(header: Json, most: int = MAX_JPEG_BYTES) -> int:
    """Read how many bytes, at most `most`, follow a reply's header; `Nonsense` where that is no such size."""
    size = header.get("size") if isinstance(header, dict) else None
    if not isinstance(size, int) or not 0 <= size <= most:
        raise Nonsense("the reply has no possible size")
    return size


def read_reply(header: Json, jpeg: bytes) -> PreparedImage | Rejected:
    """Read a reply; `Nonsense` where it is none."""
    return _read(
        header,
        lambda told: PreparedImage(jpeg, int(told["width"]), int(told["height"]), _facts(told["facts"])),
    )


def read_tiles(header: Json, jpegs: bytes) -> Tiles | Rejected:
    """Read a reply of tiles; `Nonsense` where it is none."""
    return _read(
        header,
        lambda told: Tiles(
            tuple(_tiles(told["tiles"], jpegs)), across=_share(told["across"]), down=_share(told["down"])
        ),
    )


def _read(header: Json, read_ok: Callable[[Json], _Read]) -> _Read | Rejected:
    try:
        if "ok" in header:
            return read_ok(header["ok"])
        return _rejection(header["rejected"], str(header["sentence"]), header["format"])
    except (KeyError, TypeError, ValueError) as error:
        raise Nonsense(f"the reply makes no sense: {error!r}") from None


def _tiles(told: Json, jpegs: bytes) -> Iterator[Tile]:
    if len(told) > MOST_TILES:
        raise ValueError("there are too many tiles")
    start = 0
    for row, column, length in told:
        if not 0 < int(length) <= len(jpegs) - start:
            raise ValueError("a tile has no possible size")
        yield Tile(jpegs[start : start + int(length)], int(row), int(column))
        start += int(length)


def _share(told: Json) -> float:
    if not 0 <= float(told) < 1:
        raise ValueError("it is no share of a tile")
    return float(told)


def _rejection(kind: str, sentence: str, image_format: str | None) -> Rejected:
    if kind == UnsupportedPicture.__name__:
        return UnsupportedPicture(sentence, str(image_format))
    return _REJECTIONS[kind](sentence)


def _facts(told: Json) -> PictureFacts:
    return PictureFacts(
        format=str(told["format"]),
        width=int(told["width"]),
        height=int(told["height"]),
        taken_at=_text(told["taken_at"]),
        camera=_text(told["camera"]),
        latitude=_number(told["latitude"]),
        longitude=_number(told["longitude"]),
    )


def _text(told: Json) -> str | None:
    return None if told is None else str(told)


def _number(told: Json) -> float | None:
    return None if told is None else float(told)
