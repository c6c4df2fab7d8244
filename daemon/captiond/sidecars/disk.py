"""Folders on the disk: opened, made and synced; and what the system says about them, in our words."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from captiond.beneath import LISTING, opened_beneath
from captiond.errors import CaptiondError, DiskFull, Outage
from captiond.printable import printable

ANOTHER_PLACE_HELPS = frozenset(
    (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ELOOP,  # a folder that became a symbolic link
        errno.ENAMETOOLONG,
        errno.EINVAL,  # a name that this file system does not take, as "a:b" on FAT
    )
)

LONGEST_PATH_BYTES = 4_095
"""What lies deeper no program can open by its path."""


class SidecarUnwritable(CaptiondError):
    """This folder takes no sidecar: read-only, no permission, or it is gone; another place may."""


@contextlib.contextmanager
def opened(path: Path | str, flags: int, *, folder: int | None = None) -> Iterator[int]:
    """Open something for a while, by its name in `folder` where that descriptor is given; gives its own."""
    descriptor = os.open(path, flags, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_folder(folder: Path, *, top: Path) -> contextlib.AbstractContextManager[int]:
    """Hold on to a folder by a descriptor: what is done in it stays in it, whatever is renamed meanwhile.

    No symbolic link below `top` is followed.
    """
    return opened_beneath(top, folder, LISTING)


def sync_folder(folder: int) -> None:
    """Make the names in a folder survive a power cut."""
    try:
        os.fsync(folder)
    except OSError as error:
        # Some file systems cannot sync a folder and say so; there is nothing more to do on them.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def make_folders(tree: Path, folder: Path) -> None:
    """Make `folder` and those between it and `tree`, which must be there: else its disk may be away."""
    if len(os.fsencode(folder)) > LONGEST_PATH_BYTES:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    above = tree
    for name in folder.relative_to(tree).parts:
        with open_folder(above, top=tree) as parent, contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
            sync_folder(parent)
        above /= name


@contextlib.contextmanager
def in_our_words(folder: Path) -> Iterator[None]:
    """Turn what the system says about writing in `folder` into DiskFull, SidecarUnwritable or Outage."""
    try:
        yield
    except OSError as error:
        sentence = f"{printable(str(folder))} takes no sidecar: {error.strerror}."
        match error.errno:
            case errno.ENOSPC | errno.EDQUOT:
                raise DiskFull(sentence) from error
            case number if number in ANOTHER_PLACE_HELPS:
                hint = 'Choose another place with `sidecars = "tree:FOLDER"`.'
                raise SidecarUnwritable(f"{sentence} {hint}") from error
            case _:
                raise Outage(sentence) from error
