"""Things that go on beside others, until all have ended."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from captiond.errors import Outage
from captiond.meanwhile import Meanwhile

pytestmark = pytest.mark.anyio

FULL = "the disk is full"


class Steps:
    """Things that take some moments, and may fail; which are going on, and which have ended."""

    def __init__(self) -> None:
        self.going_on: list[str] = []
        self.most_at_once = 0
        self.ended: list[str] = []

    async def take(self, name: str, moments: int, failure: str | None = None) -> None:
        with self._counted(name):
            for _ in range(moments):
                await asyncio.sleep(0)
            self.ended.append(name)
            if failure:
                raise Outage(failure)

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        self.going_on.append(name)
        self.most_at_once = max(self.most_at_once, len(self.going_on))
        try:
            yield
        finally:
            self.going_on.remove(name)


async def one_that_fails(steps: Steps, in_the_end: Exception | None = None) -> None:
    async with Meanwhile() as meanwhile:
        await meanwhile.do(steps.take, "fails", 3, FULL)
        if in_the_end:
            raise in_the_end


async def one_that_fails_and_another(steps: Steps, at_once: int) -> None:
    async with Meanwhile(at_once) as meanwhile:
        await meanwhile.do(steps.take, "fails", 1, FULL)
        await meanwhile.do(steps.take, "another", 9)


@pytest.fixture
def steps() -> Steps:
    return Steps()


async def test_the_block_goes_on_beside_what_it_began(steps: Steps) -> None:
    async with Meanwhile() as meanwhile:
        await meanwhile.do(steps.take, "beside", 5)
        await asyncio.sleep(0)
        assert steps.going_on == ["beside"]

    assert steps.ended == ["beside"]


@pytest.mark.parametrize("at_once", [1, 2])
async def test_no_more_go_on_at_once_than_allowed(steps: Steps, at_once: int) -> None:
    async with Meanwhile(at_once) as meanwhile:
        for number in range(5):
            await meanwhile.do(steps.take, str(number), 9 - number)

    assert steps.most_at_once == at_once
    assert sorted(steps.ended) == ["0", "1", "2", "3", "4"]


async def test_nothing_begins_after_a_failure(steps: Steps) -> None:
    with pytest.raises(Outage, match=FULL):
        await one_that_fails_and_another(steps, at_once=1)

    assert steps.ended == ["fails"]


async def test_a_failure_of_the_last_one_is_raised_at_the_end(steps: Steps) -> None:
    with pytest.raises(Outage, match=FULL):
        await one_that_fails(steps)

    assert steps.ended == ["fails"]


async def test_where_one_fails_the_others_are_waited_for(steps: Steps) -> None:
    with pytest.raises(Outage, match=FULL):
        await one_that_fails_and_another(steps, at_once=2)

    assert steps.ended == ["fails", "another"]


async def test_where_the_block_fails_what_it_began_ends_first(steps: Steps) -> None:
    with pytest.raises(LookupError):
        await one_that_fails(steps, in_the_end=LookupError())

    assert steps.ended == ["fails"]


@pytest.mark.parametrize("at_its_end", [True, False])
async def test_who_gives_up_the_block_gives_up_all(steps: Steps, *, at_its_end: bool) -> None:
    async def block() -> None:
        async with Meanwhile(2) as meanwhile:
            await meanwhile.do(steps.take, "one", 99)
            await meanwhile.do(steps.take, "other", 99)
            await asyncio.sleep(0 if at_its_end else 99)

    waiting = asyncio.ensure_future(block())
    for _ in range(5):
        await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert (steps.going_on, steps.ended) == ([], [])
