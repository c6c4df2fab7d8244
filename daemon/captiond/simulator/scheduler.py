"""Which models are loaded: one load at a time, a bounded queue for it, and the end of keep-alive."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from .counters import Counters
from .errors import BUSY, Refusal, load_refusal, out_of_memory
from .gojson import go_time
from .models import Model
from .settings import Clock, SimulatorSettings
from .show import damaged_projector, refuse_broken
from .slots import Runner

FOR_EVER_SECONDS = 9223372036.854775807
CACHE_BYTES = 512
LEAST_VISION_CONTEXT = 2048
SIZES = {"0.24": (421888, 421888, 512), "0.33": (3607100, 1572863, 1536)}
"""By generation: size in `/api/ps` with a projector, without one, and for each token of context."""


class Scheduler:
    """Loads models, keeps them, and lets them go."""

    def __init__(self, settings: SimulatorSettings, clock: Clock, counters: Counters) -> None:
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._runners: dict[str, Runner] = {}
        self._loading = asyncio.Lock()
        self._pending = 0

    @asynccontextmanager
    async def use(
        self, model: Model, options: Mapping[str, Any], keep_alive: float | None
    ) -> AsyncIterator[tuple[Runner, float]]:
        """Give the loaded model and the seconds spent on loading it, and renew its keep-alive at the end."""
        load = _effective(self._settings, model, options, self._runners.get(model.name))
        runner = self._ready(model, load)
        spent = self._settings.profile.check
        if runner is None:
            runner, spent = await self._load_in_turn(model, load)
        runner.users += 1
        stay = self._settings.keep_alive_seconds if keep_alive is None else keep_alive
        runner.expires_at = self._clock.monotonic_seconds() + stay
        try:
            yield runner, spent
        finally:
            runner.users -= 1
            runner.expires_at = self._clock.monotonic_seconds() + stay
            self._forget_expired()

    def unload(self, model: Model) -> None:
        """Let a model go, and its memory with it, once nobody uses it."""
        if runner := self._runners.get(model.name):
            runner.expires_at = 0.0
        self._forget_expired()

    def kill_runner(self, name: str | None = None) -> None:
        """Let the process of one model (or of all) die."""
        for model_name, runner in self._runners.items():
            if name in (None, model_name):
                runner.kill()

    def forget_all(self) -> None:
        """Forget what is loaded, as a server that was started again."""
        self._runners.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Write the entries of `/api/ps`, the longest stay first."""
        self._forget_expired()
        runners = sorted(self._runners.values(), key=lambda one: one.expires_at, reverse=True)
        return [_entry(runner, self._settings, self._clock) for runner in runners]

    def _ready(self, model: Model, load: Mapping[str, Any]) -> Runner | None:
        self._forget_expired()
        runner = self._runners.get(model.name)
        return runner if runner and not runner.dead and runner.load == load else None

    async def _load_in_turn(self, model: Model, load: Mapping[str, Any]) -> tuple[Runner, float]:
        if self._pending > self._settings.max_queue:
            raise Refusal(503, BUSY)
        self._pending += 1
        began = self._clock.monotonic_seconds()
        try:
            async with self._loading:
                runner = self._ready(model, load) or await self._load(model, load)
        finally:
            self._pending -= 1
        waited = self._clock.monotonic_seconds() - began
        return runner, max(waited, self._settings.profile.load)

    async def _load(self, model: Model, load: Mapping[str, Any]) -> Runner:
        before = self._runners.get(model.name)
        while before and before.users and not before.dead:
            await self._clock.sleep(0.001)
        _refuse_impossible(self._settings, model, load)
        await self._make_room(model)
        await self._clock.sleep(self._settings.profile.load * self._settings.time_scale)
        self._counters.loads += 1
        self._counters.reloads += before is not None and not before.dead
        runner = Runner(model, load, self._settings, self._clock)
        runner.expires_at = self._clock.monotonic_seconds() + self._settings.keep_alive_seconds
        self._runners[model.name] = runner
        return runner

    async def _make_room(self, model: Model) -> None:
        """Let the model go that was used longest ago, where as many as possible are loaded."""
        others = [runner for name, runner in self._runners.items() if name != model.name]
        if len(others) < self._settings.max_loaded:
            return
        oldest = min(others, key=lambda runner: runner.expires_at)
        while oldest.users:
            await self._clock.sleep(0.001)
        self._runners.pop(oldest.model.name, None)

    def _forget_expired(self) -> None:
        now = self._clock.monotonic_seconds()
        gone = [name for name, one in self._runners.items() if not one.users and one.expires_at <= now]
        for name in gone:
            del self._runners[name]


def _projector_trouble(model: Model, *, old: bool) -> str:
    path = f"/path/to/models/blobs/sha256-{model.projector_blob}"
    if not old:
        return f'read mmproj metadata "{path}": {damaged_projector()}'
    return (
        f"llama runner process has terminated: error: Failed to load CLIP model from {path}\n"
        f"panic: unable to load mmtd model: {path}"
    )


def _entry(runner: Runner, settings: SimulatorSettings, clock: Clock) -> dict[str, Any]:
    """Write an entry of `/api/ps`."""
    with_projector, without, each = SIZES[settings.generation]
    size = (with_projector if runner.model.projector else without) + runner.context * each * settings.slots
    left = min(runner.expires_at - clock.monotonic_seconds(), FOR_EVER_SECONDS)
    return {
        "name": runner.model.name,
        "model": runner.model.name,
        "size": size,
        "digest": runner.model.digest,
        "details": runner.model.details(),
        "expires_at": go_time(clock.now() + timedelta(seconds=left), nanoseconds=7),
        "size_vram": {"gpu": size, "partial": size // 2, "cpu": 0}[settings.gpu],
        "context_length": runner.context,
    }


def _effective(
    settings: SimulatorSettings, model: Model, options: Mapping[str, Any], current: Runner | None
) -> dict[str, Any]:
    """Work out the options that matter for loading: only another effective value loads again."""
    least = LEAST_VISION_CONTEXT if model.projector else 1
    wanted = int(options.get("num_ctx") or settings.context_length)
    load = {
        "num_ctx": min(max(wanted, least), model.context_length),
        "num_batch": options.get("num_batch", 512),
        "num_gpu": options.get("num_gpu", -1),
        "num_thread": options.get("num_thread", 0),
        "main_gpu": options.get("main_gpu", 0 if settings.old else None),
        "use_mmap": options.get("use_mmap") if settings.old else None,
    }
    if load["num_gpu"] == -1 and current is not None:
        load["num_gpu"] = current.load["num_gpu"]
    return load


def _refuse_impossible(settings: SimulatorSettings, model: Model, load: Mapping[str, Any]) -> None:
    """Refuse to load a damaged model, or one that does not fit."""
    cache_bytes = load["num_ctx"] * settings.slots * CACHE_BYTES
    if model.broken == "text":
        refuse_broken(model, old=settings.old)
    if model.broken == "projector":
        raise Refusal(500, _projector_trouble(model, old=settings.old))
    if settings.load_problem:
        raise load_refusal(settings.load_problem, old=settings.old)
    if cache_bytes > settings.memory_bytes:
        raise out_of_memory(cache_bytes, old=settings.old)
