"""Many settled files, in batches that are hashed together."""

from collections.abc import Iterator, Sequence

from .model import InboxFile

FILES_AT_ONCE = 1_800
"""So many are found, looked at, and made known together: a commit for each would hold up a thousand drops."""

HASHED_AT_ONCE = 450
BYTES_AT_ONCE = 16_000_000
"""A disk is asked for no more at once: who wants one picture waits in the same line, and a disk that does not
answer for long is away."""


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
