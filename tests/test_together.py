"""Two things at once: neither goes on alone."""

import asyncio

import pytest

from captiond.errors import Outage
from captiond.together import together

pytestmark = pytest.mark.anyio


class Step:
    """Something that takes a moment, and may fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.ended = False
        self._failure = failure

    async def take(self, value: int, moments: int) -> int:
        for _ in range(moments):
            await asyncio.sleep(0)
        self.ended = True
        if self._failure:
            raise self._failure
        return value


async def test_both_give_what_they_found() -> None:
    assert await together(Step().take(1, 3), Step().take(2, 1)) == (1, 2)


@pytest.mark.parametrize("slow_first", [True, False])
async def test_where_one_fails_the_other_is_waited_for(*, slow_first: bool) -> None:
    fails, lasts = Step(Outage("the disk is full")), Step()
    pair = [fails.take(1, 1), lasts.take(2, 9)]
    first, second = reversed(pair) if slow_first else pair

    with pytest.raises(Outage, match="the disk is full"):
        await together(first, second)

    assert lasts.ended


async def test_who_gives_up_waiting_stops_both() -> None:
    one, other = Step(), Step()
    waiting = asyncio.ensure_future(together(one.take(1, 99), other.take(2, 99)))
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert (one.ended, other.ended) == (False, False)
