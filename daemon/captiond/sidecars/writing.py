"""A sidecar goes to the disk whole or not at all: under another name, synced, renamed, and the folder synced.

Wherever that ends early, the old file or the new one is there, and at most an unfinished one beside it, which
`remove_leftovers` knows by its name and its first bytes. Writing again does the rest.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .conflicts import LARGEST_BYTES, Conflict, IsOurs, Unchanged, nothing_else, verdict
from .disk import in_our_words, make_folders, open_folder, opened, sync_folder
from .document import SCHEMA

UNFINISHED = re.compile(r"\.captiond-[0-9a-f]{16}\.part")
BEGINNING = b'{"schema":"%b"' % SCHEMA.encode()
"""How every sidecar begins, without the spaces in it."""

_LOOKING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Written:
    """The new bytes are on the disk under the sidecar's name."""

    sha256: str


def write(
    path: Path,
    content: bytes,
    *,
    known_sha256: str | None,
    is_ours: IsOurs = nothing_else,
    tree: Path | None = None,
    top: Path | None = None,
) -> Written | Unchanged | Conflict:
    """Put `content` under `path`, so that a reader or a crash sees the old file or the new one, whole.

    `known_sha256` is of the sidecar that was written here last, and `is_ours` recognises others of ours;
    anything else under the name is somebody else's, or was edited, and stays. A new file has mode 0600, as
    the catalogue has; a replaced one keeps its mode. Folders below `tree`, which must be there, are made. No
    symbolic link is followed below it, or below `top`. Raises DiskFull, Outage and SidecarUnwritable.
    """
    with in_our_words(path.parent):
        if tree is not None:
            make_folders(tree, path.parent)
        with open_folder(path.parent, top=tree or top or path.parent) as folder:
            judge = partial(verdict, folder, path, content, known_sha256, is_ours)
            outcome = judge() or _replace(folder, path, content, judge)
            if not isinstance(outcome, Conflict):
                # Also where nothing changed: perhaps a crash came between the rename and this.
                sync_folder(folder)
            return outcome


def remove(path: Path, *, known_sha256: str | None, top: Path) -> bool:
    """Remove the sidecar that was written under `path` last; tells whether it was there, and unedited.

    No symbolic link is followed below `top`. Raises DiskFull, Outage and SidecarUnwritable.
    """
    with in_our_words(path.parent), open_folder(path.parent, top=top) as folder:
        if verdict(folder, path, b"", known_sha256) is not None:
            return False
        try:
            os.unlink(path.name, dir_fd=folder)
        except FileNotFoundError:
            return False
        sync_folder(folder)
        return True


def remove_leftovers(folder: Path, *, top: Path | None = None) -> int:
    """Remove the unfinished sidecars that an ended captiond left in `folder`, and say how many.

    What is only called like one stays. No symbolic link is followed below `top`. Raises DiskFull, Outage and
    SidecarUnwritable.
    """
    with in_our_words(folder), open_folder(folder, top=top or folder) as descriptor:
        with os.scandir(descriptor) as entries:
            unfinished = [entry.name for entry in entries if UNFINISHED.fullmatch(entry.name)]
        return sum(_remove_leftover(descriptor, name) for name in unfinished)


def _remove_leftover(folder: int, name: str) -> bool:
    try:
        with opened(name, _LOOKING, folder=folder) as descriptor:
            ours = _is_left_over(descriptor)
            if ours:
                os.unlink(name, dir_fd=folder)
            return ours
    except OSError:
        # Another's, or gone by now; and what cannot be removed does no harm.
        return False


def _is_left_over(descriptor: int) -> bool:
    """Tell whether an open file is a sidecar that we began and that nobody is writing any more."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        return False
    # Held by the captiond that writes it; raises where it is.
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # A power cut may leave none of the bytes, or zeros in their place.
    begun = os.pread(descriptor, LARGEST_BYTES, 0).rstrip(b"\0")
    written = b"".join(begun[: 2 * len(BEGINNING)].split())
    return BEGINNING.startswith(written) or written.startswith(BEGINNING)


def _replace(
    folder: int, path: Path, content: bytes, judge: Callable[[], Unchanged | Conflict | None]
) -> Written | Unchanged | Conflict:
    with _unfinished(folder, path, content) as unfinished:
        # Somebody may have saved the file while we wrote; the moment left is that of one system call.
        stays = judge()
        if stays is not None:
            return stays
        os.rename(unfinished, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    return Written(hashlib.sha256(content).hexdigest())


@contextlib.contextmanager
def _unfinished(folder: int, path: Path, content: bytes) -> Iterator[str]:
    """Put `content` on the disk, with the mode of the one at `path`; its own name is gone afterwards."""
    name = f".captiond-{secrets.token_hex(8)}.part"
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _keep_mode(folder, path, descriptor)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
            yield name
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)


def _keep_mode(folder: int, path: Path, descriptor: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        present = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        os.fchmod(descriptor, stat.S_IMODE(present.st_mode) & 0o666)
