"""One inbox kept in sight: what lies in it is taken in, once it has settled.

Events are hints that say "look here now"; the scan against the catalogue is the truth. A lost event, a lost
watch or a lost mount all have the same answer: the next scan.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from .absent import Absent
from .arrivals import TAKINGS_AT_ONCE, Arrivals, TakeIn
from .batches import FILES_AT_ONCE
from .catalogue import presence, queries
from .catalogue.places import own_files
from .catalogue.store import Catalogue
from .clock import Clock
from .errors import CaptiondError, Outage
from .inbox.cadence import Cadence
from .inbox.hints import Hints
from .inbox.ignoring import IgnoreRules
from .inbox.leasing import Writer
from .inbox.listings import Listings
from .inbox.mounts import event_blind
from .inbox.reading import Skipped
from .inbox.scanning import Finding, Onward, ScanSummary, Unreadable, scan
from .inbox.settling import Settling
from .inbox.tally import Tally
from .inbox.threads import OwnThread
from .inbox.watching import Watcher
from .meanwhile import Meanwhile
from .model import FileStamp, InboxFile
from .notes import Notes
from .patience import Patience
from .rounds import OFFLINE_SECONDS, Rounds
from .scans_going_on import ScansGoingOn

P = ParamSpec("P")
T = TypeVar("T")

FRESH_DROPS = 20
"""More new files than this at once are a backlog; fewer go ahead of it."""

LONGEST_LISTING_SECONDS = 0.5
"""So long, on a slow disk or among many known files, what was found first waits for more."""

LONGEST_PUT_OFF_SECONDS = 30.0
"""So long, before it and again during it, a scan of the whole inbox waits for those of folders that came."""

LONGEST_LEAVE_SECONDS = 3.0


class Noticing:
    """Keeps one inbox: `keep` for ever, or `sweep` once.

    `ignore` are the patterns of the settings; raises BadConfiguration where one means nothing.
    """

    def __init__(
        self,
        inbox: Path,
        *,
        take_in: TakeIn,
        catalogue: Catalogue,
        patience: Patience,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        quiet_seconds: float,
        scan_seconds: float,
        ignore: Sequence[str] = (),
        event_blind: Callable[[Path], str | None] = event_blind,
    ) -> None:
        self.inbox = inbox
        self.doubt: str | None = None
        self.rules = IgnoreRules(inbox, ignore)
        self.tally = Tally()
        self.watcher: Watcher | None = None
        log = log.bind(inbox=str(inbox))
        cadence = Cadence(scan_seconds)
        self.rounds = Rounds(inbox, self._scan_all, self.tally, cadence, event_blind, clock=clock, log=log)
        self._catalogue = catalogue
        self._own_files = own_files(catalogue.path)
        self._clock = clock
        self._log = log
        self._look_now = asyncio.Event()
        self._inbox_told = False
        self._notes = Notes(inbox, catalogue, patience, clock)
        self._listings = Listings()
        arriving = partial(Arrivals, take_in=take_in, clock=clock, wake=self._look_now.set)
        self._arrivals = arriving(inbox, self.rules, self._notes, self.tally, quiet_seconds)
        self._going_on = ScansGoingOn(clock)
        self._stopping = False
        self._patience = patience
        self._scanning = OwnThread("inbox scan")
        self._absent = Absent(inbox, catalogue, clock, self._scanning)

    @property
    def settling(self) -> Settling:
        """The files that may still be changing."""
        return self._arrivals.settling

    @property
    def offline(self) -> str | None:
        """Why the inbox cannot be read, None where it can."""
        return self.rounds.offline

    async def keep(self) -> None:
        """Watch and scan until cancelled."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._look_now.set)

        hints = Hints(wake)
        self.watcher = Watcher(self.inbox, hints.add, lambda _reason: hints.look_everywhere())
        # Watching starts first, so that nothing slips in between it and the scan.
        await self._in(self._scanning, self.watcher.start)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(hints))
                group.create_task(self.rounds.go(self.watcher))
        finally:
            self._stopping = True
            # Its own threads may be stuck, or busy.
            stopping = self._in(OwnThread("inbox leave"), self.watcher.stop)
            await asyncio.wait({stopping}, timeout=LONGEST_LEAVE_SECONDS)

    async def sweep(self, patience_seconds: float) -> bool:
        """Take in what is there now; tells whether everything had settled in time. Raises InboxGone."""
        await self._scan_all()
        deadline = self._clock.monotonic_seconds() + patience_seconds
        while self.settling.changing and self._clock.monotonic_seconds() < deadline:
            await self._clock.sleep(min(self._pause_seconds(), 1.0))
            if await self._arrivals.settle(fresh=False):
                await self._scan_all()
        return not self.settling.changing

    def scan_soon(self) -> None:
        """Let the next scan come now."""
        self.rounds.soon()

    def stamps(self, paths: Sequence[bytes]) -> Mapping[bytes, FileStamp]:
        """Tell the scan, in its thread, under which stamps files are known already."""
        if self._stopping:
            raise _StoppedError
        return self._catalogue.ask(queries.known_stamps, paths)

    async def _scan_all(self) -> ScanSummary | None:
        await self._absent.check()
        # Two at once would find the same.
        await self._going_on.calm(LONGEST_PUT_OFF_SECONDS)
        due = await self._in(self._scanning, self._catalogue.ask, presence.due_in_inbox, self.inbox)
        self._listings.begin(self._clock.monotonic_seconds(), due)
        told, self._inbox_told = self._inbox_told, False
        summary = await self._scan(self._scanning, told=told, listings=self._listings)
        self.tally.scanned_once = True
        unchanged = summary is not None and summary.unchanged
        for path in await self._patience.sit_out(partial(self._absent.look, unchanged=unchanged)):
            self._notes.forget(path)
        self._doubt(self._absent.doubt)
        return summary

    async def _scan(
        self, thread: OwnThread, *, told: bool, beneath: Sequence[Path] = (), listings: Listings | None = None
    ) -> ScanSummary | None:
        """Scan the inbox or folders of it; gives None when captiond stops meanwhile. Raises Outage."""
        summary = None
        if told:
            self.tally.heard_beneath(beneath or [self.inbox])
        findings = scan(
            self.inbox,
            self,
            beneath=beneath,
            rules=self.rules,
            listings=listings,
            monotonic_seconds=self._clock.monotonic_seconds,
        )

        def some() -> list[Finding]:
            found: list[Finding] = []
            latest = self._clock.monotonic_seconds() + LONGEST_LISTING_SECONDS
            for finding in findings:
                if not isinstance(finding, Onward):
                    found.append(finding)
                late = bool(found) and self._clock.monotonic_seconds() >= latest
                if late or len(found) == FILES_AT_ONCE:
                    break
            return found

        counted = self._going_on.one_of_folders if beneath else self._going_on.one
        waited_seconds = 0.0
        with counted(), suppress(_StoppedError):
            async with Meanwhile(TAKINGS_AT_ONCE) as meanwhile:
                while found := await self._in(thread, some):
                    summary = found[-1] if isinstance(found[-1], ScanSummary) else None
                    # The next ones are listed while these are taken in.
                    await meanwhile.do(self._weigh_all, found, told=told)
                    if self.tally.scanned_once and not beneath and not summary:
                        # Two would find the same. A start waits not: it finds what nobody told.
                        waited_seconds += await self._going_on.calm(LONGEST_PUT_OFF_SECONDS - waited_seconds)
        await self._notes.follow(self.rules)
        return summary and replace(summary, seconds=summary.seconds - waited_seconds)

    async def _follow(self, hints: Hints) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_seconds()):
                    await self._look_now.wait()
            self._look_now.clear()
            paths, everything = hints.drain()
            if self.offline:
                # What lies there now may be a folder under a disk that is away; the next scan finds all.
                continue
            if everything:
                self.rounds.soon(events_lost=True)
            try:
                for start in range(0, len(paths), FILES_AT_ONCE):
                    await self._look(paths[start : start + FILES_AT_ONCE])
                for folder in await self._arrivals.settle(fresh=len(self.settling) <= FRESH_DROPS):
                    hints.add(str(folder))
            except Outage:
                # Told by the scan, which also finds what was missed here.
                self.rounds.soon(events_lost=True)
                await self._clock.sleep(OFFLINE_SECONDS)

    async def _look(self, paths: Sequence[Path]) -> None:
        """Look at paths that events told of."""
        for path in paths:
            self.tally.heard(path)
        if self.inbox in paths:
            # So much came at once that only the whole can be looked at.
            self._inbox_told = True
            self.rounds.soon()
        paths = [path for path in paths if path != self.inbox]
        sights = await self._arrivals.sights(paths)
        places = [os.fsencode(found.path) for found, _ in sights if isinstance(found, InboxFile)]
        known = await self._catalogue.read(queries.known_stamps, places) if places else {}
        folders = {found.path: None for found, _ in sights if isinstance(found, Skipped) and found.is_folder}
        for path, (found, writer) in zip(paths, sights, strict=True):
            if path in folders or not folders.keys().isdisjoint(path.parents):
                # The scan sees it.
                continue
            if isinstance(found, InboxFile) and known.get(os.fsencode(path)) == found.stamp:
                continue
            if found is not None:
                await self._weigh(found, told=True, unwritten=writer is Writer.NOBODY)
        outermost = [folder for folder in folders if folders.keys().isdisjoint(folder.parents)]
        if outermost:
            await self._scan(self._arrivals.thread, told=True, beneath=outermost)

    async def _weigh_all(self, findings: Sequence[Finding], *, told: bool) -> None:
        if self._going_on.overlap:
            findings = await self._still_new(findings)
        for finding in findings:
            await self._weigh(finding, told=told, unwritten=False)
        await self._arrivals.take_settled()
        await self._arrivals.make_room()

    async def _still_new(self, findings: Sequence[Finding]) -> list[Finding]:
        """Leave out the files that another scan, of a folder that came say, has had taken in meanwhile."""
        places = {os.fsencode(found.path): found for found in findings if isinstance(found, InboxFile)}
        known = await self._catalogue.read(queries.known_stamps, list(places))
        taken = {places[place].path for place, stamp in known.items() if places[place].stamp == stamp}
        return [found for found in findings if not isinstance(found, InboxFile) or found.path not in taken]

    async def _weigh(self, finding: Finding, *, told: bool, unwritten: bool) -> None:
        match finding:
            case InboxFile(path=path) if path in self._own_files:
                return
            case InboxFile():
                await self._arrivals.come(finding, hinted=told, unwritten=unwritten)
            case Skipped() | Unreadable():
                is_problem = isinstance(finding, Unreadable)
                await self._notes.keep(finding.path, finding.sentence, is_problem=is_problem)

    def _in(
        self, thread: OwnThread, act: Callable[P, T], *arguments: P.args, **named: P.kwargs
    ) -> "asyncio.Future[T]":
        """Call in a thread of this inbox alone: its disk may hang."""
        return asyncio.get_running_loop().run_in_executor(thread, lambda: act(*arguments, **named))

    def _pause_seconds(self) -> float:
        return OFFLINE_SECONDS if self.offline else self._arrivals.pause_seconds()

    def _doubt(self, sentence: str | None) -> None:
        if sentence and self.doubt is None:
            self._log.warning("files gone", reason=sentence)
        self.doubt = sentence


class _StoppedError(CaptiondError):
    """The daemon stops; the scan in its thread ends at its next question."""
