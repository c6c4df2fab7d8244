"""Express mode: one call a photo, and a call more for each answer that fails its check there."""

from pathlib import Path

import pytest

from acceptance.conftest import Command, Sidecar, SimulatedServer
from conftest import MakePhoto

TUTORIAL = """
express = true

[prompts.animal]
kind = "text"
text = "What animal is in the picture? Answer with one word."

[prompts.mood]
enabled = true

[translation]
target = "fr"
"""


def statuses(captiond: Command) -> dict[str, str]:
    return dict(captiond.rows("SELECT prompt, status FROM results WHERE current"))


def test_one_call_answers_all_prompts_about_a_picture(
    impatient: Command, inbox: Path, make_photo: MakePhoto, server: SimulatedServer, sidecar_of: Sidecar
) -> None:
    """The questions of the tutorial: the animal, a description, the mood, the text, and that in French."""
    impatient.configure(TUTORIAL)
    photo = make_photo("sign.jpg", "navy", text="Emergency exit")
    assert impatient("run", inbox, "--once").returncode == 0
    assert set(statuses(impatient)) == {"objects", "description", "ocr", "mood", "animal", "translation"}
    assert set(statuses(impatient).values()) == {"ok"}
    assert len(server.questions) == 2, "one about the picture, one about the text"
    assert impatient.rows("SELECT text FROM photos") == [("Emergency exit",)]
    assert {"mood", "animal"} <= sidecar_of(photo)["results"].keys()
    ((mood,),) = impatient.rows("SELECT mood FROM photos")
    assert "sign.jpg" in impatient("search", f"mood:{mood}").stdout


FAULTS = ["empty", "refusal", "loop", "hashes", "whitespace", "cut-json", "wrong-schema", "thinking"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_reply_to_all_is_made_good_by_asking_each(
    impatient: Command, inbox: Path, make_photo: MakePhoto, server: SimulatedServer, fault: str
) -> None:
    impatient.configure("express = true")
    make_photo("a.jpg")
    server.plant({"kind": fault, "times": 1})
    assert impatient("run", inbox, "--once").returncode == 0
    assert set(statuses(impatient).values()) <= {"ok", "empty", "skipped"}
    described = impatient.rows("SELECT description FROM photos")[0][0]
    assert "picture" in described


def test_both_modes_give_the_same_answers(
    impatient: Command, inbox: Path, make_photo: MakePhoto, tmp_path: Path
) -> None:
    make_photo("sign.jpg", "navy", text="Sortie")
    told = "SELECT prompt, value FROM results WHERE current AND prompt IN ('objects', 'ocr') ORDER BY 1"
    assert impatient("run", inbox, "--once").returncode == 0
    separate = impatient.rows(told)
    impatient.catalogue = tmp_path / "express.db"
    impatient.configure('express = true\nsidecars = "off"')
    assert impatient("run", inbox, "--once").returncode == 0
    assert impatient.rows(told) == separate
