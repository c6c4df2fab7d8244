"""Photos by the thousand, at full speed: none is missed, soon all are known, and memory has a bound."""

import os
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually
from faults.bursting import (
    Write,
    all_known,
    copy_tree,
    keep_up_with,
    move_folder,
    rsync,
    untar,
    unzip,
    watched,
    write_flat,
    write_nested,
    write_then_rename,
)
from faults.conftest import Measured
from faults.originals import originals
from subprocesses import children, lives

FEW = 50
MORE_THAN_IS_NOTED = 3_000
"""Of so many files in one folder, the folder is noted instead."""
A_THOUSAND = 1_000
TEN_THOUSAND = 10_000
TWENTY_THOUSAND = 20_000
A_HUNDRED_THOUSAND = 100_000
MOST_SECONDS = 10.0
FEWEST_A_SECOND = 40
"""A long run tells its number; only what is slower than this is no longer a noisy machine's fault."""
MOST_MEGABYTES = 150.0
HASHING = "captiond.inbox.hashing"
PATHS = "SELECT path FROM files"
QUEUED = "SELECT count(DISTINCT photo_id) FROM jobs"
NO_RSYNC = shutil.which("rsync") is None

BY_HAND: dict[str, Write] = {
    "in one folder": write_flat,
    "in new folders within new folders": write_nested,
    "under a first name and renamed": write_then_rename,
}
BY_PROGRAMS: dict[str, Write] = {
    "rsync": rsync,
    "rsync --inplace": partial(rsync, options=("--inplace",)),
    "rsync --delay-updates": partial(rsync, options=("--delay-updates",)),
    "cp -r": copy_tree,
    "tar -x": untar,
    "unzip": unzip,
    "mv of a folder": move_folder,
}


def let_burst(folder: Path, elsewhere: Path, kind: str, count: int) -> None:
    """Let a burst come into a folder, from elsewhere where it needs that."""
    outside = elsewhere / "outside" / kind
    outside.mkdir(parents=True)
    (BY_HAND | BY_PROGRAMS)[kind](folder, outside, count)


def nothing_but_photos(command: Command, count: int) -> bool:
    """Tell whether just these are known, each under its last name."""
    names = {Path(path).name for (path,) in command.rows(PATHS)}
    return names == {f"{number}.jpg" for number in range(count)}


def test_bursts_of_every_kind_are_all_known_within_ten_seconds(
    lonely: Command, inbox: Path, tmp_path: Path, measured: Measured
) -> None:
    """Tests 4 to 8, in short."""
    kinds = [*BY_HAND, "tar -x", "mv of a folder", *([] if NO_RSYNC else ["rsync"])]
    with watched(lonely, inbox) as process:
        for number, kind in enumerate(kinds, 1):
            (inbox / kind).mkdir()
            let_burst(inbox / kind, tmp_path, kind, FEW)
            outcome = keep_up_with(lonely, process, number * FEW, MOST_SECONDS)
            measured(f"{kind}: {outcome}")
            assert outcome.seconds < MOST_SECONDS
        before = originals(inbox)
    assert nothing_but_photos(lonely, FEW)
    assert lonely.rows("SELECT count(*) FROM photos") == [(len(kinds) * FEW,)]
    assert outcome.peak_megabytes < MOST_MEGABYTES
    assert originals(inbox) == before


def test_more_files_than_are_noted_one_by_one_stop_nothing(
    lonely: Command, inbox: Path, measured: Measured
) -> None:
    """Test 4: in the inbox itself, while the daemon stands still; most are gone again when it looks."""
    with watched(lonely, inbox) as process:
        process.send_signal(signal.SIGSTOP)
        for number in range(MORE_THAN_IS_NOTED):
            path = inbox / f"gone {number}.jpg"
            path.touch()
            path.unlink()
        write_flat(inbox, inbox, FEW)
        process.send_signal(signal.SIGCONT)
        outcome = keep_up_with(lonely, process, FEW, patience_seconds=30)
    measured(str(outcome))
    assert nothing_but_photos(lonely, FEW)


def test_a_burst_survives_the_death_of_the_process_that_hashes_it(
    lonely: Command, inbox: Path, tmp_path: Path, eventually: Eventually
) -> None:
    """And that process does not survive the daemon."""
    with watched(lonely, inbox) as process:
        let_burst(inbox, tmp_path, "mv of a folder", MORE_THAN_IS_NOTED)
        eventually(lambda: children(process.pid, HASHING))
        os.kill(children(process.pid, HASHING)[0], signal.SIGKILL)
        keep_up_with(lonely, process, MORE_THAN_IS_NOTED, patience_seconds=30)
        (inbox / "more").mkdir()
        let_burst(inbox / "more", tmp_path / "more", "mv of a folder", A_THOUSAND)
        keep_up_with(lonely, process, MORE_THAN_IS_NOTED + A_THOUSAND, patience_seconds=30)
        (another,) = children(process.pid, HASHING)
    assert nothing_but_photos(lonely, MORE_THAN_IS_NOTED)
    assert lonely.rows("SELECT count(*) FROM photos") == [(MORE_THAN_IS_NOTED + A_THOUSAND,)]
    eventually(lambda: not lives(another))


def test_a_burst_in_the_middle_of_which_the_daemon_is_killed_is_all_queued(
    lonely: Command, inbox: Path, tmp_path: Path, eventually: Eventually
) -> None:
    """Photos are known before they are queued, where hundreds come at once."""
    lonely.settings["CAPTIOND_LOG_LEVEL"] = "debug"
    with lonely.running(inbox):
        eventually(lambda: lonely.told("scanned"))
        let_burst(inbox, tmp_path, "mv of a folder", MORE_THAN_IS_NOTED)
        eventually(lambda: all_known(lonely, A_THOUSAND))
    with watched(lonely, inbox) as process:
        keep_up_with(lonely, process, MORE_THAN_IS_NOTED, patience_seconds=30)
        eventually(lambda: lonely.rows(QUEUED) == [(MORE_THAN_IS_NOTED,)])
    assert nothing_but_photos(lonely, MORE_THAN_IS_NOTED)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(
    ("kind", "count"),
    [(kind, TWENTY_THOUSAND) for kind in BY_HAND | BY_PROGRAMS]
    + [(kind, A_HUNDRED_THOUSAND) for kind in (*BY_HAND, "rsync", "tar -x", "mv of a folder")],
)
def test_many_thousand_photos_at_once_are_all_known(
    *, lonely: Command, inbox: Path, tmp_path: Path, kind: str, count: int, measured: Measured
) -> None:
    """Tests 4 to 8."""
    if NO_RSYNC and "rsync" in kind:
        pytest.skip("needs rsync")
    with watched(lonely, inbox) as process:
        let_burst(inbox, tmp_path, kind, count)
        outcome = keep_up_with(lonely, process, count, count / FEWEST_A_SECOND)
    measured(str(outcome))
    assert nothing_but_photos(lonely, count)
    assert lonely.rows("SELECT count(*) FROM photos") == [(count,)]
    assert outcome.peak_megabytes < MOST_MEGABYTES


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_a_folder_of_ten_thousand_photos_that_is_renamed_brings_no_new_photo(
    *, lonely: Command, inbox: Path, tmp_path: Path, measured: Measured
) -> None:
    """Test 22."""
    (inbox / "folder").mkdir()
    with watched(lonely, inbox) as process:
        let_burst(inbox / "folder", tmp_path, "in one folder", TEN_THOUSAND)
        keep_up_with(lonely, process, TEN_THOUSAND, TEN_THOUSAND / FEWEST_A_SECOND)
        (inbox / "folder").rename(inbox / "renamed")
        outcome = keep_up_with(lonely, process, 2 * TEN_THOUSAND, TEN_THOUSAND / FEWEST_A_SECOND)
    measured(f"renamed: {outcome}")
    assert lonely.rows("SELECT count(*), sum(copies) FROM photos") == [(TEN_THOUSAND, 2 * TEN_THOUSAND)]
    assert lonely.rows("SELECT count(*) FROM files WHERE path LIKE 'renamed/%'") == [(TEN_THOUSAND,)]
