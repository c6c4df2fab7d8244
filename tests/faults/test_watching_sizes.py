"""Very many files that are known already: a new one is seen at once, memory and idle work stay small."""

import time
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually
from faults.bursting import (
    TinyPhotos,
    keep_up_with,
    peak_megabytes,
    processor_seconds,
    resident_megabytes,
)
from faults.conftest import Measured
from faults.known_files import ONE_PROMPT, make_known

MOST_MEGABYTES = 150.0
IDLE_SECONDS = {False: 3.0, True: 60.0}
A_MILLION = 1_000_000


@pytest.mark.parametrize(
    ("known", "in_each_folder"),
    [
        pytest.param(3_000, 0, id="three thousand in one folder"),
        pytest.param(A_MILLION, 0, marks=pytest.mark.slow, id="a million in one folder"),
        pytest.param(A_MILLION, 1_000, marks=pytest.mark.slow, id="a million in a thousand folders"),
    ],
)
@pytest.mark.timeout(1_800)
def test_among_very_many_known_files_one_more_is_seen_at_once(
    *,
    lonely: Command,
    inbox: Path,
    known: int,
    in_each_folder: int,
    eventually: Eventually,
    measured: Measured,
) -> None:
    """Tests 47, 48: a folder of a million files, of which nothing is new but one."""
    is_long = known == A_MILLION
    make_known(inbox, lonely.catalogue, known, in_each_folder=in_each_folder)
    lonely.configure(ONE_PROMPT)
    lonely.settings["CAPTIOND_LOG_LEVEL"] = "debug"
    began = time.monotonic()
    with lonely.running(inbox) as process:
        eventually(lambda: lonely.told("scanned"), seconds=900)
        until_scanned = time.monotonic() - began
        scanning = processor_seconds(process.pid)
        _until_idle(process.pid, eventually)
        after_looking = processor_seconds(process.pid)
        before, memory = processor_seconds(process.pid), resident_megabytes(process.pid)
        time.sleep(IDLE_SECONDS[is_long])
        idle_share = (processor_seconds(process.pid) - before) / IDLE_SECONDS[is_long]
        grown = resident_megabytes(process.pid) - memory
        folder = inbox / "0" if in_each_folder else inbox
        (folder / "new.jpg").write_bytes(TinyPhotos(inbox)(1))
        outcome = keep_up_with(lonely, process, known + 1, patience_seconds=60)
        peak = peak_megabytes(process.pid)
    measured(
        f"{known:,} known: scanned {until_scanned:.1f} s after the start (processor {scanning:.1f} s; "
        f"{after_looking:.1f} s with the look for missing files); then idle at {idle_share:.2%}; "
        f"one more known after {outcome.seconds:.1f} s; peak memory {peak:.0f} MB"
    )
    assert lonely.rows("SELECT count(*) FROM files") == [(known + 1,)]
    assert lonely.rows("SELECT count(*) FROM files WHERE absent_since IS NOT NULL") == [(0,)]
    assert outcome.seconds < 10
    assert idle_share < 0.01
    assert grown < 5
    assert peak < MOST_MEGABYTES


def _until_idle(pid: int, eventually: Eventually) -> None:
    """Wait until a process does next to nothing."""
    used = [processor_seconds(pid)]

    def rests() -> bool:
        time.sleep(0.5)
        used.append(processor_seconds(pid))
        return used[-1] - used[-2] < 0.03

    eventually(rests, seconds=600)
