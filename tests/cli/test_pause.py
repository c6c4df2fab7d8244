"""`captiond pause` and `resume`, and how it is told that somebody paused."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captiond.catalogue.locking import locked
from captiond.cli import app
from catalogue.filled import fill


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return fill(tmp_path / "catalogue.db", in_hand=True)


def told(path: Path, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--catalogue", str(path)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_says_whether_that_is_new(path: Path) -> None:
    assert told(path, "pause") == "Paused: photos wait until `captiond resume`.\n"
    assert told(path, "pause") == "Paused already.\n"
    assert told(path, "resume") == "It goes on.\n"
    assert told(path, "resume") == "There was no pause.\n"


def test_the_status_says_so_first(path: Path) -> None:
    told(path, "pause")
    assert told(path, "status").startswith("Not running, and paused; 2 photos wait.")
    with locked(path):
        assert told(path, "status").startswith("Pausing: what is in hand is finished.")
        assert "paused: photos wait until `captiond resume` (" in told(path, "status")
    document = json.loads(told(path, "status", "--json"))
    assert "paused" in document["said"]
    told(path, "resume")
    assert told(path, "status").startswith("Not running; 2 photos wait.")


def test_without_a_catalogue_it_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["pause", "--catalogue", str(tmp_path / "no.db")])
    assert "there is no catalogue" in str(done.exception)
