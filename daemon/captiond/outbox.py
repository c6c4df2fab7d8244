"""Sidecars that are due are written: what the catalogue knows of a photo goes beside each of its files.

The catalogue is the truth and a sidecar its copy, so writing one again is harmless; only a person's is kept.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from .catalogue import lookup, queries, results
from .catalogue.results import SidecarDue
from .catalogue.store import Catalogue
from .errors import Outage
from .inbox.disks import Disks
from .inbox.reading import look
from .model import Entry, InboxFile, SidecarPlace
from .sidecars import (
    Conflict,
    SidecarPlaces,
    SidecarUnreadable,
    SidecarUnwritable,
    Unchanged,
    Written,
    parse,
    remove_leftovers,
    render,
    says_nothing_new,
    sidecar_path,
    write,
)
from .trees import Trees

PAGE = 100


class Outbox:
    """Writes sidecars, one at a time, and notes in the catalogue that it did."""

    def __init__(self, catalogue: Catalogue, log: structlog.stdlib.BoundLogger, version: str) -> None:
        self.disks = Disks()
        self._catalogue = catalogue
        self._log = log
        self._version = version
        self._trees = Trees(catalogue)
        self._turn = asyncio.Lock()
        self._tidied: set[Path] = set()
        self._waiting: dict[Path, str] = {}
        self._elsewhere: dict[Path, str] = {}

    async def write_due(
        self, places: SidecarPlaces, photo_ids: Sequence[int] | None = None, *, most: int | None = None
    ) -> int:
        """Write the sidecars that are due, of these photos or of all, at most about `most`; gives how many.

        Where none can be written now it stays due, with the reason. Raises Outage when the catalogue fails.
        """
        written, seen, last = 0, 0, None
        # Those of an inbox that nobody watches now stay due, until it is watched again.
        which = (PAGE, places.of_inbox, photo_ids)
        while due := await self._catalogue.read(results.sidecars_due, *which, after=last):
            for sidecar in due:
                written += await self._write(sidecar.file_id, places)
            seen += len(due)
            last = due[-1]
            if most is not None and seen >= most:
                break
        return written

    async def _write(self, file_id: int, places: SidecarPlaces) -> bool:
        async with self._turn:
            # Only now is it known for sure: another turn may have written it.
            due = await self._catalogue.read(results.sidecar_due, file_id)
            if due is None:
                return False
            entry = await self._catalogue.read(queries.entry, due.photo_id)
            try:
                inbox, path = due.file.inbox, due.file.path
                if not isinstance(await self.disks.ask(inbox, look, inbox, path), InboxFile):
                    # Renamed or deleted meanwhile, as the next scans will find, or its disk is away.
                    return False
                outcome = await self.disks.ask(inbox, self._place, entry, due, places)
            except Outage as outage:
                await self._wait(due, str(outage))
                return False
            await self._note(due, outcome)
            await self._trees.note()
        return True

    async def _note(self, due: SidecarDue, outcome: Written | Unchanged | Conflict | None) -> None:
        self._waiting.pop(due.file.path.parent, None)
        sha256, reason = None, None
        if isinstance(outcome, Conflict):
            reason = outcome.reason
            self._log.warning("sidecar left alone", file=str(due.file.path), reason=reason)
        elif outcome is not None:
            sha256 = outcome.sha256
        await self._catalogue.write(results.note_sidecar, due, sha256=sha256, reason=reason)

    async def _wait(self, due: SidecarDue, reason: str) -> None:
        if _is_news(self._waiting, due.file, reason):
            self._log.warning("sidecars wait", reason=reason)
        await self._catalogue.write(results.note_sidecar_waits, due.file_id, reason)

    def _place(
        self, entry: Entry, due: SidecarDue, places: SidecarPlaces
    ) -> Written | Unchanged | Conflict | None:
        """Write where the user wants it; where that takes no files, into our own tree. Raises Outage."""
        file = due.file
        place = places.of(file)
        if place.kind == "off":
            return None
        content = render(entry, file, self._version)
        own = places.elsewhere(file)
        if place.folder is not None:
            self._trees.look(place.folder)
        try:
            return self._put(place, place.folder, content, due)
        except SidecarUnwritable as trouble:
            if _is_news(self._elsewhere, file, str(trouble)):
                self._log.warning("sidecar elsewhere", file=str(file.path), reason=str(trouble))
        try:
            return self._put(own, places.fallback.parent, content, due)
        except SidecarUnwritable as trouble:
            raise Outage(str(trouble)) from trouble

    def _is_ours(self, present: bytes) -> bool:
        """Recognise one of ours that lies where it was not written: it moved along, or its disk was away.

        It may tell of a photo that is elsewhere by now, as where a picture was edited after the move.
        """
        try:
            known = self._catalogue.ask(lookup.known_by, parse(present).digest)
        except SidecarUnreadable:
            return False
        return known is not None and says_nothing_new(present, *known)

    def _put(
        self, place: SidecarPlace, root: Path | None, content: bytes, due: SidecarDue
    ) -> Written | Unchanged | Conflict:
        path = sidecar_path(due.file, place)
        if path is None:
            raise SidecarUnwritable("The picture's name is too long for a sidecar beside it.")
        top = root or due.file.inbox
        if path.parent not in self._tidied and path.parent.is_dir():
            # A crash may have left a half-written one, and only beside one that is still due.
            remove_leftovers(path.parent, top=top)
            self._tidied.add(path.parent)
        known, ours = due.known_sha256, self._is_ours
        return write(path, content, known_sha256=known, is_ours=ours, tree=root, top=top)


def _is_news(told: dict[Path, str], file: InboxFile, reason: str) -> bool:
    """Keep the reason for a file's folder; tells whether it is another: it holds for all files there."""
    before, told[file.path.parent] = told.get(file.path.parent), reason
    return before != reason
