"""When has a file stopped changing? Pure: stamps and clock values are passed in.

A file is settled when its stamp stood still for the quiet time on our own monotonic clock. To add a gate
behind the quiet one (a read lease, say), let it speak in `_settle`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from captiond.model import FileStamp, InboxFile

LONGEST_PAUSE_SECONDS = 30.0
"""However long a file has been empty, it is looked at this often."""

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that is not settled, why, and since when (wall clock, nanoseconds since 1970)."""

    path: Path
    reason: str
    since_ns: int


@dataclass(slots=True)
class _Watched:
    file: InboxFile
    since_ns: int
    quiet_since: float
    quiet_seconds: float
    look_at: float


class Settling:
    """The files that may still be changing, at most `room` of them.

    Each is looked at again when `due` says so and the stamp found is told to `observe`. A file that finds no
    room is counted in `turned_away` and forgotten: the next scan brings it back, by then quiet.
    """

    def __init__(
        self, quiet_seconds: float = 2.0, hinted_quiet_seconds: float = 0.5, *, room: int = 10_000
    ) -> None:
        self.turned_away = 0
        self._quiet_seconds = quiet_seconds
        self._hinted_quiet_seconds = hinted_quiet_seconds
        self._room = room
        self._watched: dict[Path, _Watched] = {}

    def __len__(self) -> int:
        return len(self._watched)

    def notice(self, file: InboxFile, now: float, wall_now_ns: int, *, hinted: bool) -> InboxFile | None:
        """Take up a file just seen; gives it back at once when it has been quiet for long enough already.

        `hinted`: an event said that its writer is done, so the shorter quiet time is enough. A file that
        waits already goes on waiting under its new stamp. `now` is monotonic, in seconds.
        """
        quiet_seconds = self._hinted_quiet_seconds if hinted else self._quiet_seconds
        watched = self._watched.get(file.path)
        if watched is not None:
            return self._notice_again(watched, file, now, quiet_seconds)
        # The change time cannot be set back by the writer, as the modification time can (cp -p, tar, rsync).
        age_ns = wall_now_ns - file.stamp.ctime_ns
        if file.stamp.size_bytes > 0 and age_ns >= quiet_seconds * NANOSECONDS:
            return file
        if len(self._watched) >= self._room:
            self.turned_away += 1
            return None
        self._watched[file.path] = _Watched(file, wall_now_ns, now, quiet_seconds, now + quiet_seconds)
        return None

    def due(self, now: float) -> Sequence[InboxFile]:
        """Give the files to look at now; each stays due until its stamp is told to `observe`."""
        return [watched.file for watched in self._watched.values() if watched.look_at <= now]

    def next_look(self) -> float | None:
        """Give the monotonic moment at which a file is due next, or None when none waits."""
        return min((watched.look_at for watched in self._watched.values()), default=None)

    def observe(self, path: Path, stamp: FileStamp | None, now: float) -> InboxFile | None:
        """Tell the stamp that `path` has now, None when it is gone; gives the file once it is settled."""
        watched = self._watched.get(path)
        if watched is None:
            return None
        if stamp is None:
            self.forget(path)
            return None
        if stamp != watched.file.stamp:
            # Whatever a hint said, it was said of the old stamp.
            self._restart(watched, replace(watched.file, stamp=stamp), now, self._quiet_seconds)
            return None
        return self._settle(watched, now)

    @property
    def changing(self) -> bool:
        """Whether a file waits that is not merely empty: an empty one may stay so for ever."""
        return any(watched.file.stamp.size_bytes > 0 for watched in self._watched.values())

    def waiting(self) -> Sequence[Waiting]:
        """Give every file that is not settled with its reason, the longest waiting first."""
        found = [Waiting(path, _reason(watched), watched.since_ns) for path, watched in self._watched.items()]
        return sorted(found, key=lambda waiting: waiting.since_ns)

    def forget(self, path: Path) -> None:
        """Stop waiting for a file."""
        self._watched.pop(path, None)

    def _notice_again(
        self, watched: _Watched, file: InboxFile, now: float, quiet_seconds: float
    ) -> InboxFile | None:
        if file.stamp == watched.file.stamp:
            # A hint may shorten the wait for the stamp it was about, a scan never lengthens it again.
            watched.quiet_seconds = min(watched.quiet_seconds, quiet_seconds)
            return self._settle(watched, now)
        self._restart(watched, file, now, quiet_seconds)
        return None

    def _restart(self, watched: _Watched, file: InboxFile, now: float, quiet_seconds: float) -> None:
        watched.file = file
        watched.quiet_since = now
        watched.quiet_seconds = quiet_seconds
        watched.look_at = now + quiet_seconds

    def _settle(self, watched: _Watched, now: float) -> InboxFile | None:
        quiet_for = now - watched.quiet_since
        if watched.file.stamp.size_bytes == 0:
            pause = min(max(quiet_for, watched.quiet_seconds), LONGEST_PAUSE_SECONDS)
            watched.look_at = now + pause
            return None
        if quiet_for < watched.quiet_seconds:
            watched.look_at = watched.quiet_since + watched.quiet_seconds
            return None
        self.forget(watched.file.path)
        return watched.file


def _reason(watched: _Watched) -> str:
    if watched.file.stamp.size_bytes == 0:
        return "The file is empty so far."
    return f"The file has changed just now; it must stand still for {watched.quiet_seconds:g} s."
