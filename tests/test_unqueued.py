"""Photos that come by the hundred: known first, queued once no more come, and none is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

import daemon_parts
from captiond.model import PromptName
from captiond.photo_queue import PhotoQueue
from captiond.service import Outcome
from captiond.turns import Turns
from captiond.unqueued import CALM_SECONDS, FEWEST_PHOTOS, QUEUED_AT_ONCE, Unqueued
from conftest import MakePhoto
from daemon_parts import Parts
from faults.bursting import write_flat

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts


class Wakings:
    """Counts how often somebody was told that photos were queued."""

    count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
async def wakings(parts: Parts) -> AsyncIterator[Wakings]:
    """Let the photos be queued whenever no more come, while the test lasts."""
    wakings = Wakings()
    queueing = asyncio.create_task(parts.pipeline.unqueued.queue_all(wakings))
    yield wakings
    queueing.cancel()
    await asyncio.wait([queueing])


@pytest.fixture
def unqueued(parts: Parts) -> Unqueued:
    return parts.pipeline.unqueued


async def bring(parts: Parts, count: int, *, fresh: bool = False, folder: str = "many") -> None:
    """Have photos taken in that came at once."""
    (parts.inbox / folder).mkdir()
    write_flat(parts.inbox / folder, parts.inbox, count)
    files = [parts.seen(parts.inbox / folder / f"{number}.jpg") for number in range(count)]
    await parts.pipeline.take_in(files, fresh=fresh)


def count(parts: Parts, table: str, where: str = "true") -> int:
    number: int = parts.rows(f"SELECT count(*) FROM {table} WHERE {where}")[0][0]
    return number


def asked(parts: Parts) -> Sequence[PromptName]:
    return parts.pipeline.choices.names


async def test_many_photos_at_once_are_known_before_they_are_queued(parts: Parts, unqueued: Unqueued) -> None:
    await bring(parts, FEWEST_PHOTOS)
    assert count(parts, "photos", "state = 'queued'") == len(unqueued) == FEWEST_PHOTOS
    assert not count(parts, "jobs")


async def test_fewer_are_queued_as_they_become_known(parts: Parts, unqueued: Unqueued) -> None:
    await bring(parts, FEWEST_PHOTOS - 1)
    assert not unqueued
    assert count(parts, "jobs") == (FEWEST_PHOTOS - 1) * len(asked(parts))


async def test_fresh_drops_are_queued_at_once_however_many(parts: Parts, unqueued: Unqueued) -> None:
    await bring(parts, FEWEST_PHOTOS, fresh=True)
    assert not unqueued
    assert count(parts, "jobs", "priority = 1") == FEWEST_PHOTOS * len(asked(parts))


async def test_they_are_queued_once_no_more_come(parts: Parts, unqueued: Unqueued, wakings: Wakings) -> None:
    with unqueued.coming():
        with unqueued.coming():
            await bring(parts, QUEUED_AT_ONCE + 1)
        await parts.clock.sleep(60)
        assert not count(parts, "jobs")
    await parts.until(lambda: not unqueued)
    assert count(parts, "jobs", "priority = 0") == (QUEUED_AT_ONCE + 1) * len(asked(parts))
    assert wakings.count == 2
    await bring(parts, 1, folder="one more")
    with unqueued.coming():
        await bring(parts, FEWEST_PHOTOS, folder="many more")
    await parts.until(lambda: not unqueued)
    assert count(parts, "jobs") == (QUEUED_AT_ONCE + FEWEST_PHOTOS + 2) * len(asked(parts))


async def test_a_moment_in_which_none_come_is_no_end(
    parts: Parts, unqueued: Unqueued, wakings: Wakings
) -> None:
    for folder in ("first", "second"):
        with unqueued.coming():
            await bring(parts, FEWEST_PHOTOS, folder=folder)
        await parts.clock.sleep(CALM_SECONDS / 2)
        assert not count(parts, "jobs")
    await parts.until(lambda: not unqueued)
    assert count(parts, "jobs") == 2 * FEWEST_PHOTOS * len(asked(parts))


async def test_nobody_idles_while_more_come(parts: Parts, unqueued: Unqueued, wakings: Wakings) -> None:
    queue = PhotoQueue(parts.catalogue, parts.pipeline.patience, unqueued, parts.clock)
    await parts.endpoint.until_up()
    with unqueued.coming():
        await bring(parts, QUEUED_AT_ONCE + 1)
        async with queue.next(Turns(parts.endpoint, lambda: parts.pipeline.choices, parts.clock)) as lease:
            assert [job.prompt for job in lease.jobs] == [*asked(parts)]
        assert len(unqueued) == 1
    assert not wakings.count


async def test_two_who_queue_at_once_leave_out_none(parts: Parts, unqueued: Unqueued) -> None:
    await bring(parts, QUEUED_AT_ONCE + 1)
    assert await asyncio.gather(*(unqueued.queue_some() for _ in range(3))) == [True, True, False]
    assert count(parts, "jobs") == (QUEUED_AT_ONCE + 1) * len(asked(parts))


async def test_they_are_asked_what_is_asked_when_they_are_queued(parts: Parts, unqueued: Unqueued) -> None:
    await bring(parts, FEWEST_PHOTOS)
    parts.pipeline.choices = parts.choices(prompts={"ocr": {"enabled": False}})
    await unqueued.queue_some()
    assert {prompt for (prompt,) in parts.rows("SELECT DISTINCT prompt FROM jobs")} == set(asked(parts))
    assert "ocr" not in asked(parts)


async def test_known_pictures_under_many_new_names_have_nothing_to_be_asked(
    parts: Parts, unqueued: Unqueued
) -> None:
    await bring(parts, FEWEST_PHOTOS)
    await unqueued.queue_some()
    await parts.catalogue.write(lambda writer: writer.exec_driver_sql("UPDATE jobs SET tries = 1"))
    (parts.inbox / "many").rename(parts.inbox / "again")
    files = [parts.seen(path) for path in sorted((parts.inbox / "again").iterdir())]
    await parts.pipeline.take_in(files, fresh=False)
    await unqueued.queue_some()
    assert count(parts, "jobs") == count(parts, "jobs", "tries = 1") == FEWEST_PHOTOS * len(asked(parts))


async def test_what_was_not_queued_at_the_end_is_queued_at_the_next_start(parts: Parts) -> None:
    await bring(parts, FEWEST_PHOTOS)
    await parts.server.stop()
    parts.pipeline = parts.pipeline_with()
    async with parts.running(parts.service()):
        await parts.until(lambda: count(parts, "jobs") == FEWEST_PHOTOS * len(asked(parts)))


async def test_a_folder_of_many_that_is_moved_in_is_queued(parts: Parts) -> None:
    await parts.server.stop()
    outside = parts.inbox.with_name("outside")
    outside.mkdir()
    write_flat(outside, outside, 2 * FEWEST_PHOTOS)
    await parts.clock.sleep(3)
    async with parts.running(parts.service()):
        await parts.until(lambda: parts.said("scanned"))
        outside.rename(parts.inbox / "moved")
        await parts.until(lambda: count(parts, "photos") == 2 * FEWEST_PHOTOS)
        await parts.until(lambda: count(parts, "jobs") == 2 * FEWEST_PHOTOS * len(asked(parts)))


async def test_a_single_run_queues_what_is_left_before_it_ends(
    parts: Parts, unqueued: Unqueued, make_photo: MakePhoto
) -> None:
    await parts.server.stop()
    make_photo("still changing.jpg")
    with unqueued.coming():
        running = asyncio.create_task(parts.service().run_once())
        await parts.clock.sleep(1)
        await bring(parts, FEWEST_PHOTOS)
        assert await running is Outcome.SERVER_AWAY
    assert count(parts, "jobs") == (FEWEST_PHOTOS + 1) * len(asked(parts))


async def test_those_that_find_the_disk_full_are_queued_when_there_is_room(
    parts: Parts, unqueued: Unqueued
) -> None:
    await bring(parts, FEWEST_PHOTOS)
    async with parts.no_room_for("jobs"):
        queueing = asyncio.create_task(unqueued.queue_some())
        await parts.until(lambda: parts.said("disk full"))
        assert len(unqueued) == FEWEST_PHOTOS
    assert await queueing
    assert count(parts, "jobs") == FEWEST_PHOTOS * len(asked(parts))
