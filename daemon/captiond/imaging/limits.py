"""How pictures are prepared, in plain values that the daemon may import without the libraries that decode."""

from dataclasses import dataclass
from importlib.util import find_spec

from .sniffing import DEFAULT_FORMATS

PREPARATION_VERSION = 1
"""Raise it when prepared pictures come out differently: answers from another version are another prompt's."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read, and what a picture may cost.

    A JPEG is decoded at the scale that is needed, so it may have many more pixels than the other formats;
    a progressive one of a camera or an editor goes over them about ten times.
    `heif` says that the extra for HEIC pictures is installed.
    """

    formats: tuple[str, ...] = DEFAULT_FORMATS
    max_side: int = 65_500
    max_jpeg_pixels: int = 400_000_000
    max_other_pixels: int = 120_000_000
    max_jpeg_scans: int = 100
    max_file_bytes: int = 512 * 1024 * 1024
    heif: bool = False


def heif_installed() -> bool:
    """Tell whether the extra for HEIC pictures is installed, without loading it."""
    return find_spec("pillow_heif") is not None
