"""A catalogue of an earlier schema, as an earlier captiond left it, becomes one of today."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.migrating import SCHEMA, STATISTICS, expected_schema, migrations_folder
from captiond.catalogue.opening import SCHEMA_VERSION
from captiond.catalogue.verifying import faults
from captiond.errors import DiskFull
from catalogue.planting import NOW

SCHEMA_0001 = Path(__file__).with_name("schema_0001.sql")
ADDED_LATER = {"checksum", "model"}
TABLES = ("photos", "files", "models", "prompts", "results", "objects", "jobs", "events", "status")

UPGRADED = """
import os, pathlib, signal, sys
from datetime import UTC, datetime
from sqlalchemy import Engine, event
from captiond.catalogue.database import close_for_readers, open_to_write

left, pages = int(sys.argv[2]), int(sys.argv[3])

@event.listens_for(Engine, "after_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

@event.listens_for(Engine, "connect")
def limit(connection, _record):
    if pages:
        connection.execute(f"PRAGMA max_page_count = {pages}")

close_for_readers(open_to_write(pathlib.Path(sys.argv[1]), datetime.now(UTC)))
print(-left)
"""


@pytest.fixture(params=range(1, SCHEMA_VERSION))
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return made(tmp_path / "catalogue.db", schema=request.param)


def made(path: Path, *, schema: int = 1) -> Path:
    """Make a catalogue of this schema, by the migrations that there were then."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA_0001.read_text())
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()))
        config.attributes["connection"] = connection
        command.upgrade(config, f"{schema:04}")
    engine.dispose()
    return path


def upgraded(path: Path, *, killed_after: int = 0, pages: int = 0) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-c", UPGRADED, str(path), str(killed_after), str(pages)]
    return subprocess.run(arguments, check=False, capture_output=True, text=True, timeout=60)


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        columns = {
            table: [row[1] for row in connection.execute(f"PRAGMA table_xinfo({table})")] for table in TABLES
        }
        return {
            table: connection.execute(f"SELECT {quoted(names)} FROM {table}").fetchall()
            for table, names in columns.items()
        }


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names if name not in ADDED_LATER)


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return number


def statements(path: Path) -> dict[str, str | None]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT type || ' ' || name, sql FROM sqlite_schema").fetchall())


def assert_whole(path: Path, before: dict[str, list[tuple[Any, ...]]]) -> None:
    """Old or new, and nothing between the two; all rows are there."""
    assert content(path) == before
    if version(path) == 1:
        assert not [name for name in statements(path) if "checked" in name]
        assert "checksum" not in (statements(path)["table results"] or "")
    else:
        assert version(path) == SCHEMA_VERSION
        assert list(faults(path)) == []


def test_all_rows_are_kept_and_get_checksums(old: Path) -> None:
    before = content(old)
    close_for_readers(open_to_write(old, NOW))
    assert_whole(old, before)
    assert version(old) == SCHEMA_VERSION
    with closing(sqlite3.connect(old)) as connection:
        (lacking,) = connection.execute("SELECT count(*) FROM results WHERE checksum IS NULL").fetchone()
        assert lacking == 0
        found = connection.execute(
            "SELECT name FROM photos WHERE id IN (SELECT rowid FROM photos_fts('elephant'))"
        )
        assert found.fetchall() == [("IMG_2041.jpg",)]


def test_the_schema_is_that_of_a_new_catalogue(old: Path) -> None:
    close_for_readers(open_to_write(old, NOW))
    with closing(sqlite3.connect(old)) as connection:
        assert set(connection.execute(SCHEMA).fetchall()) - {STATISTICS} == expected_schema(["mood"])


def test_the_old_catalogue_is_kept_beside_it(old: Path) -> None:
    before, schema = content(old), version(old)
    close_for_readers(open_to_write(old, NOW))
    backup = old.with_name(f"catalogue.db.schema-{schema}-20260501T100000Z.backup")
    assert (content(backup), version(backup)) == (before, schema)
    assert backup.stat().st_mode & 0o077 == 0


def killed(folder: Path, statements: Iterable[int]) -> None:
    for number in statements:
        path = made(folder / f"{number}.db")
        before = content(path)
        ended = upgraded(path, killed_after=number)
        assert ended.returncode in (0, -signal.SIGKILL)
        assert_whole(path, before)
        close_for_readers(open_to_write(path, NOW))
        assert version(path) == SCHEMA_VERSION
        assert_whole(path, before)


def test_killed_in_the_middle_it_is_the_old_or_the_new(tmp_path: Path) -> None:
    killed(tmp_path, (1, 7, 12))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_at_any_statement_it_is_the_old_or_the_new(tmp_path: Path) -> None:
    probe = upgraded(made(tmp_path / "probe.db"))
    killed(tmp_path, range(1, int(probe.stdout) + 1))


def test_a_full_disk_leaves_the_old_one_and_no_copies(tmp_path: Path) -> None:
    outcomes = set()
    for number, more in enumerate((0, 2, 5, 9, 14)):
        path = made(tmp_path / f"{number}.db")
        before, pages = content(path), path.stat().st_size // 4096
        ended = upgraded(path, pages=pages + more)
        outcomes.add(ended.returncode)
        assert_whole(path, before)
        if ended.returncode:
            assert DiskFull.__name__ in ended.stderr
            assert version(path) == 1
            assert not list(tmp_path.glob(f"{number}.db.schema*"))
    assert outcomes == {0, 1}


def test_a_newer_catalogue_is_refused_untouched_by_every_command(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    close_for_readers(open_to_write(path, NOW))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    for arguments in (["verify"], ["backup", str(tmp_path / "b.db")], ["import", str(tmp_path)]):
        (tmp_path / "a.jpg.captiond.json").write_text("{}")
        ended = subprocess.run(
            [sys.executable, "-m", "captiond", *arguments, "--catalogue", str(path)],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
        )
        assert (ended.returncode, path.read_bytes()) == (78, before), ended.stderr
        assert "newer captiond" in ended.stderr
