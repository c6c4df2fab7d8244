"""Sidecars found on the disk, and the picture that each is about."""

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .inbox.candidates import verdict, verdict_beneath
from .model import FileStamp, InboxFile, Json
from .sidecars import SUFFIX, SidecarPlaces

UNSEEN = FileStamp(0, 0, -1, 0, 0)
"""The stamp of a file that nobody has looked at."""


@dataclass(frozen=True, slots=True)
class SidecarFound:
    """A sidecar's path, the folder below which no link is followed, and the inbox of its picture."""

    path: Path
    top: Path
    inbox: Path

    def picture(self, image: Json) -> InboxFile:
        """Name the picture; where its name is too long for a sidecar's, `image` of the sidecar has it."""
        folder = self.inbox / self.path.parent.relative_to(self.top)
        name = self.path.name.removesuffix(SUFFIX)
        written = image.get("file_base64")
        told = base64.b64decode(written) if written else os.fsencode(str(image["file"]))
        if hashlib.sha256(told).hexdigest() == name:
            name = Path(os.fsdecode(told)).name
        return InboxFile(self.inbox, folder / name, UNSEEN)


def find_all(starts: Iterable[Path], places: SidecarPlaces) -> Iterator[SidecarFound | Path]:
    """Yield the sidecars at or below these paths; as a bare path where they belong to no inbox."""
    tops = _tops(places)
    for start in starts:
        for path in _below(start):
            yield _placed(path, tops) or path


def folders_of(places: SidecarPlaces) -> list[Path]:
    """Give the folders in which sidecars lie: the inboxes, or their trees, and what found no room there."""
    return _outermost([top for top, _ in _tops(places) if top.is_dir()])


def with_trees(named: Sequence[Path], places: SidecarPlaces) -> list[Path]:
    """Give the paths that somebody named, and where else sidecars of the inboxes lie that they hold."""
    held = [top for top, inbox in _tops(places) if top.is_dir() and any(map(inbox.is_relative_to, named))]
    return _outermost([*named, *held])


def _outermost(paths: Sequence[Path]) -> list[Path]:
    """Leave out the paths that lie below another of them, and doubles."""
    distinct = list(dict.fromkeys(paths))
    return [
        path
        for path in distinct
        if not any(path != other and path.is_relative_to(other) for other in distinct)
    ]


def _tops(places: SidecarPlaces) -> list[tuple[Path, Path]]:
    """Pair each folder that mirrors an inbox with it, the innermost first."""
    tops = []
    for inbox, place in places.of_inbox.items():
        top = InboxFile(inbox, inbox, UNSEEN)
        tops += [(place.folder or inbox, inbox), (inbox, inbox)]
        tops.append((places.elsewhere(top).folder or inbox, inbox))
    return sorted(dict.fromkeys(tops), key=lambda pair: -len(pair[0].parts))


def _placed(path: Path, tops: list[tuple[Path, Path]]) -> SidecarFound | None:
    for top, inbox in tops:
        if path.is_relative_to(top):
            return (
                None
                if verdict_beneath(top, path.parent, is_directory=True).ignored
                else SidecarFound(path, top, inbox)
            )
    return None


def _below(start: Path) -> Iterator[Path]:
    if not start.is_dir():
        yield start
        return
    for folder, folders, names in os.walk(start):
        folders[:] = sorted(name for name in folders if not verdict(os.fsencode(name), True).ignored)
        yield from (Path(folder, name) for name in sorted(names) if _is_sidecar(name))


def _is_sidecar(name: str) -> bool:
    return name.endswith(SUFFIX) and not name.startswith(".")
