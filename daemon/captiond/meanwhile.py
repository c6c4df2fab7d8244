"""Something goes on beside something else, and neither outlives the other."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, ParamSpec, Self

P = ParamSpec("P")


class Meanwhile:
    """Does things beside what its block does, at most `at_once` of them; the block ends when all have ended.

    What one raises is raised where the next is to begin, or at the end of the block. Who gives up waiting for
    the block gives up all of them.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._going_on: deque[asyncio.Task[None]] = deque()

    async def do(
        self, act: Callable[P, Coroutine[Any, Any, None]], *arguments: P.args, **named: P.kwargs
    ) -> None:
        """Begin something; waits for the first of those before it where there are too many."""
        while len(self._going_on) >= self._at_once:
            first = self._going_on[0]
            await asyncio.wait({first})
            self._going_on.popleft()
            first.result()
        self._going_on.append(asyncio.create_task(act(*arguments, **named)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, asyncio.CancelledError):
            self._give_up()
        try:
            # Also where one fails: the others have their work half done.
            outcomes = await asyncio.gather(*map(_ended, self._going_on))
        except asyncio.CancelledError:
            self._give_up()
            await asyncio.gather(*map(_ended, self._going_on))
            raise
        failure = next(filter(None, outcomes), None)
        if error is None and failure is not None:
            raise failure

    def _give_up(self) -> None:
        for task in self._going_on:
            task.cancel()


async def _ended(task: asyncio.Task[None]) -> BaseException | None:
    """Wait for a task, whatever becomes of it; gives what it raised."""
    await asyncio.wait({task})
    return None if task.cancelled() else task.exception()
