"""Does anybody still write to a file? A read lease tells, on local file systems (fcntl(2), F_SETLEASE).

The kernel refuses it while any process, in any container, has the file open for writing or mapped. Elsewhere
(NFS, SMB, other owners) the answer is not to be had. Whoever leases must ignore SIGIO, which else would kill.
"""

import fcntl
import os
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "afs", "virtiofs")
"""File systems that refuse every lease with the same word as a local one whose file is written to."""


def nobody_writes(path: Path) -> bool:
    """Tell whether it is certain that nobody has this file open for writing now."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        return _writer(descriptor) is False
    finally:
        os.close(descriptor)


def somebody_writes(descriptor: int) -> bool:
    """Tell whether it is certain that somebody has the open file open for writing, too."""
    return _writer(descriptor) is True


def _writer(descriptor: int) -> bool | None:
    """Tell whether somebody writes; None where that cannot be known."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return None if _is_remote(os.fstat(descriptor).st_dev) else True
    except OSError:
        return None
    return False


def _is_remote(device: int) -> bool:
    """Tell whether a device is a file system of another machine; one that is not listed is a local one."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in MOUNTS.read_text(errors="replace").splitlines():
        mount, _, kind = line.partition(" - ")
        if mount.split()[2] == number:
            return kind.startswith(_REMOTE)
    return False
