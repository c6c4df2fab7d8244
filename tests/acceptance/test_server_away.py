"""Without a model server photos wait, uncharged; when one comes, it goes on by itself."""

import os
from pathlib import Path

from acceptance.conftest import Command, Eventually, Sidecar, beside, simulated_server
from conftest import MakePhoto

CURE = "Start it there (`ollama serve`"
UNCHARGED = "SELECT count(*), sum(tries), sum(crashes), count(error) FROM jobs"


def test_a_single_run_without_a_server_says_the_cure_and_queues_the_photos(
    impatient: Command, inbox: Path, make_photo: MakePhoto, free_port: int
) -> None:
    photos = [make_photo("one.jpg"), make_photo("two.jpg", "navy")]
    impatient.url = f"http://127.0.0.1:{free_port}"

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == os.EX_UNAVAILABLE == 69
    away = [line for line in ended.stderr.splitlines() if 'event="server away"' in line]
    assert len(away) == 1
    assert f"No Ollama answers at {impatient.url}" in away[0]
    assert CURE in away[0]
    assert impatient.rows("SELECT state FROM photos") == [("queued",), ("queued",)]
    assert impatient.rows(UNCHARGED) == [(8, 0, 0, 0)]
    assert impatient.why(photos[0]) == ("Waiting for its turn: objects, description, ocr and translation.")
    assert impatient("status").stdout.startswith("Not running; 2 photos wait.")


def test_a_daemon_without_a_server_comes_up_and_goes_on_when_there_is_one(
    impatient: Command,
    inbox: Path,
    make_photo: MakePhoto,
    free_port: int,
    eventually: Eventually,
) -> None:
    photo = make_photo()
    impatient.url = f"http://127.0.0.1:{free_port}"
    with impatient.running(inbox):
        eventually(lambda: impatient.told("server away"))
        eventually(lambda: impatient.rows(UNCHARGED) == [(4, 0, 0, 0)])
        eventually(lambda: CURE in impatient("status").stdout)
        with simulated_server("--port", free_port):
            eventually(beside(photo).exists)

    assert len(impatient.told("watching")) == len(impatient.told("server ready")) == 1
    assert len(impatient.told("server away")) == 1, "it is said once, however often it is tried"


def test_a_server_that_dies_under_a_photo_costs_nothing(
    *,
    impatient: Command,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    free_port: int,
    eventually: Eventually,
) -> None:
    impatient.url = f"http://127.0.0.1:{free_port}"
    photos = [make_photo(f"{hue}.jpg", f"hsl({hue}, 80%, 40%)", text="Tür zu") for hue in (0, 90, 180, 270)]
    with impatient.running(inbox):
        with simulated_server("--port", free_port, "--time-scale", "0.2") as server:
            eventually(lambda: len(server.questions) >= 6)
            server.process.kill()
        eventually(lambda: impatient.told("server away"))
        eventually(lambda: impatient.rows("SELECT * FROM jobs WHERE state = 'running'") == [])
        open_jobs, tries, crashes, errors = impatient.rows(UNCHARGED)[0]
        assert open_jobs > 0
        assert (tries, crashes, errors) == (0, 0, 0)
        with simulated_server("--port", free_port) as server:
            eventually(lambda: all(beside(photo).exists() for photo in photos))
            asked_again = len(server.questions)

    assert asked_again <= open_jobs + 1, "one for the test picture"
    assert impatient.rows("SELECT count(*), min(current), min(status = 'ok') FROM results") == [(16, 1, 1)]
    for photo in photos:
        summary = sidecar_of(photo)["summary"]
        assert summary["text"] == "Tür zu"
        assert summary["description"].startswith("A ")
    assert not impatient.told("failed")
    assert not impatient.told("will try again")
