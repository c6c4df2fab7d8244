"""Where the sidecar of a file lies: beside the picture, or in a tree with the same folders as the inbox."""

import hashlib
import os
from pathlib import Path

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
