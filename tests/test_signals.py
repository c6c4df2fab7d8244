"""What a signal does to the work, and what the end of the work does to those who wait for signals."""

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from captiond.errors import CatalogueFault, InboxGone
from captiond.signals import ended, until_stopped

pytestmark = pytest.mark.anyio


class Heard(list[str]):
    """What was called, in order."""

    def noting(self, what: str) -> Callable[[], None]:
        return lambda: self.append(what)

    async def reload(self) -> None:
        self.append("reload")


@pytest.fixture
def heard() -> Heard:
    return Heard()


async def started(heard: Heard, *signals: signal.Signals, then: object = None) -> str:
    """Work that sends its own process signals, and ends where `then` tells."""
    try:
        for number in signals:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.01)
        if then is None:
            await asyncio.sleep(60)
    finally:
        heard.append("tidied")
    if isinstance(then, Exception):
        raise then
    return str(then)


async def run(heard: Heard, *signals: signal.Signals, then: object = None) -> str | None:
    work = started(heard, *signals, then=then)
    return await until_stopped(work, stopping=heard.noting("stopping"), reload=heard.reload)


async def test_work_that_ends_gives_what_came_of_it(heard: Heard) -> None:
    assert await run(heard, then="done") == "done"
    assert heard == ["tidied"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_work_in_good_order(heard: Heard, number: signal.Signals) -> None:
    assert await run(heard, number) is None
    assert heard == ["stopping", "tidied"]


async def test_hanging_up_reads_settings_again_each_time(heard: Heard) -> None:
    assert await run(heard, signal.SIGHUP, signal.SIGHUP, then="done") == "done"
    assert heard == ["reload", "reload", "tidied"]


@pytest.mark.parametrize("error", [CatalogueFault("the disk"), InboxGone("the inbox")])
@pytest.mark.parametrize("depth", [0, 1, 2])
async def test_what_ended_the_work_comes_out_alone(heard: Heard, error: Exception, depth: int) -> None:
    raised = error
    for _ in range(depth):
        raised = ExceptionGroup("unhandled errors in a TaskGroup", [raised])
    with pytest.raises(type(error)) as caught:
        await run(heard, then=raised)
    assert caught.value is error


async def test_a_fault_of_ours_comes_out_whole(heard: Heard) -> None:
    with pytest.raises((ExceptionGroup, ZeroDivisionError)) as caught:
        await run(heard, then=ExceptionGroup("unhandled errors in a TaskGroup", [ZeroDivisionError()]))
    assert caught.group_contains(ZeroDivisionError)


async def test_a_task_that_is_ended_has_ended() -> None:
    working = asyncio.create_task(asyncio.sleep(60))
    await ended(working)
    assert working.cancelled()


async def test_a_task_that_had_failed_says_so_when_it_is_ended() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    working = asyncio.create_task(fail())
    await asyncio.sleep(0)
    with pytest.raises(ZeroDivisionError):
        await ended(working)
