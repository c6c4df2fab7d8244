"""Scans of one inbox at once: they are counted, and who can wait does."""

import asyncio

import pytest

import daemon_parts
from captiond.scans_going_on import CALM_SECONDS, ScansGoingOn

pytestmark = pytest.mark.anyio
anyio_backend = daemon_parts.anyio_backend


def test_scans_overlap_until_the_last_of_them_has_ended() -> None:
    going_on = ScansGoingOn()
    with going_on.one():
        assert not going_on.overlap
        with going_on.one():
            assert going_on.overlap
        assert going_on.overlap, "what this one found first, the other may have found since"
    assert not going_on.overlap


async def test_who_waits_for_calm_waits_until_no_folders_were_scanned_for_a_second() -> None:
    going_on, now = ScansGoingOn(), asyncio.get_running_loop().time
    began = now()
    await going_on.calm(60)
    with going_on.one():
        await going_on.calm(60)
    assert now() == began
    with going_on.one_of_folders():
        waiting = asyncio.create_task(going_on.calm(60))
        with going_on.one_of_folders():
            await asyncio.sleep(10)
        await asyncio.sleep(CALM_SECONDS / 2)
    for _ in range(3):
        await asyncio.sleep(CALM_SECONDS / 2)
        with going_on.one_of_folders():
            pass
    assert not waiting.done()
    ended = now()
    await waiting
    assert now() == pytest.approx(ended + CALM_SECONDS)


async def test_scans_without_end_are_not_waited_for() -> None:
    going_on, began = ScansGoingOn(), asyncio.get_running_loop().time()
    with going_on.one_of_folders():
        await going_on.calm(5)
    assert asyncio.get_running_loop().time() == pytest.approx(began + 5)
