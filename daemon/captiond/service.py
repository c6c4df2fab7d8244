"""The running daemon: notice and take in, lease and describe, try again, and stop when asked.

Everything runs in one TaskGroup, so that stopping is cancelling; what was in hand is given back uncharged.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path

import structlog

from .catalogue import intake, jobs, queries
from .catalogue.reach import reach_of
from .catalogue.store import Catalogue
from .choices import Choices
from .clock import Clock
from .errors import Fatal, FileChanged, InboxGone, Outage, TryAgain
from .heartbeat import Heartbeat
from .model import InboxFile, Lease
from .noticing import Noticing
from .outbox import Outbox
from .photo_queue import PhotoQueue
from .pipeline import Pipeline, name_of
from .planning import plan
from .tidying import Tidying
from .turns import Turns
from .vision.endpoints import Endpoint
from .vision.respondents import Respondent
from .wanting import Wanting

UPKEEP_SECONDS = 30.0
OUTAGE_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 60.0
SIDECARS_BEFORE_LEAVING = 100
SETTLE_PATIENCE_SECONDS = 60.0
SERVER_PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.1
PATIENCE = timedelta(minutes=2)
"""A single run waits this long for a further try, and for a catalogue that takes nothing."""


class Outcome(Enum):
    """How a single run ended."""

    DONE = auto()
    LEFT = auto()
    """Some work is left: files that kept changing, or the run was stopped."""
    SERVER_AWAY = auto()


class Service:
    """The daemon's life between opening its catalogue and closing it.

    `heartbeat` is called every few seconds with the sentence of the moment.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        inboxes: Sequence[Path],
        endpoints: Sequence[Endpoint],
        readers: Sequence[Respondent] = (),
        *,
        catalogue: Catalogue,
        outbox: Outbox,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        heartbeat: Callable[[str], None],
        quiet_seconds: float,
        scan_seconds: float,
    ) -> None:
        self._patience = pipeline.patience
        self.noticings = [
            Noticing(
                inbox,
                take_in=self._take_in,
                catalogue=catalogue,
                patience=self._patience,
                clock=clock,
                log=log,
                quiet_seconds=quiet_seconds,
                scan_seconds=scan_seconds,
                ignore=pipeline.choices.ignore,
            )
            for inbox in inboxes
        ]
        self._pipeline, self._outbox, self._unqueued = pipeline, outbox, pipeline.unqueued
        self._endpoints = endpoints
        self._wanting = Wanting(endpoints, readers, lambda: self.choices, catalogue)
        self._catalogue, self._clock, self._log = catalogue, clock, log
        self._queue = PhotoQueue(catalogue, self._patience, self._unqueued, clock)
        self._tidying = Tidying(catalogue, clock, log)
        self._upkeep_now = asyncio.Event()
        self._heartbeat = Heartbeat(
            catalogue, clock, heartbeat, noticings=self.noticings, endpoints=endpoints
        )

    @property
    def choices(self) -> Choices:
        """What the user decided, as it is in force."""
        return self._pipeline.choices

    @property
    def sentence(self) -> str:
        """How it goes: what the catalogue does not take now, else the sentence of the last heartbeat."""
        return self._patience.trouble or self._heartbeat.said

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                # First of all: taking up what was left may take longer than a service manager waits.
                group.create_task(self._heartbeat.beat())
                await self._recover()
                for noticing in self.noticings:
                    group.create_task(noticing.keep())
                await self._catch_up()
                self._start_describing(group)
                group.create_task(self._unqueued.queue_all(self._queue.wake))
                group.create_task(self._keep_up())
        finally:
            await self._leave()

    async def run_once(self) -> Outcome:
        """Do what is there, then stop; raises InboxGone when there is no inbox to read.

        Raises CatalogueFault where the catalogue takes nothing for too long.
        """
        self._patience.limit_seconds = PATIENCE.total_seconds()
        try:
            async with asyncio.TaskGroup() as group:
                beating = group.create_task(self._heartbeat.beat())
                await self._recover()
                await self._catch_up()
                describing = self._start_describing(group)
                settled = await self._sweep()
                with suppress(Outage):
                    await self._tidying.tidy(self.choices.sidecars)
                outcome = await self._finish()
                for task in (beating, *describing):
                    task.cancel()
        finally:
            await self._leave()
        return outcome if outcome is not Outcome.DONE or settled else Outcome.LEFT

    async def apply(self, choices: Choices) -> None:
        """Go on with other choices: plan the prompts that are new, forget those that are gone."""
        self._pipeline.choices = choices
        self._wanting.look_again()
        for noticing in self.noticings:
            noticing.rules.replace(choices.ignore)
            noticing.scan_soon()
        await self._plan()

    def look_around(self) -> None:
        """Go on with what somebody else wrote to the catalogue: due photos, files to read, sidecars."""
        self._queue.wake()
        self._wanting.look_again()
        self._upkeep_now.set()
        for noticing in self.noticings:
            noticing.scan_soon()

    async def _recover(self) -> None:
        """Take up what an earlier captiond left in hand, and what it refused: scans look at that anew."""
        lost = await self._queue.reclaim()
        if lost:
            self._log.info("taking up work that was interrupted", photos=lost)
        if await self._catalogue.read(jobs.is_paused):
            self._log.warning("paused", reason="photos wait until `captiond resume`")
        await self._patience.insist(intake.reconsider_formats, self.choices.limits.formats)

    async def _catch_up(self) -> None:
        await self._plan()
        with suppress(Outage):
            await self._outbox.write_due(self.choices.sidecars)

    async def _plan(self) -> None:
        await plan(self.choices, self._patience, self._clock, self._log)
        self._queue.wake()

    async def _sweep(self) -> bool:
        """Take in what lies in the inboxes; tells whether all had settled. Raises InboxGone where none is."""
        settled, gone = True, []
        for noticing in self.noticings:
            try:
                settled &= await noticing.sweep(SETTLE_PATIENCE_SECONDS)
            except InboxGone as outage:
                self._log.error("inbox offline", inbox=str(noticing.inbox), reason=str(outage))
                gone.append(outage)
        if len(gone) == len(self.noticings):
            raise gone[0]
        return settled and not gone

    async def _take_in(self, files: Sequence[InboxFile], fresh: bool) -> Mapping[Path, TryAgain]:
        with self._unqueued.coming():
            unread = await self._pipeline.take_in(files, fresh=fresh)
        self._queue.wake()
        return unread

    def _start_describing(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        # One more than the server has slots, so that the next picture is prepared while it works.
        describing = [
            group.create_task(self._describe_photos(respondent, turns))
            for respondent in self._wanting.respondents
            for turns in [Turns(respondent, lambda: self.choices, self._clock)]
            for _ in range(respondent.parallel + 1)
        ]
        return describing + [
            group.create_task(self._wait_for_models(endpoint)) for endpoint in self._endpoints
        ]

    async def _describe_photos(self, respondent: Respondent, turns: Turns) -> None:
        while True:
            await self._wanting.until_wanted(respondent)
            await respondent.until_up()
            async with self._queue.next(turns) as lease:
                await self._describe(lease, respondent)

    async def _wait_for_models(self, endpoint: Endpoint) -> None:
        """Look now and then whether the models of single prompts came that a server is lacking."""
        while True:
            await self._clock.sleep(LOOK_AGAIN_SECONDS)
            before = endpoint.lacking
            await endpoint.look_again()
            for model in before.keys() - endpoint.lacking.keys():
                self._log.info("model ready", server=endpoint.name, model=model)
                self._queue.wake()

    async def _describe(self, lease: Lease, respondent: Respondent) -> None:
        try:
            self._must_be_there(lease)
            await self._pipeline.describe(lease, respondent)
        except (FileChanged, InboxGone) as absence:
            self._log.info("put off", file=name_of(lease), reason=str(absence))
            await self._queue.put_off(lease, str(absence))
        except Outage as outage:
            self._log.info("given back", file=name_of(lease), reason=str(outage))
            await self._queue.give_back(lease)
            if respondent.is_up:
                # Not the server, which is probed: something here, such as the decode process.
                await self._clock.sleep(OUTAGE_SECONDS)
        except Fatal:
            raise
        except Exception as bug:  # noqa: BLE001 - the one place: a fault of ours must not stop the other photos
            self._log.exception("a fault in captiond", file=name_of(lease))
            reason = f"a fault in captiond: {type(bug).__name__}: {bug}"
            left = await self._catalogue.read(queries.prompts_in_hand, lease.photo_id)
            await self._pipeline.charge(lease, left, reason)

    def _must_be_there(self, lease: Lease) -> None:
        """Raise InboxGone where a photo lies only in inboxes that are away: a hanging disk is not asked."""
        away = {noticing.inbox: noticing.offline for noticing in self.noticings if noticing.offline}
        reasons = [away.get(file.inbox) for file in lease.files]
        if reasons and all(reasons):
            raise InboxGone(reasons[0])

    async def _finish(self) -> Outcome:
        """Wait until nothing is due any more, or what is due cannot be done now."""
        while await self._unqueued.queue_some():
            self._queue.wake()
        last_up = self._clock.monotonic_seconds() - SERVER_PATIENCE_SECONDS
        while True:
            if not self._queue.in_hand and not await self._is_due_until(self._clock.now() + PATIENCE):
                return Outcome.LEFT if await self._is_due_until(None) else Outcome.DONE
            now = self._clock.monotonic_seconds()
            # Asked first: a server that is not looked at yet may come up while this is found out.
            probed = await self._wanting.all_probed()
            if await self._wanting.is_getting_on(self._queue.in_hand, self._clock.now() + PATIENCE):
                last_up = now
            elif probed and now - last_up >= SERVER_PATIENCE_SECONDS:
                return Outcome.SERVER_AWAY
            await self._clock.sleep(POLL_SECONDS)

    async def _is_due_until(self, moment: datetime | None) -> bool:
        choices = self.choices
        asked = (*choices.models, *await self._catalogue.read(jobs.wished_models))
        models = {one for one in asked if any(each.answers(one) for each in self._wanting.respondents)}
        reach = reach_of(models, choices.prompts, main=choices.model)
        return await self._catalogue.read(jobs.is_due_until, moment, reach)

    async def _keep_up(self) -> None:
        """Write the sidecars that could not be written when their results came."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(UPKEEP_SECONDS):
                    await self._upkeep_now.wait()
            self._upkeep_now.clear()
            with suppress(Outage):
                await self._tidying.tidy(self.choices.sidecars)
                await self._outbox.write_due(self.choices.sidecars)

    async def _leave(self) -> None:
        """Give back what was in hand, uncharged, and write the sidecars that are due."""
        with suppress(Outage):
            await self._queue.give_back_all()
            await self._outbox.write_due(self.choices.sidecars, most=SIDECARS_BEFORE_LEAVING)
