"""`captiond try`: what models say about a picture, with nothing stored."""

import json
from pathlib import Path

from acceptance.conftest import Command, SimulatedServer, simulated_server
from conftest import MakePhoto
from small_print import MERGED, page


def test_two_models_stand_side_by_side_and_nothing_is_stored(
    first_start: Command, inbox: Path, make_photo: MakePhoto, server: SimulatedServer
) -> None:
    photo = make_photo("sign.jpg", "navy", text="Sortie")
    ended = first_start("try", photo, "--model", "llava:7b", "--model", "llava:13b-v1.6")
    assert ended.returncode == 0
    assert ended.stdout.count("llava:7b") == ended.stdout.count("llava:13b-v1.6") == 4
    assert [path.name for path in inbox.iterdir()] == ["sign.jpg"]
    assert not first_start.catalogue.exists()
    assert server.counters["image_encodes"] == 2


def test_a_prompt_brings_what_it_is_about(captiond: Command, make_photo: MakePhoto) -> None:
    photo = make_photo("sign.jpg", "navy", text="Sortie")
    ended = captiond("try", photo, "--prompt", "translation", "--json")
    tried = json.loads(ended.stdout)
    assert [each["prompt"] for each in tried] == ["ocr", "translation"]
    assert tried[1]["status"] == "ok"


def test_a_reply_that_is_no_answer_is_shown_as_such(
    captiond: Command, make_photo: MakePhoto, server: SimulatedServer
) -> None:
    photo = make_photo("a.jpg")
    server.plant({"kind": "refusal"})
    ended = captiond("try", photo, "--prompt", "description")
    assert ended.returncode == 1
    assert "no answer: the model refused to answer" in ended.stdout


def test_that_a_model_is_fetched_first_is_told(captiond: Command, make_photo: MakePhoto) -> None:
    with simulated_server("--missing-model") as server:
        ended = captiond("try", make_photo("a.jpg"), "--prompt", "objects", "--ollama", server.url)
    assert ended.returncode == 0
    assert "has not got the model llava:13b-v1.6." in ended.stderr
    assert "has it fetched now" in ended.stderr


def test_a_file_that_is_no_picture_is_told(captiond: Command, inbox: Path) -> None:
    (inbox / "letter.jpg").write_text("Dear Sir or Madam")
    ended = captiond("try", inbox / "letter.jpg")
    assert (ended.returncode, "this is no picture" in ended.stderr) == (1, True)


def test_what_is_no_file_or_no_prompt_is_wrong_use(
    captiond: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    assert captiond("try", inbox).returncode == 2
    assert captiond("try", inbox / "none.jpg").returncode == 2
    assert captiond("try", make_photo("a.jpg"), "--prompt", "moood").returncode == 2


def test_without_a_server_it_says_so(captiond: Command, make_photo: MakePhoto) -> None:
    ended = captiond("try", make_photo("a.jpg"), "--ollama", "http://127.0.0.1:9")
    assert ended.returncode == 69
    assert "ollama serve" in ended.stderr


def test_a_page_of_small_text_is_tried_from_its_tiles(
    captiond: Command, inbox: Path, server: SimulatedServer
) -> None:
    page().save(inbox / "page.png")
    ended = captiond("try", inbox / "page.png", "--prompt", "ocr", "--json")
    (tried,) = json.loads(ended.stdout)
    assert tried["value"] == MERGED
    assert server.counters["image_encodes"] == 3, "the whole page, and its two tiles"
