"""Trees of sidecars: a bare one may be the folder under a disk that is away, and then nothing goes there.

It would be hidden when the disk comes back, whose old sidecars would be taken for the new ones.
"""

from pathlib import Path

from .beneath import is_bare
from .catalogue import sidecars_left
from .catalogue.store import Catalogue
from .errors import Outage
from .printable import printable


class Trees:
    """Remembers, in the catalogue, on which device each tree was that was written to."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._moved: dict[Path, int] = {}

    def look(self, tree: Path) -> None:
        """Raise Outage where a tree is bare and on another device than it was; to be called in a thread."""
        try:
            device, bare = tree.stat().st_dev, is_bare(tree)
        except OSError:
            # Whoever writes there will be told.
            return
        before = self._catalogue.ask(sidecars_left.device_of, tree)
        if bare and before not in {None, device}:
            raise Outage(
                f"{printable(str(tree))} is empty, and on another disk than its sidecars were: is the right "
                "one mounted? If it is, put any file there."
            )
        if device != before:
            self._moved[tree] = device

    async def note(self) -> None:
        """Keep where the trees are that were looked at; raises Outage."""
        while self._moved:
            tree, device = self._moved.popitem()
            await self._catalogue.write(sidecars_left.note_device, tree, device)
