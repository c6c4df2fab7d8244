"""No file, no network, no signal to others: Landlock with every right taken and none given back.

It needs no privileges, Linux 5.13 or later, and `PR_SET_NO_NEW_PRIVS`. What is open stays open.
"""

import os
import struct
from errno import ENOSYS, EOPNOTSUPP

from . import kernel

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1

_FILE_RIGHTS_SINCE = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights on files each version of Landlock knows: 2 linking elsewhere, 3 truncating, 5 ioctl."""
_TCP_SINCE, _TCP = 4, 0b11
_SCOPES_SINCE, _SCOPES = 6, 0b11
"""Signals and abstract Unix sockets of anybody outside."""

_MISSING_BEFORE = {
    3: "it does not know truncation",
    _TCP_SINCE: "it does not know TCP",
    _SCOPES_SINCE: "it does not know signals",
}


def version() -> int:
    """Give the version of Landlock; raises OSError where the kernel has none, or a container forbids it."""
    return kernel.call(_CREATE_RULESET, None, 0, _ASK_VERSION)


def restrict() -> int:
    """Deny this thread, and all that it starts, what Landlock knows.

    Gives the version of Landlock, and raises as `version` does.
    """
    known = version()
    file_rights = max(count for since, count in _FILE_RIGHTS_SINCE.items() if since <= known)
    tcp = _TCP if known >= _TCP_SINCE else 0
    scopes = _SCOPES if known >= _SCOPES_SINCE else 0
    denied = struct.pack("QQQ", (1 << file_rights) - 1, tcp, scopes)
    ruleset = kernel.call(_CREATE_RULESET, denied, len(denied), 0)
    try:
        kernel.call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return known


def gaps(known: int) -> tuple[str, ...]:
    """Say what this version of Landlock leaves open."""
    return tuple(
        f"Landlock {known} is old: {what}" for since, what in _MISSING_BEFORE.items() if known < since
    )


def why_missing(error: OSError) -> str:
    """Say for a person why there is no Landlock."""
    if error.errno == ENOSYS:
        return "no Landlock: this kernel has none, or a container forbids it"
    if error.errno == EOPNOTSUPP:
        return "no Landlock: it is switched off in this kernel"
    return f"no Landlock: {error.strerror}"
