"""A sidecar goes to the disk whole or not at all: under another name, synced, renamed, and the folder synced.

Wherever that ends early, the old file or the new one is there, and at most an unfinished one beside it, which
`remove_leftovers` knows by its name. Writing again does the rest.
"""

import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .conflicts import Conflict, Unchanged, verdict
from .disk import in_our_words, make_folders, open_folder, sync_folder

UNFINISHED = re.compile(r"\.captiond-[0-9a-f]{16}\.part")


@dataclass(frozen=True, slots=True)
class Written:
    """The new bytes are on the disk under the sidecar's name."""

    sha256: str


def write(
    path: Path, content: bytes, *, known_sha256: str | None, tree: Path | None = None
) -> Written | Unchanged | Conflict:
    """Put `content` under `path`, so that a reader or a crash sees the old file or the new one, whole.

    `known_sha256` is of the sidecar that was written here last; anything else under the name is somebody
    else's, or was edited, and stays. A new file has mode 0600, as the catalogue has; a replaced one keeps its
    mode. Folders below `tree`, which must be there, are made. Raises DiskFull, Outage and SidecarUnwritable.
    """
    with in_our_words(path.parent):
        if tree is not None and path.is_relative_to(tree):
            make_folders(tree, path.parent)
        with open_folder(path.parent) as folder:
            stays = verdict(folder, path, content, known_sha256)
            outcome = stays or _replace(folder, path, content, known_sha256)
            if not isinstance(outcome, Conflict):
                # Also where nothing changed: perhaps a crash came between the rename and this.
                sync_folder(folder)
            return outcome


def remove_leftovers(folder: Path) -> int:
    """Remove the unfinished sidecars that a crash left in `folder`, and say how many."""
    with in_our_words(folder):
        unfinished = [path for path in folder.iterdir() if UNFINISHED.fullmatch(path.name)]
        leftovers = [path for path in unfinished if path.is_file() and not path.is_symlink()]
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
    return len(leftovers)


def _replace(
    folder: int, path: Path, content: bytes, known_sha256: str | None
) -> Written | Unchanged | Conflict:
    with _unfinished(folder, path, content) as unfinished:
        # Somebody may have saved the file while we wrote; the moment left is that of one system call.
        stays = verdict(folder, path, content, known_sha256)
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
