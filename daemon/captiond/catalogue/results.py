"""Writes about results, the append-only truth, and the summary that `photos` shows of them.

Every function takes the writing connection first and belongs in one transaction (`store.Catalogue.write`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, func, update
from sqlalchemy.dialects.sqlite import insert

from captiond.clock import iso
from captiond.model import InboxFile, Json, ModelIdentity, PictureFacts, PromptName, Result, Source, Status
from captiond.prompts.prompt import Prompt

from . import statements as sql
from .checksums import checksum_of
from .jobs import make_sidecars_due, refresh_state
from .places import inbox_file_from, readable
from .tables import files, models, photos, prompts

COLUMN_OF = {
    "objects": "objects",
    "description": "description",
    "ocr": "text",
    "translation": "translation",
    "alt_text": "alt_text",
}
"""The built-in prompts whose answers have a column of their own; all others live in `answers`."""


@dataclass(frozen=True, slots=True)
class SidecarDue:
    """A file whose sidecar is older than its photo's results; `known_sha256` is that of our last one.

    `changes` counts what happened to the photo since the sidecar was written last.
    """

    file_id: int
    changes: int
    photo_id: int
    file: InboxFile
    known_sha256: str | None


def record_facts(connection: Connection, photo_id: int, facts: PictureFacts, *, store_gps: bool) -> None:
    """Keep what the picture says about itself; the place it was taken only where that is wanted."""
    changes = {
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "taken_at": facts.taken_at,
        "camera": facts.camera,
        "latitude": facts.latitude if store_gps else None,
        "longitude": facts.longitude if store_gps else None,
    }
    connection.execute(sql.UPDATE_PHOTO, {"of_photo": photo_id, **changes})


def add_result(connection: Connection, photo_id: int, prompt: Prompt, result: Result) -> None:
    """Add a result: the point of truth for one photo and prompt.

    In one commit the row is there, the newest of the highest rank is current, the summary and the search
    follow, the job is gone and the sidecars are due.
    """
    ids = {
        "photo_id": photo_id,
        "prompt_id": _prompt_id(connection, prompt, result),
        "model_id": _model_id(connection, result.model, result.created_at),
    }
    row = {**ids, **_columns(result)}
    connection.execute(sql.ADD_RESULT, {**row, "checksum": checksum_of(row)})
    if result.answer.status is Status.REJECTED:
        return
    asked = {"of_photo": photo_id, "of_prompt": result.prompt}
    if result.source is not Source.MODEL or not connection.execute(sql.ASK_AGAIN, asked).rowcount:
        connection.execute(sql.JOB_DONE, asked)
    _choose_current(connection, photo_id, result.prompt)
    _summarise(connection, photo_id, result.prompt, result.created_at)
    refresh_state(connection, photo_id)
    make_sidecars_due(connection, photo_id)


def add_prompt_columns(connection: Connection, prompt_names: Sequence[PromptName]) -> list[PromptName]:
    """Give prompts that have no column one computed from `answers`; it costs nothing and needs no migration.

    The names are guarded by the settings: lower-case identifiers that are no column yet.
    """
    present = {row.name for row in connection.exec_driver_sql("PRAGMA table_xinfo(photos)")}
    missing = [name for name in prompt_names if name not in COLUMN_OF and name not in present]
    for name in missing:
        path = f"'$.{name}'"
        connection.exec_driver_sql(
            f'ALTER TABLE photos ADD COLUMN "{name}" TEXT '
            f"GENERATED ALWAYS AS (json_extract(answers, {path})) VIRTUAL"
        )
    return missing


def sidecars_due(
    connection: Connection,
    limit: int,
    inboxes: Iterable[Path],
    photo_ids: Sequence[int] | None = None,
    *,
    after: SidecarDue | None = None,
) -> list[SidecarDue]:
    """List files in these inboxes whose sidecar is due, behind the one `after`; not of photos in hand."""
    changes, file_id = (after.changes, after.file_id) if after else (0, 0)
    page = {
        "after_changes": changes,
        "after_file": file_id,
        "at_most": limit,
        "of_inboxes": [readable(inbox) for inbox in inboxes],
    }
    if photo_ids is None:
        rows = connection.execute(sql.SIDECARS_DUE, page)
    else:
        rows = connection.execute(sql.SIDECARS_DUE_OF_PHOTOS, {**page, "of_photos": photo_ids})
    return [_sidecar_due(row) for row in rows]


def sidecar_due(connection: Connection, file_id: int) -> SidecarDue | None:
    """Look whether the sidecar of one file is due still."""
    row = connection.execute(sql.SIDECAR_DUE, {"of_file": file_id}).one_or_none()
    return None if row is None else _sidecar_due(row)


def note_sidecar(
    connection: Connection, due: SidecarDue, *, sha256: str | None, reason: str | None = None
) -> None:
    """Mark a sidecar as written (its digest) or as left alone (the reason).

    It stays due when a result came while it was written.
    """
    connection.execute(sql.SIDECAR_WRITTEN, {"of_file": due.file_id, "changes": due.changes})
    changes: dict[str, object] = {"sidecar_reason": reason}
    if sha256 is not None:
        changes["sidecar_sha256"] = sha256
    connection.execute(sql.UPDATE_FILE, {"of_file": due.file_id, **changes})


def _sidecar_due(row: Row[Any]) -> SidecarDue:
    return SidecarDue(row.id, row.sidecar_dirty, row.photo_id, inbox_file_from(row), row.sidecar_sha256)


def _columns(result: Result) -> dict[str, object]:
    answer = result.answer
    return {
        "prompt": result.prompt,
        "source": result.source,
        "status": answer.status,
        "value": answer.value,
        "content": _dumped(answer.content),
        "language": answer.language,
        "reason": answer.reason,
        "from_prompt": result.from_prompt,
        "created_at": iso(result.created_at),
        "seconds": _to_the_millisecond(result.seconds),
        "load_seconds": _to_the_millisecond(result.load_seconds),
        "prompt_tokens": result.prompt_tokens,
        "output_tokens": result.output_tokens,
        "finish": result.finish,
        "raw": answer.raw,
    }


def note_sidecar_waits(connection: Connection, file_id: int, reason: str) -> None:
    """Keep why a sidecar cannot be written now; it stays due."""
    news = (files.c.id == file_id) & files.c.sidecar_reason.is_distinct_from(reason)
    connection.execute(update(files).where(news).values(sidecar_reason=reason))


def _prompt_id(connection: Connection, prompt: Prompt, result: Result) -> int:
    version = {"name": result.prompt, "version": result.prompt_version}
    options = {"num_predict": prompt.num_predict, **prompt.options}
    wording = {
        "kind": prompt.kind,
        "text": prompt.text,
        "schema": _dumped(prompt.schema),
        "options": _dumped(options),
        "first_used_at": iso(result.created_at),
    }
    return _id_of(connection, prompts, version, wording)


def _model_id(connection: Connection, model: ModelIdentity | None, now: datetime) -> int | None:
    if model is None:
        return None
    identity = {"name": model.name, "digest": model.digest, "server": model.server or ""}
    details = {
        "family": model.family,
        "parameters": model.parameters,
        "quantization": model.quantization,
        "first_used_at": iso(now),
    }
    return _id_of(connection, models, identity, details)


def _id_of(
    connection: Connection, table: Table, identity: Mapping[str, str], rest: Mapping[str, str | None]
) -> int:
    """Give the id of the row with this identity, added where it is new."""
    same = {f"the_{name}": value for name, value in identity.items()}
    found: int | None = connection.scalars(sql.IDENTITIES[table], same).one_or_none()
    if found is None:
        connection.execute(insert(table).values({**identity, **rest}))
        found = connection.scalars(sql.IDENTITIES[table], same).one()
    return found


def _choose_current(connection: Connection, photo_id: int, prompt: PromptName) -> None:
    """Make the newest result of the highest rank the current one: human, then import, then model."""
    asked = {"of_photo": photo_id, "of_prompt": prompt}
    best = connection.scalars(sql.BEST_RESULT, asked).one()
    connection.execute(sql.NONE_CURRENT, asked)
    connection.execute(sql.MAKE_CURRENT, {"best": best})


def _summarise(connection: Connection, photo_id: int, prompt: PromptName, now: datetime) -> None:
    row = connection.execute(sql.CURRENT_RESULT, {"of_photo": photo_id, "of_prompt": prompt}).one()
    changes: dict[str, object] = {"updated_at": iso(now)}
    column = COLUMN_OF.get(prompt)
    if column is None:
        own = update(photos).where(photos.c.id == photo_id).values(answers=_with_answer(prompt, row))
        connection.execute(own)
    elif prompt == "objects":
        changes["objects"] = row.content
        _replace_objects(connection, photo_id, row.content)
    else:
        changes[column] = row.value
    if prompt == "ocr":
        changes["language"] = row.language
    changes["edited"] = int(connection.scalars(sql.IS_EDITED, {"of_photo": photo_id}).one())
    connection.execute(sql.UPDATE_PHOTO, {"of_photo": photo_id, **changes})


def _with_answer(prompt: PromptName, row: Row[Any]) -> object:
    if row.content is not None:
        return func.json_set(photos.c.answers, f"$.{prompt}", func.json(row.content))
    return func.json_set(photos.c.answers, f"$.{prompt}", row.value)


def _replace_objects(connection: Connection, photo_id: int, content: str | None) -> None:
    connection.execute(sql.FORGET_OBJECTS, {"of_photo": photo_id})
    names = names_in(content)
    if names:
        connection.execute(sql.ADD_OBJECTS, [{"photo_id": photo_id, "name": name} for name in names])


def names_in(content: str | None) -> list[str]:
    """Give the names in an answer to `objects`, each once; who asks it otherwise may get another shape."""
    given: Json = json.loads(content) if content else []
    if not isinstance(given, list | dict):
        return []
    return list(dict.fromkeys(name for name in given if isinstance(name, str)))


def _to_the_millisecond(seconds: float | None) -> float | None:
    """Keep no more of a duration than a sidecar tells."""
    return None if seconds is None else round(float(seconds), 3)


def _dumped(content: Json) -> str | None:
    return None if content in (None, {}) else json.dumps(content, ensure_ascii=False, sort_keys=False)
