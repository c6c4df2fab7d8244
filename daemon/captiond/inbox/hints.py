"""Where to look: what watchdog's threads tell and ours take, a set with a bound."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path


class Hints:
    """The paths to look at: a bounded set between watchdog's threads and ours; as text, for it must be quick.

    `wake` is called, from watchdog's thread, when there is something to drain after there was nothing. More
    than `folder_room` paths in one folder become that folder, more than `room` become all their folders, and
    more folders than that "look everywhere". What lies in a folder that is noted itself needs no note.
    """

    def __init__(self, wake: Callable[[], None], *, room: int = 5_000, folder_room: int = 1_000) -> None:
        self._wake = wake
        self._room = room
        self._folder_room = folder_room
        self._lock = threading.Lock()
        self._paths: dict[str, None] = {}
        self._folders: dict[str, None] = {}
        self._in_folder: Counter[str] = Counter()
        self._everything = False

    def add(self, path: str) -> None:
        """Note an absolute path."""
        with self._lock:
            was_empty = self._is_empty()
            if not self._everything:
                self._note(path)
        if was_empty:
            self._wake()

    def look_everywhere(self) -> None:
        """Note that no list of paths is good enough: a scan is needed."""
        with self._lock:
            was_empty = self._is_empty()
            self._give_up()
        if was_empty:
            self._wake()

    def drain(self) -> tuple[list[Path], bool]:
        """Take out all paths, those that were told first, and whether to look everywhere instead."""
        with self._lock:
            drained = [Path(path) for path in (*self._paths, *self._folders)], self._everything
            self._everything = False
            self._forget_all()
        return drained

    def _note(self, path: str) -> None:
        folder = _folder_of(path)
        if path in self._paths or path in self._folders or folder in self._paths or folder in self._folders:
            return
        self._paths[path] = None
        self._in_folder[folder] += 1
        if self._in_folder[folder] > self._folder_room:
            self._widen([other for other in self._paths if _folder_of(other) == folder])
        if len(self._paths) + len(self._folders) > self._room:
            self._widen(list(self._paths))
        if len(self._folders) > self._room:
            self._give_up()

    def _widen(self, paths: Sequence[str]) -> None:
        """Note the folders of these paths instead."""
        for path in paths:
            folder = _folder_of(path)
            del self._paths[path]
            self._in_folder.pop(folder, None)
            self._folders[folder] = None

    def _give_up(self) -> None:
        self._everything = True
        self._forget_all()

    def _forget_all(self) -> None:
        self._paths = {}
        self._folders = {}
        self._in_folder.clear()

    def _is_empty(self) -> bool:
        return not self._paths and not self._folders and not self._everything


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]
