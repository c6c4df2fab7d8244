"""The durable queue: who comes next, and what becomes of what was in hand."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

import daemon_parts
from captiond.catalogue import jobs
from captiond.patience import Patience
from captiond.photo_queue import PhotoQueue
from captiond.turns import Turns
from conftest import MakePhoto
from daemon_parts import OWNER, Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

Take = Callable[[], Coroutine[Any, Any, str]]


@pytest.fixture
def queue(parts: Parts) -> PhotoQueue:
    patience = Patience(parts.catalogue, parts.clock, parts.log)
    return PhotoQueue(parts.catalogue, patience, parts.pipeline.unqueued, parts.clock)


async def put(parts: Parts, make_photo: MakePhoto, kind: str, count: int) -> None:
    for number in range(count):
        colour = f"rgb({number * 20}, {100 * (kind == 'new')}, 30)"
        await parts.take_in(make_photo(f"{kind} {number}.jpg", colour), fresh=kind == "new")


@pytest.fixture
def turns(parts: Parts) -> Turns:
    return Turns(parts.endpoint, lambda: parts.pipeline.choices, parts.clock)


@pytest.fixture
async def take(queue: PhotoQueue, turns: Turns) -> AsyncIterator[Take]:
    """Take the next photo, and keep it until the test ends."""
    async with AsyncExitStack() as held:

        async def next_one() -> str:
            lease = await held.enter_async_context(queue.next(turns))
            return lease.files[0].path.stem

        yield next_one


def in_hand(parts: Parts) -> list[tuple[str, str | None, int]]:
    return parts.rows("SELECT DISTINCT state, owner, tries FROM jobs")


async def test_every_fourth_photo_comes_from_the_backlog(
    parts: Parts, take: Take, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "old", 3)
    await put(parts, make_photo, "new", 6)
    order = [await take() for _ in range(9)]
    assert order == ["new 0", "new 1", "new 2", "old 0", "new 3", "new 4", "new 5", "old 1", "old 2"]


NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT"
BACKLOG = {
    "photos (id, name, folder, path, inbox, bytes, sha256, added_at, updated_at)": (
        "1000000 + i, 'x', '', 'backlog ' || i, '/in', 1, 'digest ' || i, '', ''"
    ),
    "files (path, inbox, path_bytes, photo_id, state, seen_at)": (
        "'backlog ' || i, '/in', CAST('/in/backlog ' || i AS BLOB), 1000000 + i, 'known', ''"
    ),
    "jobs (photo_id, prompt, state, queued_at)": "1000000 + i, 'ocr', 'queued', ''",
}


def plant_backlog(connection: Connection, count: int) -> None:
    """Put so many photos into the queue as if a scan had found them; each has one prompt left."""
    for columns, values in BACKLOG.items():
        connection.exec_driver_sql(f"INSERT INTO {columns} {NUMBERS} {values} FROM n", (count,))


async def test_a_fresh_drop_passes_a_backlog_of_100_000(
    parts: Parts, take: Take, make_photo: MakePhoto
) -> None:
    await parts.catalogue.write(plant_backlog, 100_000)
    assert await take() == "backlog 1"
    await put(parts, make_photo, "new", 1)
    began = time.perf_counter()
    assert await take() == "new 0"
    assert time.perf_counter() - began < 1.0, "it must not look at all that waits"


async def test_the_backlog_goes_on_under_an_endless_stream_of_drops(
    parts: Parts, take: Take, make_photo: MakePhoto
) -> None:
    await parts.catalogue.write(plant_backlog, 5)
    order = []
    for number in range(20):
        await parts.take_in(make_photo(f"new {number}.jpg", f"rgb({number * 9}, 7, 30)"), fresh=True)
        order.append(await take())
    assert [name for name in order if name.startswith("backlog")] == [f"backlog {i}" for i in range(1, 6)]


async def test_a_photo_that_comes_wakes_who_waits(
    parts: Parts, queue: PhotoQueue, take: Take, make_photo: MakePhoto
) -> None:
    waiting = asyncio.create_task(take())
    await parts.clock.sleep(5)
    await put(parts, make_photo, "new", 1)
    assert not waiting.done()
    queue.wake()
    began = parts.clock.monotonic_seconds()
    assert await waiting == "new 0"
    assert parts.clock.monotonic_seconds() == began


async def test_a_photo_that_nobody_told_of_is_found_all_the_same(
    parts: Parts, take: Take, make_photo: MakePhoto
) -> None:
    began = parts.clock.monotonic_seconds()
    waiting = asyncio.create_task(take())
    await parts.clock.sleep(5)
    await put(parts, make_photo, "new", 1)
    await waiting
    assert parts.clock.monotonic_seconds() - began <= 60


async def test_a_further_try_is_taken_when_it_is_due(parts: Parts, take: Take, make_photo: MakePhoto) -> None:
    await put(parts, make_photo, "old", 1)
    lease = await parts.lease()
    later = parts.clock.now() + timedelta(seconds=12)
    await parts.catalogue.write(jobs.postpone, OWNER, lease.photo_id, later, "it is away")
    began = parts.clock.monotonic_seconds()
    await take()
    assert 11 <= parts.clock.monotonic_seconds() - began <= 13


async def test_a_try_put_off_by_a_clock_a_year_ahead_is_taken_soon(
    parts: Parts, take: Take, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "old", 1)
    lease = await parts.lease()
    later = parts.clock.now() + timedelta(days=365)
    await parts.catalogue.write(jobs.postpone, OWNER, lease.photo_id, later, "it is away")
    began = parts.clock.monotonic_seconds()
    await take()
    assert parts.clock.monotonic_seconds() - began <= 60


async def test_a_photo_is_in_hand_for_as_long_as_the_block_lasts(
    parts: Parts, queue: PhotoQueue, turns: Turns, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "old", 1)
    async with queue.next(turns):
        assert queue.in_hand == 1
    assert queue.in_hand == 0


async def test_what_is_given_back_can_be_taken_at_once(
    parts: Parts, queue: PhotoQueue, turns: Turns, take: Take, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "old", 1)
    async with queue.next(turns) as lease:
        await queue.give_back(lease)
    assert in_hand(parts) == [("queued", None, 0)]
    assert await take() == "old 0"


async def test_what_is_put_off_waits_some_minutes(
    parts: Parts, queue: PhotoQueue, turns: Turns, take: Take, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "old", 1)
    async with queue.next(turns) as lease:
        await queue.put_off(lease, "it is away")
    assert in_hand(parts) == [("waiting", None, 0)]
    assert parts.rows("SELECT DISTINCT error FROM jobs") == [("it is away",)]
    began = parts.clock.monotonic_seconds()
    await take()
    assert 299 <= parts.clock.monotonic_seconds() - began <= 301


async def test_all_that_is_in_hand_can_be_given_back(
    parts: Parts, queue: PhotoQueue, take: Take, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "old", 2)
    await take()
    await take()
    await queue.give_back_all()
    assert in_hand(parts) == [("queued", None, 0)]


async def test_what_another_captiond_had_in_hand_is_reclaimed_once(
    parts: Parts, queue: PhotoQueue, take: Take, make_photo: MakePhoto
) -> None:
    await put(parts, make_photo, "old", 2)
    await parts.lease()
    await take()
    assert await queue.reclaim() == 1
    assert await queue.reclaim() == 0


async def test_whoever_stops_waiting_leaves_nothing_behind(take: Take) -> None:
    for tenth_of_a_millisecond in range(60):
        waiting = asyncio.create_task(take())
        await asyncio.to_thread(time.sleep, tenth_of_a_millisecond / 10_000)
        waiting.cancel()
        await asyncio.wait([waiting])
    del waiting
    gc.collect()
