"""Nothing that is kept can change unseen: a checksum for each result, and the rest a second time in an index.

SQLite's pages have no checksums, but `PRAGMA integrity_check` compares each index with its table.
"""

import hashlib
import json

from alembic import op

revision = "0002"
down_revision = "0001"

COVERED = (
    "photo_id, prompt, source, status, value, content, language, reason, from_prompt, prompt_id, model_id,"
    " created_at, seconds, load_seconds, prompt_tokens, output_tokens, finish, raw"
)
ROWS_AT_ONCE = 1_000

INDEXES = """
CREATE INDEX photos_checked ON photos
  (inbox, bytes, width, height, format, camera, latitude, longitude, reason, updated_at);
CREATE INDEX files_checked ON files
  (seen_at, format, bytes, device, inode, mtime_ns, ctime_ns, reason, sidecar_sha256, sidecar_reason);
CREATE INDEX files_due ON files (inbox) WHERE ctime_ns IS NULL AND state != 'missing';
CREATE INDEX models_checked ON models (family, parameters, quantization, first_used_at);
CREATE INDEX prompts_checked ON prompts (kind, text, schema, options, first_used_at);
CREATE INDEX jobs_checked ON jobs (owner, next_try_at, tries, crashes, error, queued_at);
CREATE INDEX events_checked ON events (at, kind, photo_id, sentence);
CREATE INDEX status_checked ON status (sentence, content, at);
"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql("ALTER TABLE results ADD COLUMN checksum TEXT")
    last = 0
    while rows := connection.exec_driver_sql(
        f"SELECT id, {COVERED} FROM results WHERE id > ? ORDER BY id LIMIT {ROWS_AT_ONCE}",  # noqa: S608
        (last,),
    ).fetchall():
        checksums = [(checksum_of(list(content)), row_id) for row_id, *content in rows]
        connection.exec_driver_sql("UPDATE results SET checksum = ? WHERE id = ?", checksums)
        last = rows[-1][0]
    for statement in filter(str.strip, INDEXES.split(";\n")):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("PRAGMA user_version = 2")


def checksum_of(content: list[object]) -> str:
    """Give what `catalogue/checksums.py` gave in this version."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
