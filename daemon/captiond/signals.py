"""Signals: SIGTERM and SIGINT end the work in good order, SIGHUP has a service read its settings again."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from .errors import Fatal, InboxGone

T = TypeVar("T")


async def until_stopped(
    work: Coroutine[None, None, T],
    *,
    stopping: Callable[[], None],
    reload: Callable[[], Awaitable[None]] | None,
) -> T | None:
    """Do the work until it ends, or a signal ends it: then `stopping` is called, and None comes back.

    Without `reload` a SIGHUP ends it too: the terminal was closed. Raises the Fatal or InboxGone that ended
    the work.
    """
    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, hangup.set if reload else stop.set)
    working = asyncio.create_task(work)
    beside: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
    if reload is not None:
        beside.append(asyncio.create_task(_at_each(hangup, reload)))
    try:
        await asyncio.wait([working, *beside], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            stopping()
        for task in (working, *beside):
            await ended(task)
        return None if working.cancelled() else working.result()
    except* (Fatal, InboxGone) as errors:
        raise _first(errors) from None


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end; raises the error it ended with, if any."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _at_each(event: asyncio.Event, follow: Callable[[], Awaitable[None]]) -> None:
    while True:
        await event.wait()
        event.clear()
        await follow()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
