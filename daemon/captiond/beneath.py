"""Opening what lies beneath a folder: no symbolic link leads out of it, and looking leaves no trace.

A path that is opened at once is followed through every link in it, also through one that somebody put there a
moment ago. So each folder on the way is opened by its name in the one above.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""The flags for a folder in which something is to be found by its name."""
LISTING = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""The flags for a folder of which the names are to be listed, or that is to be synced."""

_TOP = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_PATH


@contextmanager
def opened_beneath(top: Path, path: Path, flags: int) -> Iterator[int]:
    """Open `path` without following a symbolic link anywhere below `top`, which may be one itself."""
    parts = _steps(top, path)
    descriptor = os.open(top, _TOP) if parts else open_unnoticed(top, flags & ~os.O_NOFOLLOW)
    try:
        for steps_left, part in zip(reversed(range(len(parts))), parts, strict=True):
            above = descriptor
            descriptor = open_unnoticed(part, FOLDER if steps_left else flags, above)
            os.close(above)
        yield descriptor
    finally:
        os.close(descriptor)


class Beneath:
    """Opens one file after another below a folder; where the last one lay stays open for the next."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._folder: str | None = None
        self._descriptor = -1
        self._opened = ExitStack()

    def open(self, path: Path, flags: int) -> int:
        """Open a file without following a symbolic link anywhere below the top, as `opened_beneath` does."""
        return open_unnoticed(self._enter(path), flags, self._descriptor)

    def status(self, path: Path) -> os.stat_result:
        """Tell what `lstat` says of a path, as long as no folder on the way to it is a symbolic link."""
        return os.stat(self._enter(path), dir_fd=self._descriptor, follow_symlinks=False)

    def _enter(self, path: Path) -> str:
        """Have the folder of a path open; gives the path's name in it."""
        folder, _, name = str(path).rpartition("/")
        if folder != self._folder:
            self.close()
            opening = opened_beneath(self._top, Path(folder), FOLDER)
            self._descriptor = self._opened.enter_context(opening)
            self._folder = folder
        return name

    def close(self) -> None:
        """Let go of the folder."""
        self._folder = None
        self._opened.close()


def is_bare(folder: Path) -> bool:
    """Tell whether nothing lies in a folder; `iterdir` would list all of a million names first."""
    with os.scandir(folder) as entries:
        return next(entries, None) is None


def _steps(top: Path, path: Path) -> list[str]:
    """Name the folders between, and what is opened: as `relative_to` does, a dozen times as fast."""
    start = str(top).rstrip("/") + "/"
    if str(path).startswith(start):
        return str(path)[len(start) :].split("/")
    return list(path.relative_to(top).parts)


def open_unnoticed(path: Path | str, flags: int, folder: int | None = None) -> int:
    """Open something without changing when it was read last, where that is ours to decide."""
    if not flags & _WRITING:
        try:
            return os.open(path, flags | os.O_NOATIME, dir_fd=folder)
        except PermissionError as error:
            # It belongs to somebody else.
            if error.errno != errno.EPERM:
                raise
    return os.open(path, flags, dir_fd=folder)
