"""A copy of the catalogue, also of one that is in use."""

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, SimulatedServer
from catalogue.filled import fill
from conftest import MakePhoto


def ask(path: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


@pytest.fixture
def filled(captiond: Command) -> Command:
    fill(captiond.catalogue)
    return captiond


def test_the_copy_has_all_that_the_catalogue_has(filled: Command, tmp_path: Path) -> None:
    before = filled.catalogue.read_bytes()
    told = filled("backup", tmp_path / "copy.db")

    assert told.returncode == 0, told.stderr
    assert "kB" in told.stdout
    question = "SELECT path, description, mood FROM photos"
    assert ask(tmp_path / "copy.db", question) == ask(filled.catalogue, question)
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert filled.catalogue.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_file_that_is_there_is_only_replaced_by_wish(filled: Command, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    told = filled("backup", target)
    assert (told.returncode, target.read_text()) == (2, "precious")
    assert "--force" in told.stderr

    assert filled("backup", target, "--force").returncode == 0
    assert ask(target, "PRAGMA integrity_check") == [("ok",)]


def test_the_catalogue_itself_is_never_the_copy(filled: Command, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(filled.catalogue)
    before = filled.catalogue.read_bytes()
    for target in (filled.catalogue, tmp_path / "link.db"):
        assert filled("backup", target, "--force").returncode == 2
    assert filled.catalogue.read_bytes() == before


def test_a_running_captiond_is_copied_with_what_is_not_in_its_main_file(
    watching: Command, make_photo: MakePhoto, eventually: Eventually, tmp_path: Path
) -> None:
    make_photo("a.jpg")
    eventually(lambda: watching.told("described"))
    assert watching.catalogue.with_name("catalogue.db-wal").stat().st_size > 0

    assert watching("backup", tmp_path / "copy.db").returncode == 0

    assert ask(tmp_path / "copy.db", "SELECT name, state FROM photos") == [("a.jpg", "done")]
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]


def test_a_copy_that_cannot_be_written_is_told(filled: Command, tmp_path: Path) -> None:
    told = filled("backup", tmp_path / "none" / "copy.db")
    assert told.returncode == 74
    assert "the backup" in told.stderr


def test_a_catalogue_that_is_not_there_is_told(first_start: Command, tmp_path: Path) -> None:
    assert first_start("backup", tmp_path / "copy.db").returncode == 74
    assert not (tmp_path / "copy.db").exists()


def test_a_backup_comes_back_with_what_came_since(
    impatient: Command, inbox: Path, make_photo: MakePhoto, server: SimulatedServer, tmp_path: Path
) -> None:
    make_photo("old.jpg", "navy")
    assert impatient("run", "--once", inbox).returncode == 0
    assert impatient("backup", tmp_path / "copy.db").returncode == 0
    make_photo("new.jpg", "olive")
    assert impatient("run", "--once", inbox).returncode == 0
    asked = len(server.questions)

    for path in impatient.catalogue.parent.glob(f"{impatient.catalogue.name}*"):
        path.unlink()
    shutil.copy(tmp_path / "copy.db", impatient.catalogue)

    assert "1 photo and 4 answers new" in impatient("import", inbox).stdout
    assert impatient("run", "--once", inbox).returncode == 0
    assert len(server.questions) == asked
    assert impatient("verify").returncode == 0
