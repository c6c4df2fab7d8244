"""A page of small text that one view cannot carry is read from tiles, and stands in the sidecar once."""

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer
from captiond.imaging.cutting import cut
from captiond.imaging.limits import Limits
from captiond.imaging.tiling import Cutting
from captiond.model import Fit
from small_print import MERGED, long_page, page, text_of_page

TILES = 6
QUESTIONS = 3 + 1 + TILES
"""Objects, description and translation; the whole page and its tiles."""
KEPT = "SELECT count(*) FROM tile_replies"


def test_a_page_is_read_from_tiles(
    captiond: Command, inbox: Path, sidecar_of: Sidecar, server: SimulatedServer
) -> None:
    captiond.settings["CAPTIOND_INBOX__QUIET_SECONDS"] = "0.2"
    page().save(inbox / "page.png")
    assert captiond("run", "--once", inbox).returncode == 0
    document = sidecar_of(inbox / "page.png")
    assert document["summary"]["text"] == MERGED
    assert document["results"]["ocr"]["reason"] == "read from 2 tiles"
    assert server.counters["image_encodes"] == 3, "the whole once for all prompts, and each tile"
    shown = captiond("show", inbox / "page.png").stdout
    assert all(line in shown for line in MERGED.splitlines())


@pytest.fixture
def long_photo(impatient: Command, inbox: Path) -> Path:
    impatient.configure(f"[prompts.ocr]\ntiles = {TILES}\n")
    path = inbox / "page.png"
    long_page(TILES).save(path)
    return path


def tile_digests(photo: Path) -> list[str]:
    cutting = Cutting(TILES, only_small_text=False)
    tiles = cut(photo.read_bytes(), Fit(((336, 336),)), cutting, Limits()).tiles
    return [hashlib.sha256(tile.jpeg).hexdigest() for tile in tiles]


@pytest.fixture
def kill_at(
    impatient: Command, server: SimulatedServer, long_photo: Path, eventually: Eventually
) -> Callable[..., None]:
    """Run captiond until the server is asked about a picture, and kill it before the answer is there."""

    def kill(image: str, *faults: dict[str, str]) -> None:
        server.plant({"kind": "hang-mid-stream", "image": image}, *faults)
        with impatient.running(long_photo.parent) as process:
            eventually(lambda: any(image in call["images"] for call in server.questions))
            process.kill()
            process.wait()
        server.plant(*faults)

    return kill


def asked_twice(server: SimulatedServer) -> list[str]:
    """Give the pictures that were asked about again in the same words; nothing was asked three times."""
    asked = Counter(
        (call["prompt"], tuple(call["images"]), call["options"]["seed"]) for call in server.questions
    )
    assert max(asked.values()) <= 2
    return [image for (_, images, _), times in asked.items() if times > 1 for image in images]


@pytest.mark.parametrize(
    "tile", [3, *(pytest.param(tile, marks=pytest.mark.slow) for tile in (0, 1, 2, 4, 5))]
)
def test_a_kill_between_tiles_repeats_only_the_call_in_flight(
    *,
    impatient: Command,
    server: SimulatedServer,
    long_photo: Path,
    sidecar_of: Sidecar,
    kill_at: Callable[..., None],
    tile: int,
) -> None:
    in_flight = tile_digests(long_photo)[tile]
    kill_at(in_flight)
    assert impatient.rows(KEPT) == [(1 + tile,)], "the whole, and the tiles before"
    assert impatient("run", "--once", long_photo.parent).returncode == 0
    assert asked_twice(server) == [in_flight]
    assert len(server.questions) == QUESTIONS + 1
    document = sidecar_of(long_photo)
    assert document["summary"]["text"] == text_of_page(TILES)
    assert document["results"]["ocr"]["reason"] == f"read from {TILES} tiles"
    assert impatient.rows(KEPT) == [(0,)]


def test_a_tile_that_could_not_be_read_is_not_asked_about_again_after_a_kill(
    impatient: Command,
    server: SimulatedServer,
    long_photo: Path,
    sidecar_of: Sidecar,
    kill_at: Callable[..., None],
) -> None:
    _, unreadable, _, in_flight, *_ = tile_digests(long_photo)
    kill_at(in_flight, {"kind": "refusal", "image": unreadable})
    assert impatient("run", "--once", long_photo.parent).returncode == 0
    assert asked_twice(server) == [in_flight]
    assert sum(unreadable in call["images"] for call in server.questions) == 2, "once with other luck"
    reason = sidecar_of(long_photo)["results"]["ocr"]["reason"]
    assert reason == f"read from {TILES} tiles; 1 of {TILES} tiles could not be read"
    assert impatient.rows("SELECT count(*) FROM results WHERE status = 'rejected'") == [(2,)]
