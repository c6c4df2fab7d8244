"""The filter of system calls, for machines that are not here, too."""

import re
from errno import ENOSYS, EPERM
from pathlib import Path

import pytest

from captiond.imaging.seccomp import MACHINES, program
from captiond.imaging.system_calls import FORBIDDEN, JUDGED
from imaging.filtering import ALLOWED, KILLED, REFUSED, decision

ALL = {**FORBIDDEN, **JUDGED}
PID = 4711
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
NEEDED = {
    "x86_64": {"read": 0, "write": 1, "futex": 202, "brk": 12, "madvise": 28, "exit_group": 231},
    "aarch64": {
        "read": 63,
        "write": 64,
        "futex": 98,
        "brk": 214,
        "madvise": 233,
        "exit": 93,
        "exit_group": 94,
    },
}
EACH = pytest.mark.parametrize("machine", MACHINES)


def decided(machine: str, name: str, *arguments: int) -> int:
    column, audit_name = MACHINES[machine]
    number = ALL[name][column] if name in ALL else NEEDED[machine][name]
    assert number is not None
    return decision(program(machine, PID), audit_name, number, *arguments)


@EACH
def test_what_decoding_needs_is_allowed(machine: str) -> None:
    assert {decided(machine, name) for name in NEEDED[machine]} == {ALLOWED}


@EACH
def test_what_is_forbidden_is_refused(machine: str) -> None:
    column, _ = MACHINES[machine]
    there = [name for name, numbers in FORBIDDEN.items() if numbers[column] is not None]
    assert len(there) > 90
    assert {decided(machine, name, 7, 7, 7) for name in there} == {REFUSED | EPERM}


@EACH
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (0x003D0F00,), ALLOWED),
        ("clone", (0x01200011,), REFUSED | EPERM),
        ("clone3", (0,), REFUSED | ENOSYS),
        ("tgkill", (PID, PID + 1, 6), ALLOWED),
        ("tgkill", (PID + 1, PID + 1, 6), REFUSED | EPERM),
        ("prctl", (15,), ALLOWED),
        ("prctl", (1,), REFUSED | EPERM),
        ("prlimit64", (0, 7, 0, 0x7FFF00000000), ALLOWED),
        ("prlimit64", (0, 7, 0x10, 0), REFUSED | EPERM),
        ("prlimit64", (0, 7, 0x7FFF00000000, 0), REFUSED | EPERM),
        ("mmap", (0, 4096, 3), ALLOWED),
        ("mmap", (0, 4096, 5), REFUSED | EPERM),
        ("mprotect", (0, 4096, 4), REFUSED | EPERM),
        ("mprotect", (0, 4096, 3), ALLOWED),
    ],
)
def test_some_are_judged_by_their_arguments(
    machine: str, name: str, arguments: tuple[int, ...], expected: int
) -> None:
    assert decided(machine, name, *arguments) == expected


@EACH
def test_the_numbers_of_another_machine_kill(machine: str) -> None:
    assert decision(program(machine, PID), 0x40000003, 1) == KILLED


def test_the_second_set_of_numbers_is_refused() -> None:
    assert decision(program("x86_64", PID), MACHINES["x86_64"][1], 0x40000000) == REFUSED | EPERM


@EACH
def test_the_numbers_are_those_of_the_kernel(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip(f"{HEADERS[machine]} is not installed")
    column, _ = MACHINES[machine]
    headers = re.findall(r"define __NR(?:3264)?_(\w+)\s+(\d+)$", HEADERS[machine].read_text(), re.MULTILINE)
    known = {name: int(number) for name, number in headers}
    ours = {name: number for name, numbers in ALL.items() if (number := numbers[column]) is not None}
    assert {name: number for name, number in ours.items() if known.get(name, number) != number} == {}
    assert len(known.keys() & ours.keys()) > 90


def test_the_program_is_one_that_the_kernel_takes() -> None:
    for machine in MACHINES:
        assert len(program(machine, PID)) < 4096
