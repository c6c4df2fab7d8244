"""Does anybody still write to a file? A read lease tells, on local file systems (fcntl(2), F_SETLEASE).

The kernel refuses it while any process, in any container, has the file open for writing or mapped. Elsewhere
(NFS, SMB, other owners) the answer is not to be had. Whoever leases must ignore SIGIO, which else would kill.
"""

import fcntl
import os
from enum import Enum, auto

from .mounts import is_remote


class Writer(Enum):
    """What a lease says about who has a file open for writing."""

    NOBODY = auto()
    SOMEBODY = auto()
    UNKNOWN = auto()


def writer_of(descriptor: int) -> Writer:
    """Tell whether somebody else writes to an open file; ask seldom, for a writer's `open` waits then."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        # A server's file system refuses every lease with the same word as a local one that is written to.
        return Writer.UNKNOWN if is_remote(os.fstat(descriptor).st_dev) else Writer.SOMEBODY
    except OSError:
        return Writer.UNKNOWN
    return Writer.NOBODY
