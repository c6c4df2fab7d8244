"""Files that are the same, become another, go and come back: a photo is its bytes, asked about once."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import daemon_parts
from captiond.simulator import Fault
from conftest import MakePhoto
from daemon_parts import Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

ALL = ["objects", "description", "ocr"]
"""What is asked about a picture without text."""
PHOTOS = "SELECT state, missing, copies, count(*) FROM photos GROUP BY state, missing, copies"
FILES = "SELECT path, state FROM files ORDER BY path"
RESULTS = "SELECT count(*) FROM results WHERE current = 1"
A_MINUTE, AN_HOUR = 60.0, 3600.0
SCAN_SECONDS = 60.0


@asynccontextmanager
async def watching(parts: Parts) -> AsyncIterator[None]:
    """Let the daemon run; it has looked through the inbox once more."""
    before = len(parts.said("scanned"))
    async with parts.running(parts.service()):
        await parts.until(lambda: len(parts.said("scanned")) > before)
        yield


async def scanned_twice(parts: Parts) -> None:
    """Let two scans pass, and the time that a file is waited for."""
    await parts.clock.sleep(2 * SCAN_SECONDS + 15)


def done(parts: Parts) -> int:
    return len(parts.rows("SELECT 1 FROM photos WHERE state = 'done'"))


def shows(parts: Parts, **files: str) -> bool:
    """Tell whether the catalogue has just these files, in these states."""
    return dict(parts.rows(FILES)) == {f"{name}.jpg": state for name, state in files.items()}


async def test_the_same_bytes_under_three_names_are_one_photo(parts: Parts, make_photo: MakePhoto) -> None:
    """Test 21: two come together, the third later."""
    first = make_photo("a.jpg")
    async with watching(parts):
        shutil.copy(first, parts.inbox / "b.jpg")
        await parts.until(lambda: done(parts))
        shutil.copy(first, parts.inbox / "c.jpg")
        await parts.until(lambda: shows(parts, a="known", b="known", c="known"))
        await scanned_twice(parts)
    assert parts.rows(PHOTOS) == [("done", 0, 3, 1)]
    assert parts.asked() == ALL


async def test_renamed_moved_and_with_its_folder_renamed_a_photo_costs_no_call(
    parts: Parts, make_photo: MakePhoto
) -> None:
    """Test 22."""
    for number in range(12):
        make_photo(f"folder/{number}.jpg", f"hsl({30 * number}, 80%, 40%)")
    async with watching(parts):
        await parts.until(lambda: done(parts) == 12)
        asked = len(parts.asked())
        folder = (parts.inbox / "folder").rename(parts.inbox / "renamed")
        (folder / "0.jpg").rename(folder / "zero.jpg")
        (parts.inbox / "other").mkdir()
        (folder / "1.jpg").rename(parts.inbox / "other/1.jpg")
        await scanned_twice(parts)
    paths = {path for (path,) in parts.rows("SELECT path FROM photos")}
    assert paths == {"renamed/zero.jpg", "other/1.jpg", *(f"renamed/{number}.jpg" for number in range(2, 12))}
    assert parts.rows(PHOTOS) == [("done", 0, 1, 12)]
    assert len(parts.asked()) == asked


async def test_another_file_under_the_same_number_is_another_photo(
    parts: Parts, make_photo: MakePhoto
) -> None:
    """Test 23: some disks give the inode of a deleted file to the next; the time is the same, too."""
    old = make_photo("a.jpg", "#102030")
    async with watching(parts):
        await parts.until(lambda: done(parts) == 1)
        before = old.stat()
        old.unlink()
        new = make_photo("a.jpg", "#302010")
        os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
        await parts.until(lambda: done(parts) == 2)
    assert parts.asked() == 2 * ALL


async def test_an_edit_that_keeps_size_and_time_is_another_photo(parts: Parts, make_photo: MakePhoto) -> None:
    """Test 24: nobody heard of it; but the time of change cannot be set back."""
    path = make_photo("a.jpg")
    await parts.clock.sleep(15)
    await parts.service().run_once()
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-30] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
    )
    await parts.clock.sleep(15)
    await parts.service().run_once()
    assert done(parts) == 2
    assert parts.asked() == 2 * ALL


def _touch(path: Path) -> None:
    path.touch()


def _change_mode(path: Path) -> None:
    path.chmod(0o640)


def _change_owner(path: Path) -> None:
    os.chown(path, 12345 if os.geteuid() == 0 else -1, -1)


def _copy_over(path: Path) -> None:
    path.write_bytes(path.read_bytes())


def _replace(path: Path) -> None:
    shutil.copy(path, path.with_name(".new")).replace(path)


@pytest.mark.parametrize("change", [_touch, _change_mode, _change_owner, _copy_over, _replace])
async def test_what_leaves_the_bytes_as_they_are_costs_no_call(
    parts: Parts, make_photo: MakePhoto, change: Callable[[Path], None]
) -> None:
    """Test 25."""
    path = make_photo("a.jpg")
    async with watching(parts):
        await parts.until(lambda: done(parts) == 1)
        change(path)
        await scanned_twice(parts)
    assert parts.rows("SELECT ctime_ns FROM files") == [(path.stat().st_ctime_ns,)], "it was looked at"
    assert parts.rows(PHOTOS) == [("done", 0, 1, 1)]
    assert parts.asked() == ALL


async def test_a_photo_moved_out_is_missing_after_two_scans_and_known_when_it_is_back(
    parts: Parts, make_photo: MakePhoto
) -> None:
    """Test 26."""
    path = make_photo("a.jpg")
    make_photo("b.jpg", "navy")
    async with watching(parts):
        await parts.until(lambda: done(parts) == 2)
        asked = len(parts.asked())
        away = path.rename(parts.inbox.with_name("away.jpg"))
        await parts.clock.sleep(A_MINUTE - 1)
        assert shows(parts, a="known", b="known")
        await parts.until(lambda: shows(parts, a="missing", b="known"), seconds=3 * SCAN_SECONDS)
        assert parts.rows("SELECT missing FROM photos WHERE path = 'a.jpg'") == [(1,)]
        assert parts.rows(RESULTS) == [(8,)]
        away.rename(path)
        await parts.until(lambda: shows(parts, a="known", b="known"))
    assert parts.rows(PHOTOS) == [("done", 0, 1, 2)]
    assert len(parts.asked()) == asked


async def test_a_photo_that_comes_back_under_another_name_is_asked_about_at_once(
    parts: Parts, make_photo: MakePhoto
) -> None:
    """Test 22: it was away when its turn came."""
    await parts.server.stop()
    path = make_photo("a.jpg")
    async with watching(parts):
        await parts.until(lambda: parts.rows("SELECT 1 FROM photos"))
        away = path.rename(parts.inbox.with_name("away.jpg"))
        await parts.server.start()
        await parts.until(lambda: parts.said("put off"))
        away.rename(parts.inbox / "b.jpg")
        await parts.until(lambda: done(parts) == 1, seconds=SCAN_SECONDS + 30)


async def test_photos_deleted_before_their_turn_end_without_a_try(
    parts: Parts, make_photo: MakePhoto
) -> None:
    """Test 27."""
    await parts.server.stop()
    doomed = [make_photo(f"{hue}.jpg", f"hsl({hue}, 90%, 30%)") for hue in range(0, 50, 10)]
    make_photo("good.jpg")
    async with watching(parts):
        await parts.until(lambda: len(parts.rows("SELECT 1 FROM photos")) == 6)
        for path in doomed:
            path.unlink()
        await parts.server.start()
        await parts.until(lambda: done(parts) == 1)
        await parts.clock.sleep(12 * A_MINUTE)
    assert parts.asked() == ALL
    assert not parts.said("failed")
    assert not parts.said("will try again")
    assert len(parts.said("put off")) <= len(doomed)
    assert parts.rows("SELECT DISTINCT state FROM files WHERE path <> 'good.jpg'") == [("missing",)]


async def test_a_whole_inbox_that_is_emptied_is_held_for_an_hour_and_loses_no_answer(
    parts: Parts, make_photo: MakePhoto
) -> None:
    """Test 28."""
    paths = [make_photo(f"{number}.jpg", f"rgb({number * 5}, 90, 30)") for number in range(22)]
    async with watching(parts):
        await parts.until(lambda: done(parts) == 22, seconds=AN_HOUR)
        asked = len(parts.asked())
        for path in paths:
            path.unlink()
        await parts.until(lambda: parts.said("files gone"))
        await parts.clock.sleep(50 * A_MINUTE)
        assert parts.rows("SELECT DISTINCT state FROM files") == [("known",)]
        assert any("22 of 22 known files are gone" in sentence for sentence in parts.sentences)
        await parts.until(
            lambda: parts.rows("SELECT DISTINCT state FROM files") == [("missing",)],
            seconds=AN_HOUR,
            step_seconds=30,
        )
        assert parts.rows(RESULTS) == [(22 * 4,)]
        make_photo("0.jpg", "rgb(0, 90, 30)")
        await parts.until(lambda: ("0.jpg", "known") in parts.rows(FILES))
    assert len(parts.asked()) == asked


async def test_a_photo_replaced_while_it_is_asked_about_ends_with_the_answers_of_the_second(
    parts: Parts, make_photo: MakePhoto
) -> None:
    """Test 20."""
    path = make_photo("a.jpg", "olive")
    other = make_photo("../other.jpg", "navy", text="Fremd")
    parts.server.faults.set(Fault("slow", seconds=0.2))
    async with watching(parts):
        await parts.until(parts.asked)
        other.replace(path)
        parts.server.faults.clear()
        await parts.until(
            lambda: parts.rows("SELECT text FROM photos WHERE missing = 0 AND state = 'done'") == [("Fremd",)]
        )
    assert parts.rows("SELECT count(*) FROM files WHERE state = 'known'") == [(1,)]


async def test_a_clock_that_is_set_back_holds_up_no_photo(
    parts: Parts, make_photo: MakePhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test 56: an hour back, so that each new file seems to come from the future."""
    now = parts.clock.now

    def an_hour_ago() -> datetime:
        return now() - timedelta(hours=1)

    async with watching(parts):
        make_photo("before.jpg")
        await parts.until(lambda: done(parts) == 1)
        monkeypatch.setattr(parts.clock, "now", an_hour_ago)
        make_photo("after.jpg", "navy")
        await parts.until(lambda: done(parts) == 2, seconds=SCAN_SECONDS + 30)
