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
    assert lines.flush(5)
    assert stream.getvalue() == "a\nb\n"


def test_a_full_pipe_holds_nobody_up_and_what_is_dropped_is_told() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "w") as writer:
        lines = Unblocked(writer)
        started = time.monotonic()
        for _ in range(3 * ROOM):
            lines.give("x" * 100)
        assert not lines.flush(0.1)
        assert time.monotonic() - started < 5
        os.set_blocking(read_end, False)
        told = b""
        deadline = time.monotonic() + 5
        while not lines.flush(0.01):
            assert time.monotonic() < deadline
            told += reader.read(100_000) or b""
        assert b"lines dropped: nobody read them" in told + (reader.read(100_000) or b"")


def test_a_closed_pipe_is_no_fault() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as writer:
        lines = Unblocked(writer)
        lines.give("nobody hears this")
        assert lines.flush(5)
