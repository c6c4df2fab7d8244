"""Somebody removes or replaces files of a catalogue that is open: nothing that it knew is lost."""

import filecmp
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from captiond.catalogue import jobs
from captiond.catalogue.locking import lock_path, locked
from captiond.catalogue.store import Catalogue
from captiond.errors import CatalogueFault, CatalogueInUse
from catalogue.planting import NOW

pytestmark = pytest.mark.anyio


@pytest.fixture
def catalogue(catalogue_path: Path) -> Iterator[Catalogue]:
    with (
        suppress(CatalogueFault),
        locked(catalogue_path) as lock,
        Catalogue(catalogue_path, NOW, lock) as made,
    ):
        yield made


async def learn(catalogue: Catalogue, sentence: str) -> None:
    await catalogue.write(jobs.note_event, "test", sentence, NOW)


def known(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [sentence for (sentence,) in connection.execute("SELECT sentence FROM events ORDER BY id")]


def replace(other: Path, path: Path) -> None:
    other.replace(path)


def beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


async def test_nothing_is_said_while_all_are_there(catalogue: Catalogue) -> None:
    await learn(catalogue, "one")
    await catalogue.check()


async def test_a_removed_catalogue_is_put_back_with_all_it_knew(catalogue: Catalogue) -> None:
    await learn(catalogue, "one")
    catalogue.path.unlink()

    with pytest.raises(CatalogueFault, match=r"was removed while captiond ran; all it knew is in .*\.db$"):
        await catalogue.check()

    with suppress(CatalogueFault):
        catalogue.close()
    assert known(catalogue.path) == ["one"]
    assert catalogue.path.stat().st_mode & 0o777 == 0o600
    assert not list(catalogue.path.parent.glob("*.rescued*"))


async def test_nothing_is_written_into_a_catalogue_without_a_name(catalogue: Catalogue) -> None:
    catalogue.path.unlink()
    for sentence in ("one", "two"):
        with pytest.raises(CatalogueFault, match="was removed"):
            await learn(catalogue, sentence)
    assert known(catalogue.path) == []


async def test_a_catalogue_in_the_place_of_ours_stays_as_it_is(
    catalogue: Catalogue, empty_catalogue: Path
) -> None:
    await learn(catalogue, "one")
    shutil.copy(empty_catalogue, other := beside(catalogue.path, ".other"))
    replace(other, catalogue.path)

    with pytest.raises(CatalogueFault, match=r"was replaced while captiond ran; .* is in .*rescued$"):
        await learn(catalogue, "two")

    with suppress(CatalogueFault):
        catalogue.close()
    assert filecmp.cmp(catalogue.path, empty_catalogue, shallow=False)
    assert known(catalogue.path) == [], "what we kept beside it does not get mixed into it"
    assert known(beside(catalogue.path, ".rescued")) == ["one"]


async def test_a_second_rescue_leaves_the_first_alone(catalogue: Catalogue, empty_catalogue: Path) -> None:
    beside(catalogue.path, ".rescued").write_text("of last time")
    await learn(catalogue, "one")
    catalogue.path.unlink()
    shutil.copy(empty_catalogue, catalogue.path)

    with pytest.raises(CatalogueFault, match=r"rescued-2$"):
        await catalogue.check()

    assert beside(catalogue.path, ".rescued").read_text() == "of last time"
    assert known(beside(catalogue.path, ".rescued-2")) == ["one"]


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
async def test_what_a_removed_log_held_is_in_the_catalogue(catalogue: Catalogue, ending: str) -> None:
    await learn(catalogue, "one")
    beside(catalogue.path, ending).unlink()

    with pytest.raises(CatalogueFault, match=f"{ending} was removed while captiond ran; all it knew is in"):
        await learn(catalogue, "two")

    with suppress(CatalogueFault):
        catalogue.close()
    assert known(catalogue.path) == ["one"]


async def test_what_a_replaced_log_held_is_copied(catalogue: Catalogue) -> None:
    await learn(catalogue, "one")
    beside(catalogue.path, "-wal").unlink()
    beside(catalogue.path, "-wal").write_text("something else")

    with pytest.raises(CatalogueFault, match="-wal was replaced while captiond ran; all it knew is in"):
        await catalogue.check()

    assert known(beside(catalogue.path, ".rescued")) == ["one"]
    assert beside(catalogue.path, "-wal").read_text() == "something else"


async def test_a_removed_lock_ends_the_work(catalogue: Catalogue) -> None:
    await learn(catalogue, "one")
    lock_path(catalogue.path).unlink()

    with pytest.raises(CatalogueFault, match="another one could start; nothing is lost"):
        await learn(catalogue, "two")

    with suppress(CatalogueFault):
        catalogue.close()
    assert known(catalogue.path) == ["one"]


async def test_a_catalogue_that_was_removed_unnoticed_is_kept_at_the_end(
    catalogue: Catalogue,
) -> None:
    await learn(catalogue, "one")
    catalogue.path.unlink()
    with pytest.raises(CatalogueFault, match="was removed"):
        catalogue.close()
    assert known(catalogue.path) == ["one"]


async def test_what_cannot_be_kept_is_told(catalogue: Catalogue) -> None:
    shutil.rmtree(catalogue.path.parent)
    with pytest.raises(CatalogueFault, match=r"was removed .*; what it knew could not be kept"):
        await catalogue.check()


async def test_a_write_that_the_disk_failed_is_the_last(catalogue: Catalogue) -> None:
    def fail(_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    await learn(catalogue, "one")
    with pytest.raises(CatalogueFault, match="disk I/O error"):
        await catalogue.write(fail)
    with pytest.raises(CatalogueFault, match="disk I/O error"):
        await learn(catalogue, "two")

    before = catalogue.path.stat().st_mtime_ns
    catalogue.close()
    assert beside(catalogue.path, "-wal").exists()
    assert catalogue.path.stat().st_mtime_ns == before, "nothing is brought over either"
    assert known(catalogue.path) == ["one"]


def test_a_lock_that_lost_its_name_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalogue.db"
    taken = os.open

    def removed_at_once(*arguments: object, **named: object) -> int:
        descriptor = taken(*arguments, **named)  # type: ignore[arg-type]
        lock_path(path).unlink()
        return descriptor

    monkeypatch.setattr("captiond.catalogue.locking.os.open", removed_at_once)
    with pytest.raises(CatalogueInUse, match="try again"), locked(path):
        pass
