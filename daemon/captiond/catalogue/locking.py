"""One captiond for each catalogue: an exclusive lock on a file beside it, held while the daemon lives."""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from captiond.errors import CatalogueFault, CatalogueInUse

from .guarding import OpenFile
from .opening import ours

TRIES = 5
PAUSE_SECONDS = 0.05
LONGEST_NUMBER = 20

# A pipe in its place would be waited for.
_OPENING = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def lock_path(catalogue: Path) -> Path:
    """Name the file that carries the lock of a catalogue, however one came to its path."""
    real = catalogue.resolve()
    return real.with_name(real.name + ".lock")


@contextmanager
def locked(catalogue: Path) -> Iterator[OpenFile]:
    """Hold the catalogue's lock; raises CatalogueInUse where another captiond has it.

    The kernel frees it however the holder ends; the file stays, with the number of the process that had it.
    Raises CatalogueFault and DiskFull where there is no place for it.
    """
    descriptor = _opened(catalogue)
    try:
        _leave_to_owner(descriptor, catalogue)
        if not _taken(descriptor, catalogue):
            raise CatalogueInUse(
                f"another captiond is running with {catalogue}{_holder(descriptor)}: "
                "stop it first, or name another --catalogue"
            )
        lock = OpenFile.named(lock_path(catalogue), os.fstat(descriptor))
        if not lock.is_there:
            raise CatalogueInUse(f"{lock.path} was removed or replaced just now: try again")
        _sign(descriptor)
        yield lock
    finally:
        os.close(descriptor)


def _opened(catalogue: Path) -> int:
    path = lock_path(catalogue)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | _OPENING, 0o600)
    except OSError as error:
        raise ours(catalogue, error) from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise CatalogueFault(f"{path} is no file, so it cannot be the catalogue's lock; move it away")


def _sign(descriptor: int) -> None:
    """Write down who has the lock; a full disk is no reason not to have it."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)


def _holder(descriptor: int) -> str:
    number = os.pread(descriptor, LONGEST_NUMBER, 0).strip()
    return f" (process {number.decode()})" if number.isdigit() else ""


def _leave_to_owner(descriptor: int, catalogue: Path) -> None:
    """Let the catalogue's owner have the lock file too, where root came first."""
    if os.geteuid() == 0 and catalogue.exists():
        owner = catalogue.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _taken(descriptor: int, catalogue: Path) -> bool:
    """Take the lock; somebody who only looks whether it is held has it for a moment."""
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE_SECONDS)
        except OSError as error:
            raise ours(catalogue, error) from error
        else:
            return True
    return False


def is_locked(catalogue: Path) -> bool:
    """Tell whether a captiond is running with this catalogue, without standing in the way of one."""
    try:
        descriptor = os.open(lock_path(catalogue), os.O_RDONLY | _OPENING)
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
