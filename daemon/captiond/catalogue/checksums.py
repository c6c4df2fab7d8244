"""Each result's checksum covers all of its row, but for the row's number and whether it is current."""

from collections.abc import Mapping
from typing import Any

from captiond.digests import short_digest

from .tables import results

COVERED = tuple(column.name for column in results.columns if column.name not in {"id", "current", "checksum"})
"""The columns that a checksum is over, in its order."""


def checksum_of(row: Mapping[str, Any]) -> str:
    """Give the checksum of a row of `results`, its values as SQLite gives them back."""
    return short_digest([row[name] for name in COVERED])
