"""How often a JPEG goes over its pixels: thousands of scans are made to keep a decoder busy."""

import re

from .endings import JPEG_START_OF_SCAN, jpeg_headers, scan_at

_SCAN = b"\xff\xda"
_END = 0xD9
_SEQUENTIAL_FRAMES = (0xC0, 0xC1)
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""What ends the pixels of a scan: they hold no such pair themselves."""


def many_scans(content: bytes, most: int) -> str | None:
    """Say that a JPEG has more than `most` scans, or None."""
    if _in_one_scan(content):
        return None
    scans = _count(content)
    return (
        f"the JPEG goes over its pixels {scans:,} times; captiond reads at most {most}"
        if scans > most
        else None
    )


def _in_one_scan(content: bytes) -> bool:
    """Tell that a decoder stops after the first scan: it has all colours, and goes over them once."""
    colours = b""
    for marker, at in jpeg_headers(content):
        if marker in _FRAMES:
            colours = content[at + 9 : at + 10]
            if marker not in _SEQUENTIAL_FRAMES:
                return False
        if marker == JPEG_START_OF_SCAN:
            return content[at + 4 : at + 5] == colours
    return False


def _count(content: bytes) -> int:
    """Count from marker to marker: previews before the picture, and films after it, are not counted."""
    scans, at = 0, scan_at(content)
    while (marker := _MARKER.search(content, at)) is not None:
        at = marker.start()
        if content[at + 1] == _END:
            break
        scans += content[at : at + 2] == _SCAN
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return scans
