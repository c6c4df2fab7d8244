"""System calls for which Python has no function."""

import ctypes
import os
import struct
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522


def call(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call by its number; raises OSError where the kernel refuses."""
    return _checked(_libc().syscall(ctypes.c_long(number), *map(_wide, arguments)))


def die_with_parent(signal_number: int) -> None:
    """Be killed by this signal when the parent dies."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def renounce_new_privileges() -> None:
    """Gain nothing from set-user-id programs, for good; Landlock and seccomp want that."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_privileges() -> None:
    """Give up all that root may do; raises OSError where the kernel refuses and something is left."""
    nothing = bytes(24)
    try:
        _checked(_libc().capset(struct.pack("Ii", _CAPABILITY_VERSION_3, 0), nothing))
    except OSError:
        # a service unit may forbid the call to somebody who has nothing to give up
        if "CapPrm:\t0000000000000000" not in Path("/proc/self/status").read_text():
            raise


def _prctl(option: int, value: int) -> None:
    _checked(_libc().prctl(option, *map(_wide, (value, 0, 0, 0))))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _wide(argument: int | bytes | None) -> ctypes.c_long | bytes | None:
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def _checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
