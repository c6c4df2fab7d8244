"""Photos that come one by one, by every way into a folder, and names of every sort: each is known at once."""

import os
import shutil
import time
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, SimulatedServer, beside
from faults.bursting import TinyPhotos, keep_up_with, known, watched
from faults.conftest import Measured
from faults.originals import originals

KNOWN_AT = "SELECT 1 FROM files WHERE path = '{}' AND state = 'known'"
SETPRIV = shutil.which("setpriv")
SOON_SECONDS = 1.0
NOISE_SECONDS = 2.0
"""On a machine that does other things, too."""


def _copy(photo: Path, into: Path) -> None:
    shutil.copy2(photo, into)


def _move(photo: Path, into: Path) -> None:
    photo.rename(into)


def _link(photo: Path, into: Path) -> None:
    into.hardlink_to(photo)


def _copy_and_rename(photo: Path, into: Path) -> None:
    shutil.copy2(photo, into.with_name(".unfinished")).rename(into)


def test_a_photo_is_known_within_a_second_whichever_way_it_comes(
    *, lonely: Command, inbox: Path, tmp_path: Path, eventually: Eventually, measured: Measured
) -> None:
    """Tests 1, 2, 3: copied, moved, linked, renamed; the scans are a minute apart."""
    photo = TinyPhotos(inbox)
    with watched(lonely, inbox):
        for number, bring in enumerate((_copy, _move, _link, _copy_and_rename)):
            outside = tmp_path / f"outside {number}.jpg"
            outside.write_bytes(photo(number))
            bring(outside, inbox / f"{number}.jpg")
            began = time.monotonic()
            eventually(lambda number=number: lonely.rows(KNOWN_AT.format(f"{number}.jpg")))
            seconds = time.monotonic() - began
            measured(f"{bring.__name__[1:]}: known after {seconds:.2f} s")
            assert seconds < SOON_SECONDS + NOISE_SECONDS


@pytest.mark.parametrize("count", [50, pytest.param(500, marks=pytest.mark.slow)])
def test_a_file_in_folders_that_are_made_for_it_is_never_missed(
    lonely: Command, inbox: Path, count: int, measured: Measured
) -> None:
    """Test 9: `mkdir -p a/b/c/d` and a file at once."""
    photo = TinyPhotos(inbox)
    with watched(lonely, inbox) as process:
        for number in range(count):
            folder = inbox / f"{number}/b/c/d"
            folder.mkdir(parents=True)
            (folder / "photo.jpg").write_bytes(photo(number))
        outcome = keep_up_with(lonely, process, count, patience_seconds=10 + count / 50)
    measured(str(outcome))
    assert known(lonely) == count


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0 or SETPRIV is None, reason="needs root, to be somebody else")
def test_a_slow_writer_whom_no_lease_betrays_ends_with_one_current_answer(
    *, captiond: Command, server: SimulatedServer, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    """Test 11: the file is somebody else's, so whether it is written to cannot be known."""
    captiond.started_by = (SETPRIV or "", "--bounding-set=-lease")
    captiond.settings["CAPTIOND_INBOX__QUIET_SECONDS"] = "0.3"
    content, slow = outside.read_bytes(), inbox / "slow.jpg"
    with watched(captiond, inbox):
        with slow.open("wb", buffering=0) as file:
            os.fchown(file.fileno(), 12345, 12345)
            file.write(content[: len(content) // 2])
            eventually(lambda: captiond.told("unreadable"), seconds=40)
            file.write(content[len(content) // 2 :])
        eventually(beside(slow).exists, seconds=60)
        eventually(lambda: captiond.rows("SELECT count(*) FROM jobs") == [(0,)])
    assert captiond.rows("SELECT state, text FROM photos") == [("done", "Fremd")]
    assert captiond.rows("SELECT count(*), sum(current) FROM results") == [(4, 4)]
    assert len(server.questions) == 4


NAMES = (
    b"new\nline.jpg",
    b"caf\xe9.jpg",
    b"-rf.jpg",
    b" space at both ends.jpg ",
    "caf\N{LATIN SMALL LETTER E WITH ACUTE} twin.jpg".encode(),
    "cafe\N{COMBINING ACUTE ACCENT} twin.jpg".encode(),
    "\N{ELEPHANT}\N{ZERO WIDTH JOINER}.jpg".encode(),
    b"\x01\x7f\x1b[31m.jpg",
    b"%s {} \\ ' \" $HOME.jpg",
    b"A.JPG",
    b"a.jpg",
    b"x" * 251 + b".jpg",
    b"no ending",
    b"wrong.txt",
)


def test_a_photo_under_any_name_is_known_and_its_file_left_as_it_is(lonely: Command, inbox: Path) -> None:
    """Tests 50, 54: by their bytes they are all photos, and none is another's."""
    photo = TinyPhotos(inbox)
    with watched(lonely, inbox) as process:
        for number, name in enumerate(NAMES):
            path = os.path.join(os.fsencode(inbox), name)  # noqa: PTH118 - a name in bytes
            with open(path, "wb") as file:  # noqa: PTH123 - the same
                file.write(photo(number))
        before = originals(inbox)
        keep_up_with(lonely, process, len(NAMES), patience_seconds=20)
    places = {place for (place,) in lonely.rows("SELECT path_bytes FROM files WHERE state = 'known'")}
    assert places == {os.path.join(os.fsencode(inbox), name) for name in NAMES}  # noqa: PTH118
    assert lonely.rows("SELECT count(*) FROM photos") == [(len(NAMES),)]
    assert originals(inbox) == before


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_never_opened(lonely: Command, inbox: Path, eventually: Eventually) -> None:
    """Test 53: the first of these would never end, the second would wait for ever."""
    try:
        os.mknod(inbox / "zero.jpg", 0o20666, os.makedev(1, 5))
        os.mknod(inbox / "console.jpg", 0o20666, os.makedev(5, 1))
    except PermissionError:
        pytest.skip("this root may not make devices")
    with watched(lonely, inbox) as process:
        (inbox / "good.jpg").write_bytes(TinyPhotos(inbox)(1))
        keep_up_with(lonely, process, 1, patience_seconds=10)
        assert known(lonely) == 1
        told = "SELECT path, state, reason FROM files WHERE state = 'skipped' ORDER BY path"
        eventually(lambda: len(lonely.rows(told)) == 2)
    reason = "A device, no file; it is never opened."
    assert lonely.rows(told) == [("console.jpg", "skipped", reason), ("zero.jpg", "skipped", reason)]
