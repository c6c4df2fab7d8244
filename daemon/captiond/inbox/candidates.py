"""Which names in an inbox are worth a look (pure).

To ignore another kind of name, add it to one of the tables below; names are bytes, as the disk has them.
"""

import os
import re
from dataclasses import dataclass
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

    @property
    def ignored(self) -> bool:
        """Whether there is nothing here for us."""
        return self.action is Action.IGNORE


LOOK = Verdict(Action.LOOK)
DESCEND = Verdict(Action.DESCEND)
OURS = Verdict(Action.IGNORE, "Written by captiond itself.")
HIDDEN = Verdict(Action.IGNORE, "The name begins with a dot: hidden, or still being copied.")
UNFINISHED = Verdict(Action.IGNORE, "The name is that of a file that another program is still writing.")
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
    return UNFINISHED if _is_unfinished(name, lower) else LOOK


def verdict_beneath(inbox: Path, path: Path, *, is_directory: bool = False) -> Verdict:
    """Decide about a path by all its names below the inbox: the first folder that is ignored decides."""
    parts = [os.fsencode(part) for part in path.relative_to(inbox).parts]
    if not parts:
        return DESCEND
    *folders, name = parts
    verdicts = (verdict(folder, is_directory=True) for folder in folders)
    return next((found for found in verdicts if found.ignored), verdict(name, is_directory))


def _is_unfinished(name: bytes, lower: bytes) -> bool:
    return (
        lower.endswith(UNFINISHED_ENDINGS)
        or lower.startswith(UNFINISHED_BEGINNINGS)
        or _LFTP in lower
        or _SED.fullmatch(name) is not None
    )
