"""What a server has done so far: the figures that tests assert."""

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_CALLS = 100_000


@dataclass(frozen=True, slots=True)
class Call:
    """One question that got as far as a slot."""

    endpoint: str
    model: str
    prompt: str
    images: tuple[str, ...]
    options: Mapping[str, Any]
    reused_tokens: int
    image_encodes: int


@dataclass(slots=True)
class Counters:
    """Figures since the server began: `image_encodes` counts images, `tile_encodes` runs of the encoder."""

    requests: int = 0
    image_encodes: int = 0
    tile_encodes: int = 0
    loads: int = 0
    reloads: int = 0
    faults: int = 0
    disconnects: int = 0
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=MOST_CALLS))

    def as_json(self) -> dict[str, Any]:
        """Give the figures and the calls as plain values."""
        return asdict(self) | {"calls": [asdict(call) for call in list(self.calls)]}
