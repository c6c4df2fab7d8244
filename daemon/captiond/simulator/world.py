"""Everything that a request can meet on one simulated server."""

from dataclasses import dataclass, field

from .counters import Counters
from .faults import Faults
from .models import Shelf
from .pictures import Darkroom
from .scheduler import Scheduler
from .settings import Clock, SimulatorSettings


@dataclass(frozen=True, slots=True)
class World:
    """The parts of a server; one for each server, shared by all its requests."""

    settings: SimulatorSettings
    clock: Clock
    shelf: Shelf
    darkroom: Darkroom
    scheduler: Scheduler
    counters: Counters
    faults: Faults
    downloads: dict[str, int] = field(default_factory=dict)
    """Bytes of each blob that pulls have fetched so far."""

    @classmethod
    def build(cls, settings: SimulatorSettings, clock: Clock) -> "World":
        """Put a fresh server together."""
        counters = Counters()
        return cls(
            settings,
            clock,
            Shelf(settings),
            Darkroom(old=settings.old, webp=settings.webp),
            Scheduler(settings, clock, counters),
            counters,
            Faults(settings.faults),
        )
