"""What systemd wants to hear of a service (sd_notify(3)), by hand; nothing where there is no systemd."""

import contextlib
import os
import socket
import time
from collections.abc import Mapping

LONGEST_SENTENCE = 1000
"""In characters; systemd ignores messages of more than 4096 bytes whole."""


class ServiceManager:
    """The systemd that started this daemon, found by the environment it gave.

    A message that cannot be sent is lost: it is never worth a stop or a wait.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = os.fsencode("\0" + name[1:] if name.startswith("@") else name)

    def ready(self) -> None:
        """Say that the daemon works now: after starting, and after `reloading`."""
        self._send(b"READY=1")

    def alive(self, sentence: str) -> None:
        """Say that nothing hangs, and how it goes; due at least every half of WatchdogSec=."""
        self._send(b"WATCHDOG=1", _status(sentence))

    def reloading(self) -> None:
        """Say that the configuration is being read again; `ready` must follow."""
        # The kernel's clock, not ours: systemd compares it with its own reading.
        now_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        self._send(b"RELOADING=1", b"MONOTONIC_USEC=%d" % (now_ns // 1000))

    def stopping(self) -> None:
        """Say that the daemon is on its way out."""
        self._send(b"STOPPING=1")

    def _send(self, *assignments: bytes) -> None:
        if not self._address.startswith((b"/", b"\0")):
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
        ):
            sender.sendto(b"\n".join(assignments), self._address)


def _status(sentence: str) -> bytes:
    # One line: a newline would begin another assignment. Surrogates become "?": systemd wants UTF-8.
    line = " ".join(sentence.split())[:LONGEST_SENTENCE]
    return b"STATUS=" + line.encode("utf-8", "replace")
