"""Whose turn it is at a server: its models are not loaded back and forth."""

import asyncio
from itertools import pairwise

import pytest

import daemon_parts
import simulated_time
from captiond.model import Lease, PromptName
from captiond.patience import Patience
from captiond.photo_queue import PhotoQueue
from captiond.service import Outcome
from captiond.turns import LINGER_SECONDS, TURN_SECONDS, Turns
from conftest import MakePhoto
from daemon_parts import Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

READER = "llava16hd"
WITH_READER = {"ocr": {"model": READER}}
OTHERS, OCR, TRANSLATION = ["objects", "description"], ["ocr"], ["translation"]


class Worker:
    """Who asks one server about one photo after another."""

    def __init__(self, parts: Parts) -> None:
        parts.pipeline = parts.pipeline_with(prompts=WITH_READER)
        self._parts = parts
        self._turns = Turns(parts.endpoint, lambda: parts.pipeline.choices, parts.clock)
        patience = Patience(parts.catalogue, parts.clock, parts.log)
        self._queue = PhotoQueue(parts.catalogue, patience, parts.pipeline.unqueued, parts.clock)

    async def ask(self, *, seconds: float = 8.0) -> tuple[str, list[PromptName]]:
        """Ask about the next photo; gives its name and its prompts."""
        async with self._queue.next(self._turns) as lease:
            await self._parts.clock.sleep(seconds)
            await self._parts.pipeline.describe(lease, self._parts.endpoint)
            return told(lease)

    async def hold(self, seconds: float) -> tuple[str, list[PromptName]]:
        """Take the next photo and give it back after a while, as it was."""
        async with self._queue.next(self._turns) as lease:
            await self._parts.clock.sleep(seconds)
            await self._queue.give_back(lease)
            return told(lease)


def told(lease: Lease) -> tuple[str, list[PromptName]]:
    return lease.files[0].path.stem, [job.prompt for job in lease.jobs]


@pytest.fixture
async def worker(parts: Parts) -> Worker:
    worker = Worker(parts)
    await parts.endpoint.until_up()
    return worker


def open_jobs(parts: Parts) -> list[tuple[str, str]]:
    return parts.rows("SELECT prompt, state FROM jobs ORDER BY id")


async def put(parts: Parts, make_photo: MakePhoto, *names: str) -> None:
    with simulated_time.loop().standing_still():
        for name in names:
            await parts.take_in(make_photo(f"{name}.jpg", f"rgb({40 * (ord(name) - 96)}, 90, 30)"))


async def test_all_photos_of_one_model_come_before_those_of_another(
    parts: Parts, worker: Worker, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "a", "b")
    order = [await worker.ask() for _ in range(6)]
    assert [prompts for _, prompts in order] == [OTHERS, OTHERS, OCR, OCR, TRANSLATION, TRANSLATION]
    assert [name for name, _ in order] == ["a", "b"] * 3


async def test_a_photo_that_comes_is_asked_first_of_the_model_whose_turn_it_is(
    parts: Parts, worker: Worker, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "a", "b")
    for _ in range(3):
        await worker.ask()
    await put(parts, make_photo, "c")
    assert [await worker.ask() for _ in range(3)] == [("b", OCR), ("c", OCR), ("a", TRANSLATION)]


async def test_a_turn_lasts_a_moment_longer_for_files_that_still_come(
    parts: Parts, worker: Worker, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "a")
    await worker.ask()
    waiting = asyncio.create_task(worker.ask())
    await parts.clock.sleep(LINGER_SECONDS / 2)
    await put(parts, make_photo, "b")
    assert await waiting == ("b", OTHERS)


async def test_no_turn_begins_while_a_photo_of_the_last_is_in_hand(
    parts: Parts, worker: Worker, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "a", "b")
    first = asyncio.create_task(worker.ask(seconds=100))
    await parts.clock.sleep(1)
    assert await worker.ask() == ("b", OTHERS)
    second = asyncio.create_task(worker.ask())
    await parts.clock.sleep(60)
    assert not first.done()
    assert not second.done()
    assert await first == ("a", OTHERS)
    assert await second == ("a", OCR)


async def test_no_model_waits_longer_than_a_turn_for_a_backlog_of_another(
    parts: Parts, worker: Worker, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "a", "b", "c", "d")
    assert await worker.ask(seconds=TURN_SECONDS + 1) == ("a", OTHERS)
    assert await worker.ask(seconds=TURN_SECONDS + 1) == ("a", OCR)
    order = [await worker.ask() for _ in range(4)]
    assert order == [("a", TRANSLATION), ("b", OTHERS), ("c", OTHERS), ("d", OTHERS)]


async def test_when_a_turn_is_over_all_that_is_in_hand_is_finished_first(
    parts: Parts, worker: Worker, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "a", "b", "c")
    first = asyncio.create_task(worker.hold(TURN_SECONDS + 50))
    await parts.clock.sleep(TURN_SECONDS - 1)
    assert await worker.ask() == ("b", OTHERS)
    second = asyncio.create_task(worker.ask())
    await parts.clock.sleep(20)
    assert not second.done(), "it prepares nothing of a turn that is over"
    await first
    assert await second == ("a", OCR) or await second == ("b", OCR)


async def test_a_turn_goes_on_where_no_other_model_is_waited_for(
    parts: Parts, worker: Worker, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "a", "b")
    for _ in range(6):
        await worker.ask()
    await parts.clock.sleep(TURN_SECONDS)
    parts.pipeline = parts.pipeline_with()
    await put(parts, make_photo, "c", "d")
    assert [await worker.ask(seconds=TURN_SECONDS) for _ in range(2)] == [
        ("c", [*OTHERS, *OCR, *TRANSLATION]),
        ("d", [*OTHERS, *OCR, *TRANSLATION]),
    ]


async def test_a_prompt_with_a_condition_waits_for_the_model_that_decides_it(
    parts: Parts, make_photo: MakePhoto
) -> None:
    sign = {"kind": "text", "text": "What does it forbid?", "when": {"ocr": True}}
    parts.pipeline = parts.pipeline_with(prompts={"ocr": {"model": "nobody-has-it"}, "sign": sign})
    make_photo(text="Halt")
    service = parts.service()
    async with parts.running(service):
        await parts.until(lambda: parts.rows("SELECT 1 FROM results WHERE prompt = 'description'"))
        await parts.clock.sleep(120)
    assert len(parts.said("described") + parts.said("described in part")) == 1, "it is taken up in vain"
    assert open_jobs(parts) == [("ocr", "queued"), ("sign", "queued"), ("translation", "queued")]


async def test_a_single_run_changes_models_once_for_all_photos(parts: Parts, make_photo: MakePhoto) -> None:
    for number in range(5):
        make_photo(f"{number}.jpg", f"rgb({number * 9}, 90, 30)", text="Guten Tag")
    parts.pipeline = parts.pipeline_with(prompts=WITH_READER)
    await parts.clock.sleep(3)
    assert await parts.service().run_once() is Outcome.DONE
    models = [call.model for call in parts.server.counters.calls]
    changes = [pair for pair in pairwise(models) if pair[0] != pair[1]]
    assert len(models) == 5 * 4
    assert 1 <= len(changes) <= 2, "to the reader, where it did not come first, and back for the translations"
    assert parts.server.counters.image_encodes == 2 * 5, "once for each photo and model"
