"""Lines written from a thread of their own, so that a reader who does not read stalls nothing."""

import io
import os
import queue
import threading
import time
from contextlib import suppress
from typing import TextIO

ROOM = 1_000
"""Lines that wait for a reader; more are dropped, and their number is told."""


class Unblocked:
    """Writes lines to a stream; `give` never waits."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[str] = queue.Queue(ROOM)
        self._dropped = 0
        threading.Thread(target=self._write_all, name="log", daemon=True).start()

    def give(self, line: str) -> None:
        """Take a line to be written soon."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def flush(self, seconds: float) -> bool:
        """Wait until all is written, at most so long; tells whether it is."""
        deadline = time.monotonic() + seconds
        while self._lines.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self._lines.unfinished_tasks

    def _write_all(self) -> None:
        while True:
            line = self._lines.get()
            dropped, self._dropped = self._dropped, 0
            more = f"\n({dropped} lines dropped: nobody read them)" if dropped else ""
            with suppress(OSError):
                self._write(f"{line}{more}\n")
            self._lines.task_done()

    def _write(self, text: str) -> None:
        """Write past Python's own buffer: a stuck reader would leave it locked at the end of the program."""
        try:
            descriptor = self._stream.fileno()
        except io.UnsupportedOperation:
            self._stream.write(text)
            return
        content = text.encode(errors="backslashreplace")
        while content:
            content = content[os.write(descriptor, content) :]
