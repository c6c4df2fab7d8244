"""A folder that looks as before is not compared again; whatever changed in it is seen all the same."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from captiond.inbox.ignoring import IGNORE_FILE, IgnoreRules
from captiond.inbox.listings import FORGET_SECONDS, MOST_PIECES, Listings, Piece
from captiond.inbox.scanning import NAMES_IN_A_CHUNK, Finding, scan
from inbox.test_scanning import Remembered, fill, names_in, summary_of

Scan = Callable[..., list[Finding]]


@pytest.fixture
def known() -> Remembered:
    return Remembered()


@pytest.fixture
def listings() -> Listings:
    return Listings()


@pytest.fixture
def scanned(inbox: Path, known: Remembered, listings: Listings) -> Scan:
    """Scan as a daemon does: with what the last scan saw, and learning what is new."""
    rules = IgnoreRules(inbox)

    def once(at_seconds: float = 0.0, due: tuple[Path, ...] = ()) -> list[Finding]:
        known.asked.clear()
        listings.begin(at_seconds, [os.fsencode(path) for path in due])
        findings = list(scan(inbox, known, rules=rules, listings=listings))
        known.learn(findings)
        return findings

    return once


@pytest.fixture
def filled(inbox: Path, scanned: Scan) -> Path:
    """Give an inbox in which all is known, and was seen so once."""
    fill(inbox, "a.jpg", "2024/b.jpg", "2024/07/c.jpg")
    scanned()
    scanned()
    return inbox


def test_what_looks_as_before_is_not_asked_about(filled: Path, scanned: Scan, known: Remembered) -> None:
    summary = summary_of(scanned())
    assert known.asked == []
    assert (summary.directories, summary.files, summary.new_or_changed) == (3, 3, 0)
    assert summary.unchanged


def test_an_inbox_that_was_emptied_is_not_unchanged(filled: Path, scanned: Scan) -> None:
    shutil.rmtree(filled / "2024")
    (filled / "a.jpg").unlink()
    assert not summary_of(scanned()).unchanged
    assert not summary_of(scanned()).unchanged


def test_a_folder_that_lost_its_last_thousand_names_is_not_unchanged(inbox: Path, scanned: Scan) -> None:
    for number in range(NAMES_IN_A_CHUNK + 500):
        os.mknod(inbox / f"{number}.jpg")
    scanned()
    scanned()
    with os.scandir(inbox) as entries:
        for entry in [*entries][NAMES_IN_A_CHUNK:]:
            Path(entry).unlink()
    assert not summary_of(scanned()).unchanged
    assert summary_of(scanned()).unchanged


def test_new_files_are_asked_about_until_they_are_known(inbox: Path, scanned: Scan) -> None:
    fill(inbox, "a.jpg")
    assert not summary_of(scanned()).unchanged
    assert not summary_of(scanned()).unchanged
    assert summary_of(scanned()).unchanged


@pytest.mark.parametrize("place", ["", "2024", "2024/07"])
def test_a_new_file_is_found_at_any_depth(filled: Path, scanned: Scan, place: str) -> None:
    fill(filled, f"{place}/new.jpg".lstrip("/"))
    findings = scanned()
    assert names_in(filled, findings) == {f"{place}/new.jpg".lstrip("/")}
    assert not summary_of(findings).unchanged


def test_a_file_written_in_place_with_its_old_times_is_found(filled: Path, scanned: Scan) -> None:
    photo = filled / "2024/b.jpg"
    before = photo.stat()
    photo.write_bytes(b"PICTURE")
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert names_in(filled, scanned()) == {"2024/b.jpg"}


def test_a_file_that_is_deleted_is_noticed(filled: Path, scanned: Scan) -> None:
    (filled / "2024/07/c.jpg").unlink()
    assert not summary_of(scanned()).unchanged
    assert summary_of(scanned()).files == 2


def test_a_folder_that_was_away_is_compared_when_it_is_back(
    filled: Path, tmp_path: Path, scanned: Scan, known: Remembered
) -> None:
    (filled / "2024").rename(tmp_path / "away")
    scanned()
    (tmp_path / "away").rename(filled / "2024")
    scanned()
    assert len(known.asked) == 3


def test_files_that_are_due_are_asked_about(filled: Path, scanned: Scan, known: Remembered) -> None:
    del known.by_path[os.fsencode(filled / "2024/b.jpg")]
    assert names_in(filled, scanned(due=(filled / "2024/b.jpg",))) == {"2024/b.jpg"}
    assert known.asked == [os.fsencode(filled / "2024/b.jpg")]


def test_everything_is_asked_about_every_hour(filled: Path, scanned: Scan, known: Remembered) -> None:
    scanned(at_seconds=FORGET_SECONDS)
    assert len(known.asked) == 3
    scanned(at_seconds=FORGET_SECONDS + 1)
    assert known.asked == []


def test_a_new_rule_holds_in_folders_that_look_as_before(filled: Path, scanned: Scan) -> None:
    (filled / IGNORE_FILE).write_text("07/\n")
    assert summary_of(scanned()).files == 2
    (filled / IGNORE_FILE).unlink()
    assert summary_of(scanned()).files == 3


def test_an_unfinished_file_keeps_its_folder_in_sight(filled: Path, scanned: Scan) -> None:
    fill(filled, "d.jpg.part")
    scanned()
    assert not summary_of(scanned()).unchanged


def test_a_link_is_told_in_every_scan(filled: Path, scanned: Scan) -> None:
    (filled / "link.jpg").symlink_to(filled / "a.jpg")
    scanned()
    assert [type(finding).__name__ for finding in scanned()] == ["Skipped", "ScanSummary"]


def test_a_large_folder_is_compared_only_where_it_changed(
    inbox: Path, scanned: Scan, known: Remembered
) -> None:
    fill(inbox, *(f"{number}.jpg" for number in range(NAMES_IN_A_CHUNK + 500)))
    scanned()
    scanned()
    (inbox / "7.jpg").touch()
    assert names_in(inbox, scanned()) == {"7.jpg"}
    assert 0 < len(known.asked) <= NAMES_IN_A_CHUNK


def test_memory_is_bounded(listings: Listings) -> None:
    for number in range(MOST_PIECES + 1):
        listings.remember(b"/in/%d" % number, 1, Piece(number, 1, ()))
    listings.begin(1.0, ())
    assert listings.known(b"/in/0", 1, 0) is not None
    assert listings.known(b"/in/%d" % MOST_PIECES, 1, MOST_PIECES) is None
