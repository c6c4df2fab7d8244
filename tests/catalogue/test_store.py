import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from captiond.catalogue.jobs import drop_unconfigured
from captiond.catalogue.queries import Progress, progress
from captiond.catalogue.store import Catalogue
from captiond.catalogue.tables import photos
from captiond.errors import CatalogueFault
from catalogue.planting import NOW, plant

pytestmark = pytest.mark.anyio


@pytest.fixture
def catalogue(catalogue_path: Path) -> Iterator[Catalogue]:
    with Catalogue(catalogue_path, NOW) as catalogue:
        yield catalogue


def plant_and_stumble(connection: Connection) -> None:
    plant(connection, "a.jpg")
    raise LookupError


def names(connection: Connection) -> list[str]:
    return list(connection.scalars(select(photos.c.name).order_by(photos.c.name)))


async def test_a_write_is_seen_by_readers_at_once(catalogue: Catalogue) -> None:
    await catalogue.write(plant, "a.jpg")
    assert await catalogue.read(names) == catalogue.ask(names) == ["a.jpg"]


async def test_writes_are_counted_once_they_can_be_seen(catalogue: Catalogue) -> None:
    before = catalogue.writes
    await catalogue.write(plant, "a.jpg")
    assert catalogue.writes == before + 1


async def test_a_write_that_changed_nothing_is_not_counted(catalogue: Catalogue) -> None:
    before = catalogue.writes
    await catalogue.write(lambda _: None)
    await catalogue.write(drop_unconfigured, [])
    assert catalogue.writes == before


async def test_a_write_that_stumbles_leaves_nothing(catalogue: Catalogue) -> None:
    with pytest.raises(LookupError):
        await catalogue.write(plant_and_stumble)
    assert catalogue.ask(names) == []


async def test_many_writes_at_once_are_all_kept(catalogue: Catalogue) -> None:
    await asyncio.gather(*(catalogue.write(plant, f"{number:02}.jpg") for number in range(40)))
    assert len(catalogue.ask(names)) == 40


async def test_a_question_cannot_write(catalogue: Catalogue) -> None:
    with pytest.raises(Exception, match="readonly"):
        await catalogue.read(drop_unconfigured, [])


async def test_a_fault_of_the_database_is_an_error_of_ours(catalogue: Catalogue) -> None:
    with pytest.raises(CatalogueFault, match="no such table"):
        await catalogue.write(lambda connection: connection.execute(text("DELETE FROM nowhere")).rowcount)


async def test_many_threads_may_ask_at_once(catalogue: Catalogue) -> None:
    def slowly(connection: Connection) -> Progress:
        count = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        connection.execute(text(count + "SELECT count(*) FROM n")).all()
        return progress(connection)

    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda _: catalogue.ask(slowly), range(96)))
    assert answers == [catalogue.ask(progress)] * 96


async def test_closing_finishes_the_write_in_hand(catalogue_path: Path) -> None:
    catalogue = Catalogue(catalogue_path, NOW)
    writing = asyncio.gather(*(catalogue.write(plant, f"{number}.jpg") for number in range(5)))
    await asyncio.sleep(0)
    catalogue.close()
    await writing
    with Catalogue(catalogue_path, NOW) as again:
        assert len(again.ask(names)) == 5


async def test_a_question_in_hand_is_waited_for_so_that_a_single_file_stays(catalogue_path: Path) -> None:
    with Catalogue(catalogue_path, NOW) as catalogue:
        await catalogue.write(plant, "a.jpg")
        began = threading.Event()

        def slow(connection: Connection) -> list[str]:
            found = names(connection)
            began.set()
            time.sleep(0.5)
            return found

        asking = asyncio.create_task(catalogue.read(slow))
        await asyncio.to_thread(began.wait)
    assert [path.name for path in catalogue_path.parent.iterdir()] == [catalogue_path.name]
    assert await asking == ["a.jpg"]
