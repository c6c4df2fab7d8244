"""`captiond run`: what its options do, on a simulated server."""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from captiond.cli import app
from captiond.simulator import SimulatorSettings, running_in_thread
from captiond.simulator.server import SimulatorThread
from conftest import MakePhoto

Call = Callable[..., Result]


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    """Put back what a run changes for its whole process."""
    root, own = logging.getLogger(), logging.getLogger("captiond")
    handlers, levels, mask = list(root.handlers), (root.level, own.level), os.umask(0o022)
    yield
    os.umask(mask)
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorThread]:
    with running_in_thread(SimulatorSettings(models=("llava:13b-v1.6", "llava16hd"))) as running:
        yield running


@pytest.fixture
def run(tmp_path: Path, server: SimulatorThread) -> Call:
    """Call `captiond run` in a home of its own."""
    own = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    others = dict.fromkeys(name for name in os.environ if name.startswith(("CAPTIOND_", "OLLAMA_")))
    quick = {"OLLAMA_HOST": server.url, "CAPTIOND_INBOX__QUIET_SECONDS": "0.01"}
    environment: dict[str, str | None] = {**others, **own, **quick}
    return lambda *arguments: CliRunner().invoke(app, ["run", *map(str, arguments)], env=environment)


def rows(catalogue: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(catalogue)) as connection:
        return connection.execute(sql).fetchall()


def test_without_an_inbox_it_asks_for_one(run: Call) -> None:
    called = run()
    assert called.exit_code == 2
    assert "name a folder to watch: captiond run ~/Pictures/inbox" in called.stderr


def test_an_inbox_of_the_configuration_is_enough(run: Call, tmp_path: Path, make_photo: MakePhoto) -> None:
    make_photo()
    (tmp_path / "captiond").mkdir()
    (tmp_path / "captiond" / "config.toml").write_text(f'inboxes = ["{tmp_path}/inbox"]\n')
    assert run("--once").exit_code == 0
    assert rows(tmp_path / "captiond" / "catalogue.db", "SELECT state FROM photos") == [("done",)]


def test_options_go_before_all_other_settings(
    run: Call, tmp_path: Path, make_photo: MakePhoto, server: SimulatorThread
) -> None:
    make_photo()
    config = tmp_path / "mine.toml"
    config.write_text(
        'inboxes = ["/no/such/inbox"]\ncatalogue = "/no/such/catalogue.db"\n'
        '[ollama]\nurl = "http://127.0.0.1:9"\nmodel = "llava:7b"\n[prompts.ocr]\nenabled = false\n'
    )
    catalogue = tmp_path / "other.db"
    places = ("--config", config, "--catalogue", catalogue)
    called = run(
        tmp_path / "inbox", "--once", *places, "--ollama", server.url, "--model", "llava16hd", "--log", "json"
    )
    assert called.exit_code == 0
    assert rows(catalogue, "SELECT name FROM models") == [("llava16hd",)]
    assert rows(catalogue, "SELECT prompt FROM results ORDER BY id") == [("objects",), ("description",)]
    lines = [json.loads(line) for line in called.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["reading", "server ready", "described"]


def test_several_inboxes_may_be_named(run: Call, tmp_path: Path) -> None:
    assert run(tmp_path / "a", tmp_path / "b", "--once").exit_code == 0
    assert (tmp_path / "a").is_dir()
    assert (tmp_path / "b").is_dir()


def test_what_is_written_is_for_its_owner_alone(run: Call, tmp_path: Path, make_photo: MakePhoto) -> None:
    make_photo()
    catalogue = tmp_path / "catalogue.db"
    assert run(tmp_path / "inbox", "--once", "--catalogue", catalogue).exit_code == 0
    for path in (catalogue, tmp_path / "inbox" / "photo.jpg.captiond.json"):
        assert path.stat().st_mode & 0o777 == 0o600
    run(tmp_path / "new", "--once")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_some_photos_that_failed_are_told_by_the_exit_code(
    run: Call, tmp_path: Path, make_photo: MakePhoto
) -> None:
    make_photo().write_text("no picture")
    called = run(tmp_path / "inbox", "--once", "--log", "text")
    assert called.exit_code == 1
    assert "refused" in called.stderr


def test_a_wrong_option_is_told_by_its_name(run: Call, tmp_path: Path) -> None:
    called = run(tmp_path / "inbox", "--once", "--log", "loud")
    assert called.exit_code == 1
    assert "log" in str(called.exception)
