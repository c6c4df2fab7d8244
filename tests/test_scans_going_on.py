"""Scans of one inbox at once: they are counted, and who can wait does."""

import asyncio

import pytest

import daemon_parts
from captiond.scans_going_on import ScansGoingOn

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


async def test_who_waits_for_their_end_waits_for_the_last() -> None:
    going_on = ScansGoingOn()
    await asyncio.wait_for(going_on.end(60), 5)
    with going_on.one():
        with going_on.one():
            waiting = asyncio.create_task(going_on.end(60))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 5)


async def test_a_scan_without_end_is_not_waited_for() -> None:
    going_on = ScansGoingOn()
    with going_on.one():
        await asyncio.wait_for(going_on.end(0.01), 5)
