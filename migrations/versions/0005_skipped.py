"""What was skipped is found by its reason: other rules may have it asked after all."""

from alembic import op

revision = "0005"
down_revision = "0004"

INDEX = """
CREATE INDEX results_skipped ON results (prompt, reason)
  WHERE current = 1 AND status = 'skipped'
"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(INDEX)
    connection.exec_driver_sql("PRAGMA user_version = 5")
