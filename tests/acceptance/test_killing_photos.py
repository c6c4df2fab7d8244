"""A photo that ends captiond itself, each time: tried a few times, then put aside; all others are read."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from acceptance.conftest import Command, Sidecar, beside
from captiond.catalogue.database import writing
from captiond.catalogue.jobs import reclaim
from conftest import MakePhoto

KILLER = """
import os, signal, sqlite3, sys

RUNNING = "SELECT 1 FROM jobs JOIN photos ON photos.id = photo_id WHERE jobs.state = 'running' AND name = ?"


def is_in_hand(name):
    with sqlite3.connect("file:" + os.environ["CAPTIOND_CATALOGUE"] + "?mode=ro", uri=True) as connection:
        return connection.execute(RUNNING, [name]).fetchone()


def hook(event, arguments):
    "Die as by a fault of the machine whenever this photo is opened while it is in hand."
    if event == "open" and str(arguments[0]).endswith("poison.jpg") and is_in_hand("poison.jpg"):
        os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(hook)
"""
STATES = "SELECT name, state FROM photos ORDER BY name"
STARTS_ALLOWED = 5
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


@pytest.fixture
def deadly(impatient: Command, tmp_path: Path) -> Command:
    """captiond on a machine on which it dies as soon as it reads `poison.jpg` for the model."""
    (tmp_path / "killer").mkdir()
    (tmp_path / "killer" / "sitecustomize.py").write_text(KILLER)
    impatient.settings["PYTHONPATH"] = str(tmp_path / "killer")
    return impatient


def starts_until_it_lives(captiond: Command, inbox: Path) -> int:
    """Start captiond again and again, as a service manager does; no start waits for what the last left."""
    for start in range(1, 12):
        if captiond("run", "--once", inbox).returncode != -9:
            return start
        with writing(captiond.catalogue, LONG_AGO) as connection:
            reclaim(connection, "a start long ago", LONG_AGO)
    raise AssertionError("it is retried for ever")


def test_a_photo_that_kills_the_daemon_is_put_aside_until_somebody_wants_it_tried_again(
    deadly: Command, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    poison = make_photo("poison.jpg", "pink")
    good = [make_photo(f"{colour}.jpg", colour) for colour in ("red", "navy")]

    assert starts_until_it_lives(deadly, inbox) == STARTS_ALLOWED + 1

    assert dict(deadly.rows(STATES)) == {**{photo.name: "done" for photo in good}, poison.name: "failed"}
    assert deadly.why(poison) == (
        "Failed without objects, description, ocr and translation: "
        "captiond ended 5 times while it worked on this photo."
    )
    assert "poison.jpg" in deadly("status").stdout
    assert all(sidecar_of(photo)["state"] == "done" for photo in good)
    assert deadly("run", "--once", inbox).returncode == 1, "it is not touched again"

    del deadly.settings["PYTHONPATH"]
    assert deadly("retry", poison).returncode == 0
    assert deadly("run", "--once", inbox).returncode == 0
    assert beside(poison).exists()


@pytest.mark.slow
def test_two_photos_alone_are_told_apart(deadly: Command, inbox: Path, make_photo: MakePhoto) -> None:
    make_photo("poison.jpg", "pink")
    make_photo("innocent.jpg", "red")
    deadly.settings["CAPTIOND_OLLAMA__PARALLEL"] = "2"

    starts_until_it_lives(deadly, inbox)

    assert dict(deadly.rows(STATES)) == {"innocent.jpg": "done", "poison.jpg": "failed"}
