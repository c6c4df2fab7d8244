"""`captiond redo --model`: some photos are asked a prompt of another model, this once."""

from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer
from acceptance.test_own_prompts import pull_by_hand
from conftest import MakePhoto

MAIN, OTHER, MISSING = "llava:13b-v1.6", "llava16hd", "qwen2.5vl:7b"


@pytest.fixture
def read(impatient: Command, inbox: Path, make_photo: MakePhoto) -> Path:
    """Two photos that were read to the end."""
    make_photo("tree.jpg", "green")
    photo = make_photo("sign.jpg", "navy", size=(1200, 900), text="Sortie de secours")
    assert impatient("run", inbox, "--once").returncode == 0
    return photo


def models(captiond: Command, prompt: str) -> dict[str, str]:
    """Who gave the current answers to a prompt, by photo."""
    asked = (
        "SELECT path, m.name FROM results r JOIN models m ON m.id = model_id JOIN photos p ON p.id = photo_id"
    )
    return dict(captiond.rows(f"{asked} WHERE current AND prompt = '{prompt}'"))


def test_another_model_is_asked_for_these_photos_alone(
    impatient: Command, read: Path, inbox: Path, server: SimulatedServer, sidecar_of: Sidecar
) -> None:
    dry = impatient("redo", "name:sign", "--prompt", "description", "--model", OTHER, "--dry-run")
    assert dry.stdout == f"Not done: 1 question to ask anew of {OTHER} (description 1).\n"
    assert (
        impatient("redo", "name:sign", "--prompt", "description", "--model", OTHER, "--yes").returncode == 0
    )
    before = len(server.questions)
    assert impatient("run", inbox, "--once").returncode == 0

    assert len(server.questions) == before + 1
    assert models(impatient, "description") == {"sign.jpg": OTHER, "tree.jpg": MAIN}
    assert models(impatient, "ocr") == {"sign.jpg": MAIN, "tree.jpg": MAIN}
    results = sidecar_of(read)["results"]
    assert results["description"]["model"]["name"] == OTHER
    assert results["description"]["prompt_version"] != results["ocr"]["prompt_version"]
    ((tokens,),) = impatient.rows("SELECT prompt_tokens FROM results ORDER BY id DESC LIMIT 1")
    assert tokens > 5 * 576, "it is shown as much as that model can use: an overview and four tiles"


def test_a_model_that_no_server_has_is_told_and_waited_for(
    impatient: Command, read: Path, inbox: Path, server: SimulatedServer
) -> None:
    impatient.settings["CAPTIOND_OLLAMA__PULL"] = "false"
    told = impatient("redo", "name:sign", "--prompt", "ocr", "--model", MISSING, "--yes")
    assert told.returncode == 0
    assert f"has not got the model {MISSING}" in told.stderr
    assert "Till then the questions wait." in told.stderr
    assert impatient("run", inbox, "--once").returncode == 75
    assert impatient.rows("SELECT prompt, state, tries, model FROM jobs") == [("ocr", "queued", 0, MISSING)]
    assert models(impatient, "ocr")["sign.jpg"] == MAIN, "the old answer stays until then"

    pull_by_hand(server, MISSING)
    assert impatient("run", inbox, "--once").returncode == 0
    assert models(impatient, "ocr")["sign.jpg"] == MISSING


def test_a_running_daemon_asks_the_other_model(
    watching: Command, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photo = make_photo("sign.jpg", "navy")
    eventually(lambda: watching.told("described"))
    assert watching("redo", "", "--prompt", "objects", "--model", OTHER, "--yes").returncode == 0
    eventually(lambda: models(watching, "objects") == {photo.name: OTHER})


def test_a_prompt_that_came_after_the_daemon_began_waits_until_it_is_read(
    watching: Command, make_photo: MakePhoto, eventually: Eventually
) -> None:
    make_photo("sign.jpg", "navy")
    eventually(lambda: watching.told("described"))
    watching.configure('[prompts.place]\nkind = "text"\ntext = "Where is it?"')
    refused = watching("redo", "", "--prompt", "place", "--yes")
    assert refused.returncode != 0
    assert 'does not ask "place"' in refused.stderr
    assert not watching.rows("SELECT 1 FROM jobs"), "nothing is in hand for ever"
