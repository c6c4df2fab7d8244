"""Is a sidecar ours that lies where we did not write it? It may have moved along with its picture.

It is when it says nothing but what the catalogue knows, in our very form: then replacing it loses nothing.
"""

import base64
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from captiond.model import Entry, FileStamp, InboxFile, Json, Result

from .document import SidecarUnreadable, decoded, portable
from .reading import parse
from .rendering import render, result_fields

STATES = frozenset({"queued", "partial", "done", "failed", "unreadable"})
NOWHERE = Path("/")


def says_nothing_new(content: bytes, entry: Entry, history: Sequence[Result]) -> bool:
    """Say whether these bytes are a sidecar of this photo with nothing in it but results of its `history`.

    Whatever a person added or changed is new.
    """
    try:
        document, found = decoded(content), parse(content)
        file, version = _named_in(document["image"]), str(document["generator"]["version"])
    except (SidecarUnreadable, KeyError, TypeError, ValueError):
        return False
    if found.state not in STATES or found.reason not in (None, entry.reason):
        return False
    known = {_key(result) for result in history}
    same = replace(entry, state=found.state, reason=found.reason, results=found.results)
    return all(_key(result) in known for result in found.results) and render(same, file, version) == content


def _named_in(image: dict[str, Json]) -> InboxFile:
    """Give a file of the name that a sidecar tells; raises ValueError, KeyError and TypeError."""
    encoded = image.get("file_base64")
    name = os.fsdecode(base64.b64decode(encoded)) if encoded else image["file"]
    return InboxFile(NOWHERE, NOWHERE / name, FileStamp(0, 0, 0, 0, 0))


def _key(result: Result) -> str:
    return json.dumps(portable([result.prompt, result_fields(result)]))
