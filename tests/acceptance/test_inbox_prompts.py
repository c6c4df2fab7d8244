"""Each inbox may choose its prompts."""

from pathlib import Path

from acceptance.conftest import Command, Sidecar, SimulatedServer
from conftest import MakePhoto


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
