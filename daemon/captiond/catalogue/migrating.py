"""Alembic on one connection, in one transaction; imported only when a catalogue is made or upgraded."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

PACKAGE = Path(__file__).resolve().parent.parent


def migrations_folder() -> Path:
    """Find `migrations/`: inside the installed package, or beside `daemon/` in a checkout."""
    shipped = PACKAGE / "migrations"
    return shipped if shipped.is_dir() else PACKAGE.parent.parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Bring the schema up to date inside the caller's transaction."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
