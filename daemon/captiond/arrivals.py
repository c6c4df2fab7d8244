"""The files on their way in: what still changes is waited for, what has settled is taken in."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from .batches import FILES_AT_ONCE
from .clock import Clock
from .errors import FileChanged, TryAgain
from .inbox.ignoring import IgnoreRules
from .inbox.reading import Sight, look_closely
from .inbox.settling import Gate, Settling
from .inbox.tally import Tally
from .inbox.threads import OwnThread
from .meanwhile import Meanwhile
from .model import FileStamp, InboxFile
from .notes import Notes

TAKINGS_AT_ONCE = 3
"""While one is kept, the next is read, and a third is ready to be read."""

LONGEST_LOOK_SECONDS = 5.0

TakeIn = Callable[[Sequence[InboxFile], bool], Awaitable[Mapping[Path, TryAgain]]]
"""Takes in settled files, fresh drops or not; gives why some could not be read now."""


class Arrivals:
    """The files of one inbox that came, until they are taken in; the disk is looked at in a `thread`.

    `wake` is called when there is something new to wait for; each file that comes is counted once in `tally`.
    """

    def __init__(
        self,
        inbox: Path,
        rules: IgnoreRules,
        notes: Notes,
        tally: Tally,
        quiet_seconds: float,
        *,
        take_in: TakeIn,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self.settling = Settling(quiet_seconds)
        self.thread = OwnThread("inbox look")
        self._inbox = inbox
        self._rules = rules
        self._notes = notes
        self._tally = tally
        self._take_in = take_in
        self._clock = clock
        self._wake = wake
        self._turn = asyncio.Lock()
        self._settled: dict[bool, list[InboxFile]] = {True: [], False: []}
        self._on_their_way: dict[Path, FileStamp] = {}

    def pause_seconds(self) -> float:
        """Tell how long until one is to be looked at."""
        next_look = self.settling.next_look()
        if next_look is None:
            return LONGEST_LOOK_SECONDS
        return min(max(next_look - self._clock.monotonic_seconds(), 0.01), LONGEST_LOOK_SECONDS)

    async def sights(self, paths: Sequence[Path]) -> list[Sight]:
        """See what paths are now; their disk may hang. Raises InboxGone."""
        see = partial(look_closely, self._inbox, rules=self._rules)
        run = asyncio.get_running_loop().run_in_executor
        return await run(self.thread, lambda: [see(path) for path in paths])

    async def come(self, file: InboxFile, *, hinted: bool, unwritten: bool) -> None:
        """Wait for a file that was found new or changed, or take it in where it is quiet already.

        `hinted` and `unwritten` as in `Settling.notice`.
        """
        wall_now_ns = int(self._clock.now().timestamp() * 1e9)
        now = self._clock.monotonic_seconds()
        here_already = file.path in self.settling or self._is_on_its_way(file)
        settled = self.settling.notice(file, now, wall_now_ns, hinted=hinted, unwritten=unwritten)
        found_room = settled is not None or file.path in self.settling
        if found_room and not here_already:
            self._tally.count(file.path, now, told=hinted)
        if settled is not None:
            await self._hand_over(settled, fresh=unwritten)
            return
        self._wake()
        if file.stamp.size_bytes == 0:
            await self._notes.keep(file.path, "the file is empty so far")

    async def make_room(self) -> None:
        """Let those pass that are due, where many wait: what a scan finds more would find no room."""
        if 2 * len(self.settling) >= self.settling.room:
            await self._let_pass(fresh=False)

    async def settle(self, *, fresh: bool) -> Sequence[Path]:
        """Look again at those that are due; gives folders to look through, for not all in them found room."""
        await self._let_pass(fresh=fresh)
        return self.settling.left_out.take(self._clock.monotonic_seconds())

    async def _let_pass(self, *, fresh: bool) -> None:
        async with self._turn:
            due = self.settling.due(self._clock.monotonic_seconds())
            async with Meanwhile(TAKINGS_AT_ONCE) as meanwhile:
                await meanwhile.do(self.take_settled)
                for start in range(0, len(due), FILES_AT_ONCE):
                    some = due[start : start + FILES_AT_ONCE]
                    # These are looked at while those before them are taken in.
                    sights = await self.sights([file.path for file in some])
                    await self._observe(some, sights, fresh=fresh)
                    await meanwhile.do(self.take_settled)

    async def _observe(self, due: Sequence[InboxFile], sights: Sequence[Sight], *, fresh: bool) -> None:
        for file, (found, writer) in zip(due, sights, strict=True):
            stamp = found.stamp if isinstance(found, InboxFile) else None
            settled = self.settling.observe(file.path, stamp, self._clock.monotonic_seconds(), writer)
            if settled is not None:
                await self._hand_over(settled, fresh=fresh)
            elif (waiting := self.settling.told(file.path)) and waiting.gate is not Gate.EMPTY:
                # It was empty before, and somebody may have been told so.
                await self._notes.renew(file.path, waiting.reason)

    async def take_settled(self) -> None:
        """Take in the files that were quiet already when they came."""
        for fresh, files in self._settled.items():
            self._settled[fresh] = []
            try:
                unread = await self._take_in(files, fresh) if files else {}
            finally:
                for file in files:
                    self._on_their_way.pop(file.path, None)
            for file in files:
                if file.path not in unread:
                    self._notes.forget(file.path)
            for path, trouble in unread.items():
                await self._put_back(path, trouble)

    async def _hand_over(self, file: InboxFile, *, fresh: bool) -> None:
        if self._is_on_its_way(file):
            # A scan and an event may find the same file at once.
            return
        self._on_their_way[file.path] = file.stamp
        self._settled[fresh].append(file)
        if len(self._settled[fresh]) >= FILES_AT_ONCE:
            await self.take_settled()

    def _is_on_its_way(self, file: InboxFile) -> bool:
        return self._on_their_way.get(file.path) == file.stamp

    async def _put_back(self, path: Path, trouble: TryAgain) -> None:
        """Keep why a file is not read; one that changed stands still again, whatever its times say."""
        if not isinstance(trouble, FileChanged):
            await self._notes.keep(path, str(trouble), is_problem=True)
            return
        ((found, _),) = await self.sights([path])
        if isinstance(found, InboxFile):
            now = self._clock.monotonic_seconds()
            self.settling.notice(found, now, found.stamp.ctime_ns, hinted=False, unwritten=False)
            self._wake()
