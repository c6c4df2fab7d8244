"""What happens to photos that are there: renamed, edited, deleted, taken away with their folder or inbox."""

import os
import shutil
import time
from hashlib import sha256
from pathlib import Path

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside
from conftest import MakePhoto

STALL_SECONDS = 1.0
"""Longer than the impatient captiond waits for a file to stand still."""


def test_a_rename_within_the_inbox_costs_no_call(
    *,
    watching: Command,
    server: SimulatedServer,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    old = make_photo("old.jpg")
    eventually(beside(old).exists)
    new = old.rename(old.with_name("new.jpg"))
    eventually(beside(new).exists)

    assert sidecar_of(new)["image"]["file"] == "new.jpg"
    assert len(server.questions) == 3


def test_a_folder_that_is_moved_in_and_renamed_keeps_its_answers(
    *, watching: Command, server: SimulatedServer, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    (outside.parent / "deeper").mkdir()
    outside.rename(outside.parent / "deeper/photo.jpg")
    folder = outside.parent.rename(inbox / "holiday")
    eventually(beside(folder / "deeper/photo.jpg").exists)
    asked = len(server.questions)

    folder = folder.rename(inbox / "spain")
    beside(folder / "deeper/photo.jpg").unlink()
    eventually(beside(folder / "deeper/photo.jpg").exists)

    assert len(server.questions) == asked == 4


def test_a_folder_swapped_for_another_of_its_name_is_still_watched(
    *, watching: Command, tmp_path: Path, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    folder = inbox / "folder"
    for _ in range(3):
        folder.mkdir()
        away = folder.rename(tmp_path / "away")
        folder.mkdir()
        folder.rmdir()
        away.rmdir()
    folder.mkdir()
    photo = shutil.copy(outside, folder / "photo.jpg")
    eventually(beside(photo).exists)


def test_a_folder_renamed_while_its_photo_is_asked_about_stops_nothing(
    *,
    watching: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    eventually: Eventually,
) -> None:
    server.plant({"kind": "slow", "seconds": 0.3})
    folder = make_photo("before/photo.jpg", "olive").parent
    eventually(lambda: server.questions)

    folder = folder.rename(inbox / "after")
    server.plant()

    eventually(beside(folder / "photo.jpg").exists)
    eventually(lambda: watching.told("described"))
    assert not watching.told("a fault in captiond")
    assert len(server.questions) == 3
    assert not (watching.catalogue.parent / "sidecars").exists(), "nothing is written for a path that is gone"


def test_a_photo_renamed_while_it_is_asked_about_leaves_no_sidecar_behind(
    *,
    watching: Command,
    server: SimulatedServer,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    server.plant({"kind": "slow", "seconds": 0.3})
    old = make_photo("old.jpg", "olive")
    eventually(lambda: server.questions)

    new = old.rename(old.with_name("new.jpg"))
    server.plant()

    eventually(beside(new).exists)
    eventually(lambda: watching.told("described"))
    assert sidecar_of(new)["state"] == "done"
    assert not beside(old).exists()
    assert len(server.questions) == 3


def test_a_photo_replaced_while_it_is_asked_about_is_asked_about_anew(
    *,
    watching: Command,
    server: SimulatedServer,
    make_photo: MakePhoto,
    outside: Path,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    server.plant({"kind": "slow", "seconds": 0.3})
    photo = make_photo("photo.jpg", "olive")
    eventually(lambda: server.questions)
    server.plant()
    outside.replace(photo)

    eventually(lambda: beside(photo).exists() and sidecar_of(photo)["summary"].get("text") == "Fremd")
    assert sidecar_of(photo)["image"]["sha256"] == sha256(photo.read_bytes()).hexdigest()


def test_an_edit_is_asked_about_anew_and_a_touch_is_not(
    *,
    watching: Command,
    server: SimulatedServer,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    photo = make_photo("photo.bmp.png", "olive")
    eventually(beside(photo).exists)
    first = sidecar_of(photo)["image"]["sha256"]
    photo.touch()
    photo.chmod(0o640)
    photo.write_bytes(photo.read_bytes())
    time.sleep(STALL_SECONDS)
    assert len(server.questions) == 3

    stamp = photo.stat()
    make_photo(photo.name, "teal")
    os.utime(photo, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    eventually(lambda: sidecar_of(photo)["image"]["sha256"] != first)
    assert len(server.questions) == 6


def test_a_photo_that_goes_and_comes_back_is_known(
    *,
    watching: Command,
    server: SimulatedServer,
    make_photo: MakePhoto,
    tmp_path: Path,
    eventually: Eventually,
) -> None:
    photo = make_photo()
    eventually(beside(photo).exists)
    away = photo.rename(tmp_path / "away.jpg")
    beside(photo).unlink()
    time.sleep(STALL_SECONDS)
    back = away.rename(photo.with_name("back.jpg"))

    eventually(beside(back).exists)
    assert len(server.questions) == 3


def test_a_photo_deleted_before_its_turn_is_no_trouble(
    *, watching: Command, server: SimulatedServer, make_photo: MakePhoto, eventually: Eventually
) -> None:
    server.plant({"kind": "slow", "seconds": 0.3})
    first = make_photo("first.jpg")
    eventually(lambda: server.questions)
    doomed = [make_photo(f"{hue}.jpg", f"hsl({hue}, 90%, 30%)") for hue in (10, 20, 30)]
    eventually(lambda: watching.rows("SELECT count(*) FROM files") == [(4,)])
    for path in doomed:
        path.unlink()
    server.plant()
    last = make_photo("last.jpg", "navy")

    eventually(lambda: beside(first).exists() and beside(last).exists())
    assert not watching.told("failed")
    assert not watching.told("will try again")


def test_an_inbox_that_is_removed_and_made_again_is_watched_again(
    *, watching: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    first = make_photo("first.jpg")
    eventually(beside(first).exists)
    away = inbox.rename(inbox.with_name("away"))
    eventually(lambda: watching.told("inbox offline"))
    assert watching.rows("SELECT count(*) FROM files WHERE state = 'missing'") == [(0,)]

    away.rename(inbox)
    eventually(lambda: watching.told("inbox back"))
    later = make_photo("later.jpg", "navy")
    eventually(beside(later).exists)
    assert len(server.questions) == 6
