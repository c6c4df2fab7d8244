"""A job may want a model of its own: what a person wants asked anew of another one."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql("ALTER TABLE jobs ADD COLUMN model TEXT")
    connection.exec_driver_sql("CREATE INDEX jobs_model ON jobs (model) WHERE model IS NOT NULL")
    connection.exec_driver_sql("PRAGMA user_version = 3")
