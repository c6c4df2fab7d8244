"""On what kind of file system does a path lie? The kernel's table of mounts tells (proc(5), mountinfo)."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "afs", "virtiofs", "vboxsf", "prl_fs")
"""How the kinds begin whose files another machine, or another program, may write behind the kernel's back."""

EVENT_BLIND = (*REMOTE, "overlay", "aufs")
"""How the kinds begin that tell nothing of what is written past them: on a server, or in a lower layer."""

_ESCAPED = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of the table: where, which device (as `st_dev`), which kind (`ext4`, `nfs4`, `fuse.sshfs` …)."""

    point: bytes
    device: int
    kind: str


def is_remote(device: int) -> bool:
    """Tell whether a device is a file system of another machine; one that is not listed is a local one."""
    return any(mount.kind.startswith(REMOTE) for mount in _mounts() if mount.device == device)


def event_blind(inbox: Path) -> str | None:
    """Name the kind of file system under an inbox where events may not tell of new files, else None.

    What is mounted somewhere below the inbox does not count.
    """
    path = os.fsencode(os.path.realpath(inbox))
    above = [mount for mount in _mounts() if _holds(mount.point, path)]
    # Of two mounts in one place the later one is seen.
    nearest = max(reversed(above), key=lambda mount: len(mount.point), default=None)
    return nearest.kind if nearest and nearest.kind.startswith(EVENT_BLIND) else None


def _holds(point: bytes, path: bytes) -> bool:
    return path == point or path.startswith(point.rstrip(b"/") + b"/")


def _mounts() -> Iterator[Mount]:
    try:
        table = MOUNTS.read_bytes()
    except OSError:
        return
    # Only the kernel's own line ends count: a mount point may hold a \r or a \f as it is.
    for line in table.split(b"\n"):
        place, _, source = line.partition(b" - ")
        fields = place.split(b" ")
        if len(fields) > 4 and source:  # noqa: PLR2004 - the fifth is the mount point
            major, _, minor = fields[2].partition(b":")
            kind = source.split(b" ")[0].decode("ascii", "replace")
            yield Mount(_unescaped(fields[4]), os.makedev(int(major), int(minor)), kind)


def _unescaped(text: bytes) -> bytes:
    r"""Undo the kernel's `\040` for a space, and the like."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), text)
