"""Two things at once, of which neither outlives the other."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar, cast

F = TypeVar("F")
S = TypeVar("S")


async def together(first: Awaitable[F], second: Awaitable[S]) -> tuple[F, S]:
    """Wait for both, also where one fails; raises what the first raised, else what the second raised."""
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return cast("tuple[F, S]", tuple(outcomes))
