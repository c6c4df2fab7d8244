"""How often a JPEG goes over its pixels: thousands of scans are made to keep a decoder busy."""

import re

from .endings import scan_at

_SCAN = b"\xff\xda"
_END = 0xD9
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""What ends the pixels of a scan: they hold no such pair themselves."""


def many_scans(content: bytes, most: int) -> str | None:
    """Say that a JPEG has more than `most` scans, or None."""
    if content.count(_SCAN) <= most:  # what lies around the picture may hold some, too
        return None
    scans = _count(content)
    return (
        f"the JPEG goes over its pixels {scans:,} times; captiond reads at most {most}"
        if scans > most
        else None
    )


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
