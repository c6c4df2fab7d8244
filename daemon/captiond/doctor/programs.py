"""The libraries underneath: old ones have holes that pictures can use."""

import re
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from captiond.imaging.bars import Bars

from .finding import Finding, Level

SAFE_VERSIONS = {"pillow": (12, 3), "pillow-heif": (1, 4)}
"""Since these, no hole is known in the decoders that captiond switches on."""


def program_findings() -> Iterator[Finding]:
    """Name the versions that a bug report needs, and those that should be newer."""
    found = {name: found for name in SAFE_VERSIONS if (found := _version(name))}
    told = ", ".join([f"SQLite {sqlite3.sqlite_version}", *(f"{name} {found[name]}" for name in found)])
    yield Finding(Level.OK, "programs", f"captiond {_version('captiond')}: {told}.")
    for name, installed in found.items():
        safe = SAFE_VERSIONS[name]
        if is_older(installed, safe):
            wanted = ".".join(map(str, safe))
            fix = f"pip install --upgrade '{name}>={wanted}'"
            yield Finding(Level.WARN, "programs", f"{name} {installed} has known security holes.", fix)
    if "pillow-heif" not in found:
        yield Finding(
            Level.NOTE, "programs", "HEIC pictures are not read: the extra `heif` is not installed."
        )


def cage_finding(bars: Bars) -> Finding:
    """Say what holds the decode process; where the kernel has not all of it, that is no reason to stop."""
    return Finding(Level.NOTE if bars.gaps else Level.OK, "decoder", bars.sentence)


def is_older(installed: str, than: tuple[int, ...]) -> bool:
    """Compare the numbers at the beginning of a version."""
    return tuple(int(number) for number in re.findall(r"\d+", installed)[: len(than)]) < than


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
