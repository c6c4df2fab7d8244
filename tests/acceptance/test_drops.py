"""Files that come, change and go under a watching daemon: each photo is asked about once, and only whole."""

import json
import shutil
import time
from pathlib import Path

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside
from conftest import MakePhoto

STALL_SECONDS = 1.0
"""Longer than the impatient captiond waits for a file to stand still."""
PHOTOS = "SELECT state, missing, count(*) FROM photos GROUP BY state, missing"
DONE_ONCE = [("done", 0, 1)]


def test_a_photo_that_is_copied_in_is_read(
    watching: Command, inbox: Path, outside: Path, sidecar_of: Sidecar, eventually: Eventually
) -> None:
    copy = shutil.copy2(outside, inbox / "copy.jpg")
    eventually(beside(copy).exists)
    assert sidecar_of(copy)["summary"]["text"] == "Fremd"


def test_a_photo_that_is_moved_in_is_read(
    watching: Command, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    moved = outside.rename(inbox / "moved.jpg")
    eventually(beside(moved).exists)


def test_a_photo_that_is_linked_in_is_read(
    watching: Command, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    linked = inbox / "linked.jpg"
    linked.hardlink_to(outside)
    eventually(beside(linked).exists)


def test_a_slow_copy_is_read_once_its_writer_is_done(
    *,
    watching: Command,
    server: SimulatedServer,
    inbox: Path,
    outside: Path,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    content, slow = outside.read_bytes(), inbox / "slow.jpg"
    with slow.open("wb", buffering=0) as file:
        for start in range(0, len(content), 1 + len(content) // 6):
            file.write(content[start : start + 1 + len(content) // 6])
            time.sleep(0.1)
            if start < len(content) / 2 <= file.tell():
                time.sleep(STALL_SECONDS)
        assert not server.questions

    eventually(beside(slow).exists)
    assert sidecar_of(slow)["summary"]["text"] == "Fremd"
    assert len(server.questions) == 4
    assert not watching.told("unreadable"), "half a picture was read"
    assert watching.rows(PHOTOS) == DONE_ONCE


def test_a_copy_that_broke_off_is_told_and_forgotten_when_it_comes_again(
    *,
    watching: Command,
    server: SimulatedServer,
    inbox: Path,
    outside: Path,
    eventually: Eventually,
) -> None:
    content, copy = outside.read_bytes(), inbox / "copy.jpg"
    copy.write_bytes(content[: len(content) // 2])
    eventually(lambda: watching.told("unreadable"))
    assert "probably not completely copied" in (watching.why(copy) or "")
    assert not server.questions

    copy.write_bytes(content)

    eventually(beside(copy).exists)
    assert len(server.questions) == 4
    assert watching.why(copy) is None
    assert json.loads(watching("status", "--json").stdout)["problems"] == []


def test_unfinished_names_are_left_alone_until_they_are_renamed(
    *, watching: Command, server: SimulatedServer, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    names = ("a.jpg.part", "b.crdownload", ".c.jpg.XyZ123", "~syncthing~d.jpg.tmp", "._e.jpg")
    arriving = [shutil.copy(outside, inbox / name) for name in names]
    time.sleep(STALL_SECONDS)
    assert watching.rows("SELECT path FROM files") == []

    photos = [path.rename(inbox / f"{number}.jpg") for number, path in enumerate(arriving)]

    eventually(lambda: all(beside(photo).exists() for photo in photos))
    assert len(server.questions) == 4, "the same bytes, once"


def test_a_placeholder_is_replaced_by_the_photo(
    *, watching: Command, server: SimulatedServer, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    photo = inbox / "download.jpg"
    photo.touch()
    eventually(lambda: watching.why(photo) == "Not read: the file is empty so far.")

    shutil.copy(outside, inbox / "download.jpg.part").rename(photo)

    eventually(beside(photo).exists)
    assert watching.why(photo) is None
    assert len(server.questions) == 4


def test_new_folders_within_new_folders_are_seen_at_once(
    watching: Command, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photos = [
        make_photo(f"{year}/{month}/day/hour/{year}-{month}.png", f"#{year}{month}", size=(64, 64))
        for year in (2023, 2024)
        for month in range(10, 30)
    ]
    eventually(lambda: all(beside(photo).exists() for photo in photos))


def test_three_copies_that_come_together_are_asked_about_once(
    *, watching: Command, server: SimulatedServer, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    copies = [shutil.copy(outside, inbox / f"{number}.jpg") for number in range(3)]
    eventually(lambda: all(beside(copy).exists() for copy in copies))

    assert len(server.questions) == 4
    assert watching.rows("SELECT copies FROM photos") == [(3,)]
