"""Two models on a server that has room for one: each is loaded once for all photos, not once for each."""

import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from acceptance.conftest import Command, simulated_server

MAIN, READER = "llava:13b-v1.6", "llava16hd"
TWO_MODELS = f"""
[prompts.ocr]
model = "{READER}"

[prompts.translation]
enabled = false
"""


def drop(inbox: Path, count: int) -> None:
    """Put so many small pictures there, each of other bytes."""
    for number in range(count):
        colour = (number % 16 * 16, number // 16 % 16 * 16, number // 256 * 24)
        Image.new("RGB", (32, 32), colour).save(inbox / f"{number:04}.png")


@pytest.mark.parametrize(
    ("photos", "seconds"),
    [(30, 120), pytest.param(2000, 1500, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
)
def test_a_server_with_room_for_one_model_loads_each_once_for_all_photos(
    photos: int, seconds: float, impatient: Command, inbox: Path
) -> None:
    drop(inbox, photos)
    impatient.configure(TWO_MODELS)
    with simulated_server("--max-loaded", 1) as server:
        impatient.url = server.url
        ended = impatient("run", "--once", inbox, timeout=seconds)
        counters, models = server.counters, [question["model"] for question in server.questions]

    assert ended.returncode == os.EX_OK, ended.stderr[-2000:]
    assert Counter(models) == {MAIN: 2 * photos, READER: photos}
    assert sum(before != after for before, after in pairwise(models)) == 1
    assert counters["loads"] == 2
    assert counters["image_encodes"] == 2 * photos, "once for each photo and model"
