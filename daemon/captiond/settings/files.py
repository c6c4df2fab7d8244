"""Reading a configuration file, which may be a pipe, `--config <(…)`, without waiting for ever."""

import errno
import os
import select
import stat
import time
from pathlib import Path

LARGEST_BYTES = 1_000_000
PIPE_SECONDS = 10.0
"""Whoever writes into a pipe has begun by then, and is done."""

_PAUSE_SECONDS = 0.05
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def bytes_of(path: Path) -> bytes:
    """Read a file, or a pipe to its end; raises OSError, also for a large file and a silent pipe."""
    descriptor = os.open(path, _FLAGS)
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        return _read_all(descriptor, time.monotonic() + PIPE_SECONDS, is_pipe=is_pipe)
    finally:
        os.close(descriptor)


def _read_all(descriptor: int, deadline: float, *, is_pipe: bool) -> bytes:
    content = b""
    while len(content) <= LARGEST_BYTES:
        if is_pipe:
            _wait(descriptor, deadline)
        piece = os.read(descriptor, LARGEST_BYTES)
        content += piece
        if not piece and (content or not is_pipe):
            return content
        if not piece:
            # Nobody has opened the other end yet.
            time.sleep(_PAUSE_SECONDS)
    raise OSError(errno.EFBIG, "it is too large to be a configuration")


def _wait(descriptor: int, deadline: float) -> None:
    """Wait until there is something to read, or the other end was closed."""
    left = deadline - time.monotonic()
    if left <= 0 or not select.select([descriptor], [], [], left)[0]:
        raise OSError(errno.ETIMEDOUT, "nobody writes into this pipe")
