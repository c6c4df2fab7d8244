"""No more bytes are in hand at once than there is room for."""

import asyncio

import pytest

from captiond.room import Room

pytestmark = pytest.mark.anyio


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Guest:
    """Somebody who takes room and keeps it until he is told to go."""

    def __init__(self, room: Room, size_bytes: int) -> None:
        self.inside = False
        self.leave = asyncio.Event()
        self.visit = asyncio.create_task(self._stay(room, size_bytes))

    async def _stay(self, room: Room, size_bytes: int) -> None:
        async with room.taken(size_bytes):
            self.inside = True
            await self.leave.wait()
        self.inside = False


async def test_who_finds_no_room_waits_until_somebody_leaves() -> None:
    room = Room(100)
    first, second, third = (Guest(room, size) for size in (60, 40, 50))
    await settle()
    assert (first.inside, second.inside, third.inside) == (True, True, False)
    first.leave.set()
    await settle()
    assert third.inside
    assert room.free_bytes == 10


async def test_a_large_one_is_not_overtaken_for_ever() -> None:
    room = Room(100)
    first, large, small = (Guest(room, size) for size in (60, 100, 10))
    await settle()
    assert not small.inside, "he came later"
    first.leave.set()
    await settle()
    assert (large.inside, small.inside) == (True, False)


async def test_one_that_is_larger_than_all_the_room_comes_in_alone() -> None:
    room = Room(100)
    small, larger = Guest(room, 1), Guest(room, 1000)
    await settle()
    assert not larger.inside
    small.leave.set()
    await settle()
    assert larger.inside


async def test_who_is_cancelled_takes_nothing_along() -> None:
    room = Room(100)
    inside, waiting = Guest(room, 100), Guest(room, 100)
    await settle()
    for guest in (waiting, inside):
        guest.visit.cancel()
    await settle()
    assert room.free_bytes == 100
    last = Guest(room, 100)
    await settle()
    assert last.inside
