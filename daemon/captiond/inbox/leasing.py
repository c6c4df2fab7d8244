"""Does anybody still write to a file? A read lease tells, on local file systems (fcntl(2), F_SETLEASE).

The kernel refuses it while any process, in any container, has the file open for writing or mapped. Elsewhere
(NFS, SMB, other owners) the answer is not to be had. Whoever leases must ignore SIGIO, which else would kill.
"""

import fcntl
import os
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def nobody_writes(path: Path) -> bool:
    """Tell whether it is certain that nobody has this file open for writing now."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
