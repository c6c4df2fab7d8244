"""A full disk is sat out, and nothing else is."""

import asyncio
from itertools import pairwise

import pytest

import daemon_parts
from captiond.catalogue import jobs
from captiond.errors import CatalogueBusy, CatalogueFault, DiskFull, Outage
from captiond.patience import Patience
from daemon_parts import Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts


@pytest.fixture
def patience(parts: Parts) -> Patience:
    return Patience(parts.catalogue, parts.clock, parts.log)


def failing(
    parts: Parts,
    times: int,
    outage: Outage = DiskFull("no room"),  # noqa: B008 - it is only raised
) -> tuple[list[float], object]:
    """Make an attempt that finds the disk full so often, and the moments at which it was made."""
    moments: list[float] = []

    async def attempt() -> str:
        moments.append(parts.clock.monotonic_seconds())
        if len(moments) <= times:
            raise outage
        return "done"

    return moments, attempt


async def test_a_write_waits_until_there_is_room(parts: Parts, patience: Patience) -> None:
    async with parts.full_disk():
        writing = asyncio.create_task(
            patience.insist(jobs.note_event, "told", "x" * 20_000, parts.clock.now())
        )
        await parts.clock.sleep(100)
        assert not writing.done()
    await parts.clock.sleep(31)
    await asyncio.wait_for(writing, 1)
    assert parts.rows("SELECT count(*) FROM events WHERE kind = 'told'") == [(1,)]


async def test_the_pauses_grow_and_the_outage_is_told_once(parts: Parts, patience: Patience) -> None:
    moments, attempt = failing(parts, 8)
    assert await patience.sit_out(attempt) == "done"  # type: ignore[arg-type]
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30])
    assert [line["reason"] for line in parts.said("disk full")] == ["no room"]


async def test_it_is_told_once_while_other_writes_go_through(parts: Parts, patience: Patience) -> None:
    _, attempt = failing(parts, 5)
    waiting = asyncio.create_task(patience.sit_out(attempt))  # type: ignore[arg-type]
    while not waiting.done():
        await parts.clock.sleep(0.5)
        await patience.insist(jobs.say, "daemon", "well", parts.clock.now())
    assert len(parts.said("disk full")) == 1


async def test_a_catalogue_that_another_program_locked_is_waited_for(
    parts: Parts, patience: Patience
) -> None:
    _, attempt = failing(parts, 3, CatalogueBusy("somebody has it locked"))
    waiting = asyncio.create_task(patience.sit_out(attempt))  # type: ignore[arg-type]
    await parts.clock.sleep(2)
    assert patience.trouble == "somebody has it locked"
    assert await waiting == "done"
    assert patience.trouble is None
    assert [line["reason"] for line in parts.said("catalogue locked")] == ["somebody has it locked"]
    assert parts.said("catalogue writable")


async def test_a_wait_with_a_limit_ends_with_the_reason(parts: Parts, patience: Patience) -> None:
    patience.limit_seconds = 60
    moments, attempt = failing(parts, 1000)
    with pytest.raises(CatalogueFault, match=r"no room; given up after 6. seconds"):
        await patience.sit_out(attempt)  # type: ignore[arg-type]
    assert 60 <= moments[-1] - moments[0] <= 90
    assert not parts.said("catalogue writable")


async def test_other_outages_go_up(patience: Patience) -> None:
    async def attempt() -> None:
        raise Outage("something else")

    with pytest.raises(Outage):
        await patience.sit_out(attempt)
