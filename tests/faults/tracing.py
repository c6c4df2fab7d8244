"""strace around a captiond: the calls that last on the disk, and a fault in the middle of them.

A call is named by what it is made on (the catalogue, its log of changes, a sidecar …), so that "the 17th
write of the WAL" is about the same place in every run. strace counts for each thread.
"""

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starting import LONGEST_SECONDS, Starter

from .cases import Case

LASTING = (
    "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,flock,"
    "ftruncate,fallocate,fchmod,close"
)
CALL = re.compile(r"(?P<thread>\d+) +(?P<call>\w+)\((?P<arguments>.*)")
NAMED = re.compile('[<"](/[^>"]*)[>"]')


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The n-th of one system call on one kind of file."""

    kind: str
    call: str
    number: int


@cache
def why_not() -> str | None:
    """Say why nothing can be traced here, None where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-qqq", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return "this user may not trace processes" if tried.returncode else None


def kinds(case: Case) -> dict[str, list[Path]]:
    """Give the files that last, by what they are."""
    catalogue = case.catalogue

    def beside(ending: str) -> list[Path]:
        return [catalogue.with_name(catalogue.name + ending)]

    return {
        "catalogue": [catalogue],
        "wal": beside("-wal"),
        "journal": beside("-journal"),
        "shared memory": beside("-shm"),
        "lock": beside(".lock"),
        "folder": [catalogue.parent],
        "sidecar": [case.inbox / f".captiond-{number:016x}.part" for number in range(8)],
        "inbox": [case.inbox],
    }


def traced(case: Case, *options: str, trace: Path) -> int | None:
    """Run captiond once under strace with these options; gives its exit code, None where it hung."""
    process = case.starter.start(["run", "--once"], case.environment, case.log, traced=True)
    return ended(case.starter, process, *options, trace=trace)


def ended(starter: Starter, process: int, *options: str, trace: Path) -> int | None:
    """Trace a process that waits for it, to its end; gives its exit code, None where it hung."""
    command = ["strace", "-f", "-qqq", "--signal=none", "-o", str(trace), *options, "-p", str(process)]
    hung = False
    try:
        subprocess.run(command, timeout=LONGEST_SECONDS, capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        hung = True
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    code = starter.wait()
    return None if hung else code


def places(case: Case, trace: Path) -> list[Place]:
    """Record a run, and give every place where a fault may strike in such a run."""
    on = {str(path): kind for kind, paths in kinds(case).items() for path in paths}
    only = [option for path in on for option in ("-P", path)]
    assert traced(case, "-y", f"--trace={LASTING}", *only, trace=trace) == 0
    counts: Counter[tuple[str, str, str]] = Counter()
    for line in trace.read_text().splitlines():
        call = CALL.match(line)
        if call is not None:
            named = set(NAMED.findall(call["arguments"].rpartition(" = ")[0] or call["arguments"]))
            counts.update((on[path], call["call"], call["thread"]) for path in named & on.keys())
    most: Counter[tuple[str, str]] = Counter()
    for (kind, call, _thread), count in counts.items():
        most[kind, call] = max(most[kind, call], count)
    return [Place(kind, call, 1 + nth) for (kind, call), count in most.items() for nth in range(count)]


def strike(case: Case, place: Place, fault: str, trace: Path) -> int | None:
    """Run captiond with a fault at a place: KILL, or the name of an error; gives what `traced` does."""
    what = "signal=KILL" if fault == "KILL" else f"error={fault}"
    injected = f"--inject={place.call}:{what}:when={place.number}"
    only = [option for path in kinds(case)[place.kind] for option in ("-P", str(path))]
    return traced(case, f"--trace={place.call}", injected, *only, trace=trace)
