"""What the catalogue knows of a photo, as a JSON file beside the picture.

`places` says where it lies and `rendering` what is in it. `writing` brings it to the disk, whole or not at
all, and never over what somebody else put there (`conflicts`). `reading` turns it into an entry again, and
`edits` tells what a person changed in it.
`sidecar.schema.json` tells what each key means; `document` and `disk` hold what the others share.
"""

from .conflicts import Conflict, IsOurs, Unchanged
from .disk import SidecarUnwritable
from .document import SidecarUnreadable
from .edits import edits_in
from .places import SUFFIX, SidecarPlaces, sidecar_path
from .reading import load, parse
from .recognising import says_nothing_new
from .rendering import render
from .writing import Written, remove, remove_leftovers, write

__all__ = [
    "SUFFIX",
    "Conflict",
    "IsOurs",
    "SidecarPlaces",
    "SidecarUnreadable",
    "SidecarUnwritable",
    "Unchanged",
    "Written",
    "edits_in",
    "load",
    "parse",
    "remove",
    "remove_leftovers",
    "render",
    "says_nothing_new",
    "sidecar_path",
    "write",
]
