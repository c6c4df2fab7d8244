"""Refuses system calls that decoding never makes: a program for the kernel's filter, written by hand.

A list of what is forbidden and not of what is allowed: the libraries of the next release may start threads or
ask for the time in a way of their own, and every picture of a format would be refused.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterable, Sequence
from errno import ENOSYS, EPERM
from types import MappingProxyType

from . import kernel
from .system_calls import FORBIDDEN, JUDGED, Numbers

MACHINES = MappingProxyType({"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)})
"""For each machine its column in the tables of numbers, and the name that the kernel has for it."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
"""Where they lie in what the kernel shows to the filter, in bytes."""

_KILL, _ALLOW, _REFUSE = 0x80000000, 0x7FFF0000, 0x00050000
_X32_CALLS = 0x40000000
"""From here on x86_64 has a second set of numbers for the same calls."""

_CLONE_THREAD = 0x00010000
_PROT_EXEC = 4
_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 15, 16, 0x53564D41
"""Threads name themselves, and the C library its memory."""

_SET_FILTER, _ALL_THREADS = 1, 1

Instruction = tuple[int, int, int, int]
"""Code, how many to skip where it is true, where it is not, and a number."""

_EPERM: Instruction = (_RETURN, 0, 0, _REFUSE | EPERM)
_YES: Instruction = (_RETURN, 0, 0, _ALLOW)


def restrict() -> None:
    """Refuse from now on, for good and for every thread; raises OSError where the kernel has no filter."""
    if machine() not in MACHINES:
        raise OSError(ENOSYS, f"captiond has no filter for {platform.machine()}")
    install(program(machine(), os.getpid()))


def install(instructions: Sequence[Instruction]) -> None:
    """Hand a filter to the kernel; raises OSError where it does not take it."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    kept = ctypes.create_string_buffer(code)
    described = struct.pack("@HP", len(instructions), ctypes.addressof(kept))
    column, _ = MACHINES[machine()]
    number = JUDGED["seccomp"][column]
    assert number is not None
    stray_thread = kernel.call(number, _SET_FILTER, _ALL_THREADS, described)
    if stray_thread:
        raise OSError(EPERM, f"thread {stray_thread} has a filter of its own")


def machine() -> str:
    """Name the machine whose system calls this process makes; empty for those of 32 bits."""
    return platform.machine() if struct.calcsize("P") == struct.calcsize("Q") else ""


def program(machine_name: str, pid: int) -> list[Instruction]:
    """Write the filter of a machine of `MACHINES`, for the process `pid`."""
    column, audit_name = MACHINES[machine_name]
    refused = [_for_call(number, [_EPERM]) for number in _known(FORBIDDEN.values(), column)]
    judged = [
        _for_call(number, judgement)
        for name, judgement in _judgements(pid).items()
        for number in _known([JUDGED[name]], column)
    ]
    return [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, audit_name),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32_CALLS),
        _EPERM,
        *(instruction for block in (*judged, *refused) for instruction in block),
        _YES,
    ]


def _known(numbers: Iterable[Numbers], column: int) -> list[int]:
    return [number for both in numbers if (number := both[column]) is not None]


def _judgements(pid: int) -> dict[str, list[Instruction]]:
    """Give for each call what decides about it."""
    return {
        "clone": _only_with_bits(0, _CLONE_THREAD),
        # its arguments lie in memory, where a filter cannot look; the C library then takes `clone`
        "clone3": [(_RETURN, 0, 0, _REFUSE | ENOSYS)],
        "tgkill": _only_one_of(0, [pid]),
        "prctl": _only_one_of(0, [_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA]),
        "prlimit64": _only_zero(2),
        "mmap": _only_without_bits(2, _PROT_EXEC),
        "mprotect": _only_without_bits(2, _PROT_EXEC),
        "pkey_mprotect": _only_without_bits(2, _PROT_EXEC),
    }


def _for_call(number: int, judgement: Sequence[Instruction]) -> list[Instruction]:
    return [(_EQUAL, 0, len(judgement), number), *judgement]


def _argument(index: int, *, upper_half: bool = False) -> Instruction:
    return (_LOAD, 0, 0, _FIRST_ARGUMENT + 8 * index + 4 * upper_half)


def _only_with_bits(index: int, bits: int) -> list[Instruction]:
    return [_argument(index), (_ANY_BIT, 0, 1, bits), _YES, _EPERM]


def _only_without_bits(index: int, bits: int) -> list[Instruction]:
    return [_argument(index), (_ANY_BIT, 0, 1, bits), _EPERM, _YES]


def _only_one_of(index: int, values: Sequence[int]) -> list[Instruction]:
    return [_argument(index), *(step for value in values for step in ((_EQUAL, 0, 1, value), _YES)), _EPERM]


def _only_zero(index: int) -> list[Instruction]:
    upper = _argument(index, upper_half=True)
    return [_argument(index), (_EQUAL, 0, 3, 0), upper, (_EQUAL, 0, 1, 0), _YES, _EPERM]
