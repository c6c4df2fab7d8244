"""Disks of other machines: no events, false listings, errors in one folder, and no answer at all."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import daemon_parts
from acceptance.conftest import Command, Eventually
from conftest import MakePhoto
from daemon_parts import Parts
from faults.bursting import TinyPhotos, watched
from faults.mirror import BROKEN, can_mount, mirrored

anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts
pytestmark = [pytest.mark.root, pytest.mark.skipif(not can_mount(), reason="needs root and /dev/fuse")]

ALL = ["objects", "description", "ocr"]
"""What is asked about a picture without text."""
DONE = "SELECT count(*) FROM photos WHERE state = 'done' AND missing = 0"
STATES = "SELECT path, state FROM files WHERE path LIKE '%.jpg' ORDER BY path"
REFUSED = "SELECT path, reason FROM files WHERE state = 'refused'"

Break = Callable[[str], None]


@pytest.fixture
def far_side(tmp_path: Path) -> Path:
    """The folder of the other machine."""
    folder = tmp_path / "far side"
    folder.mkdir()
    return folder


@pytest.fixture
def inbox(tmp_path: Path, far_side: Path) -> Iterator[Path]:
    """An inbox on a disk of another machine."""
    with mirrored(far_side, tmp_path / "inbox", tmp_path / "fault"):
        yield tmp_path / "inbox"


@pytest.fixture
def break_disk(inbox: Path, tmp_path: Path) -> Iterator[Break]:
    """Let the disk fail in a way, and mend it with an empty word; it is whole again at the end."""
    fault = tmp_path / "fault"

    def fail(how: str) -> None:
        before = fault.with_name("fault to be")
        before.write_text(how)
        before.replace(fault)

    yield fail
    fail("")


@pytest.fixture
def draw(inbox: Path, far_side: Path, make_photo: MakePhoto) -> Callable[[str], Path]:
    """Draw a photo on the far side of the disk."""
    hues = iter(range(0, 360, 7))
    return lambda name: make_photo(f"../far side/{name}", f"hsl({next(hues)}, 80%, 40%)")


@asynccontextmanager
async def watching(parts: Parts) -> AsyncIterator[None]:
    async with parts.running(parts.service()):
        await parts.until(lambda: parts.said("scanned"))
        yield


@pytest.mark.anyio
async def test_what_the_other_machine_writes_is_found_without_an_event(
    parts: Parts, draw: Callable[[str], Path]
) -> None:
    """Test 55."""
    async with watching(parts):
        draw("first.jpg")
        draw("new/second.jpg")
        await parts.until(lambda: parts.rows(DONE) == [(2,)], seconds=90)
        draw("new/third.jpg")
        await parts.until(lambda: parts.rows(DONE) == [(3,)], seconds=90)


@pytest.mark.anyio
async def test_a_slow_writer_on_the_other_machine_ends_with_one_current_answer(
    parts: Parts, far_side: Path, make_photo: MakePhoto
) -> None:
    """Test 11: whether it is written to cannot be known here, so that the half may be read first."""
    content = make_photo("../photo.jpg", "navy", text="Fremd").read_bytes()
    slow = far_side / "slow.jpg"
    async with watching(parts):
        with slow.open("wb", buffering=0) as file:
            file.write(content[: len(content) // 2])
            await parts.until(lambda: parts.said("unreadable"))
            file.write(content[len(content) // 2 :])
        await parts.until(lambda: parts.rows(DONE) == [(1,)])
    assert parts.rows("SELECT state, text FROM photos") == [("done", "Fremd")]
    assert parts.rows("SELECT count(*), sum(current) FROM results") == [(4, 4)]


@pytest.mark.anyio
@pytest.mark.parametrize("count", [5, pytest.param(30, marks=pytest.mark.slow)])
async def test_an_empty_listing_is_not_taken_for_a_deletion(
    parts: Parts, draw: Callable[[str], Path], break_disk: Break, count: int
) -> None:
    """Test 32."""
    for number in range(count):
        draw(f"{number}.jpg")
    async with watching(parts):
        await parts.until(lambda: parts.rows(DONE) == [(count,)], seconds=900)
        asked = len(parts.asked())
        await asyncio.to_thread(break_disk, "empty")
        await parts.until(lambda: parts.said("files gone") or parts.said("inbox offline"))
        await parts.clock.sleep(300)
        assert {state for _, state in parts.rows(STATES)} == {"known"}
        await asyncio.to_thread(break_disk, "")
        await parts.clock.sleep(120)
        assert parts.rows(DONE) == [(count,)]
        assert len(parts.asked()) == asked


@pytest.mark.anyio
@pytest.mark.parametrize(
    "error", ["EIO", *(pytest.param(error, marks=pytest.mark.slow) for error in ("ESTALE", "ENOTCONN"))]
)
async def test_a_folder_that_fails_is_unknown_and_the_others_go_on(
    parts: Parts, draw: Callable[[str], Path], break_disk: Break, error: str
) -> None:
    """Test 33."""
    broken = os.fsdecode(BROKEN)
    draw("good/first.jpg")
    draw(f"{broken}/second.jpg")
    async with watching(parts):
        await parts.until(lambda: parts.rows(DONE) == [(2,)], seconds=90)
        asked = len(parts.asked())
        await asyncio.to_thread(break_disk, error)
        draw("good/third.jpg")
        await parts.until(lambda: parts.rows(DONE) == [(3,)], seconds=90)
        await parts.clock.sleep(300)
        assert {state for _, state in parts.rows(STATES)} == {"known"}
        ((path, reason),) = parts.rows(REFUSED)
        assert (path, str(reason)[:21]) == (broken, "This cannot be read: ")
        await asyncio.to_thread(break_disk, "")
        draw(f"{broken}/fourth.jpg")
        await parts.until(lambda: parts.rows(DONE) == [(4,)], seconds=90)
        await parts.until(lambda: parts.rows(REFUSED) == [], seconds=90)
        assert len(parts.asked()) == asked + 2 * len(ALL)


@pytest.mark.anyio
@pytest.mark.parametrize("error", [pytest.param("EIO", marks=pytest.mark.slow), "ENOTCONN"])
async def test_a_disk_that_fails_altogether_is_away(
    parts: Parts, draw: Callable[[str], Path], break_disk: Break, error: str
) -> None:
    """Test 33, for the whole inbox."""
    draw("first.jpg")
    async with watching(parts):
        await parts.until(lambda: parts.rows(DONE) == [(1,)], seconds=90)
        await asyncio.to_thread(break_disk, f"{error} all")
        await parts.until(lambda: parts.said("inbox offline"), seconds=90)
        await parts.clock.sleep(300)
        assert parts.rows(STATES) == [("first.jpg", "known")]
        await asyncio.to_thread(break_disk, "")
        await parts.until(lambda: parts.said("inbox back"), seconds=90)
        draw("second.jpg")
        await parts.until(lambda: parts.rows(DONE) == [(2,)], seconds=90)


@pytest.fixture
def beside_a_stuck_disk(
    lonely: Command, inbox: Path, break_disk: Break, tmp_path: Path, draw: Callable[[str], Path]
) -> Iterator[tuple[Command, Path]]:
    """captiond with two inboxes; the disk of one answers nothing any more. Gives the other inbox, too."""
    healthy = tmp_path / "healthy"
    healthy.mkdir()
    draw("first.jpg")
    lonely.settings["CAPTIOND_INBOX__SCAN_MINUTES"] = "0.02"
    with watched(lonely, inbox, healthy):
        break_disk("hang")
        time.sleep(3)
        try:
            yield lonely, healthy
        finally:
            break_disk("")


def test_a_disk_that_hangs_does_not_hold_up_the_other_inbox(
    beside_a_stuck_disk: tuple[Command, Path], eventually: Eventually
) -> None:
    """Test 34."""
    command, healthy = beside_a_stuck_disk
    photo = TinyPhotos(healthy)
    for number in range(20):
        (healthy / f"{number}.jpg").write_bytes(photo(number))
    eventually(lambda: command.rows("SELECT count(*) FROM files WHERE inbox LIKE '%healthy'") == [(20,)])


def test_a_disk_that_hangs_is_told(
    beside_a_stuck_disk: tuple[Command, Path], inbox: Path, eventually: Eventually
) -> None:
    """Test 34: the disk of one inbox answers nothing, and somebody has to say so."""
    command, _ = beside_a_stuck_disk
    eventually(lambda: [line for line in command.told("inbox offline") if str(inbox) in line], seconds=30)


def test_a_stop_is_not_held_up_by_a_disk_that_hangs(
    lonely: Command, inbox: Path, break_disk: Break, eventually: Eventually
) -> None:
    """Test 34: a service manager would wait for it."""
    lonely.settings["CAPTIOND_INBOX__SCAN_MINUTES"] = "0.02"
    lonely.settings["CAPTIOND_LOG_LEVEL"] = "debug"
    with lonely.running(inbox) as process:
        eventually(lambda: lonely.told("scanned"))
        break_disk("hang")
        time.sleep(2)
        process.terminate()
        try:
            assert process.wait(15) == 0
        finally:
            break_disk("")
