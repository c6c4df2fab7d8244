"""Is the whole file there? Decoders do not notice every end that is not written yet (pure)."""

from collections.abc import Iterator

_TAIL_BYTES = 4096
_BLOCK_BYTES = 512
_MAY_END_IN_ZEROS = ("TIFF", "BMP", "WEBP")
"""Formats in which a flat area may be zeros; those of a copy that broke off begin at a whole block."""

JPEG_START_OF_SCAN = 0xDA
_JPEG_FILLER = 0xFF
_JPEG_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))
_JPEG_END = b"\xff\xd9"
_PNG_END = b"IEND\xaeB`\x82"


def missing_end(name: str, content: bytes) -> str | None:
    """Say what is missing at the end of a picture of format `name`, or None.

    What follows the end is left alone: phones append their own, cameras fill up with zeros.
    """
    if name == "JPEG":
        return None if content.rfind(_JPEG_END, scan_at(content)) >= 0 else _cut_or_empty(content)
    if name == "PNG":
        return None if content.rfind(_PNG_END) >= 0 else _cut_or_empty(content)
    if name in _MAY_END_IN_ZEROS and _zeros_at(content) % _BLOCK_BYTES:
        return None
    return _EMPTY if _ends_in_zeros(content) else None


_EMPTY = "the end of the file is empty: probably not completely copied"
_CUT = "the file ends before the picture does: probably not completely copied"


def _cut_or_empty(content: bytes) -> str:
    return _EMPTY if _ends_in_zeros(content) else _CUT


def _ends_in_zeros(content: bytes) -> bool:
    tail = content[-_TAIL_BYTES:]
    return len(tail) == _TAIL_BYTES and not any(tail)


def _zeros_at(content: bytes) -> int:
    return len(content.rstrip(b"\0")) if _ends_in_zeros(content) else 0


def scan_at(content: bytes) -> int:
    """Find where the first scan of a JPEG starts: the headers before it may hold a whole JPEG as preview."""
    *_, (_, at) = jpeg_headers(content)
    return at


def jpeg_headers(content: bytes) -> Iterator[tuple[int | None, int]]:
    """Give the markers of a JPEG up to its first scan, and where each is; None where no marker is at last."""
    at = 2
    while content[at : at + 1] == b"\xff" and at + 4 <= len(content):
        marker = content[at + 1]
        yield marker, at
        if marker == JPEG_START_OF_SCAN:
            return
        if marker == _JPEG_FILLER:
            at += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    yield None, at
