"""What commands have written: by the captiond that runs, or by themselves, and never by two at once."""

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from captiond import orders
from captiond.catalogue import jobs, queries
from captiond.catalogue.database import asking, close_for_readers, open_to_write
from captiond.catalogue.locking import lock_path, locked
from captiond.catalogue.store import Catalogue
from captiond.clock import SystemClock
from captiond.control import OrderFailed, socket_path
from captiond.errors import CatalogueFault, ForeignCatalogue
from captiond.model import Json
from captiond.orders import give, orders_taken, told, wish_from
from catalogue.filled import fill
from catalogue.planting import NOW

pytestmark = pytest.mark.anyio

ABOUT: dict[str, Json] = {
    "failed": True,
    "unreadable": True,
    "photos": None,
    "files": [],
    "prompts": [],
    "reason": "",
}
DID = {"photos": 1, "questions": {"ocr": 1}, "pictures": 2}
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("orders") / "catalogue.db")


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(filled, tmp_path / "catalogue.db"))


@pytest.fixture
def heard() -> LogCapture:
    return LogCapture()


@pytest.fixture
def log(heard: LogCapture) -> structlog.stdlib.BoundLogger:
    made: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        None, processors=[heard], wrapper_class=structlog.stdlib.BoundLogger
    )
    return made


@pytest.fixture
async def daemon(path: Path, log: structlog.stdlib.BoundLogger) -> AsyncIterator[list[str]]:
    """A captiond that has the lock and takes orders; gives what it was told after each."""
    told: list[str] = []
    with locked(path), Catalogue(path, NOW) as catalogue:
        async with orders_taken(catalogue, CLOCK, log, lambda: told.append("carried out")):
            yield told


async def given(path: Path, order: str, about: dict[str, Json] | None = None) -> Json:
    return await asyncio.to_thread(give, path, order, about or {}, CLOCK)


def owners(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_uid for path in folder.iterdir()}


def failed(path: Path) -> int:
    with asking(path) as connection:
        return queries.progress(connection).jobs["failed"]


async def test_the_captiond_that_runs_carries_an_order_out_and_is_told(
    path: Path, daemon: list[str], heard: LogCapture
) -> None:
    assert await given(path, "retry", ABOUT) == DID
    assert daemon == ["carried out"]
    assert failed(path) == 0
    assert heard.entries == [{"event": "by hand", "log_level": "info", "order": "retry", **DID}]


async def test_without_one_the_command_does_it_itself(path: Path) -> None:
    assert await given(path, "retry", ABOUT) == DID
    assert failed(path) == 0
    assert not socket_path(path).exists()
    assert not path.with_name("catalogue.db-wal").exists(), "a single file is left"


async def test_both_ways_do_the_same_twice(path: Path, daemon: list[str]) -> None:
    await given(path, "retry", ABOUT)
    nothing = {"photos": 0, "questions": {}, "pictures": 1}
    assert await given(path, "retry", ABOUT) == nothing, "a refused file is one until it is read"


@pytest.mark.parametrize(
    ("order", "about"),
    [
        ("redo", {"words": "", "prompts": ["ocr", "season"], "model": None}),
        ("edit", {"again": ["season"]}),
    ],
)
async def test_a_prompt_that_the_running_captiond_does_not_ask_is_not_queued(
    path: Path, log: structlog.stdlib.BoundLogger, order: str, about: dict[str, Json]
) -> None:
    with locked(path), Catalogue(path, NOW) as catalogue:
        async with orders_taken(catalogue, CLOCK, log, lambda: None, asked=lambda: ("objects", "ocr")):
            with pytest.raises(OrderFailed, match='does not ask "season": have it read its settings again'):
                await given(path, order, about)
        queued = "SELECT count(*) FROM jobs WHERE prompt = 'season'"
        assert catalogue.ask(lambda reader: reader.exec_driver_sql(queued).scalar()) == 0


async def test_a_pause_is_kept_whoever_writes_it(path: Path) -> None:
    assert await given(path, "pause") == {"changed": True}
    assert await given(path, "pause") == {"changed": False}
    with asking(path) as connection:
        assert jobs.is_paused(connection)
    assert await given(path, "resume") == {"changed": True}


async def test_a_captiond_that_is_just_starting_is_waited_for(
    path: Path, log: structlog.stdlib.BoundLogger
) -> None:
    with locked(path), Catalogue(path, NOW) as catalogue:
        asking_already = asyncio.create_task(given(path, "retry", ABOUT))
        await asyncio.sleep(0.4)
        assert not asking_already.done()
        async with orders_taken(catalogue, CLOCK, log, lambda: None):
            assert await asking_already == DID


async def test_a_captiond_that_is_just_ending_is_waited_for(path: Path) -> None:
    with locked(path):
        asking_already = asyncio.create_task(given(path, "retry", ABOUT))
        await asyncio.sleep(0.4)
        assert not asking_already.done()
    assert await asking_already == DID


async def test_who_never_takes_orders_is_not_waited_for_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "START_SECONDS", 0.2)
    with locked(path), pytest.raises(OrderFailed, match="takes no orders"):
        await given(path, "retry", ABOUT)
    assert failed(path) == 1


async def test_an_order_that_an_older_captiond_does_not_know_is_told_so(
    path: Path, daemon: list[str]
) -> None:
    with pytest.raises(OrderFailed, match=r'knows no "levitate": it is older, restart it'):
        await given(path, "levitate")
    assert daemon == []


@pytest.mark.parametrize(
    "change",
    [
        {"failed": "yes"},
        {"photos": "all"},
        {"files": [["one"]]},
        {"files": [["one", "two", "three"]]},
        {"reason": None},
        {"prompts": {}},
    ],
)
async def test_a_wish_that_makes_no_sense_changes_nothing(
    path: Path, daemon: list[str], change: dict[str, Any]
) -> None:
    with pytest.raises(OrderFailed, match="does not understand"):
        await given(path, "retry", {**ABOUT, **change})
    assert failed(path) == 1


def test_a_wish_is_read_as_it_was_meant() -> None:
    about = {**ABOUT, "photos": ["ab" * 32], "files": [["/photos", "a.heic"]], "prompts": ["ocr"]}
    wish = wish_from(about)
    assert wish.photos == ("ab" * 32,)
    assert (wish.files, wish.prompts, wish.failed) == ((("/photos", "a.heic"),), ("ocr",), True)


async def test_a_captiond_without_room_for_a_socket_runs_all_the_same(
    path: Path, log: structlog.stdlib.BoundLogger, heard: LogCapture
) -> None:
    socket_path(path).write_text("somebody's")
    with Catalogue(path, NOW) as catalogue:
        async with orders_taken(catalogue, CLOCK, log, lambda: None):
            pass
    (line,) = heard.entries
    assert line["event"] == "commands cannot change anything while captiond runs"
    assert socket_path(path).read_text() == "somebody's"


async def test_without_a_catalogue_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(CatalogueFault, match="no catalogue"):
        await given(tmp_path / "catalogue.db", "pause")
    (tmp_path / "foreign.db").write_bytes(b"SQLite format 3\x00" + bytes(100))
    with pytest.raises(ForeignCatalogue):
        await given(tmp_path / "foreign.db", "pause")
    assert owners(tmp_path).keys() == {"foreign.db"}


async def test_what_a_command_makes_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    close_for_readers(open_to_write(path, NOW))
    await given(path, "pause")
    for made in (path, lock_path(path)):
        assert stat.S_IMODE(made.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write to another's catalogue")
async def test_root_leaves_nothing_behind_that_its_owner_cannot_use(path: Path, tmp_path: Path) -> None:
    nobody = 65534
    os.chown(tmp_path, nobody, nobody)
    os.chown(path, nobody, nobody)
    await given(path, "pause")
    assert set(owners(tmp_path).values()) == {nobody}


async def test_how_it_goes_is_told_without_writing(
    tmp_path: Path, log: structlog.stdlib.BoundLogger, heard: LogCapture
) -> None:
    path = tmp_path / "catalogue.db"
    with locked(path), Catalogue(path, NOW) as catalogue:
        assert await asyncio.to_thread(told, path) is None, "nobody is asked"
        async with orders_taken(catalogue, CLOCK, log, lambda: None, sentence=lambda: "The disk is full."):
            assert await asyncio.to_thread(told, path) == "The disk is full."
        async with orders_taken(catalogue, CLOCK, log, lambda: None):
            assert await asyncio.to_thread(told, path) is None
    assert heard.entries == []
