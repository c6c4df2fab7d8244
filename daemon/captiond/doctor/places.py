"""The folders that captiond works in: can they be read and written, and is there room?"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from captiond.catalogue import opening, queries
from captiond.catalogue.database import asking
from captiond.catalogue.locking import is_locked
from captiond.errors import CaptiondError
from captiond.inbox.scanning import ScanSummary, Unreadable, scan
from captiond.model import FileStamp, SidecarPlace
from captiond.printable import counted, printable

from .finding import Finding, Level

LITTLE_BYTES = 1_000_000_000
WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")
WATCHES_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Sight:
    """What lies in an inbox: `new` are the files that the catalogue does not know as they are."""

    files: int
    folders: int
    new: int
    unreadable: tuple[str, ...]


class KnownFiles:
    """What the catalogue knows of files; nothing where there is no catalogue yet."""

    def __init__(self, catalogue: Path) -> None:
        self._catalogue = catalogue

    def stamps(self, paths: Sequence[bytes]) -> Mapping[bytes, FileStamp]:
        """Give the stamps that are known for these paths."""
        if not self._catalogue.is_file():
            return {}
        with asking(self._catalogue) as connection:
            return queries.known_stamps(connection, paths)

    def has(self, inbox: Path) -> bool:
        """Tell whether files were ever seen in an inbox."""
        if not self._catalogue.is_file():
            return False
        with asking(self._catalogue) as connection:
            return queries.knows_inbox(connection, inbox)


def survey(inbox: Path, catalogue: Path) -> Sight | None:
    """List an inbox as the daemon would; None where it is yet to be made. Raises InboxGone."""
    known = KnownFiles(catalogue)
    if not inbox.exists() and not known.has(inbox):
        return None
    unreadable, folders, files, new = [], 0, 0, 0
    for finding in scan(inbox, known):
        match finding:
            case Unreadable():
                unreadable.append(finding.sentence)
            case ScanSummary():
                folders, files, new = finding.directories, finding.files, finding.new_or_changed
            case _:
                pass
    return Sight(files, folders, new, tuple(unreadable))


def inbox_findings(inbox: Path, sight: Sight | CaptiondError | None) -> Iterator[Finding]:
    """Judge what a survey saw; None: the inbox is not there."""
    name = printable(str(inbox))
    if sight is None:
        yield Finding(Level.NOTE, "inbox", f"{name} does not exist yet; `captiond run` makes it.")
        return
    if isinstance(sight, CaptiondError):
        yield Finding(Level.FAIL, "inbox", str(sight), "Mount its disk, or allow this user to read it.")
        return
    seen = f"{counted(sight.files, 'file', 'files')} in {counted(sight.folders, 'folder', 'folders')}"
    yield Finding(Level.OK, "inbox", f"{name} can be read: {seen}, {sight.new:,} of them new.")
    for sentence in sight.unreadable[:3]:
        yield Finding(Level.WARN, "inbox", sentence, "Allow this user to read it.")
    yield from watch_findings(sight.folders, _most_watches())


def watch_findings(folders: int, most_watches: int | None) -> Iterator[Finding]:
    """Judge whether the system lets captiond watch so many folders."""
    if most_watches is None or folders <= WATCHES_SHARE * most_watches:
        return
    yield Finding(
        Level.WARN,
        "inbox",
        f"{folders:,} folders, and the system lets a user watch {most_watches:,}: new files in the others "
        "are found by the next scan only.",
        f"sudo sysctl fs.inotify.max_user_watches={2 * folders}",
    )


def sidecar_findings(inbox: Path, place: SidecarPlace, fallback: Path) -> Iterator[Finding]:
    """Say where the sidecars of an inbox go, and whether they can."""
    if place.kind == "off":
        yield Finding(Level.NOTE, "sidecars", "No sidecars are written (sidecars = off).")
        return
    folder = place.folder or inbox
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if there.is_dir() and os.access(there, os.W_OK):
        where = "beside the pictures" if place.folder is None else f"in {printable(str(folder))}"
        yield Finding(Level.OK, "sidecars", f"Sidecars go {where}.")
    elif place.folder is None:
        sentence = (
            f"{printable(str(inbox))} cannot be written: its sidecars go to {printable(str(fallback))}."
        )
        yield Finding(Level.NOTE, "sidecars", sentence)
    else:
        sentence = f"{printable(str(folder))} cannot be written: no sidecars there."
        yield Finding(Level.FAIL, "sidecars", sentence, "Allow this user to write there.")


def catalogue_findings(catalogue: Path) -> Iterator[Finding]:
    """Look at the catalogue, its lock, its folder and the room on its disk."""
    folder = next(each for each in catalogue.parents if each.exists())
    name = printable(str(catalogue))
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        sentence = f"{printable(str(folder))} cannot be written, and the catalogue {name} belongs there."
        yield Finding(
            Level.FAIL, "catalogue", sentence, "Allow this user to write there, or use --catalogue."
        )
        return
    if not catalogue.exists():
        yield Finding(Level.OK, "catalogue", f"{name} does not exist yet; `captiond run` makes it.")
    else:
        yield _catalogue_standing(catalogue)
    free_bytes = shutil.disk_usage(folder).free
    level = Level.WARN if free_bytes < LITTLE_BYTES else Level.OK
    fix = "Make room: captiond waits while the disk is full." if level is Level.WARN else None
    yield Finding(level, "disk", f"{free_bytes / 1e9:,.1f} GB are free for the catalogue.", fix)


def _catalogue_standing(catalogue: Path) -> Finding:
    name = printable(str(catalogue))
    try:
        with opening.reading(catalogue) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except CaptiondError as error:
        return Finding(Level.FAIL, "catalogue", f"{error}.")
    if is_locked(catalogue):
        return Finding(Level.NOTE, "catalogue", f"A captiond is running with {name}.")
    return Finding(Level.OK, "catalogue", f"{name} can be read and written.")


def _most_watches() -> int | None:
    try:
        return int(WATCHES.read_text())
    except (OSError, ValueError):
        return None
