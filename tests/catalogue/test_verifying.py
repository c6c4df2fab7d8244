"""What changed in a catalogue unseen is found, and a sound one is not suspected."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from captiond.catalogue.opening import reading
from captiond.catalogue.verifying import faults
from captiond.errors import CaptiondError
from catalogue.filled import fill
from catalogue.flipping import everything, flips


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("sound") / "catalogue.db")


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy.db"
    path.write_bytes(sound.read_bytes())
    return path


def is_suspected(path: Path) -> bool:
    try:
        with reading(path):
            return next(faults(path), None) is not None
    except CaptiondError:
        return True


def test_a_sound_catalogue_has_no_faults(copy: Path) -> None:
    assert list(faults(copy)) == []


CHANGES = [
    ("UPDATE results SET value = 'A dog.' WHERE id = 2", "result 2 (description of 2024/kenya/IMG_2041.jpg)"),
    ("UPDATE results SET raw = 'x' WHERE id = 3", "result 3"),
    ("UPDATE photos SET text = 'else' WHERE id = 1", "the photo's text is not what"),
    ("UPDATE photos SET edited = 1 - edited WHERE id = 1", "the photo's edited"),
    ("UPDATE photos SET answers = '{}' WHERE id = 1", "the photo's answers"),
    ("UPDATE photos SET copies = 7 WHERE id = 1", "the photo's copies"),
    ("UPDATE photos SET path = 'nowhere.jpg' WHERE id = 1", "the photo's"),
    ("DELETE FROM objects WHERE name = 'elephant'", "the table of objects"),
    ("UPDATE results SET current = 0 WHERE id = 2", "the result that counts"),
    ("UPDATE files SET path = 'x' WHERE id = 1", "its exact path"),
    ("DELETE FROM prompts", "belongs to a row of prompts that is not there"),
    ("DROP INDEX files_checked", "its index files_checked is not as captiond makes it"),
    ("DROP TRIGGER photos_fts_update", "its trigger photos_fts_update"),
    ("DROP TRIGGER jobs_anew", "its trigger jobs_anew"),
    ("DROP TABLE tile_replies", "its table tile_replies is not as captiond makes it"),
    ("DELETE FROM jobs WHERE prompt = 'ocr'", "row None of tile_replies belongs to a row of jobs"),
    ("UPDATE photos_fts_config SET v = 'bm25()' WHERE k = 'rank'", "the settings of its search"),
    ("INSERT INTO photos_fts (photos_fts) VALUES ('delete-all')", "its search does not find"),
    ("UPDATE alembic_version SET version_num = '0001'", "its schema is called '0001'"),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES)
def test_a_change_past_captiond_is_found(change: str, sentence: str, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(change)

    assert any(sentence in found for found in faults(copy)), list(faults(copy))


def unseen(sound: Path, copy: Path, count: int, change: Callable[[], None] = lambda: None) -> list[int]:
    """Flip so many bytes, one at a time, that change something; give the places of those not found."""
    before, missed, tried = everything(sound), [], 0
    for place, content in flips(sound.read_bytes(), seed=11):
        copy.write_bytes(content)
        if everything(copy) == before:
            continue
        tried += 1
        if not is_suspected(copy):
            missed.append(place)
        if tried == count:
            return missed
    raise AssertionError("flips never end")


def test_each_of_thirty_flipped_bytes_is_found(sound: Path, copy: Path) -> None:
    assert unseen(sound, copy, 30) == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_each_of_a_thousand_flipped_bytes_is_found(sound: Path, copy: Path) -> None:
    assert unseen(sound, copy, 1000) == []
