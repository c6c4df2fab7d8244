"""One captiond for each catalogue: an exclusive lock on a file beside it, held while the daemon lives."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from captiond.errors import CatalogueInUse

from .opening import ours

TRIES = 5
PAUSE_SECONDS = 0.05


def lock_path(catalogue: Path) -> Path:
    """Name the file that carries the lock of a catalogue."""
    return catalogue.with_name(catalogue.name + ".lock")


@contextmanager
def locked(catalogue: Path) -> Iterator[None]:
    """Hold the catalogue's lock; raises CatalogueInUse where another captiond has it.

    The kernel frees it however the holder ends; the empty file stays. Raises CatalogueFault and DiskFull
    where there is no place for it.
    """
    descriptor = _opened(catalogue)
    try:
        if not _taken(descriptor):
            raise CatalogueInUse(
                f"another captiond is running with {catalogue}: stop it first, or name another --catalogue"
            )
        yield
    finally:
        os.close(descriptor)


def _opened(catalogue: Path) -> int:
    path = lock_path(catalogue)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ours(catalogue, error) from error


def _taken(descriptor: int) -> bool:
    """Take the lock; somebody who only looks whether it is held has it for a moment."""
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE_SECONDS)
        else:
            return True
    return False


def is_locked(catalogue: Path) -> bool:
    """Tell whether a captiond is running with this catalogue, without standing in the way of one."""
    try:
        descriptor = os.open(lock_path(catalogue), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared, and let go at once: a daemon that starts in this instant tries again.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
