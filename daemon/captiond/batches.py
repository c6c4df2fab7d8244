"""Many settled files, in batches that are read, held in memory and made known together."""

from collections.abc import Iterator, Sequence

from .model import InboxFile

FILES_AT_ONCE = 1_800
"""So many are found, looked at, and made known together: a commit for each would hold up a thousand drops."""

BYTES_AT_ONCE = 16_000_000
"""Four batches may be in memory: two are read while those before them are kept."""


def in_batches(files: Sequence[InboxFile]) -> Iterator[list[InboxFile]]:
    """Cut files into batches that are held in memory at once: 1,800, or 16 MB, or one that is larger."""
    batch: list[InboxFile] = []
    size_bytes = 0
    for file in files:
        size_bytes += file.stamp.size_bytes
        if batch and (len(batch) == FILES_AT_ONCE or size_bytes > BYTES_AT_ONCE):
            yield batch
            batch, size_bytes = [], file.stamp.size_bytes
        batch.append(file)
    if batch:
        yield batch
