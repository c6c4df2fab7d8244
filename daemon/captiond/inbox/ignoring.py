"""What the user wants left alone: patterns of the settings, and `.captiondignore` files, as git reads them.

The only file that knows pathspec. A pattern beginning with `!` takes back what an earlier one says, the names
of unfinished and foreign files in `candidates.py` included; hidden names and captiond's own stay ignored.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from captiond.beneath import FOLDER, open_unnoticed
from captiond.errors import BadConfiguration
from captiond.printable import printable

from .candidates import DESCEND, LOOK, Action, Verdict, verdict

IGNORE_FILE = ".captiondignore"
LONGEST_IGNORE_FILE_BYTES = 1_000_000

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Patterns:
    """Patterns with the line on which each stands, and of whom they are: `the setting inbox.ignore`."""

    source: str
    spec: GitIgnoreSpec
    lines: Sequence[tuple[int, str]]

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns alone."""
        return tuple(pattern for _, pattern in self.lines)

    def verdict(self, path: str, is_directory: bool) -> Verdict | None:
        """Decide about a path relative to the folder that the patterns are of; None where none fits."""
        found = self.spec.check_file(f"{path}/" if is_directory else path)
        if found.include is None or found.index is None:
            return None
        if not found.include:
            return DESCEND if is_directory else LOOK
        line, pattern = self.lines[found.index]
        place = f"{self.source}, line {line}" if line else self.source
        return Verdict(Action.IGNORE, f'Ignored by {place}: "{pattern}".')


class IgnoreRules:
    """The patterns for one inbox; those in its folders are read again when they change.

    `changes` counts how often that happened. Used from several threads: each rule is replaced whole.
    """

    def __init__(self, inbox: Path, patterns: Sequence[str] = ()) -> None:
        """Take the patterns of the settings; raises BadConfiguration where one means nothing."""
        self.changes = int(bool(patterns))
        self._inbox = inbox
        self._settings = from_setting(patterns)
        self._in_folder: dict[bytes, tuple[Stamp, Patterns]] = {}

    @property
    def any(self) -> bool:
        """Whether there is a rule at all."""
        return bool(self._settings.lines or self._in_folder)

    def replace(self, patterns: Sequence[str]) -> None:
        """Take other patterns from the settings; raises BadConfiguration, and keeps the old ones then."""
        settings = from_setting(patterns)
        if settings.lines != self._settings.lines:
            self._settings = settings
            self.changes += 1

    def enter(self, folder: bytes, descriptor: int) -> None:
        """Read the ignore file of an open folder, if it has one, and if it is another than before."""
        known = self._in_folder.get(folder)
        try:
            status = os.stat(IGNORE_FILE, dir_fd=descriptor, follow_symlinks=False)
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if known is None or known[0] != stamp:
                self._in_folder[folder] = stamp, self._read(folder, descriptor)
                self.changes += 1
        except FileNotFoundError:
            if known is not None:
                del self._in_folder[folder]
                self.changes += 1
        except OSError:
            # A link, or a file that cannot be read now: it says what it said before.
            return

    def enter_above(self, path: Path) -> None:
        """Read the ignore files of the inbox and of all folders between it and a path; links are no way."""
        with suppress(OSError):
            self._enter_each(path.relative_to(self._inbox).parts[:-1])

    def _enter_each(self, folders: Sequence[str]) -> None:
        place = os.fsencode(self._inbox)
        descriptor = os.open(self._inbox, FOLDER & ~os.O_NOFOLLOW)
        try:
            self.enter(place, descriptor)
            for folder in folders:
                above = descriptor
                descriptor = os.open(folder, FOLDER, dir_fd=above)
                os.close(above)
                place += b"/" + os.fsencode(folder)
                self.enter(place, descriptor)
        finally:
            os.close(descriptor)

    def verdict(self, path: bytes, is_directory: bool) -> Verdict:
        """Decide about a path whose folders are entered: its name, then the rules, the nearest one first."""
        by_name = verdict(path.rpartition(b"/")[2], is_directory)
        if by_name.final or not self.any:
            return by_name
        return self._by_rule(path, is_directory) or by_name

    def verdict_beneath(self, path: Path, *, is_directory: bool = False) -> Verdict:
        """Decide about a path by all its names below the inbox: the first folder that is ignored decides."""
        place = os.fsencode(self._inbox)
        *folders, name = [os.fsencode(part) for part in path.relative_to(self._inbox).parts] or [b""]
        if not name:
            return DESCEND
        for folder in folders:
            place += b"/" + folder
            found = self.verdict(place, is_directory=True)
            if found.ignored:
                return found.of_folder(os.fsdecode(place[len(os.fsencode(self._inbox)) + 1 :]))
        return self.verdict(place + b"/" + name, is_directory)

    def _by_rule(self, path: bytes, is_directory: bool) -> Verdict | None:
        inbox = os.fsencode(self._inbox)
        folder = path
        while len(folder) > len(inbox):
            folder = folder.rpartition(b"/")[0]
            known = self._in_folder.get(folder)
            if known is not None:
                found = known[1].verdict(os.fsdecode(path[len(folder) + 1 :]), is_directory)
                if found is not None:
                    return found
        return self._settings.verdict(os.fsdecode(path[len(inbox) + 1 :]), is_directory)

    def _read(self, folder: bytes, descriptor: int) -> Patterns:
        opened = open_unnoticed(IGNORE_FILE, _FILE, descriptor)
        try:
            is_file = stat.S_ISREG(os.fstat(opened).st_mode)
            content = os.read(opened, LONGEST_IGNORE_FILE_BYTES) if is_file else b""
        finally:
            os.close(opened)
        below = os.fsdecode(folder)[len(str(self._inbox)) :].strip("/")
        text = os.fsdecode(content.removeprefix(b"\xef\xbb\xbf")).replace("\r\n", "\n")
        return _patterns(f"{below}/{IGNORE_FILE}".lstrip("/"), enumerate(text.split("\n"), 1))


def from_setting(patterns: Sequence[str]) -> Patterns:
    """Read the patterns of the settings; raises BadConfiguration where one means nothing."""
    found = _patterns("the setting inbox.ignore", ((0, pattern) for pattern in patterns))
    for pattern in patterns:
        if pattern not in found.patterns:
            raise BadConfiguration(f'inbox.ignore: "{printable(pattern)}" is no pattern of names')
    return found


def _patterns(source: str, lines: Iterable[tuple[int, str]]) -> Patterns:
    """Keep the lines that say something; as git does, leave out those that are no patterns."""
    good = [(number, line) for number, line in lines if _says_something(line)]
    return Patterns(source, GitIgnoreSpec.from_lines([line for _, line in good], backend="simple"), good)


def _says_something(line: str) -> bool:
    try:
        return any(pattern.include is not None for pattern in GitIgnoreSpec.from_lines([line]).patterns)
    except ValueError:
        return False
