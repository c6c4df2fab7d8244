"""The process that holds a model: its slots, who waits for them, and what it remembers of earlier prompts.

New generation: a slot keeps its last prompt, prompts that lose their slot go to a cache in RAM, and an image
is encoded whenever its tokens are not reused. Old generation: the last four images stay encoded instead.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from .errors import RunnerDied, runner_gone, runner_says
from .models import Model
from .prompts import Prompt, Shared
from .settings import Clock, SimulatorSettings

SIMILAR_ENOUGH = 0.1
KEPT_ENOUGH = 0.5
RAM_TOKENS = 50_000
"""The recorded models are so small that the real 8192 MiB never filled; this only bounds our own memory."""
EMBEDDED_IMAGES = 4

LoadOptions = Mapping[str, object]


@dataclass(slots=True)
class Slot:
    """One answer at a time; `prompt` is the last one it was given."""

    number: int
    prompt: Prompt | None = None
    busy: bool = False
    used: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """A slot for one prompt: how much of it is there already, and how many images must be encoded."""

    slot: Slot
    reused_tokens: int
    image_encodes: int
    tile_encodes: int


class Line:
    """Who waits for a slot, in the order in which they came, without a limit."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def admission(self) -> None:
        """Wait until a slot is free for the caller."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and not turn.exception():
                self.admit_next()
            raise

    def admit_next(self) -> None:
        """Hand the slot on to the first who still waits, else keep it free."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def dismiss(self, why: Exception) -> None:
        """Tell all who wait that they wait in vain."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(why)


class Embedded:
    """The images whose embeddings the old generation keeps."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, None] = OrderedDict()

    def add(self, digest: str) -> bool:
        """Remember an image, and say whether it had to be encoded."""
        known = digest in self._kept
        self._kept[digest] = None
        self._kept.move_to_end(digest)
        if len(self._kept) > EMBEDDED_IMAGES:
            self._kept.popitem(last=False)
        return not known


class Runner:
    """A loaded model."""

    def __init__(self, model: Model, load: LoadOptions, settings: SimulatorSettings, clock: Clock) -> None:
        self.model = model
        self.load = load
        self.context = int(str(load["num_ctx"]))
        self.expires_at = 0.0
        self.users = 0
        self.prefill = asyncio.Lock()
        self._settings = settings
        self._clock = clock
        self._slots = [Slot(number) for number in range(settings.slots)]
        self._line = Line(settings.slots)
        self._ram: list[Prompt] = []
        self._embedded = Embedded()
        self._uses = 0
        self._death = asyncio.Event()
        self._died = RunnerDied()

    @property
    def dead(self) -> bool:
        """Say whether the process is gone."""
        return self._death.is_set()

    @property
    def answering(self) -> int:
        """Count the answers that are being written."""
        return sum(slot.busy for slot in self._slots)

    def cached_tokens(self) -> int:
        """Count the tokens that a decoding step has to read."""
        return sum(slot.tokens for slot in self._slots if slot.busy)

    def kill(self, died: RunnerDied | None = None) -> None:
        """Let the process die: answers break off, and those who wait for a slot are told."""
        self._died = died or RunnerDied()
        self._death.set()
        self._line.dismiss(runner_gone(old=self._settings.old))

    async def spend(self, seconds: float) -> None:
        """Let time pass while the process lives."""
        if seconds > 0:
            await self._sleep(seconds)
        if self.dead:
            raise self._died

    async def _sleep(self, seconds: float) -> None:
        nap = asyncio.ensure_future(self._clock.sleep(seconds))
        death = asyncio.ensure_future(self._death.wait())
        try:
            await asyncio.wait({nap, death}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            death.cancel()

    @asynccontextmanager
    async def lease(self, prompt: Prompt) -> AsyncIterator[Lease]:
        """Wait in line for a slot, take the one that remembers most of the prompt, and free it at the end."""
        await self._line.admission()
        slot: Slot | None = None
        try:
            slot, shared = self._choose(prompt)
            slot.busy = True
            yield self._give(slot, shared, prompt)
        finally:
            if slot:
                slot.busy = False
            self._line.admit_next()

    def _choose(self, prompt: Prompt) -> tuple[Slot, Shared]:
        """Take the free slot with the best common beginning, else the one that rested longest."""
        free = [slot for slot in self._slots if not slot.busy]
        best = max(free, key=lambda slot: (self._shared(prompt, slot).tokens, -slot.used))
        if self._shared(prompt, best).tokens <= SIMILAR_ENOUGH * prompt.tokens and not self._settings.old:
            best = min(free, key=lambda slot: slot.used)
        self._swap_with_ram(best, prompt)
        return best, self._shared(prompt, best)

    @staticmethod
    def _shared(prompt: Prompt, slot: Slot) -> Shared:
        return prompt.shared(slot.prompt) if slot.prompt else Shared(0, 0, False)

    def _swap_with_ram(self, slot: Slot, prompt: Prompt) -> None:
        """Save what the slot would forget, and fetch a saved prompt that fits better (new generation)."""
        if self._settings.old or not self._settings.ram_cache or slot.prompt is None:
            return
        kept = prompt.shared(slot.prompt).tokens
        if kept >= KEPT_ENOUGH * slot.prompt.tokens:
            return
        self._ram.append(slot.prompt)
        while len(self._ram) > 1 and sum(saved.tokens for saved in self._ram) > RAM_TOKENS:
            del self._ram[0]
        best = max(self._ram, key=lambda saved: prompt.shared(saved).tokens)
        if prompt.shared(best).tokens > kept:
            self._ram.remove(best)
            slot.prompt = best

    def _give(self, slot: Slot, shared: Shared, prompt: Prompt) -> Lease:
        if shared.chunk_lost and not self._settings.old:
            raise runner_says(500, "got exception: Chunk not found", "server_error")
        fresh = prompt.images[shared.images :]
        if self._settings.old:
            fresh = [image for image in prompt.images if self._embedded.add(image.digest)]
        self._uses += 1
        slot.prompt, slot.used, slot.tokens = prompt, self._uses, prompt.tokens
        tiles = sum(image.tiles(self.model.projector) for image in fresh)
        return Lease(slot, min(shared.tokens, prompt.tokens - 1), len(fresh), tiles)
