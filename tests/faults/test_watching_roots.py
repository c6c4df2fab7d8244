"""Inboxes that go and come: deleted, renamed, unmounted, hidden by another disk."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually
from faults.bursting import TinyPhotos, watched
from faults.conftest import Measured

SCAN_SECONDS = 1.2
SOON_SECONDS = 5.0
MISSING = "SELECT count(*) FROM files WHERE state = 'missing' OR absent_since IS NOT NULL"
needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None, reason="needs root, to mount"
)


def names(command: Command) -> set[str]:
    """Name the files that are known, by their paths in the inbox."""
    return {path for (path,) in command.rows("SELECT path FROM files WHERE state = 'known'")}


def photos(command: Command) -> int:
    count: int = command.rows("SELECT count(*) FROM photos")[0][0]
    return count


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """Mount a small disk of its own on a folder."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False)
    if done.returncode:
        pytest.skip("this root may not mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


@pytest.fixture
def quick(lonely: Command) -> Command:
    """captiond that scans every second or so."""
    lonely.settings["CAPTIOND_INBOX__SCAN_MINUTES"] = str(SCAN_SECONDS / 60)
    lonely.settings["CAPTIOND_INBOX__QUIET_SECONDS"] = "0.3"
    return lonely


@pytest.fixture
def offline_soon(lonely: Command, eventually: Eventually, measured: Measured) -> Callable[[], None]:
    """Wait until captiond says that the inbox is away, and tell how long that took."""

    def wait() -> None:
        began = time.monotonic()
        eventually(lambda: len(lonely.told("inbox offline")) > len(lonely.told("inbox back")))
        seconds = time.monotonic() - began
        measured(f"offline after {seconds:.1f} s")
        assert seconds < SOON_SECONDS

    return wait


def test_an_inbox_that_is_deleted_and_made_again_is_watched_again(
    lonely: Command, inbox: Path, offline_soon: Callable[[], None], eventually: Eventually
) -> None:
    """Test 29: the scans are a minute apart, so that it has to be noticed by itself."""
    photo = TinyPhotos(inbox)
    with watched(lonely, inbox):
        for number in range(3):
            (inbox / f"{number}.jpg").write_bytes(photo(number))
        eventually(lambda: len(names(lonely)) == 3)
        shutil.rmtree(inbox)
        offline_soon()
        assert lonely.rows(MISSING) == [(0,)]
        inbox.mkdir()
        (inbox / "before.jpg").write_bytes(photo(4))
        eventually(lambda: lonely.told("inbox back"))
        eventually(lambda: "before.jpg" in names(lonely))
        (inbox / "after.jpg").write_bytes(photo(5))
        eventually(lambda: "after.jpg" in names(lonely))
    assert lonely.rows("SELECT count(*) FROM files WHERE state = 'missing'") == [(0,)]


@pytest.mark.parametrize("renamed", ["the inbox", pytest.param("the folder above", marks=pytest.mark.slow)])
def test_a_new_inbox_in_the_place_of_one_that_was_renamed_is_watched(
    lonely: Command, tmp_path: Path, renamed: str, eventually: Eventually
) -> None:
    """Test 30: what happens in the renamed one is nobody's business any more."""
    inbox = tmp_path / "above" / "inbox"
    inbox.mkdir(parents=True)
    photo = TinyPhotos(inbox)
    moved = inbox if renamed == "the inbox" else inbox.parent
    with watched(lonely, inbox):
        (inbox / "first.jpg").write_bytes(photo(1))
        eventually(lambda: names(lonely) == {"first.jpg"})
        away = moved.rename(tmp_path / "away")
        inbox.mkdir(parents=True)
        old = away if moved == inbox else away / "inbox"
        (old / "stale.jpg").write_bytes(photo(2))
        (inbox / "second.jpg").write_bytes(photo(3))
        eventually(lambda: "second.jpg" in names(lonely))
        (old / "stale too.jpg").write_bytes(photo(4))
        (inbox / "third.jpg").write_bytes(photo(5))
        eventually(lambda: "third.jpg" in names(lonely))
    assert names(lonely) == {"first.jpg", "second.jpg", "third.jpg"}
    assert not [line for line in lonely.log.splitlines() if "stale" in line]


@needs_mounts
@pytest.mark.root
@pytest.mark.parametrize(
    "how", [(), pytest.param(("--lazy",), marks=pytest.mark.slow)], ids=["unmounted", "unmounted lazily"]
)
def test_what_lies_under_the_mount_of_an_inbox_is_not_taken_for_it(
    *, quick: Command, inbox: Path, how: tuple[str, ...], eventually: Eventually
) -> None:
    """Test 31: and when the disk is back, nothing is read anew but what is new."""
    photo = TinyPhotos(inbox)
    with mounted(inbox):
        for number in range(5):
            (inbox / f"{number}.jpg").write_bytes(photo(number))
        with watched(quick, inbox):
            eventually(lambda: len(names(quick)) == 5)
            subprocess.run(["umount", *how, inbox], check=True)
            (inbox / "underneath.jpg").write_bytes(photo(6))
            eventually(lambda: quick.told("inbox offline") or quick.told("files gone"))
            time.sleep(3 * SCAN_SECONDS)
            assert quick.rows("SELECT count(*) FROM files WHERE state = 'missing'") == [(0,)]
            assert "underneath.jpg" not in names(quick)
            with mounted(inbox):
                for number in (*range(5), 7):
                    (inbox / f"{number}.jpg").write_bytes(photo(number))
                eventually(lambda: "7.jpg" in names(quick))
                assert photos(quick) == 6
                assert len(names(quick)) == 6


@needs_mounts
@pytest.mark.root
def test_a_disk_that_is_mounted_over_the_inbox_hides_it_and_deletes_nothing(
    quick: Command, inbox: Path, eventually: Eventually
) -> None:
    """Test 31, the other way round: an empty disk comes over a full folder."""
    photo = TinyPhotos(inbox)
    for number in range(5):
        (inbox / f"{number}.jpg").write_bytes(photo(number))
    with watched(quick, inbox):
        eventually(lambda: len(names(quick)) == 5)
        with mounted(inbox):
            eventually(lambda: quick.told("inbox offline") or quick.told("files gone"))
            time.sleep(3 * SCAN_SECONDS)
            assert len(names(quick)) == 5
        (inbox / "later.jpg").write_bytes(photo(6))
        eventually(lambda: "later.jpg" in names(quick))
    assert photos(quick) == 6
