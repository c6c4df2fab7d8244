"""Where the sidecar of a file lies: beside the picture, or in a tree with the same folders as the inbox.

And where else, when that place takes none.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from captiond.beneath import is_bare
from captiond.model import InboxFile, SidecarPlace

SUFFIX = ".captiond.json"
"""It follows the picture's whole name, so that `a.jpg` and `a.png` have a sidecar each."""

LONGEST_NAME_BYTES = 255


def sidecar_path(file: InboxFile, place: SidecarPlace) -> Path | None:
    """Name the sidecar of `file`, or None where it has none.

    A name that would pass 255 bytes is never cut: beside the picture there is no sidecar then, and in a tree
    it is called by the SHA-256 of the picture's name.
    """
    if place.kind == "off":
        return None
    name = file.path.name + SUFFIX
    fits = len(os.fsencode(name)) <= LONGEST_NAME_BYTES
    if place.kind == "beside" and fits:
        return file.path.with_name(name)
    if place.folder is None:
        return None
    folder = place.folder / file.path.relative_to(file.inbox).parent
    return folder / (name if fits else hashlib.sha256(os.fsencode(file.path.name)).hexdigest() + SUFFIX)


@dataclass(frozen=True, slots=True)
class SidecarPlaces:
    """Where the sidecars of each inbox go, and the folder for those that find no room there.

    `fallback` is made when it is needed first, in the folder of the catalogue.
    """

    of_inbox: Mapping[Path, SidecarPlace]
    fallback: Path

    def of(self, file: InboxFile) -> SidecarPlace:
        """Give the place that the user wants for a file's sidecar."""
        return self.of_inbox.get(file.inbox, SidecarPlace("off"))

    def elsewhere(self, file: InboxFile) -> SidecarPlace:
        """Give the place of those that find no room where the user wants them."""
        return SidecarPlace("tree", self.fallback / file.inbox.relative_to("/"))

    def possible(self, file: InboxFile) -> Iterator[tuple[Path, Path]]:
        """Yield where a file's sidecar may lie, each with the folder below which no link is followed."""
        wanted, elsewhere = self.of(file), self.elsewhere(file)
        for place, top in ((wanted, wanted.folder or file.inbox), (elsewhere, self.fallback.parent)):
            path = sidecar_path(file, place)
            if path is not None:
                yield path, top

    def is_reachable(self, inbox: Path) -> bool:
        """Whether sidecars are wanted, and their tree is there: an empty one may be a disk that is away."""
        place = self.of_inbox.get(inbox, SidecarPlace("off"))
        if place.folder is None:
            return place.kind != "off"
        try:
            return not is_bare(place.folder)
        except OSError:
            return False
