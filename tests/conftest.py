"""What every test may ask for."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.simulator.strip import draw_strip

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
"""Real photos and hostile images beside the checkout, where somebody has them."""

MakePhoto = Callable[..., Path]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Let one more than there are processors test at once: most tests wait for other processes."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def empty_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a catalogue, once: that takes as long as half a run."""
    path = tmp_path_factory.mktemp("empty") / "catalogue.db"
    close_for_readers(open_to_write(path, datetime.now(UTC)))
    return path


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def make_photo(inbox: Path) -> MakePhoto:
    """Draw a photo into the inbox: every colour is other bytes."""

    def make(
        name: str = "photo.jpg", colour: str = "green", size: tuple[int, int] = (640, 480), text: str = ""
    ) -> Path:
        picture = Image.new("RGB", size, colour)
        ImageDraw.Draw(picture).rectangle((0, 0, size[0], size[1] // 3), fill="white")
        if text:
            picture = draw_strip(picture, text)
        path = inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
        return path

    return make
