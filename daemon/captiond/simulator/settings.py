"""What a simulated server is: its generation, its limits, its models, its speed, its faults."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol

from .faults import Fault

Generation = Literal["0.33", "0.24"]

STANDARD_MODELS = ("llava:13b-v1.6", "llava16hd", "nativechat", "textonly", "nativetext")


class Clock(Protocol):
    """Where the simulator gets its time; a test may pass one that it moves by hand."""

    def now(self) -> datetime:
        """Give the wall time, aware, in UTC."""

    def monotonic_seconds(self) -> float:
        """Give seconds that only grow."""

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""


class SystemClock:
    """The computer's own clocks."""

    def now(self) -> datetime:
        """Give the wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_seconds(self) -> float:
        """Give seconds that only grow."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Profile:
    """How many seconds things take on the simulated card: a 13B model in 4 bits on an RTX 4090.

    A decoding step reads the weights once (longer when more answer at the same time) and the cache of each.
    """

    load: float = 4.0
    check: float = 0.001
    tile_encode: float = 0.015
    prefill_token: float = 1 / 5000
    picture_byte: float = 0.2 / 4_080_000
    step_by_answers: tuple[tuple[int, float], ...] = ((1, 0.0083), (4, 0.0097), (8, 0.012), (16, 0.0133))
    step_cache_token: float = 0.819e6 / 0.95e12

    def step(self, answers: int, tokens: int) -> float:
        """Give the length of one decoding step while `answers` are written over `tokens` tokens in all."""
        for (low, at_low), (high, at_high) in zip(
            self.step_by_answers, self.step_by_answers[1:], strict=False
        ):
            if answers <= high:
                share = (max(answers, low) - low) / (high - low)
                return at_low + share * (at_high - at_low) + tokens * self.step_cache_token
        return self.step_by_answers[-1][1] + tokens * self.step_cache_token


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """Everything that can be chosen about a simulated server.

    `tokens="characters"` counts as the recorded servers did, whose model has one token for each character.
    `rambling` lets free text go on until a limit ends it, as the recorded random model does.
    `webp` is off in versions before 0.32.14; with `repeat_error` (versions after September 2026) an answer
    that repeats itself ends in an error and not in silence.
    `memory_bytes` is what the key-value cache may take (512 bytes a token) before a load fails.
    """

    host: str = "127.0.0.1"
    port: int = 0
    generation: Generation = "0.33"
    version: str = "0.0.0"
    slots: int = 1
    max_queue: int = 512
    max_loaded: int = 3
    models: tuple[str, ...] = STANDARD_MODELS
    projector: Literal["fixed", "anyres"] | None = None
    registry: Literal["open", "offline", "empty"] = "open"
    gpu: Literal["gpu", "partial", "cpu"] = "gpu"
    keep_alive_seconds: float = 300.0
    context_length: int = 4096
    memory_bytes: int = 4 << 30
    body_limit_bytes: int = 100 << 20
    ram_cache: bool = True
    webp: bool = True
    repeat_error: bool = False
    load_problem: Literal["failed", "timeout"] | None = None
    tokens: Literal["words", "characters"] = "words"
    rambling: bool = False
    time_scale: float = 0.0
    profile: Profile = field(default_factory=Profile)
    faults: tuple[Fault, ...] = ()

    @property
    def old(self) -> bool:
        """Say whether this is the generation with its own runner (0.24 and before)."""
        return self.generation == "0.24"
