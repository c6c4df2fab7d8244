"""Which gate keeps a path in an inbox from being read? Looked at from outside, without opening a thing."""

import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from captiond.errors import CaptiondError, InboxGone
from captiond.model import InboxFile
from captiond.printable import printable

from .candidates import Verdict
from .ignoring import IgnoreRules
from .reading import GONE, fault, identity_of, stamp_of, why_special


class Gate(StrEnum):
    """The gates that the file system decides about, in the order in which they are passed."""

    INBOX = "inbox"
    THERE = "there"
    NAME = "name"
    KIND = "kind"
    PERMISSION = "permission"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The first gate that a path does not pass, with a sentence why."""

    gate: Gate
    sentence: str


def beneath(path: Path, inboxes: list[Path]) -> tuple[Path, Path] | None:
    """Find the inbox that a path lies in, and its path there; None where it lies in none.

    A link above the inbox may give both another name; links below it are left as they are.
    """
    for inbox in inboxes:
        if path.is_relative_to(inbox):
            return inbox, path
    for inbox in inboxes:
        real, folder = Path(os.path.realpath(inbox)), path
        while folder != folder.parent:
            folder = folder.parent
            if os.path.realpath(folder) == str(real):
                return inbox, inbox / path.relative_to(folder)
        if path.is_relative_to(real):
            return inbox, inbox / path.relative_to(real)
    return None


def first_gate(inbox: Path, path: Path, rules: IgnoreRules) -> Stopped | InboxFile:
    """Tell which gate stops a path of an inbox; the file with its stamp where none of these does."""
    try:
        identity_of(inbox)
        status = path.lstat()
    except InboxGone as gone:
        return Stopped(Gate.INBOX, str(gone))
    except OSError as error:
        return _unseen(inbox, error)
    rules.enter_above(path)
    verdict = rules.verdict_beneath(path, is_directory=stat.S_ISDIR(status.st_mode))
    if verdict.ignored:
        return Stopped(Gate.NAME, _by_name(verdict))
    sentence = _behind_link(inbox, path) or why_special(status.st_mode)
    if sentence is not None:
        return Stopped(Gate.KIND, sentence)
    file = InboxFile(inbox, path, stamp_of(status))
    return file if status.st_size else Stopped(Gate.EMPTY, "The file is empty so far.")


def _unseen(inbox: Path, error: OSError) -> Stopped:
    if error.errno in GONE:
        return Stopped(Gate.THERE, "There is no such file.")
    try:
        return Stopped(Gate.PERMISSION, str(fault(inbox, error)))
    except CaptiondError as trouble:
        return Stopped(Gate.INBOX, str(trouble))


def _by_name(verdict: Verdict) -> str:
    if verdict.folder is None:
        return str(verdict.reason)
    return f'Its folder "{printable(verdict.folder)}" is left alone. {verdict.reason}'


def _behind_link(inbox: Path, path: Path) -> str | None:
    above = [folder for folder in path.parents if folder != inbox and folder.is_relative_to(inbox)]
    link = next((folder for folder in reversed(above) if folder.is_symlink()), None)
    if link is None:
        return None
    name = printable(str(link.relative_to(inbox)))
    return f'It lies behind the symbolic link "{name}", which captiond does not follow.'
