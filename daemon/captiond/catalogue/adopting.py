"""Files that were another inbox's: the user watches a folder above it now, or one in it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, select, text, update

from .intake import refresh_places
from .jobs import make_sidecars_due
from .places import place_columns, readable
from .tables import files

AT_ONCE = 1_000

_INBOXES = text("""
WITH RECURSIVE named (inbox) AS (
  SELECT min(inbox) FROM photos
  UNION ALL
  SELECT (SELECT min(inbox) FROM photos WHERE inbox > named.inbox) FROM named WHERE inbox IS NOT NULL)
SELECT inbox FROM named WHERE inbox IS NOT NULL
""")
"""One step in an index for each: a million photos cost nothing."""
_OTHERS = (
    select(files.c.id, files.c.path_bytes, files.c.photo_id)
    .where(files.c.path_bytes > bindparam("after"), files.c.path_bytes < bindparam("behind"))
    .where(files.c.inbox != bindparam("inbox"))
    .order_by(files.c.path_bytes)
    .limit(AT_ONCE)
)
_ADOPT = (
    update(files)
    .where(files.c.id == bindparam("of_file"))
    .values(inbox=bindparam("to_inbox"), path=bindparam("to_path"))
)


def adopt(connection: Connection, inbox: Path) -> int:
    """Have the files below an inbox belong to it, with their sidecars due; gives how many did not."""
    name = readable(inbox)
    if not any(_is_around(name, other) for other in connection.scalars(_INBOXES)):
        return 0
    after, adopted = os.fsencode(inbox / "_")[:-1], 0
    # Behind all that begins so: "0" is what comes after "/".
    limits = {"behind": after[:-1] + b"0", "inbox": name}
    while others := connection.execute(_OTHERS, {**limits, "after": after}).all():
        _move(connection, inbox, others)
        after, adopted = others[-1].path_bytes, adopted + len(others)
    return adopted


def _is_around(inbox: str, other: str) -> bool:
    return other.startswith(f"{inbox}/") or inbox.startswith(f"{other}/")


def _move(connection: Connection, inbox: Path, others: Sequence[Any]) -> None:
    for row in others:
        place = place_columns(inbox, Path(os.fsdecode(row.path_bytes)))
        moved = {"of_file": row.id, "to_inbox": place["inbox"], "to_path": place["path"]}
        connection.execute(_ADOPT, moved)
    photo_ids = {row.photo_id for row in others if row.photo_id is not None}
    refresh_places(connection, photo_ids)
    for photo_id in photo_ids:
        make_sidecars_due(connection, photo_id)
