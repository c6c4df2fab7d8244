import os
import sqlite3
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from shutil import copy

import pytest
from sqlalchemy import text

from captiond.catalogue import database
from captiond.catalogue.database import asking, close_for_readers, open_to_read, open_to_write, translated
from captiond.catalogue.opening import reading
from captiond.errors import (
    CaptiondError,
    CatalogueBusy,
    CatalogueFault,
    DiskFull,
    ForeignCatalogue,
    NewerCatalogue,
)
from catalogue.planting import NOW


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE notes (text)")


def foreign_with_an_id(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA application_id = 7")


def newer(path: Path) -> None:
    close_for_readers(open_to_write(path, NOW))
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")


def letter(path: Path) -> None:
    path.write_text("Dear Sir or Madam, " * 200)


NOT_OURS = [
    (foreign, ForeignCatalogue),
    (foreign_with_an_id, ForeignCatalogue),
    (letter, ForeignCatalogue),
    (newer, NewerCatalogue),
]


@pytest.mark.parametrize(("make", "error"), NOT_OURS)
def test_a_file_that_is_not_ours_is_left_untouched(
    tmp_path: Path, make: Callable[[Path], None], error: type[CaptiondError]
) -> None:
    path = tmp_path / "some.db"
    make(path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    for open_it in (lambda: open_to_write(path, NOW), lambda: open_to_read(path)):
        with pytest.raises(error, match=r"some\.db"):
            open_it()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [file.name for file in tmp_path.iterdir()] == ["some.db"]


def test_an_empty_file_becomes_a_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    path.touch()
    close_for_readers(open_to_write(path, NOW))
    assert path.read_bytes()[68:72] == b"CAPT"


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    for open_it in (lambda: open_to_write(tmp_path, NOW), lambda: open_to_read(tmp_path)):
        with pytest.raises(CatalogueFault, match="catalogue"):
            open_it()


def test_a_catalogue_that_is_not_there_yet_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(CatalogueFault, match=r"there is no catalogue at .* yet"):
        open_to_read(path)
    with pytest.raises(CatalogueFault, match=r"there is no catalogue at .* yet"), reading(path):
        pass
    assert not path.exists()


def test_a_catalogue_for_which_the_disk_had_no_room_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "begun.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert path.stat().st_size == 4096
    with pytest.raises(CatalogueFault, match=r"there is no catalogue at .* yet"):
        open_to_read(path)
    close_for_readers(open_to_write(path, NOW))
    with reading(path) as connection:
        assert connection.execute("SELECT count(*) FROM photos").fetchone() == (0,)


@pytest.mark.parametrize("name", ["with space?.db", "100%.db", "#.db", "café.db"])
def test_the_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / "folder" / name
    close_for_readers(open_to_write(path, NOW))
    with reading(path) as connection:
        assert connection.execute("SELECT count(*) FROM photos").fetchone() == (0,)


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "catalogue.db"
    engine = open_to_write(path, NOW)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO events (at, kind, sentence) VALUES ('', '', '')"))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    engine.dispose()
    assert modes == {"catalogue.db": 0o600, "catalogue.db-shm": 0o600, "catalogue.db-wal": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_was_committed_survives_a_power_cut(catalogue_path: Path) -> None:
    engine = open_to_write(catalogue_path, NOW)
    with engine.connect() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    engine.dispose()
    assert settings == ["wal", 2, 1]


@pytest.fixture
def half_written(catalogue_path: Path, tmp_path: Path) -> Path:
    """A catalogue and its journal as a crash in the middle of a write leaves them."""
    crashed = tmp_path / "crashed.db"
    with closing(sqlite3.connect(catalogue_path, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        rows = ((f"subject {number}", "s" * 2000, "2026") for number in range(200))
        connection.executemany("INSERT INTO status (subject, sentence, at) VALUES (?, ?, ?)", rows)
        for ending in ("", "-journal"):
            copy(f"{catalogue_path}{ending}", f"{crashed}{ending}")
    return crashed


def test_what_a_crash_left_half_written_is_undone(half_written: Path) -> None:
    engine = open_to_write(half_written, NOW)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM status")) == 0
    close_for_readers(engine)


def test_a_reader_says_who_mends_what_a_crash_left_half_written(half_written: Path) -> None:
    with pytest.raises(CatalogueFault, match="captiond run mends it"), asking(half_written):
        pass


def test_a_reader_cannot_write(catalogue_path: Path) -> None:
    engine = open_to_read(catalogue_path)
    with pytest.raises(DiskFull, match="readonly"), translated(catalogue_path), engine.begin() as connection:
        connection.execute(text("DELETE FROM photos"))
    engine.dispose()


def test_a_closed_catalogue_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    close_for_readers(open_to_write(path, NOW))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes()[18:20] == b"\x01\x01"  # no WAL: readable without write access to the folder


def test_a_closed_catalogue_has_no_statistics(catalogue_path: Path) -> None:
    """Those of a first trial would mislead SQLite for as long as the next run lasts."""
    engine = open_to_write(catalogue_path, NOW)
    with engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_stat1").scalar_one() > 0
    close_for_readers(engine)
    with asking(catalogue_path) as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_schema").scalars().all()
    assert not [name for name in names if name.startswith("sqlite_stat")]


def test_closing_does_not_wait_for_readers(catalogue_path: Path) -> None:
    engine = open_to_write(catalogue_path, NOW)
    engine.connect().close()
    with closing(sqlite3.connect(catalogue_path)) as reader:
        rows = reader.execute("SELECT name FROM sqlite_schema")
        rows.fetchone()
        started = time.monotonic()
        close_for_readers(engine)
        assert time.monotonic() - started < 3
        assert len(rows.fetchall()) > 1


def test_a_damaged_catalogue_is_told(catalogue_path: Path) -> None:
    pages = bytearray(catalogue_path.read_bytes())
    pages[4096 : 4096 * 20] = b"\xff" * 4096 * 19
    catalogue_path.write_bytes(pages)
    with pytest.raises(CatalogueFault, match="damaged"), reading(catalogue_path) as connection:
        connection.execute("SELECT * FROM photos, files, results, events").fetchall()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a tiny disk")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("nothing may be mounted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@needs_root
@pytest.mark.root
def test_a_full_disk_is_told(tiny_disk: Path) -> None:
    with pytest.raises(DiskFull, match="cannot be written"):
        open_to_write(tiny_disk / "catalogue.db", NOW)


@needs_root
@pytest.mark.root
def test_a_read_only_disk_is_told(tiny_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    with pytest.raises(DiskFull, match="cannot be written"):
        open_to_write(tiny_disk / "catalogue.db", NOW)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CatalogueFault, match="Permission denied"):
        open_to_write(tmp_path / "catalogue.db", NOW)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_no_catalogue(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "catalogue.db")
    with pytest.raises((ForeignCatalogue, CatalogueFault)):
        open_to_write(tmp_path / "catalogue.db", NOW)


def test_a_catalogue_that_another_program_locked_is_busy_and_no_fault(
    catalogue_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "WRITE_SECONDS", 0.1)
    engine = open_to_write(catalogue_path, NOW)
    with engine.begin():
        pass
    with closing(sqlite3.connect(catalogue_path, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogueBusy, match="locked"), translated(catalogue_path), engine.begin():
            pass
        shell.execute("ROLLBACK")
        with engine.begin():
            pass
    close_for_readers(engine)
