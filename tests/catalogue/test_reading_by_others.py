"""The catalogue is the user's: Datasette and the plain `sqlite3` shell read it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.results import add_prompt_columns
from catalogue.planting import MOOD, NOW, photo


@pytest.fixture(scope="module")
def filled(empty_catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(shutil.copy(empty_catalogue, tmp_path_factory.mktemp("filled") / "catalogue.db"))
    engine = open_to_write(path, NOW)
    with engine.begin() as connection:
        add_prompt_columns(connection, [MOOD])
        photo(connection, "a.jpg", description="An elephant.", objects=["elephant", "tree"], mood="calm")
        photo(connection, "b.jpg", description="Two dogs.", objects=["dog"], text="STOP", mood="wild")
        photo(connection, "c.jpg", description="A cow.", objects=["cow", "tree"], mood="calm")
    close_for_readers(engine)
    return path


@pytest.fixture(scope="module")
def datasette(filled: Path) -> Callable[[str], str]:
    """Ask Datasette for a page of the catalogue."""
    pytest.importorskip("datasette")

    def page(address: str) -> str:
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "datasette",
            str(filled),
            "--get",
            f"/catalogue/{address}",
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return page


def names(page: str) -> list[str]:
    document: dict[str, Any] = json.loads(page)
    return [row["name"] for row in document["rows"]]


def test_datasette_offers_a_search(datasette: Callable[[str], str]) -> None:
    assert 'name="_search"' in datasette("photos")


def test_datasette_searches(datasette: Callable[[str], str]) -> None:
    assert names(datasette("photos.json?_shape=objects&_search=dog")) == ["b.jpg"]


def test_datasette_counts_by_a_prompt_of_the_users_own(datasette: Callable[[str], str]) -> None:
    facets = json.loads(datasette("photos.json?_facet=mood"))["facet_results"]
    counts = {found["value"]: found["count"] for found in facets["mood"]["results"]}
    assert counts == {"calm": 2, "wild": 1}


def test_datasette_counts_objects(datasette: Callable[[str], str]) -> None:
    facets = json.loads(datasette("photos.json?_facet_array=objects"))["facet_results"]
    assert {found["value"]: found["count"] for found in facets["objects"]["results"]}["tree"] == 2


@pytest.mark.parametrize("view", ["texts", "problems", "history"])
def test_datasette_shows_the_views(datasette: Callable[[str], str], view: str) -> None:
    assert "<table" in datasette(view) or "0 records" in datasette(view)


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="needs the sqlite3 shell")
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT name FROM photos WHERE id IN (SELECT rowid FROM photos_fts('elephants'))", "a.jpg"),
        ("SELECT name, count(*) FROM objects GROUP BY name ORDER BY 2 DESC LIMIT 1", "tree|2"),
        ("SELECT path, text FROM texts", "b.jpg|STOP"),
        ("SELECT count(*), min(model) FROM history WHERE prompt = 'mood'", "3|llava:13b"),
        ("SELECT mood FROM photos ORDER BY id LIMIT 1", "calm"),
        ("PRAGMA integrity_check", "ok"),
    ],
)
def test_the_sqlite_shell_reads_it(filled: Path, query: str, told: str) -> None:
    shell = subprocess.run(
        ["sqlite3", "-readonly", filled, query], check=True, capture_output=True, text=True
    )
    assert shell.stdout.strip() == told
