"""Many settled files, in batches that are read, held in memory and made known together."""

from collections.abc import Callable, Iterator, Sequence

from .errors import Rejected, TryAgain
from .model import InboxFile, Original

FILES_AT_ONCE = 500
BYTES_AT_ONCE = 32_000_000
"""Two batches are in memory: one is read while the one before it is kept."""

ReadOutcome = Original | Rejected | TryAgain
"""What came of reading a file; what cannot be read is its reason."""


def each_read(files: Sequence[InboxFile], read_one: Callable[[InboxFile], Original]) -> list[ReadOutcome]:
    """Read files one after another; what cannot be read is its reason."""
    outcomes: list[ReadOutcome] = []
    for file in files:
        try:
            outcomes.append(read_one(file))
        except (Rejected, TryAgain) as trouble:
            outcomes.append(trouble)
    return outcomes


def in_batches(files: Sequence[InboxFile]) -> Iterator[list[InboxFile]]:
    """Cut files into batches that are held in memory at once: 500, or 32 MB, or one that is larger."""
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
