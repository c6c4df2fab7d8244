"""The reader's process: pictures from its standard input, their text to its standard output.

Started by `reading.py`; loads the engine, locks itself in as the decode process does, dies with the daemon.
The engine's runtime has started a thread by then: limits and seccomp hold it too, the rest only ours.
"""

import json
import signal
import sys
from dataclasses import asdict
from typing import BinaryIO

from captiond.imaging.confining import confine, limit_memory, own_replies
from captiond.imaging.kernel import die_with_parent
from captiond.imaging.wire import PREFIX, header_length, packed

from .engine import CannotRead, Engine
from .lines import text_of


def main() -> None:
    """Lock the cage, then serve until the daemon closes the pipe."""
    die_with_parent(signal.SIGKILL)
    replies = own_replies()
    limit_memory()
    engine = Engine()
    engine.warm_up()
    confine()
    engine.warm_up()
    replies.write(packed({"ready": asdict(engine.made)}))
    replies.flush()
    _serve(engine, sys.stdin.buffer, replies)


def _serve(engine: Engine, pictures: BinaryIO, replies: BinaryIO) -> None:
    while prefix := pictures.read(PREFIX.size):
        size = json.loads(pictures.read(header_length(prefix)))["size"]
        jpeg = pictures.read(size)
        if len(jpeg) < size:
            return
        try:
            text = text_of(engine.read(jpeg)).encode()
            replies.write(packed({"size": len(text)}) + text)
        except CannotRead as trouble:
            replies.write(packed({"size": 0, "failed": str(trouble)[:1000]}))
        replies.flush()


if __name__ == "__main__":
    main()
