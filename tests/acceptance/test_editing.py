"""A person's answers: kept above the model's, in the catalogue and the sidecar, with and without a daemon."""

import json
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer
from conftest import MakePhoto

ENGLISH = "The quick brown fox jumps over the lazy dog and then it sleeps in the warm sun all day"
MINE = "The gate of my school."


def said(captiond: Command, prompt: str) -> list[tuple[str, str]]:
    return captiond.rows(f"SELECT value, source FROM results WHERE current AND prompt = '{prompt}'")


@pytest.fixture
def read(impatient: Command, inbox: Path, make_photo: MakePhoto) -> Path:
    """A photo with a text that was read to the end."""
    photo = make_photo("sign.jpg", "navy", text="Sortie de secours")
    assert impatient("run", inbox, "--once").returncode == 0
    return photo


def test_an_edited_answer_is_in_catalogue_search_and_sidecar(
    impatient: Command, read: Path, inbox: Path, sidecar_of: Sidecar
) -> None:
    ended = impatient("edit", "sign.jpg", "description", MINE)
    assert (ended.returncode, ended.stdout) == (0, f"Kept: description of sign.jpg: {MINE}\n")
    assert "sign.jpg" in impatient("search", "school", "is:edited").stdout
    assert impatient("run", inbox, "--once").returncode == 0
    sidecar = sidecar_of(read)
    assert sidecar["summary"]["description"] == MINE
    assert "human" in json.dumps(sidecar["results"])


def test_an_edited_answer_survives_redo_and_another_model(
    impatient: Command, read: Path, inbox: Path, server: SimulatedServer
) -> None:
    impatient("edit", "sign.jpg", "description", MINE)
    redone = impatient("redo", "", "--prompt", "description", "--prompt", "objects", "--yes")
    assert redone.returncode == 0
    assert "1 question to ask anew (description 0, objects 1)" in redone.stdout
    before = len(server.questions)
    assert impatient("run", inbox, "--once", "--model", "llava:7b").returncode == 0
    assert len(server.questions) == before + 1
    assert said(impatient, "description") == [(MINE, "human")]


def test_what_was_derived_is_asked_anew_only_when_wanted(
    impatient: Command, read: Path, inbox: Path, server: SimulatedServer
) -> None:
    told = impatient("edit", "sign.jpg", "ocr", "Sortie").stderr
    assert "Still about the answer before: translation; with --derived it is asked anew." in told
    before = len(server.questions)
    assert impatient("run", inbox, "--once").returncode == 0
    assert len(server.questions) == before
    told = impatient("edit", "sign.jpg", "ocr", "Sortie", "--derived").stderr
    assert "1 question about it will be asked anew." in told
    assert "Still about" not in told
    assert impatient("run", inbox, "--once").returncode == 0
    assert len(server.questions) == before + 1


def test_a_running_daemon_takes_the_correction_and_writes_the_sidecar(
    watching: Command, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar, eventually: Eventually
) -> None:
    photo = make_photo("sign.jpg", "navy")
    eventually(lambda: watching.told("described"))
    assert watching("edit", photo, "description", MINE).returncode == 0
    eventually(lambda: sidecar_of(photo)["summary"]["description"] == MINE)
    assert watching("redo", "name:sign", "--prompt", "objects", "--yes").returncode == 0
    eventually(lambda: len(watching.told("described")) == 2)
    assert said(watching, "description") == [(MINE, "human")]


def test_confirmed_answers_are_a_persons(impatient: Command, read: Path) -> None:
    model_said = said(impatient, "description")[0][0]
    assert impatient("confirm", "sign.jpg", "description").stdout == "Confirmed: description of sign.jpg.\n"
    assert said(impatient, "description") == [(model_said, "human")]
    assert impatient("confirm", "sign.jpg").returncode == 0
    sources = {source for (source,) in impatient.rows("SELECT source FROM results WHERE current")}
    assert sources == {"human"}
    assert impatient("confirm", "sign.jpg").returncode == 1


def test_what_was_not_asked_cannot_be_confirmed_and_is_asked_once_when_it_may_be(
    impatient: Command, inbox: Path, make_photo: MakePhoto, server: SimulatedServer
) -> None:
    make_photo("sign.jpg", "navy", text=ENGLISH)
    assert impatient("run", inbox, "--once").returncode == 0
    named = impatient("confirm", "sign.jpg", "translation")
    assert (named.returncode, named.stdout) == (1, "There is no answer to confirm: translation.\n")
    confirmed = impatient("confirm", "sign.jpg")
    assert confirmed.stdout == "Confirmed: objects, description and ocr of sign.jpg.\n"
    impatient.settings["CAPTIOND_TRANSLATION__TARGET"] = "fr"
    for _ in range(2):
        assert impatient("run", inbox, "--once").returncode == 0
        assert len(server.questions) == 4


def test_redo_tells_how_much_it_is_before_it_does_anything(impatient: Command, read: Path) -> None:
    ended = impatient("redo", "", "--prompt", "ocr", "--dry-run")
    assert ended.stdout.startswith("Not done: 1 question to ask anew (ocr 1): about 1 s.")
    assert impatient.rows("SELECT count(*) FROM jobs") == [(0,)]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("edit", "sign.jpg", "moood", "calm"), 2, 'no prompt "moood"'),
        (("edit", "sign.jpg", "objects", ",,"), 2, "no name in that"),
        (("edit", "unknown.jpg", "ocr", "x"), 1, "Nothing in the catalogue is called unknown.jpg"),
        (("redo", "name:unknown", "--prompt", "ocr", "--yes"), 1, "Nothing to ask"),
        (("redo", "", "--prompt", "orc", "--yes"), 2, "there is no prompt orc"),
        (("redo", "sign taken:last", "--prompt", "ocr", "--yes"), 2, "a date looks like"),
        (("redo", "sign -is:faild", "--prompt", "ocr", "--yes"), 2, "did you mean is:failed?"),
    ],
)
def test_what_cannot_be_done_is_told(
    impatient: Command, read: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ended = impatient(*arguments)
    assert ended.returncode == code
    assert words in " ".join((ended.stderr + ended.stdout).replace("│", " ").split())
