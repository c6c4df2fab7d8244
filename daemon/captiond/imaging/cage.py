"""The decode process: reads pictures from its standard input, writes prepared ones to its standard output.

Started by `worker.py`; loads only what decoding needs, locks itself in before the first picture
(`confining.py`), and dies with the daemon.
"""

import json
import signal
import sys
from dataclasses import asdict
from typing import BinaryIO

from captiond.errors import Rejected
from captiond.model import Fit, Json

from .canary import CANARY_JPEG
from .confining import confine, limit_memory, own_replies
from .cutting import cut
from .kernel import die_with_parent
from .limits import Limits
from .preparing import load_libraries, prepare
from .tiling import Cutting
from .wire import PREFIX, accepted, accepted_tiles, header_length, packed, read_request, rejected


def main() -> None:
    """Lock the cage, then serve until the daemon closes the pipe."""
    # or the end of the pipe would be seen only after the picture in work
    die_with_parent(signal.SIGKILL)
    replies = own_replies()
    limit_memory()
    load_libraries()
    _try_out()
    bars = confine()
    _try_out()
    replies.write(packed({"bars": asdict(bars)}))
    replies.flush()
    _serve(sys.stdin.buffer, replies)


def _try_out() -> None:
    """Prepare a small picture: before the cage closes that loads what is loaded late, later it is a test."""
    prepare(CANARY_JPEG, Fit(((32, 32),)), Limits())


def _serve(pictures: BinaryIO, replies: BinaryIO) -> None:
    while prefix := pictures.read(PREFIX.size):
        size, fit, limits, cutting = read_request(json.loads(pictures.read(header_length(prefix))))
        content = pictures.read(size)
        if len(content) < size:
            return
        header, jpeg = _reply(content, fit, limits, cutting)
        replies.write(packed(header))
        replies.write(jpeg)
        replies.flush()


def _reply(content: bytes, fit: Fit, limits: Limits, cutting: Cutting | None) -> tuple[Json, bytes]:
    try:
        if cutting is not None:
            tiles = cut(content, fit, cutting, limits)
            return accepted_tiles(tiles), b"".join(tile.jpeg for tile in tiles.tiles)
        image = prepare(content, fit, limits)
    except Rejected as error:
        return rejected(error), b""
    return accepted(image), image.jpeg


if __name__ == "__main__":
    main()
