"""The reader in the running service, with a process that only says back what it was given."""

import sys
from dataclasses import replace

import pytest

import captiond.service
import daemon_parts
import simulated_time
from captiond.choices import Choices
from captiond.model import Reply
from captiond.prompts.engines import READER, read_by
from captiond.reader.reading import Reader
from captiond.service import Outcome, Service
from captiond.vision.backend import Question
from conftest import MakePhoto
from daemon_parts import Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

SAYING_STOP = """
import json, struct, sys
def say(header, body=b""):
    told = json.dumps(header).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(told)) + told + body)
    sys.stdout.buffer.flush()
say({"ready": {"engine": "stub 1", "runtime": "none", "digest": "0" * 64}})
while told := sys.stdin.buffer.read(4):
    sys.stdin.buffer.read(json.loads(sys.stdin.buffer.read(struct.unpack(">I", told)[0]))["size"])
    say({"size": 4}, b"STOP")
"""
STATES = "SELECT prompt, status, value FROM results WHERE current = 1 ORDER BY prompt"


class UnhurriedReader(Reader):
    """The real reader; no simulated time passes while its process works."""

    async def ask(self, question: Question) -> Reply:
        with simulated_time.loop().standing_still():
            return await super().ask(question)


def reading(choices: Choices, *, alone: bool) -> Choices:
    """Have the reader answer `ocr`, and nobody else anything where it is `alone`."""
    prompts = [read_by("reader" if one.name == "ocr" else "model", one) for one in choices.prompts]
    return replace(choices, prompts=tuple(one for one in prompts if not alone or one.model == READER))


def service(parts: Parts, script: str, *, alone: bool) -> Service:
    parts.pipeline.choices = reading(parts.pipeline.choices, alone=alone)
    reader = UnhurriedReader(parts.clock, command=(sys.executable, "-c", script))
    return parts.service(readers=[reader])


async def test_nobody_looks_for_a_server_that_no_prompt_needs(parts: Parts, make_photo: MakePhoto) -> None:
    make_photo()
    assert await service(parts, SAYING_STOP, alone=True).run_once() is Outcome.DONE
    assert parts.rows(STATES) == [("ocr", "ok", "STOP")]
    assert not parts.endpoint.was_probed


async def test_while_the_server_is_away_the_reader_goes_ahead(
    parts: Parts, make_photo: MakePhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captiond.service, "SERVER_PATIENCE_SECONDS", 3.0)
    make_photo("a.jpg", "red")
    make_photo("b.jpg", "blue")
    await parts.server.stop()
    assert await service(parts, SAYING_STOP, alone=False).run_once() is Outcome.SERVER_AWAY
    assert parts.rows(STATES) == [("ocr", "ok", "STOP")] * 2
    assert parts.rows("SELECT DISTINCT tries FROM jobs") == [(0,)]


async def test_a_reader_that_does_not_start_is_not_waited_for_and_charges_nobody(
    parts: Parts, make_photo: MakePhoto
) -> None:
    make_photo()
    assert await service(parts, "raise SystemExit(1)", alone=True).run_once() is Outcome.SERVER_AWAY
    assert parts.rows("SELECT prompt, state, tries FROM jobs") == [("ocr", "queued", 0)]


async def test_a_server_is_looked_for_when_a_prompt_comes_that_needs_it(
    parts: Parts, make_photo: MakePhoto
) -> None:
    make_photo()
    both = reading(parts.pipeline.choices, alone=False)
    made = service(parts, SAYING_STOP, alone=True)
    async with parts.running(made):
        await parts.until(lambda: len(parts.rows(STATES)) == 1)
        assert not parts.endpoint.was_probed
        await made.apply(both)
        await parts.until(lambda: len(parts.rows(STATES)) == len(both.prompts))
    assert parts.rows("SELECT model FROM history WHERE prompt = 'ocr'") == [("stub 1",)]
