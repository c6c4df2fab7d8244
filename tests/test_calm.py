"""Calm comes when nothing went on for a while."""

import asyncio

import pytest

import daemon_parts
from captiond.calm import Calm
from simulated_time import SimulatedClock

pytestmark = pytest.mark.anyio
anyio_backend = daemon_parts.anyio_backend


@pytest.fixture
async def clock() -> SimulatedClock:
    return SimulatedClock(asyncio.get_running_loop())


@pytest.fixture
def calm(clock: SimulatedClock) -> Calm:
    return Calm(2.0, clock)


async def test_it_is_calm_before_anything_went_on(calm: Calm, clock: SimulatedClock) -> None:
    began = clock.monotonic_seconds()
    await calm.come()
    assert clock.monotonic_seconds() == began


async def test_it_is_calm_some_time_after_the_last_has_ended(calm: Calm, clock: SimulatedClock) -> None:
    with calm.broken():
        coming = asyncio.create_task(calm.come())
        with calm.broken():
            await clock.sleep(10)
        await clock.sleep(10)
        assert not coming.done()
    ended = clock.monotonic_seconds()
    await coming
    assert clock.monotonic_seconds() == pytest.approx(ended + 2)


async def test_what_goes_on_after_a_moment_has_not_ended(calm: Calm, clock: SimulatedClock) -> None:
    with calm.broken():
        coming = asyncio.create_task(calm.come())
    for _ in range(3):
        await clock.sleep(1.5)
        with calm.broken():
            pass
    assert not coming.done()
    ended = clock.monotonic_seconds()
    await coming
    assert clock.monotonic_seconds() == pytest.approx(ended + 2)
