"""The kernel's filter of system calls, run by hand: what a program would decide."""

import struct
from collections.abc import Mapping, Sequence

from captiond.imaging.seccomp import Instruction

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOWED, KILLED, REFUSED = 0x7FFF0000, 0x80000000, 0x00050000


def refusing(calls: Mapping[int, int]) -> list[Instruction]:
    """Write a filter that answers some system calls with these errors, and allows all others."""
    steps: list[Instruction] = [(LOAD, 0, 0, 0)]
    for number, errno in calls.items():
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSED | errno)]
    return [*steps, (RETURN, 0, 0, ALLOWED)]


def decision(program: Sequence[Instruction], machine: int, number: int, *arguments: int) -> int:
    """Give what the kernel would do about a call, as the program returns it."""
    shown = struct.pack("<IIQ6Q", number, machine, 0, *arguments, *([0] * (6 - len(arguments))))
    loaded = at = 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        match code:
            case 0x20:
                (loaded,) = struct.unpack_from("<I", shown, operand)
            case 0x06:
                return operand
            case 0x15:
                at += if_true if loaded == operand else if_false
            case 0x35:
                at += if_true if loaded >= operand else if_false
            case 0x45:
                at += if_true if loaded & operand else if_false
            case _:
                raise AssertionError(f"no such code: {code:#x}")
