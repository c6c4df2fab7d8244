"""What came back already for an answer that is read from tiles is kept: a crash repeats one of its calls."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLE = """
CREATE TABLE tile_replies (              -- what came back already for an answer that is read from tiles
  job_id   INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  question TEXT NOT NULL,                -- SHA-256 of all that was asked
  reply    TEXT NOT NULL CHECK (json_valid(reply)),
  broken   TEXT,                         -- why it did not come whole
  PRIMARY KEY (job_id, question)
) WITHOUT ROWID
"""

# Whoever charges a job, tries it again or redoes it begins it anew, and must not find what came back before.
TRIGGER = """
CREATE TRIGGER jobs_anew AFTER UPDATE OF tries, model ON jobs BEGIN
  DELETE FROM tile_replies WHERE job_id = new.id;
END
"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(TABLE)
    connection.exec_driver_sql("CREATE INDEX tile_replies_checked ON tile_replies (reply, broken)")
    connection.exec_driver_sql(TRIGGER)
    connection.exec_driver_sql("PRAGMA user_version = 4")
