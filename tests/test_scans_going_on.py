"""Scans of one inbox at once: they are counted, and that of the whole waits for those of folders."""

import asyncio

import pytest

import daemon_parts
from captiond.scans_going_on import ScansGoingOn
from simulated_time import SimulatedClock

pytestmark = pytest.mark.anyio
anyio_backend = daemon_parts.anyio_backend


@pytest.fixture
async def going_on() -> ScansGoingOn:
    return ScansGoingOn(SimulatedClock(asyncio.get_running_loop()))


async def test_scans_overlap_until_the_last_of_them_has_ended(going_on: ScansGoingOn) -> None:
    with going_on.one():
        assert not going_on.overlap
        with going_on.one_of_folders():
            assert going_on.overlap
        assert going_on.overlap, "what this one found first, the other may have found since"
    assert not going_on.overlap


async def test_for_a_scan_of_the_whole_nobody_waits(going_on: ScansGoingOn) -> None:
    began = asyncio.get_running_loop().time()
    with going_on.one():
        assert await going_on.calm(60) == 0
    assert asyncio.get_running_loop().time() == began


async def test_for_scans_of_folders_without_end_nobody_waits_for_ever(going_on: ScansGoingOn) -> None:
    began = asyncio.get_running_loop().time()
    with going_on.one_of_folders():
        assert await going_on.calm(5) == pytest.approx(5)
    assert asyncio.get_running_loop().time() == pytest.approx(began + 5)
