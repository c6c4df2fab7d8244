"""Bugs that are planted on purpose, as patches: text that says what and who must see it, then a small diff.

A hunk is found by its own lines wherever they stand, so that a patch lives through changes around it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PLANTED = Path(__file__).parent / "planted"
TARGET = re.compile(r"\+\+\+ b/daemon/(\S+)")


class DoesNotApplyError(Exception):
    """The lines that a patch changes are not there, or there twice."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines of one file and what takes their place; the path is below `daemon/`."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Bug:
    """A planted bug: what it is, and the tests that must go red with it."""

    name: str
    sentence: str
    tests: tuple[str, ...]
    hunks: tuple[Hunk, ...]

    def plant(self, daemon: Path) -> None:
        """Change the copy of `daemon/` at this path; raises DoesNotApplyError."""
        for hunk in self.hunks:
            path = daemon / hunk.path
            text = path.read_text()
            if text.count(hunk.old) != 1:
                raise DoesNotApplyError(f"{self.name}: {text.count(hunk.old)} times in {path}:\n{hunk.old}")
            path.write_text(text.replace(hunk.old, hunk.new))


def bugs() -> list[Bug]:
    return [_bug(path) for path in sorted(PLANTED.glob("*.patch"))]


def _bug(path: Path) -> Bug:
    header, _, diff = path.read_text().partition("\n---")
    fields = dict(line.split(": ", 1) for line in header.splitlines())
    return Bug(path.stem, fields["What"], tuple(fields["Tests"].split()), tuple(_hunks(diff)))


def _hunks(diff: str) -> Iterator[Hunk]:
    path, old, new = "", "", ""
    for line in [*diff.splitlines(), "@@"]:
        if line.startswith(("@@", "---")) and old:
            yield Hunk(path, old, new)
            old = new = ""
        if target := TARGET.match(line):
            path = target[1]
        elif line[:1] in {" ", "-"} and not line.startswith("---") and path:
            old += f"{line[1:]}\n"
        if line[:1] in {" ", "+"} and not line.startswith("+++") and path:
            new += f"{line[1:]}\n"
