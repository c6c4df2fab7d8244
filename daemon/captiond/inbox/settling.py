"""When has a file stopped changing? Pure: stamps, clock values and who writes are passed in.

A file is settled when its stamp stood still for the quiet time on our own monotonic clock and nobody has it
open for writing. Where nobody can know who writes, it must stand still for longer, and that time is learned.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from captiond.model import FileStamp, InboxFile

from .leasing import Writer

LONGEST_PAUSE_SECONDS = 30.0
"""However long a file has been empty, or held open, it is looked at this often."""

SHORTEST_PAUSE_SECONDS = 0.5
LONGEST_QUIET_SECONDS = 300.0
LEARNING_SECONDS = 600.0
MOST_REMEMBERED = 1_000

NANOSECONDS = 1_000_000_000

COARSE_SECONDS = 2.0
"""Some file systems count whole seconds, or every other: a change so soon after another would not show."""


class Gate(StrEnum):
    """What a waiting file waits for."""

    EMPTY = "empty"
    QUIET = "quiet"
    WRITER = "writer"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that is not settled, why, and since when (wall clock, nanoseconds since 1970)."""

    path: Path
    gate: Gate
    reason: str
    since_ns: int


@dataclass(slots=True)
class _Watched:
    file: InboxFile
    since_ns: int
    quiet_since: float
    quiet_seconds: float
    look_at: float
    writer: Writer = Writer.NOBODY
    probe_seconds: float = SHORTEST_PAUSE_SECONDS

    def restart(self, stamp: FileStamp, now: float, quiet_seconds: float) -> None:
        self.file = replace(self.file, stamp=stamp)
        self.quiet_since = now
        self.quiet_seconds = quiet_seconds
        self.look_at = now + quiet_seconds
        self.writer = Writer.NOBODY
        self.probe_seconds = SHORTEST_PAUSE_SECONDS

    def needed_seconds(self, unsure_quiet_seconds: float) -> float:
        unsure = self.writer is Writer.UNKNOWN
        return max(self.quiet_seconds, unsure_quiet_seconds) if unsure else self.quiet_seconds

    def told(self, unsure_quiet_seconds: float) -> Waiting:
        if self.file.stamp.size_bytes == 0:
            gate, reason = Gate.EMPTY, "The file is empty so far."
        elif self.writer is Writer.SOMEBODY:
            gate, reason = Gate.WRITER, "A program has the file open for writing."
        else:
            seconds = self.needed_seconds(unsure_quiet_seconds)
            gate = Gate.QUIET
            reason = f"The file has changed just now; it must stand still for {seconds:g} s."
        return Waiting(self.file.path, gate, reason, self.since_ns)


class Unsure:
    """How long a file must stand still where it cannot be known who writes to it.

    The time doubles, up to five minutes, each time such a file changed after it had counted as settled.
    """

    def __init__(self, quiet_seconds: float) -> None:
        self.quiet_seconds = quiet_seconds
        self._settled: OrderedDict[Path, tuple[FileStamp, float]] = OrderedDict()

    def settled(self, file: InboxFile, now: float) -> None:
        """Remember that a file counted as settled."""
        self._settled[file.path] = file.stamp, now
        while len(self._settled) > MOST_REMEMBERED:
            self._settled.popitem(last=False)

    def seen(self, file: InboxFile, now: float) -> None:
        """Learn from a file whether it was as settled as it seemed."""
        stamp, settled_at = self._settled.pop(file.path, (file.stamp, now))
        changed = (stamp.size_bytes, stamp.mtime_ns) != (file.stamp.size_bytes, file.stamp.mtime_ns)
        if changed and now - settled_at <= LEARNING_SECONDS:
            longer_seconds = min(2 * self.quiet_seconds, LONGEST_QUIET_SECONDS)
            self.quiet_seconds = max(self.quiet_seconds, longer_seconds)


class LeftOut:
    """The folders of files that found no room to wait: to list these brings the files back, by then quiet."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._folders: dict[Path, None] = {}
        self._look_at = 0.0

    def __len__(self) -> int:
        return len(self._folders)

    def add(self, file: InboxFile, look_at: float) -> None:
        """Keep the folder of a file that may be quiet from a monotonic moment; of too many, the inbox."""
        folder = file.path.parent
        too_many = len(self) >= self._room and folder not in self._folders
        self._folders[file.inbox if too_many else folder] = None
        self._look_at = max(self._look_at, look_at)

    def next_look(self) -> float | None:
        """Give the monotonic moment from which all may be quiet; None where none was left out."""
        return self._look_at if self._folders else None

    def take(self, now: float) -> Sequence[Path]:
        """Take out the folders, if they are due."""
        if now < self._look_at:
            return []
        folders, self._folders = [*self._folders], {}
        return folders


class Settling:
    """The files that may still be changing, at most `room` of them.

    Each is looked at again when `due` says so and the stamp found is told to `observe`. The folders of those
    that find no room are `left_out`. `unsure_quiet_seconds` counts where it cannot be known who writes.
    """

    def __init__(
        self,
        quiet_seconds: float = 2.0,
        hinted_quiet_seconds: float = 0.5,
        unsure_quiet_seconds: float = 10.0,
        *,
        room: int = 5_000,
    ) -> None:
        self.unsure = Unsure(max(quiet_seconds, unsure_quiet_seconds))
        self._quiet_seconds = quiet_seconds
        self._hinted_quiet_seconds = min(quiet_seconds, hinted_quiet_seconds)
        self.room = room
        self._writers_are_known = True
        self._watched: dict[Path, _Watched] = {}
        self.left_out = LeftOut(room)

    def __len__(self) -> int:
        return len(self._watched)

    def __contains__(self, path: Path) -> bool:
        return path in self._watched

    def notice(
        self, file: InboxFile, now: float, wall_now_ns: int, *, hinted: bool, unwritten: bool
    ) -> InboxFile | None:
        """Take up a file just seen; gives it back at once when it has been quiet for long enough already.

        It is young where that is enough only if nobody writes to it; none is in an inbox where this could not
        be known of some file before.

        `hinted`: an event told of it or of its folder, so the shorter quiet time is enough; `unwritten`:
        nobody writes to it. A file that waits already goes on waiting under its new stamp. `now` is
        monotonic, in seconds.
        """
        self.unsure.seen(file, now)
        quiet_seconds = _that_show(file.stamp, self._hinted_quiet_seconds if hinted else self._quiet_seconds)
        watched = self._watched.get(file.path)
        if watched is not None:
            return self._notice_again(watched, file, now, quiet_seconds, unwritten=unwritten)
        # The change time cannot be set back by the writer, as the modification time can (cp -p, tar, rsync).
        age_seconds = max(0.0, (wall_now_ns - file.stamp.ctime_ns) / NANOSECONDS)
        enough_seconds = quiet_seconds if unwritten else self.unsure.quiet_seconds
        if file.stamp.size_bytes > 0:
            if age_seconds >= enough_seconds:
                return file
            if age_seconds >= quiet_seconds and self._writers_are_known:
                return InboxFile(file.inbox, file.path, file.stamp, young=True)
        if len(self._watched) >= self.room:
            self.left_out.add(file, now + (quiet_seconds if self._writers_are_known else enough_seconds))
            return None
        quiet_since = now - age_seconds if age_seconds >= quiet_seconds else now
        self._watched[file.path] = _Watched(
            file, wall_now_ns, quiet_since, quiet_seconds, max(now, quiet_since + quiet_seconds)
        )
        return None

    def due(self, now: float) -> Sequence[InboxFile]:
        """Give the files to look at now; each stays due until its stamp is told to `observe`."""
        return [watched.file for watched in self._watched.values() if watched.look_at <= now]

    def next_look(self) -> float | None:
        """Give the monotonic moment at which a file, or a folder, is due next, or None when none waits."""
        looks = [watched.look_at for watched in self._watched.values()]
        left_out = self.left_out.next_look()
        return min(looks if left_out is None else [*looks, left_out], default=None)

    def observe(
        self, path: Path, stamp: FileStamp | None, now: float, writer: Writer = Writer.NOBODY
    ) -> InboxFile | None:
        """Tell the stamp that `path` has now, None when it is gone, and who writes to it.

        Gives the file once it is settled.
        """
        watched = self._watched.get(path)
        if watched is None:
            return None
        if stamp is None:
            del self._watched[path]
            return None
        if stamp != watched.file.stamp:
            # Whatever a hint said, it was said of the old stamp.
            watched.restart(stamp, now, _that_show(stamp, self._quiet_seconds))
            return None
        watched.writer = writer
        self._writers_are_known &= writer is not Writer.UNKNOWN
        return self._settle(watched, now)

    @property
    def changing(self) -> bool:
        """Whether a file waits: one that is not merely empty, for such a one may stay so, or was left out."""
        return bool(self.left_out) or any(w.file.stamp.size_bytes > 0 for w in self._watched.values())

    def waiting(self) -> Sequence[Waiting]:
        """Give every file that is not settled with its reason, the longest waiting first."""
        found = [watched.told(self.unsure.quiet_seconds) for watched in self._watched.values()]
        return sorted(found, key=lambda waiting: waiting.since_ns)

    def told(self, path: Path) -> Waiting | None:
        """Give why one file is not settled; None where it is not waited for."""
        watched = self._watched.get(path)
        return watched.told(self.unsure.quiet_seconds) if watched else None

    def _notice_again(
        self, watched: _Watched, file: InboxFile, now: float, quiet_seconds: float, *, unwritten: bool
    ) -> InboxFile | None:
        if file.stamp != watched.file.stamp:
            watched.restart(file.stamp, now, quiet_seconds)
            return None
        if not unwritten:
            return None
        # A hint may shorten the wait for the stamp it was about, a scan never lengthens it again.
        watched.quiet_seconds = min(watched.quiet_seconds, quiet_seconds)
        watched.writer = Writer.NOBODY
        return self._settle(watched, now)

    def _settle(self, watched: _Watched, now: float) -> InboxFile | None:
        quiet_for = now - watched.quiet_since
        if watched.file.stamp.size_bytes == 0:
            pause = min(max(quiet_for, watched.quiet_seconds), LONGEST_PAUSE_SECONDS)
            watched.look_at = now + pause
            return None
        needed_seconds = watched.needed_seconds(self.unsure.quiet_seconds)
        if quiet_for < needed_seconds:
            watched.look_at = watched.quiet_since + needed_seconds
            return None
        if watched.writer is Writer.SOMEBODY:
            watched.look_at = now + watched.probe_seconds
            watched.probe_seconds = min(2 * watched.probe_seconds, LONGEST_PAUSE_SECONDS)
            return None
        del self._watched[watched.file.path]
        if watched.writer is Writer.UNKNOWN:
            self.unsure.settled(watched.file, now)
        return watched.file


def _that_show(stamp: FileStamp, seconds: float) -> float:
    """Give so many seconds, or as many as it takes until a change shows in the stamp."""
    return max(seconds, COARSE_SECONDS) if stamp.ctime_ns % NANOSECONDS == 0 else seconds
