"""Alembic on one connection, in one transaction; imported only when a catalogue is made or upgraded."""

import re
from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine

from captiond.model import PromptName

from .results import add_prompt_columns

PROMPT_NAME = re.compile("[a-z][a-z0-9_]{0,30}")
SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
"""What makes a catalogue: kind, name, table and statement; `STATISTICS`, SQLite's own, come and go."""
STATISTICS = ("table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)")
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


def expected_schema(columns_of_photos: Sequence[str]) -> set[tuple[str, str, str, str | None]]:
    """Give what `SCHEMA` finds in a sound catalogue with these columns in `photos`."""
    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            upgrade(connection)
            there = {row.name for row in connection.exec_driver_sql("PRAGMA table_xinfo(photos)")}
            own = [PromptName(name) for name in columns_of_photos if name not in there]
            add_prompt_columns(connection, [name for name in own if PROMPT_NAME.fullmatch(name)])
            return {tuple(row) for row in connection.exec_driver_sql(SCHEMA)}
    finally:
        engine.dispose()
