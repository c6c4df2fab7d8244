"""Sidecars that are due are written: what the catalogue knows of a photo goes beside each of its files.

The catalogue is the truth and a sidecar its copy, so writing one again is harmless; only a person's is kept.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from .catalogue import queries, results
from .catalogue.results import SidecarDue
from .catalogue.store import Catalogue
from .model import Entry, SidecarPlace
from .sidecars import Conflict, SidecarUnwritable, Unchanged, Written, render, sidecar_path, write


@dataclass(frozen=True, slots=True)
class SidecarPlaces:
    """Where the sidecars of each inbox go, and the folder for those that find no room there."""

    of_inbox: Mapping[Path, SidecarPlace]
    fallback: Path


class Outbox:
    """Writes sidecars and notes in the catalogue that it did."""

    def __init__(self, catalogue: Catalogue, log: structlog.stdlib.BoundLogger, version: str) -> None:
        self._catalogue = catalogue
        self._log = log
        self._version = version

    async def write_due(self, places: SidecarPlaces, photo_id: int | None = None, *, limit: int = 100) -> int:
        """Write the sidecars that are due, of one photo or of any; gives how many. Raises Outage."""
        due = await self._catalogue.read(results.sidecars_due, limit, photo_id)
        for sidecar in due:
            await self._write(sidecar, places)
        return len(due)

    async def _write(self, due: SidecarDue, places: SidecarPlaces) -> None:
        entry = await self._catalogue.read(queries.entry, due.photo_id)
        outcome = await asyncio.to_thread(self._place, entry, due, places)
        sha256, reason = None, None
        if isinstance(outcome, Conflict):
            reason = outcome.reason
            self._log.warning("sidecar left alone", file=str(due.file.path), reason=reason)
        elif outcome is not None:
            sha256 = outcome.sha256
        await self._catalogue.write(results.note_sidecar, due, sha256=sha256, reason=reason)

    def _place(
        self, entry: Entry, due: SidecarDue, places: SidecarPlaces
    ) -> Written | Unchanged | Conflict | None:
        """Write where the user wants it; where that takes no files, into our own tree."""
        file, tree = due.file, places.fallback / due.file.inbox.relative_to("/")
        place = places.of_inbox.get(file.inbox, SidecarPlace("off"))
        path = sidecar_path(file, place, fallback=tree)
        if path is None:
            return None
        content = render(entry, file, self._version)
        try:
            return write(path, content, known_sha256=due.known_sha256)
        except SidecarUnwritable as trouble:
            elsewhere = sidecar_path(file, SidecarPlace("tree", tree))
            assert elsewhere is not None
            self._log.warning("sidecar elsewhere", file=str(elsewhere), reason=str(trouble))
            return write(elsewhere, content, known_sha256=due.known_sha256)
