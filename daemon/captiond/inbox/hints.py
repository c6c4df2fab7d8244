"""Where to look: what watchdog's threads tell and ours take, a set with a bound."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path


class Hints:
    """The paths to look at: a bounded set between watchdog's threads and ours; as text, for it must be quick.

    `wake` is called, from watchdog's thread, when there is something to drain after there was nothing. More
    than `folder_room` paths in one folder become that folder, more than `room` become "look everywhere".
    """

    def __init__(self, wake: Callable[[], None], *, room: int = 5_000, folder_room: int = 1_000) -> None:
        self._wake = wake
        self._room = room
        self._folder_room = folder_room
        self._lock = threading.Lock()
        self._paths: dict[str, None] = {}
        self._in_folder: Counter[str] = Counter()
        self._everything = False

    def add(self, path: str) -> None:
        """Note an absolute path."""
        with self._lock:
            was_empty = self._is_empty()
            if not self._everything:
                self._note(path)
                self._everything = len(self._paths) > self._room
            if self._everything:
                self._forget_all()
        if was_empty:
            self._wake()

    def look_everywhere(self) -> None:
        """Note that no list of paths is good enough: a scan is needed."""
        with self._lock:
            was_empty = self._is_empty()
            self._everything = True
            self._forget_all()
        if was_empty:
            self._wake()

    def drain(self) -> tuple[list[Path], bool]:
        """Take out all paths, in their order, and whether to look everywhere instead."""
        with self._lock:
            drained = [Path(path) for path in self._paths], self._everything
            self._everything = False
            self._forget_all()
        return drained

    def _note(self, path: str) -> None:
        folder = _folder_of(path)
        if self._in_folder[folder] > self._folder_room:
            return
        self._in_folder[folder] += path not in self._paths
        self._paths[path] = None
        if self._in_folder[folder] > self._folder_room:
            for other in [other for other in self._paths if _folder_of(other) == folder]:
                del self._paths[other]
            self._paths[folder] = None

    def _forget_all(self) -> None:
        self._paths = {}
        self._in_folder.clear()

    def _is_empty(self) -> bool:
        return not self._paths and not self._everything


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]
