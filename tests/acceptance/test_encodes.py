"""The server encodes each picture once, however many prompts, slots and generations there are."""

from pathlib import Path

import pytest

from acceptance.conftest import Command, beside, simulated_server
from conftest import MakePhoto

COLOURS = ("red", "green", "blue", "orange", "purple", "olive", "navy", "maroon")


@pytest.mark.parametrize("slots", [1, 4])
@pytest.mark.parametrize("generation", ["0.24", "0.33"])
def test_each_photo_is_encoded_once_for_all_its_prompts(
    generation: str, slots: int, captiond: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    photos = [make_photo(f"{colour}.jpg", colour, text=f"Guten Tag {colour}") for colour in COLOURS]
    captiond.settings |= {"CAPTIOND_INBOX__QUIET_SECONDS": "0.2", "CAPTIOND_OLLAMA__PARALLEL": str(slots)}

    with simulated_server("--generation", generation, "--slots", slots) as server:
        captiond.url = server.url
        assert captiond("run", "--once", inbox).returncode == 0
        counters = server.counters

    assert all(beside(photo).exists() for photo in photos)
    asked_about_pictures = [call for call in counters["calls"] if call["images"]]
    assert len(counters["calls"]) == len(photos) * 4
    assert len(asked_about_pictures) == len(photos) * 3, "the translation is asked without the picture"
    assert counters["image_encodes"] == len(photos)
    assert counters["loads"] == 1
    assert counters["reloads"] == 0
