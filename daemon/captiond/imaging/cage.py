"""The decode process: reads pictures from its standard input, writes prepared ones to its standard output.

Started by `worker.py`; loads only what decoding needs, and dies with the daemon.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from typing import BinaryIO

from captiond.errors import Rejected
from captiond.model import Fit, Json

from .canary import CANARY_JPEG
from .limits import Limits
from .preparing import load_libraries, prepare
from .wire import PREFIX, accepted, header_length, packed, read_request, rejected

_MEMORY_BYTES = 1536 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
_STDOUT, _STDERR = 1, 2


def main() -> None:
    """Lock the cage, then serve until the daemon closes the pipe."""
    replies = _own_replies()
    _die_with_the_daemon()
    _bound_resources()
    _warm_up()
    replies.write(packed({"ready": True}))
    replies.flush()
    _serve(sys.stdin.buffer, replies)


def _own_replies() -> BinaryIO:
    """Keep standard output for replies: what a library prints goes to standard error."""
    replies = os.fdopen(os.dup(_STDOUT), "wb")
    os.dup2(_STDERR, _STDOUT)
    return replies


def _die_with_the_daemon() -> None:
    """Be killed when the daemon dies; the end of the pipe would be seen only after the picture in work."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _bound_resources() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _warm_up() -> None:
    load_libraries()
    prepare(CANARY_JPEG, Fit(((32, 32),)), Limits())


def _serve(pictures: BinaryIO, replies: BinaryIO) -> None:
    while prefix := pictures.read(PREFIX.size):
        size, fit, limits = read_request(json.loads(pictures.read(header_length(prefix))))
        content = pictures.read(size)
        if len(content) < size:
            return
        header, jpeg = _reply(content, fit, limits)
        replies.write(packed(header))
        replies.write(jpeg)
        replies.flush()


def _reply(content: bytes, fit: Fit, limits: Limits) -> tuple[Json, bytes]:
    try:
        image = prepare(content, fit, limits)
    except Rejected as error:
        return rejected(error), b""
    return accepted(image), image.jpeg


if __name__ == "__main__":
    main()
