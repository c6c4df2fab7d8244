"""Which names in an inbox are worth a look (pure).

To ignore another kind of name, add it to one of the tables below; names are bytes, as the disk has them.
"""

import os
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path


class Action(StrEnum):
    """What to do about a name."""

    LOOK = "look"
    DESCEND = "descend"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about a name; `reason` is a sentence, there when it is ignored."""

    action: Action
    reason: str | None = None
    final: bool = False
    """No pattern of the user's takes it back."""
    unfinished: bool = False
    """The name is one of those that other programs give to what they still write."""
    folder: str | None = None
    """The folder, relative to the inbox, whose name decided; None where it was the path's own."""

    @property
    def ignored(self) -> bool:
        """Whether there is nothing here for us."""
        return self.action is Action.IGNORE

    def of_folder(self, folder: str) -> "Verdict":
        """Say that the name of a folder above decided."""
        return replace(self, folder=folder)


LOOK = Verdict(Action.LOOK)
DESCEND = Verdict(Action.DESCEND)
OURS = Verdict(Action.IGNORE, "Written by captiond itself.", final=True)
HIDDEN = Verdict(Action.IGNORE, "The name begins with a dot: hidden, or still being copied.", final=True)
CLUTTER = Verdict(Action.IGNORE, "The operating system put this here; it is no picture.")
FOREIGN_FOLDER = Verdict(Action.IGNORE, "A folder in which other software keeps its own files.")

SIDECAR_ENDING = b".captiond.json"

UNFINISHED_BEGINNINGS = (b"~syncthing~", b"~$")
UNFINISHED_ENDINGS = (
    b".!qb",
    b".!sync",
    b".!ut",
    b".aria2",
    b".crdownload",
    b".download",
    b".filepart",
    b".lock",
    b".opdownload",
    b".part",
    b".partial",
    b".swp",
    b".temp",
    b".tmp",
    b"_exiftool_tmp",
    b"~",
)
CLUTTER_NAMES = frozenset({b"desktop.ini", b"thumbs.db"})
FOREIGN_FOLDERS = frozenset(
    {
        b"#recycle",
        b"#snapshot",
        b"$recycle.bin",
        b"@eadir",
        b"@recycle",
        b"__macosx",
        b"lost+found",
        b"system volume information",
    }
)
"""In lower case: these names come over file systems and servers that do not keep theirs."""

_LFTP = b".lftp-"
_SED = re.compile(rb"sed[0-9A-Za-z]{6}")
"""`sed -i` writes sed + six letters or digits beside the file; a dot (`sed12.jpg`) is none of them."""


def verdict(name: bytes, is_directory: bool) -> Verdict:
    """Decide by its name alone whether a file is looked at, or a directory entered."""
    if name.startswith(b"."):
        return HIDDEN
    lower = name.lower()
    if is_directory:
        return FOREIGN_FOLDER if lower in FOREIGN_FOLDERS else DESCEND
    if lower.endswith(SIDECAR_ENDING):
        return OURS
    if lower in CLUTTER_NAMES:
        return CLUTTER
    pattern = _unfinished_like(name, lower)
    return LOOK if pattern is None else unfinished(pattern)


def verdict_beneath(inbox: Path, path: Path, *, is_directory: bool = False) -> Verdict:
    """Decide about a path by all its names below the inbox: the first folder that is ignored decides."""
    parts = [os.fsencode(part) for part in path.relative_to(inbox).parts]
    if not parts:
        return DESCEND
    *folders, name = parts
    for depth, folder in enumerate(folders, 1):
        found = verdict(folder, is_directory=True)
        if found.ignored:
            return found.of_folder(os.fsdecode(b"/".join(folders[:depth])))
    return verdict(name, is_directory)


def unfinished(pattern: str) -> Verdict:
    """Say of which pattern for unfinished files a name is."""
    sentence = f"Names like {pattern} are of files that another program is still writing."
    return Verdict(Action.IGNORE, sentence, unfinished=True)


def _unfinished_like(name: bytes, lower: bytes) -> str | None:
    """Give the pattern of unfinished files that a name is like."""
    # All at once first: this is asked about every file of every scan.
    if lower.endswith(UNFINISHED_ENDINGS):
        return next(f"*{ending.decode()}" for ending in UNFINISHED_ENDINGS if lower.endswith(ending))
    if lower.startswith(UNFINISHED_BEGINNINGS):
        return next(f"{start.decode()}*" for start in UNFINISHED_BEGINNINGS if lower.startswith(start))
    if _LFTP in lower:
        return "*.lftp-*"
    return "sed??????" if _SED.fullmatch(name) else None
