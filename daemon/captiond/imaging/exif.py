"""What the camera wrote into the picture, made fit for the catalogue (pure).

Takes tags as the decoder read them (number → value); a tag that makes no sense is as good as none.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

Tags = Mapping[int, object]

_MAKE, _MODEL = 0x010F, 0x0110
_TAKEN, _TAKEN_OFFSET = 0x9003, 0x9011
_DIGITIZED, _DIGITIZED_OFFSET = 0x9004, 0x9012
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4

_MAX_CHARS = 200
_MOMENT = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")


def clean(value: object, max_chars: int = _MAX_CHARS) -> str:
    """Turn a tag into one line without control characters, in NFC; empty where it is no text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    with suppress(UnicodeError):  # tags are read as Latin-1, phones write UTF-8
        value = value.encode("latin-1").decode("utf-8")
    visible = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in value)
    return unicodedata.normalize("NFC", " ".join(visible.split()))[:max_chars].rstrip()


def taken_at(exif: Tags) -> str | None:
    """Give the moment of the picture in ISO 8601, with the offset from UTC where the camera knew it."""
    for moment, offset in ((_TAKEN, _TAKEN_OFFSET), (_DIGITIZED, _DIGITIZED_OFFSET)):
        found = _MOMENT.match(clean(exif.get(moment)))
        if found is None:
            continue
        with suppress(ValueError):
            written = clean(exif.get(offset))
            zone = written if _OFFSET.fullmatch(written) else ""
            return datetime(*map(int, found.groups())).isoformat() + zone  # type: ignore[arg-type]  # noqa: DTZ001 -- a camera's local time
    return None


def camera(main: Tags) -> str | None:
    """Name the camera, "Make Model", the make only once."""
    make, model = clean(main.get(_MAKE)), clean(main.get(_MODEL))
    first_word = model.casefold().split(" ", 1)[0]
    if first_word in make.casefold().split():
        return model or None
    return f"{make} {model}".strip() or None


def position(gps: Tags) -> tuple[float, float] | None:
    """Give latitude and longitude in degrees, or None where they are missing or impossible."""
    latitude = _degrees(gps.get(_LATITUDE), gps.get(_LATITUDE_REF), "NS", 90)
    longitude = _degrees(gps.get(_LONGITUDE), gps.get(_LONGITUDE_REF), "EW", 180)
    if latitude is None or longitude is None:
        return None
    if latitude == longitude == 0:  # a camera without a fix writes zeros
        return None
    return latitude, longitude


def _degrees(value: object, reference: object, letters: str, largest: float) -> float | None:
    letter = clean(reference).upper()
    if letter not in tuple(letters) or not isinstance(value, tuple):
        return None
    try:
        degrees, minutes, seconds = (float(part) for part in value)
    except (ArithmeticError, TypeError, ValueError):
        return None
    if not all(math.isfinite(part) and part >= 0 for part in (degrees, minutes, seconds)):
        return None
    total = degrees + minutes / 60 + seconds / 3600
    if total > largest:
        return None
    return round(-total if letter == letters[1] else total, 7)
