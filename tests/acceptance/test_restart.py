"""Killed in the middle, again and again: nothing is lost, and at most the call in flight is repeated."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside, simulated_server
from conftest import MakePhoto

KILLS = 3
SLOWLY = ("--time-scale", "0.15")
"""A photo takes about half a second then, so that a kill finds one in the middle."""


def draw_twelve(make_photo: MakePhoto) -> list[Path]:
    """Draw photos of twelve colours, each with a text to translate."""
    return [make_photo(f"{hue}.jpg", f"hsl({30 * hue}, 80%, 40%)", text=f"Tür {hue}") for hue in range(12)]


def kill_in_the_middle(
    captiond: Command, server: SimulatedServer, inbox: Path, eventually: Eventually, *, after: int
) -> None:
    """Run captiond until the server was asked so many questions more, and kill it while that one is open."""
    asked_before = len(server.questions)
    with captiond.running(inbox) as process:
        eventually(lambda: len(server.questions) >= asked_before + after)
        process.kill()
        process.wait()


def mark_dirty(catalogue: Path) -> None:
    with closing(sqlite3.connect(catalogue)) as connection, connection:
        connection.execute("UPDATE files SET sidecar_dirty = sidecar_dirty + 1, sidecar_sha256 = NULL")


@pytest.mark.parametrize("slots", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_three_kills_in_the_middle_lose_nothing_and_repeat_three_calls_at_most(
    *,
    slots: int,
    impatient: Command,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    photos = draw_twelve(make_photo)
    before = {photo: photo.read_bytes() for photo in photos}
    impatient.settings["CAPTIOND_OLLAMA__PARALLEL"] = str(slots)
    with simulated_server(*SLOWLY, "--slots", slots) as server:
        impatient.url = server.url
        for kill in range(KILLS):
            kill_in_the_middle(impatient, server, inbox, eventually, after=6 + kill)
            assert len(server.questions) < len(photos) * 4, "it was killed in the middle"
        assert impatient("run", "--once", inbox).returncode == 0
        counters = server.counters

    assert [sidecar_of(photo)["state"] for photo in photos] == ["done"] * 12
    assert [sidecar_of(photo)["summary"]["text"] for photo in photos] == [f"Tür {hue}" for hue in range(12)]
    assert impatient.rows("SELECT count(*), min(current) FROM results") == [(12 * 4, 1)]
    assert impatient.rows("SELECT * FROM jobs") == []
    assert 12 * 4 <= len(counters["calls"]) <= 12 * 4 + KILLS * slots
    assert 12 <= counters["image_encodes"] <= 12 + KILLS * slots
    assert {path.name for path in inbox.iterdir()} == {
        path.name for photo in photos for path in (photo, beside(photo))
    }, "nothing unfinished is left"
    assert {photo: photo.read_bytes() for photo in photos} == before


def test_an_unfinished_sidecar_that_a_crash_left_is_cleared_away(
    impatient: Command, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photo = make_photo("deep/photo.jpg")
    unfinished = photo.with_name(".captiond-0123456789abcdef.part")
    unfinished.write_text('{"schema": "urn:capt')

    impatient("run", "--once", inbox)

    assert sidecar_of(photo)["state"] == "done"
    assert not unfinished.exists()


def test_a_sidecar_that_a_crash_prevented_is_written_at_the_next_start(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photo = make_photo()
    impatient("run", "--once", inbox)
    written, asked = beside(photo).read_bytes(), len(server.questions)
    # As if the crash had come between the last commit and the writing of the file.
    beside(photo).unlink()
    mark_dirty(impatient.catalogue)

    assert impatient("run", "--once", inbox).returncode == 0

    assert beside(photo).read_bytes() == written
    assert len(server.questions) == asked
