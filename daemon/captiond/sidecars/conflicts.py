"""What stands under a sidecar's name already may be replaced only where we wrote it, and nobody edited it."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from captiond.printable import printable

from .disk import opened
from .document import SidecarUnreadable, decoded

LARGEST_BYTES = 16 * 1024 * 1024
"""A file larger than this is none of ours."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The file held these very bytes already."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something else has the sidecar's name and was left as it is; `reason` is the sentence for people."""

    reason: str


IsOurs = Callable[[bytes], bool]
"""Recognises a sidecar that we wrote under another name, and that nobody edited."""


def nothing_else(_content: bytes) -> bool:
    """Recognise no sidecar but the one that was written under the name last."""
    return False


def verdict(
    folder: int, path: Path, content: bytes, known_sha256: str | None, is_ours: IsOurs = nothing_else
) -> Unchanged | Conflict | None:
    """Say whether what stands under `path` is `content` already, must stay, or (None) may be replaced.

    `folder` is the descriptor of the folder that `path` lies in; the others as for `write`.
    """
    present = _present(folder, path)
    if present is None or isinstance(present, Conflict):
        return present
    if present == content:
        return Unchanged(hashlib.sha256(content).hexdigest())
    if hashlib.sha256(present).hexdigest() == known_sha256 or is_ours(present):
        return None
    return Conflict(_why_it_stays(path, present, known_sha256))


def _present(folder: int, path: Path) -> bytes | Conflict | None:
    """Read the file under the sidecar's name, following no link and waiting for nobody; None without one."""
    name = printable(str(path))
    try:
        with opened(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, folder=folder) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_BYTES:
                return Conflict(f"{name} is no sidecar, so it is left as it is; move it away.")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EACCES):
            raise
        # Raises where it is the folder that may not be searched.
        os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        return Conflict(f"{name} cannot be read as a file ({error.strerror}), so it is left as it is.")


def _why_it_stays(path: Path, present: bytes, known_sha256: str | None) -> str:
    name = printable(str(path))
    if not _is_sidecar(present):
        return f"{name} is not a sidecar of this captiond's, so it is left as it is; move it away."
    if known_sha256 is None:
        return (
            f"{name} was written for another catalogue, so it is left as it is; "
            "`captiond import` takes over what it says, and without it captiond writes its own."
        )
    return (
        f"{name} was edited by hand, so it is left as it is; "
        "`captiond import` takes over what it says, and without it captiond writes its own."
    )


def _is_sidecar(content: bytes) -> bool:
    try:
        decoded(content)
    except SidecarUnreadable:
        return False
    return True
