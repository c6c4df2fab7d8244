"""All that there is to see of the files in an inbox that are not captiond's own."""

import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

OURS = ("captiond.json", ".captiond-")


def originals(inbox: Path) -> dict[bytes, tuple[object, ...]]:
    """Give digest, mode, owner, inode, last change and attributes of each file."""
    return {
        os.fsencode(path): (
            sha256(path.read_bytes()).hexdigest(),
            status.st_mode,
            (status.st_uid, status.st_gid),
            status.st_ino,
            status.st_mtime_ns,
            _attributes(path),
        )
        for path in inbox.rglob("*")
        if not any(mark in path.name for mark in OURS) and stat.S_ISREG((status := path.lstat()).st_mode)
    }


def _attributes(path: Path) -> dict[str, bytes]:
    with suppress(OSError):  # not every file system keeps attributes
        return {name: os.getxattr(path, name) for name in os.listxattr(path)}
    return {}
