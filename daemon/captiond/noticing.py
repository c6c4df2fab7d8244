"""One inbox kept in sight: what lies in it is taken in, once it has settled.

Events are hints that say "look here now"; the scan against the catalogue is the truth. A lost event, a lost
watch or a lost mount all have the same answer: the next scan.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import structlog

from .absent import Absent
from .catalogue import intake, queries
from .catalogue.store import Catalogue
from .clock import Clock
from .errors import CaptiondError, FileChanged, Outage, TryAgain
from .inbox.leasing import nobody_writes
from .inbox.reading import Skipped, look
from .inbox.scanning import Finding, ScanSummary, Unreadable, scan
from .inbox.settling import Settling
from .inbox.watching import Hints, Watcher
from .model import FileStamp, InboxFile
from .patience import Patience

FRESH_DROPS = 20
"""More new files than this at once are a backlog; fewer go ahead of it."""

FINDINGS_AT_ONCE = 200
MOST_NOTED = 10_000
LONGEST_LOOK_SECONDS = 5.0
OFFLINE_SECONDS = 5.0
ALIVE_SECONDS = 2.0

SCAN_SHARE = 100
LONGEST_SCAN_PAUSE_SECONDS = 900.0
"""A scan's pause is at least a hundred times as long as the scan took, up to a quarter of an hour."""

TakeIn = Callable[[InboxFile, bool], Awaitable[None]]


class Noticing:
    """Keeps one inbox: `keep` for ever, or `sweep` once."""

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
    ) -> None:
        self.inbox = inbox
        self.offline: str | None = None
        self.doubt: str | None = None
        self.degraded: str | None = None
        self.settling = Settling(quiet_seconds)
        self._take_in = take_in
        self._catalogue = catalogue
        self._clock = clock
        self._log = log.bind(inbox=str(inbox))
        self._scan_seconds = scan_seconds
        self._scan_pause_seconds = scan_seconds
        self._scan_now = asyncio.Event()
        self._look_now = asyncio.Event()
        self._noted: dict[Path, str] = {}
        self._turned_away = 0
        self._absent = Absent(inbox, catalogue, clock)
        self._stopping = False
        self._patience = patience

    async def keep(self) -> None:
        """Watch and scan until cancelled."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._look_now.set)

        hints = Hints(wake)
        watcher = Watcher(self.inbox, hints.add, lambda _reason: hints.look_everywhere())
        # Watching starts first, so that nothing slips in between it and the scan.
        await asyncio.to_thread(watcher.start)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(hints))
                group.create_task(self._scan_for_ever(watcher))
        finally:
            self._stopping = True
            await asyncio.to_thread(watcher.stop)

    async def sweep(self, patience_seconds: float) -> bool:
        """Take in what is there now; tells whether everything had settled in time. Raises InboxGone."""
        await self._scan_once()
        deadline = self._clock.monotonic_seconds() + patience_seconds
        while self.settling.changing and self._clock.monotonic_seconds() < deadline:
            await self._clock.sleep(min(self._pause_seconds(), 1.0))
            await self._settle(fresh=False)
        return not self.settling.changing

    async def _scan_for_ever(self, watcher: Watcher) -> None:
        while True:
            try:
                await self._scan_once()
                self._be_online()
            except Outage as outage:
                self._be_offline(outage)
            pause = OFFLINE_SECONDS if self.offline else self._scan_pause_seconds
            await self._rest(watcher, pause)
            self._scan_now.clear()
            if watcher.trouble and watcher.trouble != self.degraded:
                self._log.warning("watching degraded", reason=watcher.trouble)
            self.degraded = watcher.trouble
            if not await asyncio.to_thread(watcher.alive):
                await asyncio.to_thread(watcher.restart)

    async def _rest(self, watcher: Watcher, pause_seconds: float) -> None:
        """Wait for the next scan; one is due at once when the inbox is another folder, or none."""
        waited_seconds = 0.0
        while waited_seconds < pause_seconds:
            step = min(ALIVE_SECONDS, pause_seconds - waited_seconds)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._scan_now.wait(), step)
                return
            waited_seconds += step
            if self.offline is None and not watcher.trouble and not await asyncio.to_thread(watcher.alive):
                return

    async def _scan_once(self, beneath: Path | None = None) -> None:
        findings = scan(
            self.inbox,
            self,
            beneath=beneath,
            monotonic_seconds=self._clock.monotonic_seconds,
        )
        with suppress(_StoppedError):
            while some := await asyncio.to_thread(lambda: list(islice(findings, FINDINGS_AT_ONCE))):
                for finding in some:
                    await self._weigh(finding, hinted=False)
        if beneath is None:
            await self._patience.sit_out(self._absent.look)
            self._doubt(self._absent.doubt)

    def stamps(self, paths: Sequence[bytes]) -> Mapping[bytes, FileStamp]:
        """Tell the scan, in its thread, under which stamps files are known already."""
        if self._stopping:
            raise _StoppedError
        return self._catalogue.ask(queries.known_stamps, paths)

    async def _follow(self, hints: Hints) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), self._pause_seconds())
            self._look_now.clear()
            paths, everything = hints.drain()
            if everything:
                self._scan_now.set()
            try:
                for path, finished in paths.items():
                    await self._look(path, finished=finished)
                await self._settle(fresh=len(self.settling) <= FRESH_DROPS)
            except Outage:
                # Told by the scan, which also finds what was missed here.
                self._scan_now.set()
                await self._clock.sleep(OFFLINE_SECONDS)

    async def _look(self, path: Path, *, finished: bool) -> None:
        found = await asyncio.to_thread(look, self.inbox, path)
        if isinstance(found, InboxFile):
            place = os.fsencode(path)
            if (await self._catalogue.read(queries.known_stamps, [place])).get(place) == found.stamp:
                return
            # A file that was moved or linked in is only ever "created".
            finished = finished or await asyncio.to_thread(nobody_writes, path)
        if isinstance(found, Skipped) and found.is_folder:
            await self._scan_once(beneath=path)
        elif found is not None:
            await self._weigh(found, hinted=finished)

    async def _weigh(self, finding: Finding, *, hinted: bool) -> None:
        match finding:
            case InboxFile(path=path) if self._is_catalogue(path):
                return
            case InboxFile():
                wall_now_ns = int(self._clock.now().timestamp() * 1e9)
                now = self._clock.monotonic_seconds()
                settled = self.settling.notice(finding, now, wall_now_ns, hinted=hinted)
                if settled is not None:
                    await self._take(settled, fresh=hinted)
                    return
                self._look_now.set()
                if finding.stamp.size_bytes == 0:
                    await self._note(finding.path, "the file is empty so far")
            case Skipped() | Unreadable():
                await self._note(finding.path, finding.sentence)
            case ScanSummary():
                by_cost = min(SCAN_SHARE * finding.seconds, LONGEST_SCAN_PAUSE_SECONDS)
                self._scan_pause_seconds = max(self._scan_seconds, by_cost)
                self._log.debug("scanned", files=finding.files, seconds=round(finding.seconds, 3))

    def _is_catalogue(self, path: Path) -> bool:
        """Tell the catalogue's own files, which change whenever something is noted about them."""
        catalogue = self._catalogue.path
        return path.parent == catalogue.parent and path.name.startswith(catalogue.name)

    async def _settle(self, *, fresh: bool) -> None:
        for file in self.settling.due(self._clock.monotonic_seconds()):
            found = await asyncio.to_thread(look, self.inbox, file.path)
            stamp = found.stamp if isinstance(found, InboxFile) else None
            settled = self.settling.observe(file.path, stamp, self._clock.monotonic_seconds())
            if settled is not None:
                await self._take(settled, fresh=fresh)
        if self.settling.turned_away != self._turned_away and not self.settling.changing:
            # There was no room for all that came at once; by now they are quiet.
            self._turned_away = self.settling.turned_away
            self._scan_now.set()

    async def _take(self, file: InboxFile, *, fresh: bool) -> None:
        try:
            await self._take_in(file, fresh)
            self._noted.pop(file.path, None)
        except FileChanged:
            found = await asyncio.to_thread(look, self.inbox, file.path)
            if isinstance(found, InboxFile):
                self._wait_on(found)
        except TryAgain as trouble:
            await self._note(file.path, str(trouble))

    def _wait_on(self, file: InboxFile) -> None:
        """Have a file stand still again, as if it had changed just now, whatever its times say."""
        self.settling.notice(file, self._clock.monotonic_seconds(), file.stamp.ctime_ns, hinted=False)
        self._look_now.set()

    async def _note(self, path: Path, sentence: str) -> None:
        """Keep why a path is not read; without a stamp the next scan looks again."""
        if path == self.inbox or self._noted.get(path) == sentence:
            return
        if len(self._noted) >= MOST_NOTED:
            self._noted.clear()
        insist = self._patience.insist
        now = self._clock.now()
        await insist(intake.note_unread, self.inbox, path, None, state="skipped", reason=sentence, now=now)
        self._noted[path] = sentence

    def _pause_seconds(self) -> float:
        next_look = self.settling.next_look()
        if next_look is None:
            return LONGEST_LOOK_SECONDS
        return min(max(next_look - self._clock.monotonic_seconds(), 0.01), LONGEST_LOOK_SECONDS)

    def _doubt(self, sentence: str | None) -> None:
        if sentence and self.doubt is None:
            self._log.warning("files gone", reason=sentence)
        self.doubt = sentence

    def _be_offline(self, outage: CaptiondError) -> None:
        if self.offline is None:
            self._log.error("inbox offline", reason=str(outage))
        self.offline = str(outage)

    def _be_online(self) -> None:
        if self.offline is not None:
            self._log.info("inbox back")
        self.offline = None


class _StoppedError(CaptiondError):
    """The daemon stops; the scan in its thread ends at its next question."""
