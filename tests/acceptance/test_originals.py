"""Originals are never written, moved, renamed or deleted: not one byte, not their time stamps."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, SimulatedServer, beside
from conftest import MakePhoto

MODES = (0o400, 0o444, 0o640, 0o666, 0o755, 0o7644)
TIMES_NS = (1, 499_999_999, 315_532_800_123_456_789, 1_700_000_000_000_000_007, 4_102_444_800_999_999_999)
"""From the first moment of 1970 to the year 2100, each to the nanosecond."""
OURS = ".captiond.json"


@dataclass(frozen=True)
class Seen:
    """All that there is to see of a file, but for when it was read last."""

    content: bytes
    mode: int
    owner: tuple[int, int]
    inode: int
    links: int
    mtime_ns: int
    attributes: dict[str, bytes]


def seen(path: Path) -> Seen:
    status = path.stat()
    attributes = {}
    with suppress(OSError):
        attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    return Seen(
        path.read_bytes(),
        status.st_mode,
        (status.st_uid, status.st_gid),
        status.st_ino,
        status.st_nlink,
        status.st_mtime_ns,
        attributes,
    )


def ctime_ns(path: Path) -> int:
    """Give the moment of the last change of any sort: no program can set it back."""
    return path.stat().st_ctime_ns


def originals(inbox: Path) -> Iterator[Path]:
    return (path for path in sorted(inbox.rglob("*")) if path.is_file() and not path.name.endswith(OURS))


@pytest.fixture
def odd_originals(inbox: Path, make_photo: MakePhoto) -> list[Path]:
    """Good, damaged and foreign files with every sort of mode, time, attribute and link."""
    photos = [make_photo(f"{mode:o}.jpg", f"rgb({mode % 256}, 90, 120)") for mode in MODES]
    photos += [make_photo(f"deep/er/{number}.png", f"rgb(9, {50 * number}, 9)") for number in range(5)]
    os.link(photos[0], inbox / "linked.jpg")
    half, letter = inbox / "half.jpg", inbox / "letter.jpg"
    half.write_bytes(photos[1].read_bytes()[:2500])
    letter.write_text("Dear Ada")
    everything = list(originals(inbox))
    for number, path in enumerate(everything):
        with suppress(OSError):  # not every file system keeps attributes
            os.setxattr(path, "user.rating", b"5 stars \x00 for %d" % number)
        path.chmod(MODES[number % len(MODES)])
        time_ns = TIMES_NS[number % len(TIMES_NS)]
        os.utime(path, ns=(time_ns, time_ns))
    return everything


def test_a_single_run_leaves_every_original_as_it_was(
    impatient: Command, inbox: Path, odd_originals: list[Path]
) -> None:
    before = {path: (seen(path), ctime_ns(path)) for path in odd_originals}
    folders = {path for path in inbox.rglob("*") if path.is_dir()}

    assert impatient("run", "--once", inbox).returncode == 1, "two of them are no pictures"
    impatient("run", "--once", inbox)

    assert {path: (seen(path), ctime_ns(path)) for path in originals(inbox)} == before
    assert {path for path in inbox.rglob("*") if path.is_dir()} == folders
    new = {path for path in inbox.rglob("*") if path.is_file()} - before.keys()
    assert new == {beside(path) for path in odd_originals if path.name not in ("half.jpg", "letter.jpg")}


def test_watching_failing_moving_and_killing_leave_every_original_as_it_was(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    odd_originals: list[Path],
    make_photo: MakePhoto,
    eventually: Eventually,
) -> None:
    before = {path: seen(path) for path in odd_originals}
    server.plant({"kind": "slow", "seconds": 0.05})
    with impatient.running(inbox) as process:
        eventually(lambda: len(server.questions) > 2)
        process.kill()
    server.plant({"kind": "refusal", "prompt": "List the physical things"})
    old, new = odd_originals[0], inbox / "moved" / "far away.jpg"
    with impatient.running(inbox) as process:
        eventually(lambda: len(impatient.rows("SELECT id FROM jobs WHERE tries > 0")) > 7)
        new.parent.mkdir()
        old.rename(new)
        eventually(
            lambda: impatient.rows("SELECT state FROM files WHERE path LIKE 'moved/%'") == [("known",)]
        )
        before[new] = before.pop(old)
        late = make_photo("late.jpg", "salmon")
        before[late] = seen(late)
        eventually(beside(late).exists)
        process.terminate()
        process.wait(10)

    assert {path: seen(path) for path in originals(inbox)} == before


def test_what_a_link_leads_to_is_not_touched(
    impatient: Command, inbox: Path, make_photo: MakePhoto, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    make_photo("here.jpg")
    treasure = make_photo("treasure.jpg", "gold").rename(outside / "treasure.jpg")
    (inbox / "link.jpg").symlink_to(treasure)
    (inbox / "folder").symlink_to(outside)
    before = seen(treasure), ctime_ns(treasure)

    assert impatient("run", "--once", inbox).returncode == 0

    assert (seen(treasure), ctime_ns(treasure)) == before
    assert list(outside.iterdir()) == [treasure]
    assert (inbox / "link.jpg").is_symlink()
    assert impatient.rows("SELECT path FROM photos") == [("here.jpg",)]


def test_no_right_to_write_is_needed(impatient: Command, inbox: Path, odd_originals: list[Path]) -> None:
    impatient.settings["CAPTIOND_SIDECARS"] = "off"
    before = {path: seen(path) for path in odd_originals}
    folders = [inbox, *(path for path in inbox.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o500)

    ended = impatient("run", "--once", inbox)

    for folder in folders:
        folder.chmod(0o700)
    assert ended.returncode == 1, "two of them are no pictures"
    assert "level=error" not in ended.stderr
    assert {path: seen(path) for path in inbox.rglob("*") if path.is_file()} == before
