"""Different photos that get the same description: the log says so once, `captiond status` while it lasts."""

import random
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import daemon_parts
from captiond.imaging.canary import CANARY_JPEG, RED_AND_BLUE_JPEG
from captiond.prompts.sameness import PHOTOS
from captiond.vision.endpoints import Endpoint
from captiond.vision.ollama import OllamaBackend
from daemon_parts import Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts


def draw(inbox: Path, name: str, colour: str = "green") -> None:
    """Draw a picture whose bytes are its own, whatever it shows."""
    own = PngInfo()
    own.add_text("name", name)
    Image.new("RGB", (320, 240), colour).save(inbox / name, pnginfo=own)


@pytest.fixture
async def watched(parts: Parts) -> Parts:
    await parts.endpoint.close()
    backend = OllamaBackend(parts.server.url, parts.settings.ollama.model, clock=parts.clock)
    parts.endpoint = Endpoint(
        backend,
        parallel=1,
        canary_jpeg=CANARY_JPEG,
        sight_jpegs=RED_AND_BLUE_JPEG,
        clock=parts.clock,
        rng=random.Random(1),
    )
    return parts


async def test_a_doubt_is_logged_once_and_told_until_it_ends(watched: Parts) -> None:
    for number in range(PHOTOS + 2):
        draw(watched.inbox, f"{number}.png")
    async with watched.running(watched.service()):
        await watched.until(lambda: len(watched.said("described")) == PHOTOS + 2)
        await watched.clock.sleep(60)
        doubted = watched.sentences[-1]
        draw(watched.inbox, "other.png", "red")
        await watched.until(lambda: len(watched.said("described")) == PHOTOS + 3)
        await watched.clock.sleep(60)
    (line,) = watched.said("the same answer again and again")
    assert "5 different photos in a row have the same description" in line["reason"]
    assert "two test pictures are told apart" in line["reason"]
    assert doubted == f"Watching; 7 photos done; {line['reason']}"
    assert watched.sentences[-1] == "Watching; 8 photos done"
