"""Bad photo or bad server? A test picture tells, so that nobody pays for what another did."""

from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside
from conftest import MakePhoto

CANARY = "What colour is this?"
GOOD = ("red", "navy", "olive", "purple", "teal")
CHARGED = "SELECT path, max(tries) FROM jobs JOIN photos ON photos.id = photo_id WHERE tries GROUP BY path"
STATES = "SELECT path, state FROM photos ORDER BY path"


def canaries(server: SimulatedServer) -> int:
    return sum(question["prompt"].startswith(CANARY) for question in server.questions)


def sent_for(photo: Path, captiond: Command, server: SimulatedServer) -> str:
    """Find out what is sent to the server for a photo: the SHA-256 of the small picture."""
    elsewhere = photo.parent.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / photo.name).write_bytes(photo.read_bytes())
    captiond("run", "--once", elsewhere, "--catalogue", elsewhere / "catalogue.db")
    digest: str = server.questions[-1]["images"][0]
    return digest


@pytest.fixture
def poison(impatient: Command, server: SimulatedServer, make_photo: MakePhoto) -> Path:
    """A photo on which the server dies each time."""
    photo = make_photo("poison.jpg", "pink")
    server.plant({"kind": "crash", "image": sent_for(photo, impatient, server)})
    return photo


def test_a_photo_on_which_the_server_dies_fails_alone(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
    poison: Path,
) -> None:
    good = [make_photo(f"{colour}.jpg", colour) for colour in GOOD]
    for tries in (1, 2, 3):
        with impatient.running(inbox):
            eventually(lambda: impatient.told("server ready"))
            eventually(lambda tries=tries: impatient.rows(CHARGED) == [(poison.name, tries)])
            eventually(lambda: all(beside(photo).exists() for photo in good))
        impatient.let_time_pass()

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 1
    assert impatient.rows(STATES) == sorted(
        [*((photo.name, "done") for photo in good), (poison.name, "failed")]
    )
    assert impatient.rows(CHARGED) == [(poison.name, 3)]
    why = impatient.why(poison) or ""
    assert why.startswith("Failed after 3 tries of objects, description, ocr and translation: ")
    assert "failed on this request" in why
    assert all(sidecar_of(photo)["state"] == "done" for photo in good)
    assert canaries(server) >= 3, "each time a test picture told that the server works"


def test_the_prompts_of_a_poisonous_photo_are_not_all_tried_on_the_server(
    impatient: Command, server: SimulatedServer, inbox: Path, eventually: Eventually, poison: Path
) -> None:
    before = server.counters["faults"]
    with impatient.running(inbox):
        eventually(lambda: impatient.told("will try again"))

    assert server.counters["faults"] - before == 1, "the first crash was enough"
    assert impatient.rows(CHARGED) == [(poison.name, 1)]


def test_a_server_that_fails_on_everything_charges_nobody(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photos = [make_photo(f"{colour}.jpg", colour) for colour in GOOD]
    server.plant({"kind": "crash"})
    with impatient.running(inbox) as process:
        eventually(lambda: impatient.told("server away"))
        eventually(lambda: impatient.rows("SELECT count(*) FROM photos") == [(len(photos),)])
        eventually(lambda: server.counters["faults"] >= 4)
        assert impatient.rows("SELECT sum(tries), sum(crashes), count(error) FROM jobs") == [(0, 0, 0)]
        assert impatient.rows("SELECT count(*) FROM results") == [(0,)]
        server.plant()
        eventually(lambda: all(beside(photo).exists() for photo in photos))
        assert process.poll() is None

    (away,) = impatient.told("server away")
    assert "fails on a test picture too" in away
    assert impatient.rows("SELECT DISTINCT state FROM photos") == [("done",)]
    assert impatient.rows("SELECT count(*) FROM results WHERE status = 'rejected'") == [(0,)]


def test_a_server_that_fails_now_and_then_costs_no_photo_its_answers(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto
) -> None:
    photos = [make_photo(f"{colour}.jpg", colour) for colour in GOOD]
    server.plant({"kind": "crash", "every": 5})

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 0, ended.stderr
    assert server.counters["faults"] >= 3
    assert all(beside(photo).exists() for photo in photos)
    assert impatient.rows("SELECT DISTINCT state FROM photos") == [("done",)]
