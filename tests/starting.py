"""captiond, started again and again from a process that has its modules loaded, which takes most of a start.

Run as a program this module is that process. It reads one JSON object a line, forks, becomes `captiond` in
the child, and answers with the child's process id and then, when it ended, with its wait status.
"""

import ctypes
import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
LONGEST_SECONDS = 60


@dataclass
class Starter:
    """The other end of that process; one captiond at a time."""

    process: subprocess.Popen[str]

    def start(
        self,
        arguments: Sequence[object],
        environment: Mapping[str, str],
        log: Path,
        *,
        output: Path | None = None,
        traced: bool = False,
    ) -> int:
        """Start captiond and give its process id; both its outputs go to `log`, or the first to `output`.

        A `traced` one waits for its tracer, and names its unfinished sidecars 0, 1, 2 … instead of at random,
        so that the tracer can be told their names.
        """
        assert self.process.stdin is not None
        asked = {
            "arguments": [str(argument) for argument in arguments],
            "environment": dict(environment),
            "folder": str(Path.cwd()),
            "log": str(log),
            "output": str(output or log),
            "traced": traced,
        }
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def wait(self) -> int:
        """Wait until it ended; gives its exit code, negative where a signal ended it."""
        return os.waitstatus_to_exitcode(self._answer())

    def run(
        self,
        arguments: Sequence[object],
        environment: Mapping[str, str],
        log: Path,
        longest_seconds: float = LONGEST_SECONDS,
        *,
        output: Path | None = None,
    ) -> int:
        """Start captiond and wait, but not for ever; gives its exit code."""
        process = self.start(arguments, environment, log, output=output)
        limit = threading.Timer(longest_seconds, os.kill, (process, signal.SIGKILL))
        limit.start()
        try:
            return self.wait()
        finally:
            limit.cancel()

    def _answer(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@contextmanager
def starter() -> Iterator[Starter]:
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Starter(process)
        finally:
            process.kill()


def serve() -> None:
    """Fork a captiond for each line until standard input ends."""
    from captiond.catalogue import migrating  # noqa: F401, PLC0415 - loaded for the children
    from captiond.cli import main, running  # noqa: F401, PLC0415 - the same

    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(main, json.loads(line))
        print(child, flush=True)  # noqa: T201 - the protocol
        print(os.waitpid(child, 0)[1], flush=True)  # noqa: T201 - the protocol


def _become(main: Any, asked: Mapping[str, Any]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    log, output = (os.open(asked[name], appending, 0o600) for name in ("log", "output"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (log, 2)):
        os.dup2(source, target)
    os.closerange(3, 256)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    if asked["traced"]:
        numbers = itertools.count()
        secrets.token_hex = lambda size=16: f"{next(numbers):0{2 * size}x}"
        while "TracerPid:\t0\n" in Path("/proc/self/status").read_text():
            time.sleep(0.001)
    sys.argv = ["captiond", *asked["arguments"]]
    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
