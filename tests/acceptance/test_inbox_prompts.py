"""Each inbox may choose its prompts."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptance.conftest import Command, Sidecar, SimulatedServer
from conftest import MakePhoto

WAYS: dict[str, Callable[[Path, Path], object]] = {"moved": Path.rename, "copied": shutil.copy}


def test_an_inbox_is_asked_the_prompts_it_chose(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    scans = inbox.parent / "scans"
    photo, scan = make_photo("tree.jpg"), make_photo("../scans/letter.png", "navy", text="Guten Tag")
    impatient.configure(
        f'inboxes = ["{inbox}", "{scans}"]\n[inbox.prompts]\n"{scans}" = ["ocr", "translation"]'
    )

    assert impatient("run", "--once").returncode == 0

    statuses = {name: result["status"] for name, result in sidecar_of(scan)["results"].items()}
    assert statuses == {"objects": "skipped", "description": "skipped", "ocr": "ok", "translation": "ok"}
    assert sidecar_of(photo)["results"]["description"]["status"] == "ok"
    assert len(server.questions) == 2 + 3


@pytest.mark.parametrize("way", WAYS)
def test_a_photo_that_comes_to_another_inbox_is_asked_the_prompts_of_that_one(
    impatient: Command,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    way: str,
) -> None:
    scans = inbox.parent / "scans"
    scan = make_photo("../scans/letter.png", "navy", text="Guten Tag")
    impatient.configure(
        f'inboxes = ["{inbox}", "{scans}"]\n[inbox.prompts]\n"{scans}" = ["ocr", "translation"]'
    )
    assert impatient("run", "--once").returncode == 0
    WAYS[way](scan, inbox / "letter.png")

    assert impatient("run", "--once").returncode == 0

    assert {result["status"] for result in sidecar_of(inbox / "letter.png")["results"].values()} == {"ok"}
    asked = "SELECT prompt, count(*) FROM results WHERE status = 'ok' GROUP BY prompt ORDER BY prompt"
    assert impatient.rows(asked) == [("description", 1), ("objects", 1), ("ocr", 1), ("translation", 1)]


def test_an_inbox_whose_prompts_are_others_now_is_asked_the_new_ones_about_all_its_photos(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    scan = make_photo("letter.png", "navy", text="Guten Tag")
    impatient.configure(f'inboxes = ["{inbox}"]\n[inbox.prompts]\n"{inbox}" = ["ocr"]')
    assert impatient("run", "--once").returncode == 0
    impatient.configure(f'inboxes = ["{inbox}"]\n[inbox.prompts]\n"{inbox}" = ["ocr", "translation"]')

    assert impatient("run", "--once").returncode == 0

    statuses = {name: result["status"] for name, result in sidecar_of(scan)["results"].items()}
    assert statuses == {"objects": "skipped", "description": "skipped", "ocr": "ok", "translation": "ok"}
    assert len(server.questions) == 2
