"""A reader who does not read stalls nothing."""

import io
import os
import time

from captiond.unblocked import ROOM, Unblocked


def test_a_line_is_written() -> None:
    stream = io.StringIO()
    lines = Unblocked(stream)
    lines.give("a")
    lines.give("b")
    lines.flush(5)
    assert stream.getvalue() == "a\nb\n"


def test_a_full_pipe_holds_nobody_up_and_what_is_dropped_is_told() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "w") as writer:
        lines = Unblocked(writer)
        started = time.monotonic()
        for _ in range(3 * ROOM):
            lines.give("x" * 100)
        lines.flush(0.1)
        assert time.monotonic() - started < 5
        os.set_blocking(read_end, False)
        told = b""
        deadline = time.monotonic() + 5
        while b"lines dropped: nobody read them" not in told:
            assert time.monotonic() < deadline
            told += reader.read(100_000) or b""
            time.sleep(0.01)


def test_a_closed_pipe_is_no_fault() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as writer:
        lines = Unblocked(writer)
        lines.give("nobody hears this")
        lines.flush(5)
