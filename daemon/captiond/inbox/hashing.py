"""Hundreds of small files are hashed in a process of its own, which a thread of ours waits for.

A file takes ten system calls, and after each a thread waits for the interpreter again: beside the scan and
the catalogue, hashing takes a thread twice as long as by itself, and holds them up as much.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from pickle import UnpicklingError

from captiond.errors import CaptiondError
from captiond.model import Digest, FileStamp, HashedFile, InboxFile

from .reading import HashOutcome, HeadCheck, hash_each

FEWEST_FILES = 200
"""Fewer are hashed before the process has started."""

COMMAND = (sys.executable, "-P", "-m", "captiond.inbox.hashing")
"""The process; `-P` keeps the current folder, which may be an inbox, off its import path."""

LONGEST_ANSWER_SECONDS = 60.0
"""After 10 it answers, with what it has, unless a single file takes long; one that was stopped never does."""

LONGEST_GOODBYE_SECONDS = 1.0

NICENESS = 10
"""On a busy machine the catalogue goes first: all that was hashed waits for it."""

_FAILURES = (OSError, EOFError, UnpicklingError, AttributeError, ImportError)
"""It does not start, or died, or is of another version: captiond was upgraded under the daemon."""

_Listed = tuple[str, tuple[int, ...], bool]
"""A file: its path, its stamp, whether it is young. Paths and dataclasses take three times as long."""

_Told = list[str | HashOutcome] | CaptiondError
"""What the process answers: for each file its digest or what came of it, or what stopped all of them."""


class Hasher:
    """Hashes files of one inbox; for one thread at a time."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        """`command` is what is started; it must speak as `main` does."""
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None

    def hash_each(
        self,
        files: Sequence[InboxFile],
        max_bytes: int,
        head_check: HeadCheck,
        clock_seconds: Callable[[], float],
    ) -> list[HashOutcome]:
        """Do as `reading.hash_each`; where the process dies of it, or does not start, do it here.

        `head_check` must be one that pickle can name.
        """
        told = self._ask(files, max_bytes, head_check) if len(files) >= FEWEST_FILES else None
        if told is None:
            return hash_each(files, max_bytes, head_check, clock_seconds)
        if isinstance(told, CaptiondError):
            raise told
        # What took too long is left out at the end.
        return [
            HashedFile(file, Digest(outcome)) if isinstance(outcome, str) else outcome
            for file, outcome in zip(files, told, strict=False)
        ]

    def end(self) -> None:
        """End the process, where one runs; the next that is asked for much starts another."""
        line, process, self._line, self._process = self._line, self._process, None, None
        if line is not None:
            line.close()
        if process is None:
            return
        try:
            process.wait(LONGEST_GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _ask(self, files: Sequence[InboxFile], max_bytes: int, head_check: HeadCheck) -> _Told | None:
        listed: list[_Listed] = [(str(file.path), tuple(file.stamp), file.young) for file in files]
        with suppress(*_FAILURES):
            line = self._line or self._start()
            line.send((str(files[0].inbox), listed, max_bytes, head_check))
            if line.poll(LONGEST_ANSWER_SECONDS):
                told: _Told = line.recv()
                return told
        self.end()
        return None

    def _start(self) -> Connection:
        self._line, theirs = Pipe()
        with theirs:
            # Ctrl-C is for the daemon, whose end it sees at the end of the line. In a session of its own it
            # would have a share of the processor of its own, too.
            self._process = subprocess.Popen(  # noqa: S603 - it is our own
                self._command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, process_group=0
            )
        return self._line


def main() -> None:
    """Hash what is asked for on the standard input, a socket, until its other end is closed."""
    with suppress(PermissionError):
        os.nice(NICENESS)
    # As in the daemon: who opens a file that is leased makes the kernel send it.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    with Connection(sys.stdin.fileno()) as line:
        try:
            while True:
                line.send(_outcomes(*line.recv()))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def _outcomes(inbox: str, listed: list[_Listed], max_bytes: int, head_check: HeadCheck) -> _Told:
    top = Path(inbox)
    files = [InboxFile(top, Path(path), FileStamp(*stamp), young) for path, stamp, young in listed]
    try:
        outcomes = hash_each(files, max_bytes, head_check, time.monotonic)
    except CaptiondError as trouble:
        return trouble
    return [outcome.digest if isinstance(outcome, HashedFile) else outcome for outcome in outcomes]


if __name__ == "__main__":
    main()
