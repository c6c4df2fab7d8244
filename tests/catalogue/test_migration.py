import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, ForeignKeyConstraint

import captiond
from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.migrating import migrations_folder
from captiond.catalogue.opening import SCHEMA_VERSION
from captiond.catalogue.tables import metadata
from catalogue.planting import NOW, photo

PACKAGE = Path(captiond.__file__).parent
LATER = SCHEMA_VERSION + 1


def is_ours(thing: object, name: str | None, kind: str, reflected: bool, compared: object) -> bool:
    """Leave out the tables behind the search, and foreign keys: SQLAlchemy stumbles over SQL's comments."""
    is_search = kind == "table" and str(name).startswith("photos_fts")
    return not is_search and name != "alembic_version" and not isinstance(thing, ForeignKeyConstraint)


def test_the_migrations_make_the_tables_that_the_code_knows(connection: Connection) -> None:
    context = MigrationContext.configure(connection, opts={"include_object": is_ours, "compare_type": True})
    differences = [found for found in compare_metadata(context, metadata) if not is_foreign_key(found)]
    assert differences == []


def is_foreign_key(difference: Any) -> bool:
    return "fk" in difference[0]


@pytest.mark.parametrize("name", metadata.tables)
def test_the_foreign_keys_are_those_that_the_code_knows(connection: Connection, name: str) -> None:
    rows = connection.exec_driver_sql(f"PRAGMA foreign_key_list({name})").mappings()
    made = {(row["from"], row["table"], row["to"], row["on_delete"]) for row in rows}
    known = {
        (key.parent.name, key.column.table.name, key.column.name, key.ondelete or "NO ACTION")
        for key in metadata.tables[name].foreign_keys
    }
    assert made == known


@pytest.mark.parametrize("name", metadata.tables)
def test_defaults_and_nullability_are_those_that_the_code_knows(connection: Connection, name: str) -> None:
    rows = connection.exec_driver_sql(f"PRAGMA table_xinfo({name})").mappings()
    made = {row["name"]: (bool(row["notnull"]), (row["dflt_value"] or "").strip("'")) for row in rows}
    known = {
        column.name: (
            not column.nullable,
            str(column.server_default.arg) if hasattr(column.server_default, "arg") else "",
        )
        for column in metadata.tables[name].columns
    }
    assert made == known


KILLED = """
import os, pathlib, signal, sys
from datetime import UTC, datetime
from sqlalchemy import Engine, event
from captiond.catalogue.database import close_for_readers, open_to_write

left = int(sys.argv[2])

@event.listens_for(Engine, "after_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

close_for_readers(open_to_write(pathlib.Path(sys.argv[1]), datetime.now(UTC)))
"""


def schema(path: Path) -> tuple[int, int]:
    """Give the schema's number and the count of tables."""
    with closing(sqlite3.connect(path)) as database:
        return (
            database.execute("PRAGMA user_version").fetchone()[0],
            database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0],
        )


@pytest.mark.parametrize(
    "statements", [2, 3, 9, 20, 36, 44, 52, pytest.param(range(1, 62), marks=pytest.mark.slow)]
)
def test_a_killed_first_migration_leaves_nothing_or_all(
    tmp_path: Path, empty_catalogue: Path, statements: int | range
) -> None:
    for number in [statements] if isinstance(statements, int) else statements:
        path = tmp_path / f"{number}.db"
        killed = subprocess.run([sys.executable, "-c", KILLED, path, str(number)], check=False)
        assert killed.returncode == -9
        assert schema(path) in ((0, 0), schema(empty_catalogue))
        close_for_readers(open_to_write(path, NOW))
        assert schema(path) == schema(empty_catalogue)


@pytest.fixture(scope="module")
def later_captiond(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A captiond of the future, with one more migration; give its source root."""
    root = tmp_path_factory.mktemp("later")
    shutil.copytree(PACKAGE, root / "captiond", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(migrations_folder(), root / "captiond" / "migrations", dirs_exist_ok=True)
    opening = root / "captiond" / "catalogue" / "opening.py"
    number = f"SCHEMA_VERSION = {SCHEMA_VERSION}\n", f"SCHEMA_VERSION = {LATER}\n"
    opening.write_text(opening.read_text().replace(*number))
    (root / "captiond" / "migrations" / "versions" / f"{LATER:04}_stars.py").write_text(
        f'from alembic import op\nrevision, down_revision = "{LATER:04}", "{SCHEMA_VERSION:04}"\n'
        "def upgrade():\n"
        '    for statement in ("ALTER TABLE photos ADD COLUMN stars INTEGER",\n'
        f'                      "CREATE TABLE albums (name TEXT)", "PRAGMA user_version = {LATER}"):\n'
        "        op.get_bind().exec_driver_sql(statement)\n"
    )
    return root


@pytest.fixture
def upgrade(later_captiond: Path, catalogue_path: Path) -> Iterator[Callable[[int], int]]:
    """Upgrade a catalogue with a photo in it, killed after so many statements; gives the exit status."""
    engine = open_to_write(catalogue_path, NOW)
    with engine.begin() as connection:
        photo(connection, "a.jpg", description="A dog.")
    close_for_readers(engine)

    def run(statements: int) -> int:
        command = [sys.executable, "-c", KILLED, str(catalogue_path), str(statements)]
        environment = {"PYTHONPATH": str(later_captiond)}
        return subprocess.run(command, check=False, env=environment).returncode

    return run


def test_an_upgrade_keeps_everything_and_the_search(
    upgrade: Callable[[int], int], catalogue_path: Path
) -> None:
    assert upgrade(1000) == 0
    with closing(sqlite3.connect(catalogue_path)) as database:
        database.execute("UPDATE photos SET description = 'A cow.'")
        database.execute("INSERT INTO photos_fts (photos_fts, rank) VALUES ('integrity-check', 1)")
        found = database.execute("SELECT stars FROM photos WHERE id IN (SELECT rowid FROM photos_fts('cow'))")
        assert found.fetchall() == [(None,)]


def test_an_upgrade_leaves_a_backup(upgrade: Callable[[int], int], catalogue_path: Path) -> None:
    upgrade(1000)
    (backup,) = catalogue_path.parent.glob("*.backup")
    with closing(sqlite3.connect(backup)) as database:
        assert database.execute("SELECT description FROM photos").fetchall() == [("A dog.",)]
    assert schema(backup)[0] == SCHEMA_VERSION
    assert backup.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("statements", range(1, 9))
def test_a_killed_upgrade_leaves_the_old_or_the_new(
    upgrade: Callable[[int], int], catalogue_path: Path, statements: int
) -> None:
    before = schema(catalogue_path)
    assert upgrade(statements) in (-9, 0)
    assert schema(catalogue_path) in (before, (LATER, before[1] + 1))
    assert upgrade(1000) == 0
    assert schema(catalogue_path) == (LATER, before[1] + 1)
