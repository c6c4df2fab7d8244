"""What the catalogue knows of a photo, as a JSON file beside the picture.

`places` says where it lies and `rendering` what is in it. `writing` brings it to the disk, whole or not at
all, and never over what somebody else put there (`conflicts`). `reading` turns it into an entry again.
`sidecar.schema.json` tells what each key means; `document` and `disk` hold what the others share.
"""

from .conflicts import Conflict, Unchanged
from .disk import SidecarUnwritable
from .places import sidecar_path
from .rendering import render
from .writing import Written, remove_leftovers, write

__all__ = [
    "Conflict",
    "SidecarUnwritable",
    "Unchanged",
    "Written",
    "remove_leftovers",
    "render",
    "sidecar_path",
    "write",
]
