"""The daemon's side of the reader's process, with processes that behave well and badly."""

import sys

import pytest

from captiond.clock import SystemClock
from captiond.errors import ServerAway, ServerStumbled
from captiond.prompts.engines import READER
from captiond.reader.reading import Reader
from captiond.vision.backend import Question

pytestmark = pytest.mark.anyio

SPEAKING = """
import json, os, struct, sys, time
def say(header, body=b""):
    told = json.dumps(header).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(told)) + told + body)
    sys.stdout.buffer.flush()
def hear():
    told = sys.stdin.buffer.read(4)
    if not told: sys.exit()
    return sys.stdin.buffer.read(json.loads(sys.stdin.buffer.read(struct.unpack(">I", told)[0]))["size"])
say({"ready": {"engine": "stub 1", "runtime": "none", "digest": "0" * 64}})
while True:
    picture = hear()
"""
ECHO = "    say({'size': len(picture)}, picture)"
WICKED = """
    if picture == b"kill": os.kill(os.getpid(), 9)
    if picture == b"hang": time.sleep(60)
    if picture == b"lie": say({"size": 10**9})
    if picture == b"fail": say({"size": 0, "failed": "it is upside down"})
    else: say({'size': len(picture)}, picture)
"""


def reader_of(script: str, **more: float) -> Reader:
    return Reader(SystemClock(), command=(sys.executable, "-c", script), **more)


async def text_in(reader: Reader, picture: bytes) -> str:
    return (await reader.ask(Question("", picture))).text


async def test_it_starts_with_the_first_picture_and_says_who_read() -> None:
    reader = reader_of(SPEAKING + ECHO)
    assert reader.pid is None
    reply = await reader.ask(Question("", "Éléphants".encode()))
    assert (reply.text, reply.model.name, reply.model.digest) == ("Éléphants", "stub 1", "0" * 64)
    await reader.close()


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (b"kill", "the reader died on this picture: exit status -9"),
        (b"lie", "no possible size"),
        (b"fail", "it is upside down"),
        (b"hang", "did not finish this picture in 2 seconds"),
    ],
)
async def test_a_bad_picture_costs_itself_a_try_and_the_next_is_read(picture: bytes, told: str) -> None:
    reader = reader_of(SPEAKING + WICKED, time_limit_seconds=2.0)
    with pytest.raises(ServerStumbled, match=told):
        await text_in(reader, picture)
    assert await text_in(reader, b"STOP") == "STOP"
    await reader.close()


@pytest.mark.parametrize("script", ["raise SystemExit('no models')", "print('hello world, hello')"])
async def test_one_that_does_not_start_is_nobodys_fault(script: str) -> None:
    with pytest.raises(ServerAway, match="the reader does not start"):
        await text_in(reader_of(script), b"STOP")


async def test_it_answers_for_itself_alone() -> None:
    reader = reader_of("")
    assert (reader.answers(READER), reader.answers("llava:7b")) == (True, False)
