"""A crash at any point, and the next start: nothing is lost, nothing is kept twice, one call is repeated.

An image of the disk is taken at every point at which something lasting changes, as a crash would leave it;
then each is put back and captiond is started on it.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

import daemon_parts
from captiond.catalogue import queries
from captiond.imaging.worker import Decoder
from captiond.service import Outcome
from captiond.sidecars import render
from conftest import MakePhoto
from daemon_parts import VERSION, Parts, wired
from small_print import page

pytestmark = pytest.mark.anyio
anyio_backend, decoder = daemon_parts.anyio_backend, daemon_parts.decoder

FRENCH = "Attention ! Éléphants en liberté"
PROMPTS = 4
TILES = 2
LASTING = {"open", "os.rename", "os.remove", "os.mkdir"}


@dataclass(frozen=True)
class Image:
    """The catalogue and the sidecars as a crash left them, after so many calls of the model."""

    folder: Path
    point: str
    calls: int


Watcher = Callable[[str, tuple[Any, ...]], None]


@cache
def watchers() -> list[Watcher]:
    """Give those who hear of what lasts, in any thread; the one hook that calls them can never go again."""
    hearing: list[Watcher] = []

    def hook(happened: str, about: tuple[Any, ...]) -> None:
        if hearing and happened in LASTING:
            for watcher in tuple(hearing):
                watcher(happened, about)

    sys.addaudithook(hook)
    return hearing


class Camera:
    """Takes an image before whatever changes the disk; `calls` counts those of the model so far."""

    def __init__(self, inbox: Path, album: Path) -> None:
        self.images: list[Image] = []
        self.calls: Callable[[], int] = lambda: 0
        self._inbox = inbox
        self._album = album
        album.mkdir(exist_ok=True)
        self._busy = False

    @contextmanager
    def watching(self, parts: Parts) -> Iterator[None]:
        writer = parts.catalogue._writer
        before = self.calls()
        self.calls = lambda: before + len(parts.server.counters.calls)
        event.listen(writer, "begin", self._commit_is_on_disk)
        watchers().append(self._heard)
        try:
            yield
        finally:
            watchers().remove(self._heard)
            event.remove(writer, "begin", self._commit_is_on_disk)

    def take(self, point: str) -> None:
        folder = Path(tempfile.mkdtemp(dir=self._album))
        for path in self._inbox.parent.glob("catalogue.db*"):
            if not path.name.endswith((".socket", "-shm")):
                shutil.copy(path, folder)
        (folder / "sidecars").mkdir()
        for path in self._inbox.iterdir():
            if "captiond" in path.name:
                shutil.copy(path, folder / "sidecars")
        self.images.append(Image(folder, point, self.calls()))

    def _commit_is_on_disk(self, _connection: object) -> None:
        self._heard("commit", ("captiond",))

    def _heard(self, happened: str, about: tuple[Any, ...]) -> None:
        if not self._busy and "captiond" in str(about[0]):
            self._busy = True
            try:
                self.take(happened)
            finally:
                self._busy = False


def put_back(image: Image, inbox: Path) -> None:
    for path in [*inbox.parent.glob("catalogue.db*"), *inbox.glob("*captiond*")]:
        path.unlink()
    for path in image.folder.glob("catalogue.db*"):
        shutil.copy(path, inbox.parent)
    for path in (image.folder / "sidecars").iterdir():
        shutil.copy(path, inbox)


def lasting(parts: Parts) -> tuple[object, ...]:
    """Give what a further start must leave as it is."""
    sidecars = {path.name: path.stat().st_mtime_ns for path in parts.inbox.glob("*captiond*")}
    return parts.rows("SELECT * FROM results"), parts.rows("SELECT * FROM photos"), sidecars


def check(parts: Parts, original: bytes) -> None:
    """Look whether all is there, once, and whether catalogue and sidecar agree."""
    assert parts.rows("SELECT count(*), count(DISTINCT prompt), min(current) FROM results") == [(4, 4, 1)]
    assert parts.rows("SELECT state FROM photos") == [("done",)]
    assert parts.rows("SELECT * FROM jobs") == parts.rows("SELECT * FROM tile_replies") == []
    assert parts.rows("SELECT sidecar_dirty FROM files") == [(0,)]
    entry = parts.catalogue.ask(queries.entry, 1)
    written = {path.name: path.read_bytes() for path in parts.inbox.iterdir()}
    assert written.pop("photo.jpg") == original
    photo = parts.seen(parts.inbox / "photo.jpg")
    assert written == {"photo.jpg.captiond.json": render(entry, photo, VERSION)}, "and nothing unfinished"


async def start_on(
    image: Image,
    inbox: Path,
    decoder: Decoder,
    camera: Camera | None = None,
    *,
    questions: int = PROMPTS,
    crashes: int = 1,
) -> None:
    """Start captiond on what a crash left, and once more on what that start left."""
    original = (inbox / "photo.jpg").read_bytes()
    put_back(image, inbox)
    async with wired(inbox, decoder) as parts:
        if camera:
            camera.calls = lambda: image.calls
        with camera.watching(parts) if camera else nullcontext():
            assert await parts.service().run_once() is Outcome.DONE
        check(parts, original)
        calls = image.calls + len(parts.server.counters.calls)
        assert questions <= calls <= questions + crashes, "one call is repeated at most for each crash"
    async with wired(inbox, decoder) as parts:
        before = lasting(parts)
        assert await parts.service().run_once() is Outcome.DONE
        assert lasting(parts) == before
        assert not parts.server.counters.calls, "there was nothing to do"


async def images_of_a_run(inbox: Path, decoder: Decoder, album: Path) -> list[Image]:
    camera = Camera(inbox, album)
    async with wired(inbox, decoder) as parts:
        with camera.watching(parts):
            assert await parts.service().run_once() is Outcome.DONE
        camera.take("the end")
    return camera.images


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
async def test_after_a_crash_at_any_point_the_next_start_makes_all_good(
    inbox: Path, decoder: Decoder, make_photo: MakePhoto, tmp_path: Path, step: int
) -> None:
    make_photo(text=FRENCH)

    images = await images_of_a_run(inbox, decoder, tmp_path / "album")

    points = [image.point for image in images]
    assert points.count("commit") >= 10, "the photo, its lease, its facts, four results, its sidecar …"
    assert {"open", "os.rename"} <= set(points), "the sidecar while it was written"
    for image in images[::-step]:
        await start_on(image, inbox, decoder)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
async def test_after_a_crash_at_any_point_of_reading_tiles_the_next_start_makes_all_good(
    inbox: Path, decoder: Decoder, tmp_path: Path, step: int
) -> None:
    page().save(inbox / "photo.jpg", quality=95)

    images = await images_of_a_run(inbox, decoder, tmp_path / "album")

    in_the_middle = [image for image in images if PROMPTS <= image.calls < PROMPTS + TILES]
    assert len(in_the_middle) >= TILES, "the whole and the first tile are kept before the next is asked about"
    for image in [*in_the_middle, *images[::-step]]:
        await start_on(image, inbox, decoder, questions=PROMPTS + TILES)


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.slow)])
async def test_after_a_crash_while_taking_up_another_crash_all_is_made_good(
    inbox: Path, decoder: Decoder, make_photo: MakePhoto, tmp_path: Path, step: int
) -> None:
    make_photo(text=FRENCH)
    images = await images_of_a_run(inbox, decoder, tmp_path / "album")
    in_the_middle = next(image for image in images if image.calls == PROMPTS - 1)
    camera = Camera(inbox, tmp_path / "album")

    await start_on(in_the_middle, inbox, decoder, camera)

    assert len(camera.images) > 8
    for image in camera.images[::step]:
        await start_on(image, inbox, decoder, crashes=2)
