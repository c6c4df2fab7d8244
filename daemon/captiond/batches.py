"""Many settled files at once: few are hashed in one go, many are made known together."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from .clock import Clock
from .model import InboxFile

T = TypeVar("T")

FILES_AT_ONCE = 1_800
"""So many are found, looked at, and made known together: a commit for each would hold up a thousand drops."""

HASHED_AT_ONCE = 450
BYTES_AT_ONCE = 16_000_000
"""A disk is asked for no more at once: who wants one picture waits in the same line, and a disk that does not
answer for long is away."""

LONGEST_GATHERING_SECONDS = 0.5
"""So long, what was hashed first waits to be made known together with more."""


async def gathered(
    files: Sequence[InboxFile],
    hash_some: Callable[[Sequence[InboxFile]], Awaitable[Sequence[T]]],
    clock: Clock,
) -> AsyncIterator[list[tuple[InboxFile, T]]]:
    """Hash files batch by batch; gives with what came of it as many as are to be made known together.

    `hash_some` gives what came of the first so many, at least of one.
    """
    both: list[tuple[InboxFile, T]] = []
    latest = clock.monotonic_seconds() + LONGEST_GATHERING_SECONDS
    for batch in in_batches(files):
        left = batch
        while left:
            outcomes = await hash_some(left)
            both += zip(left, outcomes, strict=False)
            left = left[len(outcomes) :]
            if len(both) >= FILES_AT_ONCE or clock.monotonic_seconds() >= latest:
                yield both
                both, latest = [], clock.monotonic_seconds() + LONGEST_GATHERING_SECONDS
    if both:
        yield both


def in_batches(files: Sequence[InboxFile]) -> Iterator[list[InboxFile]]:
    """Cut files into batches: 450, or 16 MB, or one that is larger."""
    batch: list[InboxFile] = []
    size_bytes = 0
    for file in files:
        size_bytes += file.stamp.size_bytes
        if batch and (len(batch) == HASHED_AT_ONCE or size_bytes > BYTES_AT_ONCE):
            yield batch
            batch, size_bytes = [], file.stamp.size_bytes
        batch.append(file)
    if batch:
        yield batch
