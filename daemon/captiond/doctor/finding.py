"""What the doctor found, in one sentence, with the cure."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing is wrong."""
    WARN = "warn"
    """It works, but not as well as it could."""
    FAIL = "fail"
    """Photos cannot be read until this is cured."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about a subject (`server`, `inbox`, `catalogue` …); `fix` is what to do about it."""

    level: Level
    subject: str
    sentence: str
    fix: str | None = None
