"""Closes the cage: no privileges, Landlock, no new descriptors, seccomp. Then nothing can be imported."""

import os
import resource
from typing import BinaryIO

from . import kernel, landlock, seccomp
from .bars import Bars

_STDOUT, _STDERR = 1, 2
_MEMORY_BYTES = 1536 * 1024 * 1024
_CPU_SECONDS = 4 * 60 * 60
"""For a whole life: 500 pictures at 30 seconds each; the daemon's clock ends a single picture long before."""
_THREADS = 4096
"""Of this user, in all programs: a tight limit would refuse HEIC its thread whenever the user is busy."""


def own_replies() -> BinaryIO:
    """Keep standard output for replies: what a library prints goes to standard error."""
    replies = os.fdopen(os.dup(_STDOUT), "wb")
    os.dup2(_STDERR, _STDOUT)
    return replies


def limit_memory() -> None:
    """Bound what may be reserved, and never write it to the disk; may come before the libraries."""
    _limit(resource.RLIMIT_AS, _MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)


def confine() -> Bars:
    """Lock this process in; gives what holds.

    Limits and seccomp hold every thread, Landlock and the loss of privileges the one that calls this. What
    this kernel has not is left out and told.
    """
    gaps: list[str] = []
    try:
        kernel.drop_privileges()
    except OSError as error:
        gaps.append(f"privileges stay: {error.strerror}")
    kernel.renounce_new_privileges()
    version = _landlock(gaps)
    limit_the_rest()
    return Bars(version, _seccomp(gaps), tuple(gaps))


def limit_the_rest() -> None:
    """Bound what decoding does not need: no descriptor is opened any more, and no file written."""
    _limit(resource.RLIMIT_NOFILE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NPROC, _THREADS)
    _limit(resource.RLIMIT_CPU, _CPU_SECONDS)


def _limit(kind: int, most: int) -> None:
    _, hardest = resource.getrlimit(kind)
    most = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
    resource.setrlimit(kind, (most, most))


def _landlock(gaps: list[str]) -> int:
    try:
        version = landlock.restrict()
    except OSError as error:
        gaps.append(landlock.why_missing(error))
        return 0
    gaps += landlock.gaps(version)
    return version


def _seccomp(gaps: list[str]) -> bool:
    try:
        seccomp.restrict()
    except OSError as error:
        gaps.append(f"no seccomp: {error.strerror}")
        return False
    return True
