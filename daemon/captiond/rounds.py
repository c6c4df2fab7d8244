"""When is an inbox scanned? At once when events were lost or the folder is another, else by its cadence."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from .clock import Clock
from .errors import InboxGone, Outage
from .inbox.cadence import Cadence
from .inbox.reading import identity_of
from .inbox.scanning import ScanSummary
from .inbox.tally import Tally
from .inbox.threads import OwnThread
from .inbox.watching import Watcher
from .printable import printable

P = ParamSpec("P")
T = TypeVar("T")
_Health = tuple[tuple[int, int], bool]
"""Which folder the inbox is, and whether events no longer come."""

OFFLINE_SECONDS = 5.0
ALIVE_SECONDS = 1.0
STUCK_SECONDS = 15.0
"""A disk that has not answered for so long is away; a disk that spins up is quicker."""

JUMP_SECONDS = 10.0
"""The wall clock ran so far ahead of ours: the computer slept, and the kernel may have dropped events."""


class Rounds:
    """The scans of one inbox, one after another, for as long as it is kept.

    `scan` makes one, and raises Outage when the inbox is away. `event_blind` names the kind of file system
    where events may not tell of new files.
    """

    def __init__(
        self,
        inbox: Path,
        scan: Callable[[], Awaitable[ScanSummary | None]],
        tally: Tally,
        cadence: Cadence,
        event_blind: Callable[[Path], str | None],
        *,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self.offline: str | None = None
        self.degraded: str | None = None
        self.polled: str | None = None
        """Why scans come at the polling cadence."""
        self.last: ScanSummary | None = None
        self.last_at: datetime | None = None
        self._inbox = inbox
        self._scan = scan
        self._tally = tally
        self._clock = clock
        self._log = log
        self._event_blind = event_blind
        self._cadence = cadence
        self._scan_now = asyncio.Event()
        self._events_lost = [True, True]
        self._thread, self._walking = OwnThread("inbox health"), OwnThread("inbox watch")
        self._unanswered: asyncio.Future[_Health | InboxGone] | None = None

    def soon(self, *, events_lost: bool = False) -> None:
        """Scan as soon as the scan in hand is done; `events_lost`: it will find what no event told of."""
        self._events_lost[0] |= events_lost
        self._scan_now.set()

    async def go(self, watcher: Watcher) -> None:
        """Scan for ever, and begin to watch anew where events no longer come."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._scan_for_ever(watcher))
            group.create_task(self._mind(watcher))

    async def _scan_for_ever(self, watcher: Watcher) -> None:
        while True:
            self._scan_now.clear()
            try:
                await self._take_note(await self._scan(), watcher)
                self._be_online()
                self._tell_degraded(watcher)
            except Outage as outage:
                self._be_offline(str(outage))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_seconds()):
                    await self._scan_now.wait()
            if not await _in(self._thread, watcher.alive):
                self._events_lost[0] = True
                # A walk through all folders: not in the thread that tells whether the disk answers.
                await _in(self._walking, watcher.restart)

    async def _take_note(self, summary: ScanSummary | None, watcher: Watcher) -> None:
        """Learn from a scan how long to rest; what it found counts in earnest a few seconds later."""
        if summary is None:
            return
        self.last, self.last_at = summary, self._clock.now()
        only_by_scans = self._tally.settle(self._clock.monotonic_seconds())
        self._cadence.scanned(summary.seconds, only_by_scans, expected=any(self._events_lost))
        self._events_lost = [False, self._events_lost[0]]
        kind = await _in(self._thread, self._event_blind, self._inbox)
        told = f"Events do not tell of every file on {kind}, so it is scanned more often." if kind else None
        self.polled = told or (watcher.trouble if watcher.blind else None) or self._cadence.untold
        self._log.debug("scanned", files=summary.files, seconds=round(summary.seconds, 3))

    def _pause_seconds(self) -> float:
        return OFFLINE_SECONDS if self.offline else self._cadence.pause_seconds(blind=bool(self.polled))

    async def _mind(self, watcher: Watcher) -> None:
        """Look every second whether the inbox is the folder it was, and whether its events still come."""
        identity, ahead_seconds = None, _ahead_seconds(self._clock)
        while True:
            await self._clock.sleep(OFFLINE_SECONDS if self.offline else ALIVE_SECONDS)
            try:
                seen, lost = await self._answer(watcher)
            except InboxGone as gone:
                self._be_offline(str(gone))
                continue
            another = identity not in (None, seen)
            identity = seen
            if another or lost or self.offline:
                self.soon(events_lost=True)
            if abs(_ahead_seconds(self._clock) - ahead_seconds) > JUMP_SECONDS:
                ahead_seconds = _ahead_seconds(self._clock)
                self.soon(events_lost=True)

    async def _answer(self, watcher: Watcher) -> _Health:
        """Ask how the inbox is now; raises InboxGone, also when its disk hangs."""
        asked = self._unanswered or _in(self._thread, _health, self._inbox, watcher)
        await asyncio.wait({asked}, timeout=STUCK_SECONDS)
        self._unanswered = None if asked.done() else asked
        if self._unanswered:
            name = printable(str(self._inbox))
            raise InboxGone(f"The inbox {name} does not answer; is its disk, or its server, well?")
        answer = asked.result()
        if isinstance(answer, InboxGone):
            raise answer
        return answer

    def _tell_degraded(self, watcher: Watcher) -> None:
        if watcher.trouble and watcher.trouble != self.degraded:
            self._log.warning("watching degraded", reason=watcher.trouble)
        self.degraded = watcher.trouble

    def _be_offline(self, sentence: str) -> None:
        if self.offline is None:
            self._log.error("inbox offline", reason=sentence)
        self.offline = sentence
        self._events_lost[0] = True

    def _be_online(self) -> None:
        if self.offline is not None:
            self._log.info("inbox back")
        self.offline = None


def _in(thread: OwnThread, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> "asyncio.Future[T]":
    """Ask the disk in a thread of our own, which may hang."""
    return asyncio.get_running_loop().run_in_executor(thread, partial(act, *arguments, **named))


def _ahead_seconds(clock: Clock) -> float:
    return clock.now().timestamp() - clock.monotonic_seconds()


def _health(inbox: Path, watcher: Watcher) -> _Health | InboxGone:
    """Give the reason as a value: nobody may be left to hear of it."""
    try:
        return identity_of(inbox), watcher.lost()
    except InboxGone as gone:
        return gone
