"""Real system calls, seen as they are made: what a disk is told, and in which order."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

LASTING = {"fsync", "mkdir", "rename", "unlink"}


@contextlib.contextmanager
def watched(meanwhile: Mapping[str, Callable[[], object]] | None = None) -> Iterator[list[str]]:
    """Note the calls that change what lasts; do something else just before the first of a name."""
    seen: list[str] = []
    todo = dict(meanwhile or {})

    def note(_frame: FrameType, event: str, function: Any) -> None:
        if event != "c_call" or function.__module__ != "posix" or function.__name__ not in LASTING:
            return
        todo.pop(function.__name__, lambda: None)()
        seen.append(function.__name__)

    sys.setprofile(note)
    try:
        yield seen
    finally:
        sys.setprofile(None)
