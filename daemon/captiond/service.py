"""The running daemon: notice and take in, lease and describe, try again, and stop when asked.

Everything runs in one TaskGroup, so that stopping is cancelling; what was in hand is given back uncharged.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import structlog

from .catalogue import intake, jobs, queries, results
from .catalogue.store import Catalogue, Connection
from .clock import Clock
from .errors import DiskFull, Fatal, InboxGone, Outage
from .model import InboxFile, Lease
from .noticing import Noticing
from .outbox import Outbox
from .pipeline import Choices, Pipeline
from .vision.endpoints import Endpoint

P = ParamSpec("P")
T = TypeVar("T")

BACKLOG_TURN = 4
"""Every fourth photo comes from the backlog, so that fresh drops never starve it."""

IDLE_SECONDS = 30.0
UPKEEP_SECONDS = 30.0
HEARTBEAT_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 30.0
SETTLE_PATIENCE_SECONDS = 60.0
SERVER_PATIENCE_SECONDS = 60.0
OFFLINE_SECONDS = 300.0
POLL_SECONDS = 0.1
PATIENCE = timedelta(minutes=2)
"""A single run waits this long for a further try, and for a server that went away under it."""


class Outcome(Enum):
    """How a single run ended."""

    DONE = auto()
    LEFT = auto()
    """Some work is left: files that kept changing, or the run was stopped."""
    SERVER_AWAY = auto()


class Service:
    """The daemon's life between opening its catalogue and closing it.

    `heartbeat` is called every few seconds, after a write reached the disk, with the sentence of the moment.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        inboxes: Sequence[Path],
        endpoints: Sequence[Endpoint],
        *,
        catalogue: Catalogue,
        outbox: Outbox,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        heartbeat: Callable[[str], None],
        quiet_seconds: float,
        scan_seconds: float,
    ) -> None:
        self.owner = uuid.uuid4().hex
        self.noticings = [
            Noticing(
                inbox,
                take_in=self._take_in,
                catalogue=catalogue,
                clock=clock,
                log=log,
                quiet_seconds=quiet_seconds,
                scan_seconds=scan_seconds,
            )
            for inbox in inboxes
        ]
        self._pipeline = pipeline
        self._endpoints = endpoints
        self._catalogue = catalogue
        self._outbox = outbox
        self._clock = clock
        self._log = log
        self._heartbeat = heartbeat
        self._changed = asyncio.Event()
        self._leases = 0
        self._in_hand = 0

    @property
    def choices(self) -> Choices:
        """What the user decided, as it is in force."""
        return self._pipeline.choices

    async def run(self) -> None:
        """Work until cancelled."""
        await self._recover()
        try:
            async with asyncio.TaskGroup() as group:
                for noticing in self.noticings:
                    group.create_task(noticing.keep())
                self._start_describing(group)
                group.create_task(self._keep_up())
                group.create_task(self._beat())
        finally:
            await self._give_back()

    async def run_once(self) -> Outcome:
        """Do what is there, then stop; raises InboxGone when there is no inbox to read."""
        await self._recover()
        try:
            async with asyncio.TaskGroup() as group:
                beating = group.create_task(self._beat())
                describing = self._start_describing(group)
                settled = [await noticing.sweep(SETTLE_PATIENCE_SECONDS) for noticing in self.noticings]
                outcome = await self._finish()
                for task in (beating, *describing):
                    task.cancel()
        finally:
            await self._give_back()
        return outcome if outcome is not Outcome.DONE or all(settled) else Outcome.LEFT

    async def apply(self, choices: Choices) -> None:
        """Go on with other choices: plan the prompts that are new, forget those that are gone."""
        self._pipeline.choices = choices
        await self._insist(results.add_prompt_columns, choices.names)
        await self._insist(jobs.drop_unconfigured, choices.names)
        await self._insist(jobs.queue_missing, choices.names, fresh=False, now=self._clock.now())
        self._changed.set()

    async def _recover(self) -> None:
        """Take up what an earlier captiond left: its leases, its unwritten sidecars, its refusals."""
        lost = await self._catalogue.write(jobs.reclaim, self.owner, self._clock.now())
        if lost:
            self._log.info("taking up work that was interrupted", photos=lost)
        await self._catalogue.write(intake.reconsider_formats, self._pipeline.choices.limits.formats)
        await self.apply(self._pipeline.choices)
        with suppress(Outage):
            while await self._outbox.write_due(self.choices.sidecars):
                pass

    async def _take_in(self, file: InboxFile, fresh: bool) -> None:
        await self._sit_out(lambda: self._pipeline.take_in(file, fresh=fresh))
        self._changed.set()

    def _start_describing(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        # One more than the server has slots, so that the next picture is prepared while it works.
        return [
            group.create_task(self._describe_photos(endpoint))
            for endpoint in self._endpoints
            for _ in range(endpoint.parallel + 1)
        ]

    async def _describe_photos(self, endpoint: Endpoint) -> None:
        while True:
            await endpoint.until_up()
            lease = await self._next_lease()
            try:
                await self._describe(lease, endpoint)
            finally:
                self._in_hand -= 1
                self._changed.set()

    async def _describe(self, lease: Lease, endpoint: Endpoint) -> None:
        try:
            await self._pipeline.describe(lease, endpoint)
        except InboxGone as outage:
            self._log.info("put off", photo=lease.digest[:12], reason=str(outage))
            again = self._clock.now() + timedelta(seconds=OFFLINE_SECONDS)
            await self._insist(jobs.postpone, self.owner, lease.photo_id, again)
        except Outage as outage:
            self._log.info("given back", photo=lease.digest[:12], reason=str(outage))
            await self._insist(jobs.release, self.owner, lease.photo_id)
        except Fatal:
            raise
        except Exception as bug:  # noqa: BLE001 - the one place: a fault of ours must not stop the other photos
            self._log.exception("a fault in captiond", photo=lease.digest[:12])
            reason = f"a fault in captiond: {type(bug).__name__}: {bug}"
            await self._sit_out(
                lambda: self._pipeline.charge(lease, [job.prompt for job in lease.jobs], reason)
            )

    async def _next_lease(self) -> Lease:
        while True:
            self._changed.clear()
            self._leases += 1
            lease = await self._insist(
                jobs.lease,
                self.owner,
                self._clock.now(),
                backlog_first=self._leases % BACKLOG_TURN == 0,
            )
            if lease is not None:
                self._in_hand += 1
                return lease
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), await self._idle_seconds())

    async def _idle_seconds(self) -> float:
        next_try_at = await self._catalogue.read(queries.next_try_at)
        if next_try_at is None:
            return IDLE_SECONDS
        return min(max((next_try_at - self._clock.now()).total_seconds(), 0.1), IDLE_SECONDS)

    async def _finish(self) -> Outcome:
        """Wait until nothing is due any more, or what is due cannot be done now."""
        last_up = self._clock.monotonic_seconds() - SERVER_PATIENCE_SECONDS
        while True:
            due = await self._catalogue.read(jobs.due_until, self._clock.now() + PATIENCE)
            if not due and not self._in_hand:
                left = await self._catalogue.read(jobs.due_until, None)
                return Outcome.LEFT if left else Outcome.DONE
            now = self._clock.monotonic_seconds()
            if any(endpoint.is_up for endpoint in self._endpoints):
                last_up = now
            elif now - last_up >= SERVER_PATIENCE_SECONDS and self._all_probed():
                return Outcome.SERVER_AWAY
            await self._clock.sleep(POLL_SECONDS)

    def _all_probed(self) -> bool:
        return all(endpoint.was_probed for endpoint in self._endpoints)

    async def _keep_up(self) -> None:
        """Write the sidecars that could not be written when their results came."""
        while True:
            await self._clock.sleep(UPKEEP_SECONDS)
            with suppress(Outage):
                await self._outbox.write_due(self.choices.sidecars)

    async def _beat(self) -> None:
        """Say now and then how it goes; a stuck loop or a stuck writer says nothing."""
        while True:
            sentence = await self._sentence()
            with suppress(Outage):
                await self._catalogue.write(jobs.say, "daemon", sentence, self._clock.now())
            self._heartbeat(sentence)
            await self._clock.sleep(HEARTBEAT_SECONDS)

    async def _sentence(self) -> str:
        progress = await self._catalogue.read(queries.progress)
        done, waiting = progress.photos["done"], progress.photos_to_do
        offline = [noticing.offline for noticing in self.noticings if noticing.offline]
        away = [endpoint.reason for endpoint in self._endpoints if endpoint.reason]
        if waiting and away and len(away) == len(self._endpoints):
            return f"{waiting:,} photos wait: {away[0]}"
        if offline:
            return offline[0]
        if waiting:
            return f"{done:,} of {done + waiting:,} photos done, {waiting:,} waiting"
        return f"Watching; {done:,} photos done"

    async def _give_back(self) -> None:
        """Give back what was in hand, uncharged, and write the sidecars that are due."""
        with suppress(Outage):
            await self._catalogue.write(jobs.release, self.owner)
            await self._outbox.write_due(self.choices.sidecars)

    async def _insist(
        self, change: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Write to the catalogue; while its disk is full or read-only, wait and try again."""
        return await self._sit_out(lambda: self._catalogue.write(change, *arguments, **named))

    async def _sit_out(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Do something until no outage stands in its way; the first is told, the pauses grow."""
        pause = 1.0
        while True:
            try:
                return await attempt()
            except DiskFull as outage:
                if pause == 1.0:
                    self._log.error("disk full", reason=str(outage))
                await self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
