"""One model server with its slots and its health; it tells a bad photo from a bad server."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from captiond.clock import Clock
from captiond.errors import (
    CaptiondError,
    Fatal,
    ModelMissing,
    Outage,
    ServerAway,
    ServerRefused,
    ServerStumbled,
    UnusableReply,
)
from captiond.model import Fit, Reply
from captiond.prompts.engines import READER

from .backend import Inspection, ModelNotPulled, PullProgress, Question, VisionBackend
from .sight import Sight
from .suspects import Suspects, Trial

CANARY_WORDS = "What colour is this? Answer with one word."
CANARY_TOKENS = 16
LONGEST_PAUSE_SECONDS = 60.0
FRESH_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a server works, and since when; away with a reason, or without one: not looked at yet.

    `warnings` are what a user should know of a server that works.
    """

    up: bool
    since: datetime
    reason: str | None = None
    warnings: tuple[str, ...] = ()


class ModelLacking(ModelMissing):
    """A model of single prompts is not there; the server works, and so do the other prompts."""


Changed = Callable[[str, Health], None]
"""Called with an endpoint's name and its health when that has changed."""


class Breaker:
    """Keeps an endpoint's health: announces what changes, and says how long to wait before the next probe."""

    def __init__(self, name: str, *, clock: Clock, rng: Random, changed: Changed) -> None:
        self.health = Health(up=False, since=clock.now())
        self._name = name
        self._clock = clock
        self._rng = rng
        self._changed = changed
        self._outages = 0

    def fall(self, reason: str) -> None:
        """The server does not work, for this reason."""
        self._outages += 1
        since = self.health.since if self.health.reason else self._clock.now()
        self._become(Health(up=False, since=since, reason=reason))

    def rise(self, warnings: tuple[str, ...] = ()) -> None:
        """The server looks well, but for these warnings."""
        self._become(Health(up=True, since=self._clock.now(), warnings=warnings))

    def forget(self) -> None:
        """The server answered a question: its outages are over."""
        self._outages = 0

    def pause_seconds(self) -> float:
        """Give the wait before the next probe: none at first, then 1 to 60 seconds, doubling, with jitter.

        Only an answered question starts the doubling anew, so that a server which looks well and answers
        nothing is not asked every second.
        """
        if not self._outages:
            return 0.0
        longest = min(LONGEST_PAUSE_SECONDS, 2.0 ** min(self._outages - 1, 10))
        return longest * self._rng.uniform(0.75, 1.25)

    def _become(self, health: Health) -> None:
        is_news = (health.up, health.reason) != (self.health.up, self.health.reason)
        self.health = health
        if is_news:
            self._changed(self._name, health)


class Endpoint:
    """A server that is asked by up to `parallel` workers at once.

    `canary_jpeg` is the tiny picture that tells a bad photo from a bad server, `sight_jpegs` two that tell
    whether it sees. `inspection` and `fit_for` are known once it has been up. `changed` hears every change of
    its health once, `progress` how far a pull is.
    """

    def __init__(
        self,
        backend: VisionBackend,
        *,
        parallel: int,
        canary_jpeg: bytes,
        clock: Clock,
        rng: Random,
        pull: bool = False,
        sight_jpegs: tuple[bytes, bytes] | None = None,
        changed: Changed = lambda _name, _health: None,
        progress: PullProgress = lambda _status, _done_bytes, _all_bytes: None,
    ) -> None:
        self.parallel = parallel
        self.inspection: Inspection | None = None
        self.sight = Sight(self.ask, sight_jpegs)
        self._backend = backend
        self._canary = Question(CANARY_WORDS, canary_jpeg, num_predict=CANARY_TOKENS)
        self._clock = clock
        self._pull = pull
        self._progress = progress
        self._slots = asyncio.Semaphore(parallel)
        self._probing = asyncio.Lock()
        self._breaker = Breaker(backend.name, clock=clock, rng=rng, changed=changed)
        self._fell_while_asked = False
        self._looked_at_seconds = 0.0
        self._suspects = Suspects()

    @property
    def name(self) -> str:
        """The server as people know it."""
        return self._backend.name

    @property
    def health(self) -> Health:
        """Whether it works, as far as is known, and if not why."""
        return self._breaker.health

    @property
    def is_up(self) -> bool:
        """Whether it works, as far as is known."""
        return self.health.up

    @property
    def was_probed(self) -> bool:
        """Whether it was looked at yet."""
        return self.health.up or self.health.reason is not None

    @property
    def reason(self) -> str | None:
        """The sentence why it does not work."""
        return self.health.reason

    def fit_for(self, model: str | None) -> Fit:
        """Give the pixels that a model can use, None for the main one; the server must have been up."""
        if self.inspection is None:
            raise ServerAway(f"{self.name} has not been looked at yet.")
        return self.inspection.fit_for(model)

    @property
    def lacking(self) -> Mapping[str, str]:
        """The models of single prompts that cannot be asked now, each with the sentence why."""
        return self.inspection.lacking if self.inspection else {}

    def may_answer(self, model: str) -> bool:
        """Tell whether it is ever asked for this model: all but the embedded reader."""
        return model != READER

    def answers(self, model: str) -> bool:
        """Tell whether it can be asked now what is for this model."""
        return self.may_answer(model) and model not in self.lacking

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Wait for one of the server's slots and hold it."""
        return self._slots

    async def ask(self, question: Question) -> Reply:
        """Ask; a ServerStumbled that comes out is to be charged to the photo, an Outage to nobody.

        Raises ModelLacking where only the model of this question is missing.
        """
        try:
            reply = await self._ask_patiently(question)
        except Outage as outage:
            if isinstance(outage, ModelMissing) and self._is_of_another_model(question):
                raise self._without(str(question.model), str(outage)) from outage
            # Whoever was asked at the same time falls with it, and is no outage more.
            if self.health.reason is None:
                self._breaker.fall(str(outage))
            self._fell_while_asked = True
            raise
        self._breaker.forget()
        return reply

    async def until_up(self) -> None:
        """Return when the server works; whoever comes first probes it, all others wait for him."""
        async with self._probing:
            while not self.health.up:
                await self._clock.sleep(self._breaker.pause_seconds())
                await self._probe()

    async def look_again(self) -> None:
        """Look whether the models that are lacking came, or fetch them where that is wished.

        Every ten minutes it looks anyway: somebody may have fetched a model anew, under its old name.
        """
        now = self._clock.monotonic_seconds()
        if self.is_up and (self.lacking or now - self._looked_at_seconds >= FRESH_SECONDS):
            self._looked_at_seconds = now
            with suppress(Outage):
                # If the server is away, the next question tells.
                self.inspection = await self._inspect()

    async def meet(self, models: Sequence[str]) -> None:
        """Learn what is to be known of models that no prompt names, where it is not known yet."""
        known = {READER, *self.inspection.fits, *self.lacking} if self.inspection else set(models)
        if unknown := [model for model in models if model not in known]:
            with suppress(Outage):
                self.inspection = await self._backend.inspect(unknown)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._backend.close()

    def _is_of_another_model(self, question: Question) -> bool:
        main = self.inspection.model if self.inspection else None
        return question.model is not None and main is not None and question.model != main

    def _without(self, model: str, reason: str) -> ModelLacking:
        assert self.inspection is not None
        lacking = {**self.inspection.lacking, model: reason}
        self.inspection = replace(self.inspection, lacking=lacking)
        return ModelLacking(reason)

    async def _ask_patiently(self, question: Question) -> Reply:
        trial = self._suspects.trial_of(question)
        while True:
            try:
                reply = await self._backend.ask(question)
            except ServerStumbled:
                if not await self._is_worth_a_retry(trial):
                    raise
            else:
                self._suspects.acquit(trial)
                return reply

    async def _is_worth_a_retry(self, trial: Trial) -> bool:
        known_flaky = self._suspects.server_is_flaky
        if not known_flaky:
            await self._ask_canary()
        trial.stumbles += 1
        if self._suspects.server_is_flaky and self._suspects.grant_retry(trial):
            return True
        if known_flaky:
            await self._ask_canary()
        return False

    async def _ask_canary(self) -> None:
        """Raise the outage when the server fails on a picture that is known to be good."""
        try:
            await self._backend.ask(self._canary)
        except UnusableReply:
            return  # it answered, if badly: the server works
        except (ServerStumbled, ServerRefused) as error:
            raise ServerAway(f"{self.name} fails on a test picture too. {error}") from error

    async def _probe(self) -> None:
        try:
            inspection = await self._inspect()
            if self._fell_while_asked:
                # Looking is not enough then: whatever failed was the answering.
                await self._ask_canary()
        except Fatal:
            raise
        except CaptiondError as error:
            self._breaker.fall(str(error))
            return
        self.inspection = inspection
        self._looked_at_seconds = self._clock.monotonic_seconds()
        self._fell_while_asked = False
        self._breaker.rise(inspection.warnings)

    async def _inspect(self) -> Inspection:
        try:
            inspection = await self._backend.inspect()
            if not (self._pull and inspection.lacking):
                return inspection
        except ModelNotPulled:
            if not self._pull:
                raise
        await self._backend.pull(self._progress)
        return await self._backend.inspect()
