"""Which known files of an inbox are there, which are not, and which are to be looked at again."""

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select, text

from captiond.beneath import LISTING, Beneath

from .places import MOST_PARAMETERS, readable, stamp_from
from .tables import DUE_FILES, files


@dataclass(frozen=True, slots=True)
class Absentees:
    """The files of an inbox that are not where they were: their number among all, and on which devices.

    `readable_again` are folders that can be listed, though a note says that they cannot be read.
    """

    known: int
    paths: Sequence[Path]
    devices: Collection[int]
    readable_again: Sequence[Path]


def absent_in_inbox(connection: Connection, inbox: Path) -> Absentees:
    """Look which known files of an inbox are certainly not on the disk now."""
    known, paths, devices, readable_again = 0, [], set(), []
    with closing(Beneath(inbox)) as beneath:
        for path, device in known_in_inbox(connection, inbox):
            known += 1
            if _is_gone(beneath, path, was_file=device != 0):
                paths.append(path)
                devices.add(device)
            elif device == 0 and _can_be_listed(beneath, path):
                readable_again.append(path)
    return Absentees(known, paths, devices, readable_again)


def known_in_inbox(connection: Connection, inbox: Path) -> Iterator[tuple[Path, int]]:
    """Yield the files of an inbox that were there when last seen, and their devices.

    To be used up while the connection is open.
    """
    below = os.fsencode(inbox / "_")[:-1]
    there = select(files).where(files.c.inbox == readable(inbox), files.c.state != "missing")
    with connection.execution_options(yield_per=MOST_PARAMETERS).execute(there.order_by(files.c.id)) as rows:
        for row in rows:
            # Two inboxes may look alike where their names hold bytes that are not UTF-8.
            if row.path_bytes.startswith(below):
                stamp = stamp_from(row)
                yield Path(os.fsdecode(row.path_bytes)), stamp.device if stamp else 0


def due_in_inbox(connection: Connection, inbox: Path) -> list[bytes]:
    """List the paths of an inbox's files that are to be looked at again: they have no stamp."""
    # In the words of the index, or it would not be used.
    due = select(files.c.path_bytes).where(files.c.inbox == readable(inbox), text(DUE_FILES))
    return list(connection.scalars(due))


def newest_file(connection: Connection) -> int | None:
    """Give the number of the file that became known last."""
    newest: int | None = connection.scalar(select(func.max(files.c.id)))
    return newest


def _can_be_listed(beneath: Beneath, path: Path) -> bool:
    try:
        os.close(beneath.open(path, LISTING))
    except OSError:
        return False
    return True


def _is_gone(beneath: Beneath, path: Path, *, was_file: bool) -> bool:
    """Tell whether what was at a path is certainly not there: nothing is, or the way to it is a link now.

    Nor is a file where a folder is; of a folder there may be a note that it cannot be read.
    """
    try:
        return stat.S_ISDIR(beneath.status(path).st_mode) and was_file
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        # A folder that cannot be read now hides its files; it does not delete them.
        return False
