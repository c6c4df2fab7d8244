"""Events that are lost, late or not to be had: watches used up, a watcher that dies, a daemon that sleeps."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually
from faults.bursting import KNOWN, TinyPhotos, keep_up_with, known, standing, watched
from faults.conftest import Measured

LIMITED = 'echo "$1" > "/proc/sys/user/$0" && shift && exec "$@"'
HAS_TABLES = "SELECT 1 FROM sqlite_master WHERE name = 'files'"
SCAN_SECONDS = 1.2
EVENTS_IN_THE_QUEUE = 16_384
IN_ACCESS, IN_MODIFY, IN_ATTRIB, IN_CLOSE_NOWRITE, IN_OPEN = 0x1, 0x2, 0x4, 0x10, 0x20
"""What reading, hashing and listing a file sets off, or writing to it before it is whole."""


def limits_can_be_set() -> bool:
    """Tell whether this user may make a user namespace, in which inotify has limits of its own."""
    unshare = shutil.which("unshare")
    return (
        unshare is not None
        and not subprocess.run(
            [unshare, "--user", "--map-root-user", "true"], check=False, capture_output=True
        ).returncode
    )


needs_limits = pytest.mark.skipif(not limits_can_be_set(), reason="needs user namespaces")


def limit(command: Command, name: str, most: int) -> Command:
    """Let captiond run with a limit of its own on its inotify watches or instances."""
    command.started_by = ("unshare", "--user", "--map-root-user", "sh", "-c", LIMITED, name, str(most))
    command.settings["CAPTIOND_INBOX__SCAN_MINUTES"] = str(SCAN_SECONDS / 60)
    return command


# ── watchdog's own faults ──


def test_a_folder_whose_name_another_took_costs_no_later_photo(
    *, lonely: Command, inbox: Path, tmp_path: Path, eventually: Eventually, measured: Measured
) -> None:
    """Test 35: watchdog, left to itself, dies of it."""
    photo = TinyPhotos(inbox)
    with watched(lonely, inbox) as process:
        for number in range(2):
            folder, away = inbox / "2024", tmp_path / "away"
            folder.mkdir()
            time.sleep(0.3)
            folder.rename(away)
            folder.mkdir()
            time.sleep(0.3)
            folder.rmdir()
            away.rmdir()
            (inbox / f"{number}.jpg").write_bytes(photo(number))
            outcome = keep_up_with(lonely, process, number + 1, patience_seconds=5)
            measured(str(outcome))
            assert known(lonely) == number + 1
        eventually(lambda: standing(lonely)["rebuilds"] > 0)


def churn(inbox: Path, outside: Path, dice: random.Random, seconds: float) -> None:
    """Make, rename, move out, move back and remove folders at random."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        here = [path for path in inbox.rglob("*") if path.is_dir()]
        gone = list(outside.iterdir())
        there = dice.choice([inbox, *here]) / f"{dice.randrange(30)}"
        with suppress(OSError):  # a name that is taken, a folder moved into itself
            match dice.randrange(8):
                case 1 if here:
                    dice.choice(here).rename(there)
                case 2 if here:
                    dice.choice(here).rename(outside / f"{time.monotonic_ns()}")
                case 3 if gone:
                    dice.choice(gone).rename(there)
                case 4 if here:
                    shutil.rmtree(dice.choice(here))
                case _:
                    there.mkdir()


@pytest.mark.parametrize(
    ("seed", "seconds"),
    [(1, 3.0), *(pytest.param(seed, 60.0, marks=pytest.mark.slow) for seed in (2, 3, 4))],
)
@pytest.mark.timeout(300)
def test_after_folders_came_and_went_at_random_none_is_overlooked(
    *, lonely: Command, inbox: Path, tmp_path: Path, seed: int, seconds: float, measured: Measured
) -> None:
    """Test 36."""
    outside = tmp_path / "outside"
    outside.mkdir()
    lonely.settings["CAPTIOND_INBOX__SCAN_MINUTES"] = str(2 * SCAN_SECONDS / 60)
    photo = TinyPhotos(inbox)
    with watched(lonely, inbox) as process:
        churn(inbox, outside, random.Random(seed), seconds)
        folders = [inbox, *(path for path in inbox.rglob("*") if path.is_dir())]
        for number, folder in enumerate(folders):
            (folder / f"photo {number}.jpg").write_bytes(photo(number))
        outcome = keep_up_with(lonely, process, len(folders), patience_seconds=30)
    measured(f"{len(folders)} folders: {outcome}")
    assert known(lonely) == len(folders)


# ── events that are lost ──


@pytest.mark.parametrize(
    ("events", "photos"),
    [(EVENTS_IN_THE_QUEUE + 1_000, 50), pytest.param(60_000, 20_000, marks=pytest.mark.slow)],
)
@pytest.mark.timeout(900)
def test_more_events_than_the_system_keeps_cost_no_photo(
    *,
    lonely: Command,
    inbox: Path,
    events: int,
    photos: int,
    eventually: Eventually,
    measured: Measured,
) -> None:
    """Test 37: the daemon stands still meanwhile."""
    photo = TinyPhotos(inbox)
    with watched(lonely, inbox) as process:
        process.send_signal(signal.SIGSTOP)
        # Each closing of an ignored file fills the queue as well; two alike in a row would count as one.
        unfinished = [inbox / "a.part", inbox / "b.part"]
        for number in range(events):
            unfinished[number % 2].write_bytes(b"")
        (inbox / "new folder").mkdir()
        for number in range(photos):
            (inbox / ("", "new folder")[number % 2] / f"{number}.jpg").write_bytes(photo(number))
        process.send_signal(signal.SIGCONT)
        outcome = keep_up_with(lonely, process, photos, patience_seconds=10 + photos / 20)
        assert known(lonely) == photos
        (inbox / "new folder/later.jpg").write_bytes(photo(photos))
        later = keep_up_with(lonely, process, photos + 1, patience_seconds=10)
        eventually(lambda: standing(lonely)["overflows"] > 0)
    measured(f"{outcome}; one more in a new folder after {later.seconds:.1f} s")
    assert known(lonely) == photos + 1


@needs_limits
def test_folders_without_a_watch_are_told_and_looked_through_at_each_scan(
    lonely: Command, inbox: Path, eventually: Eventually, measured: Measured
) -> None:
    """Test 38: 50 watches for 200 folders."""
    photo = TinyPhotos(inbox)
    folders = [inbox / str(number) for number in range(200)]
    for folder in folders:
        folder.mkdir()
    with watched(limit(lonely, "max_inotify_watches", 50), inbox) as process:
        eventually(lambda: lonely.told("watching degraded"))
        for number, folder in enumerate(folders):
            (folder / f"{number}.jpg").write_bytes(photo(number))
        outcome = keep_up_with(lonely, process, len(folders), patience_seconds=20)
    measured(str(outcome))
    assert known(lonely) == len(folders)
    assert "fs.inotify.max_user_watches=" in lonely.told("watching degraded")[0]


@needs_limits
def test_without_any_watcher_it_starts_says_so_and_finds_all_by_scans(
    lonely: Command, inbox: Path, eventually: Eventually
) -> None:
    """Test 39."""
    with watched(limit(lonely, "max_inotify_instances", 0), inbox) as process:
        eventually(lambda: lonely.told("watching degraded"))
        (inbox / "photo.jpg").write_bytes(TinyPhotos(inbox)(1))
        keep_up_with(lonely, process, 1, patience_seconds=15)
    assert known(lonely) == 1
    assert "fs.inotify.max_user_instances=" in lonely.told("watching degraded")[0]


def test_our_own_reading_sets_off_no_event(lonely: Command, inbox: Path) -> None:
    """Test 49: the kernel is never asked to tell of a file that is opened or read."""
    with watched(lonely, inbox) as process:
        descriptors = Path(f"/proc/{process.pid}/fdinfo").iterdir()
        told = "\n".join(descriptor.read_text() for descriptor in descriptors)
    masks = [int(mask, 16) for mask in re.findall(r"^inotify .* mask:([0-9a-f]+)", told, re.MULTILINE)]
    assert masks
    for kind in (IN_ACCESS, IN_OPEN, IN_CLOSE_NOWRITE, IN_ATTRIB, IN_MODIFY):
        assert not any(mask & kind for mask in masks)


# ── nobody listens ──


def test_a_log_that_nobody_reads_stalls_nothing(lonely: Command, inbox: Path, eventually: Eventually) -> None:
    """Test 59: each new folder, and each odd file, would be worth a line."""
    lonely.settings["CAPTIOND_LOG_LEVEL"] = "debug"
    photo = TinyPhotos(inbox)
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "captiond", "run", str(inbox)]
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"nobody reads this\n" * 100)
    os.set_blocking(writing, True)
    with subprocess.Popen(command, env=lonely.environment, stderr=writing) as process:
        try:
            eventually(lambda: lonely.catalogue.exists() and lonely.rows(HAS_TABLES))
            for number in range(80):
                folder = inbox / f"{number % 7}" / f"{number}"
                folder.mkdir(parents=True)
                (folder / f"{number}.jpg").write_bytes(photo(number))
                (folder / "words.jpg").write_text(f"no picture {number}")
            eventually(lambda: lonely.rows(KNOWN) == [(80,)], seconds=30)
            process.terminate()
            assert process.wait(10) == 0
        finally:
            process.kill()
            os.close(reading)
            os.close(writing)
