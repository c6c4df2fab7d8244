"""The catalogue against itself, against the sidecars, and against the pictures; nothing is written to any."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from . import __version__
from .beneath import opened_beneath
from .catalogue import queries
from .catalogue.backup import snapshot
from .catalogue.database import asking
from .catalogue.holdings import Holding, holdings
from .catalogue.opening import CURE
from .catalogue.store import Connection
from .catalogue.verifying import faults
from .errors import CaptiondError
from .gathering import find_all, folders_of
from .model import Entry, SidecarPlace
from .printable import printable
from .sidecars import SidecarPlaces, SidecarUnreadable, load, render, sidecar_path
from .sidecars.document import decoded

ANOTHER = (
    "it is not as captiond wrote it: captiond import takes over what a person edited; "
    "where nobody did, remove it, and captiond run writes it again."
)
LEFT_BEHIND = (
    "its picture is gone, and it is not as captiond wrote it there: captiond import takes over what a person "
    "edited; then it may be removed."
)
PIECE_BYTES = 1 << 20

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: `subject` is catalogue, sidecar or picture."""

    subject: str
    path: Path
    sentence: str


def verify(catalogue: Path, places: SidecarPlaces, *, read_files: bool) -> Iterator[Finding]:
    """Yield what is not as it should be; with `read_files`, all pictures are read too. Raises Fatal."""
    with TemporaryDirectory(prefix="captiond-verify-") as folder, snapshot(catalogue, Path(folder)) as copy:
        for fault in faults(copy):
            yield Finding("catalogue", catalogue, f"{fault}: {CURE}.")
        try:
            with asking(copy) as connection:
                yield from _outside(connection, places, read_files=read_files)
        except (CaptiondError, ValueError, TypeError) as error:
            yield Finding("catalogue", catalogue, f"it cannot be compared any further ({error}): {CURE}.")


def _outside(connection: Connection, places: SidecarPlaces, *, read_files: bool) -> Iterator[Finding]:
    away: set[Path] = set()
    expected: set[Path] = set()
    for holding in holdings(connection):
        inbox = holding.file.inbox
        if inbox not in away and not inbox.is_dir():
            away.add(inbox)
            yield Finding("picture", inbox, "the inbox is not there: is its disk mounted?")
        beside = sidecar_path(holding.file, SidecarPlace("beside"))
        expected.update(path for path, _ in places.possible(holding.file))
        expected.update([beside] if beside else [])
        if inbox not in away:
            yield from _picture(holding, read_files=read_files)
            yield from _sidecar(connection, holding, places)
    for found in find_all(folders_of(places), places):
        path = found if isinstance(found, Path) else found.path
        if path not in expected:
            yield Finding("sidecar", path, "the catalogue does not know it: captiond import takes it over.")


def _picture(holding: Holding, *, read_files: bool) -> Iterator[Finding]:
    path = holding.file.path
    if not holding.is_there:
        return
    try:
        status = os.lstat(path)
        digest = _digest_of(holding) if read_files else holding.digest
    except (FileNotFoundError, NotADirectoryError):
        yield Finding("picture", path, "it is gone since the last scan: captiond run finds out where to.")
        return
    except OSError as error:
        yield Finding("picture", path, f"it cannot be read ({error.strerror}): let captiond's user read it.")
        return
    if digest == holding.digest:
        return
    if (status.st_size, status.st_mtime_ns) == (holding.size_bytes, holding.mtime_ns):
        yield Finding(
            "picture", path, "its bytes changed although nobody wrote it: restore it from a backup."
        )
    else:
        yield Finding("picture", path, "it was changed since it was read: captiond run reads it anew.")


def _digest_of(holding: Holding) -> str:
    digest = hashlib.sha256()
    with opened_beneath(holding.file.inbox, holding.file.path, _FILE) as descriptor:
        while piece := os.read(descriptor, PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _sidecar(connection: Connection, holding: Holding, places: SidecarPlaces) -> Iterator[Finding]:
    path, content = _written(holding, places)
    if holding.sidecar_reason:
        yield Finding("sidecar", path, holding.sidecar_reason.replace(f"{printable(str(path))} ", "it ", 1))
    elif content is None:
        if holding.sidecar_sha256 and holding.is_there and holding.is_told:
            yield Finding("sidecar", path, "it is gone: captiond run writes it again.")
    elif hashlib.sha256(content).hexdigest() != holding.sidecar_sha256:
        yield Finding("sidecar", path, ANOTHER if holding.is_there else LEFT_BEHIND)
    elif _is_comparable(holding, content):
        entry = _as_it_rested(queries.entry(connection, holding.photo_id), content)
        if render(entry, holding.file, __version__) != content:
            yield Finding("sidecar", path, f"it says something else than the catalogue: {CURE}.")


def _as_it_rested(entry: Entry, content: bytes) -> Entry:
    """Give a photo that is to be asked more as it was when its sidecar was written, with the same answers."""
    if entry.state not in {"queued", "partial"}:
        return entry
    told = decoded(content)
    return replace(entry, state=told.get("state", entry.state), reason=told.get("reason"))


def _written(holding: Holding, places: SidecarPlaces) -> tuple[Path, bytes | None]:
    """Find the sidecar of a file: its path and bytes, or the path where it should be."""
    possible = list(places.possible(holding.file)) or [(holding.file.path, holding.file.inbox)]
    for path, top in possible:
        try:
            return path, load(path, top=top)[0]
        except (OSError, SidecarUnreadable, ValueError):
            continue
    return possible[0][0], None


def _is_comparable(holding: Holding, content: bytes) -> bool:
    """Tell whether a sidecar says all by now; another version may tell more, or less, of the same."""
    if not (holding.is_there and holding.is_told):
        return False
    try:
        written: bool = decoded(content)["generator"]["version"] == __version__
    except (SidecarUnreadable, KeyError, TypeError):
        return False
    return written
