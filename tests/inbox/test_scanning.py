import itertools
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from captiond.errors import InboxGone
from captiond.inbox.ignoring import IgnoreRules
from captiond.inbox.listings import Listings
from captiond.inbox.reading import Skipped
from captiond.inbox.scanning import Finding, Onward, ScanSummary, Unreadable, scan
from captiond.model import FileStamp, InboxFile

Rightless = Callable[[], AbstractContextManager[None]]


class Remembered:
    """A catalogue of stamps that keeps what it was asked."""

    def __init__(self) -> None:
        self.by_path: dict[bytes, FileStamp] = {}
        self.asked: list[bytes] = []
        self.questions = 0

    def stamps(self, paths: Sequence[bytes]) -> Mapping[bytes, FileStamp]:
        self.asked += paths
        self.questions += 1
        return {path: self.by_path[path] for path in paths if path in self.by_path}

    def learn(self, findings: Sequence[Finding]) -> None:
        self.by_path |= {os.fsencode(file.path): file.stamp for file in files_in(findings)}


def files_in(findings: Sequence[Finding]) -> list[InboxFile]:
    return [finding for finding in findings if isinstance(finding, InboxFile)]


def names_in(inbox: Path, findings: Sequence[Finding]) -> set[str]:
    return {str(file.path.relative_to(inbox)) for file in files_in(findings)}


def summary_of(findings: Sequence[Finding]) -> ScanSummary:
    *_, last = findings
    assert isinstance(last, ScanSummary)
    return last


def fill(inbox: Path, *names: str | bytes) -> None:
    for name in names:
        path = inbox / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")


def on_a_slow_disk() -> Callable[[], float]:
    """A clock on which a second passes with every folder."""
    return itertools.count(0.0, 1.0).__next__


@pytest.fixture
def known() -> Remembered:
    return Remembered()


def test_everything_in_a_new_inbox_is_new(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg", "2024/y.jpg", "2024/07/z.jpg")
    findings = list(scan(inbox, known))
    assert names_in(inbox, findings) == {"x.jpg", "2024/y.jpg", "2024/07/z.jpg"}
    summary = summary_of(findings)
    assert (summary.directories, summary.files, summary.new_or_changed, summary.complete) == (3, 3, 3, True)


def test_what_is_known_is_not_told_again(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg", "2024/y.jpg")
    known.learn(list(scan(inbox, known)))
    (found,) = scan(inbox, known)
    assert isinstance(found, ScanSummary)
    assert (found.files, found.new_or_changed) == (2, 0)


def test_a_changed_file_is_told(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg", "y.jpg")
    known.learn(list(scan(inbox, known)))
    (inbox / "y.jpg").write_bytes(b"another picture")
    assert names_in(inbox, list(scan(inbox, known))) == {"y.jpg"}


def test_a_rewrite_with_the_same_size_and_the_old_time_is_told(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg")
    known.learn(list(scan(inbox, known)))
    stamp = (inbox / "x.jpg").stat()
    (inbox / "x.jpg").write_bytes(b"PICTURE")
    os.utime(inbox / "x.jpg", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert names_in(inbox, list(scan(inbox, known))) == {"x.jpg"}


def test_what_is_missing_is_what_was_not_asked_for(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg", "2024/y.jpg", "2023/z.jpg")
    known.learn(list(scan(inbox, known)))
    (inbox / "x.jpg").unlink()
    shutil.rmtree(inbox / "2024")
    known.asked.clear()
    assert summary_of(list(scan(inbox, known))).complete
    missing = known.by_path.keys() - set(known.asked)
    assert missing == {os.fsencode(inbox / "x.jpg"), os.fsencode(inbox / "2024/y.jpg")}


def test_ignored_names_are_not_mentioned(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg.captiond.json", ".x.jpg.Ab12Cd", "x.jpg.part", "Thumbs.db")
    fill(inbox, ".git/x.jpg", "a/.~tmp~/x.jpg", "@eaDir/x.jpg")
    (found,) = scan(inbox, known)
    assert isinstance(found, ScanSummary)
    assert (found.directories, found.files) == (2, 0)


def test_any_name_is_found(inbox: Path, known: Remembered) -> None:
    names = [
        b"caf\xe9.jpg",
        b"two\nlines.jpg",
        b"-rf.jpg",
        b"x.jpg ",
        b"n" * 255,
        "\u0065\u0301.jpg".encode(),
    ]
    fill(inbox, *names)
    known.learn(list(scan(inbox, known)))
    assert known.by_path.keys() == {os.fsencode(inbox) + b"/" + name for name in names}


def test_links_and_pipes_are_skipped_with_their_sentence(inbox: Path, known: Remembered) -> None:
    fill(inbox, "a/x.jpg")
    os.mkfifo(inbox / "pipe.jpg")
    (inbox / "file.jpg").symlink_to("a/x.jpg")
    (inbox / "folder").symlink_to("a")
    (inbox / "a/loop").symlink_to("..")
    (inbox / "dangling.jpg").symlink_to("nowhere")
    findings = list(scan(inbox, known))
    skipped = {finding.path.name: finding.sentence for finding in findings if isinstance(finding, Skipped)}
    assert skipped.keys() == {"pipe.jpg", "file.jpg", "folder", "loop", "dangling.jpg"}
    assert skipped["loop"].startswith("A symbolic link")
    assert names_in(inbox, findings) == {"a/x.jpg"}


def test_a_folder_with_the_name_of_a_picture_is_entered(inbox: Path, known: Remembered) -> None:
    fill(inbox, "album.jpg/x.jpg")
    assert names_in(inbox, list(scan(inbox, known))) == {"album.jpg/x.jpg"}


def test_one_folder_can_be_scanned_alone(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg", "2024/y.jpg", "2024/07/z.jpg", ".hidden/2024/a.jpg")
    beneath = list(scan(inbox, known, beneath=[inbox / "2024"]))
    assert names_in(inbox, beneath) == {"2024/y.jpg", "2024/07/z.jpg"}
    ignored = list(scan(inbox, known, beneath=[inbox / ".hidden/2024"]))
    assert files_in(ignored) == []


def test_an_inbox_that_is_a_symbolic_link_is_scanned(inbox: Path, tmp_path: Path, known: Remembered) -> None:
    fill(inbox, "2024/x.jpg")
    link = tmp_path / "link"
    link.symlink_to(inbox)
    (found, _) = scan(link, known)
    assert isinstance(found, InboxFile)
    assert found.path == link / "2024/x.jpg"


def test_an_empty_inbox_has_no_files(inbox: Path, known: Remembered) -> None:
    assert summary_of(list(scan(inbox, known))).files == 0


def test_an_inbox_that_is_not_there_is_gone(tmp_path: Path, known: Remembered) -> None:
    with pytest.raises(InboxGone, match="is not there; is its disk mounted"):
        next(scan(tmp_path / "nowhere", known))


def test_an_inbox_replaced_under_the_scan_is_gone(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg")
    findings = scan(inbox, known)
    assert isinstance(next(findings), InboxFile)
    inbox.rename(inbox.with_name("away"))
    inbox.mkdir()
    with pytest.raises(InboxGone, match="replaced"):
        list(findings)


def test_a_folder_that_vanishes_under_the_scan_is_no_error(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg", "a/y.jpg", "b/y.jpg")
    (inbox / "b/y.jpg").unlink()
    findings = scan(inbox, known, monotonic_seconds=on_a_slow_disk())
    first = next(findings)
    shutil.rmtree(inbox / "a")
    (inbox / "b").rmdir()
    (inbox / "b").write_bytes(b"a file now")
    rest = list(findings)
    assert names_in(inbox, [first, *rest]) == {"x.jpg"}
    assert summary_of(rest).complete


def test_the_time_a_scan_took_is_told(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg")
    now = [10.0]
    findings = scan(inbox, known, monotonic_seconds=lambda: now[0])
    assert isinstance(next(findings), InboxFile)
    now[0] = 12.5
    assert summary_of(list(findings)).seconds == 2.5


@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_a_folder_without_permission_is_unknown_and_others_go_on(
    open_inbox: Path, known: Remembered, without_rights: Rightless, mode: int
) -> None:
    fill(open_inbox, "a/x.jpg", "a/y.jpg", "b/x.jpg")
    (open_inbox / "a").chmod(mode)
    with without_rights():
        findings = list(scan(open_inbox, known))
    unreadable = [finding.path.name for finding in findings if isinstance(finding, Unreadable)]
    assert (unreadable, names_in(open_inbox, findings)) == (["a"], {"b/x.jpg"})
    assert not summary_of(findings).complete


def test_a_path_too_long_for_linux_is_told_and_not_lost(inbox: Path, known: Remembered) -> None:
    fill(inbox, "x.jpg")
    name, levels = "n" * 200, 25
    folder = os.open(inbox, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    findings = list(scan(inbox, known))
    (unreadable,) = (finding for finding in findings if isinstance(finding, Unreadable))
    assert "longer than Linux can open" in unreadable.sentence
    assert not summary_of(findings).complete
    assert names_in(inbox, findings) == {"x.jpg"}


def test_a_deep_tree_is_scanned(inbox: Path, known: Remembered) -> None:
    fill(inbox, "d/" * 300 + "x.jpg")
    assert summary_of(list(scan(inbox, known))).directories == 301


def test_a_large_folder_is_scanned_in_pieces(inbox: Path, known: Remembered) -> None:
    for number in range(20_000):
        os.mknod(inbox / f"IMG_{number:05}.jpg")
    told = 0
    for finding in scan(inbox, known):
        assert len(known.asked) - told <= 1_000
        told += isinstance(finding, InboxFile)
    assert told == len(set(known.asked)) == 20_000


def test_many_small_folders_are_one_question(inbox: Path, known: Remembered) -> None:
    fill(inbox, *(f"{folder}/{name}.jpg" for folder in range(100) for name in "ab"))
    assert summary_of(list(scan(inbox, known))).new_or_changed == 200
    assert known.questions == 1


def test_on_a_slow_disk_what_is_new_in_a_small_folder_is_told_at_once(inbox: Path, known: Remembered) -> None:
    fill(inbox, *(f"{folder}/x.jpg" for folder in range(100)))
    findings = scan(inbox, known, monotonic_seconds=on_a_slow_disk())
    next(finding for finding in findings if isinstance(finding, InboxFile))
    assert len(known.asked) == 1


def test_what_was_seen_by_rules_that_changed_meanwhile_is_compared_again(
    inbox: Path, known: Remembered
) -> None:
    fill(inbox, "new/x.jpg", "old/x.jpg")
    os.utime(inbox / "old", (0, 0))
    rules, listings = IgnoreRules(inbox), Listings()
    known.learn(list(scan(inbox, known, rules=rules)))
    time.sleep(0.01)
    (inbox / "old" / ".captiondignore").write_text("*.psd")
    time.sleep(0.01)
    (inbox / "new" / "y.jpg").touch()
    (inbox / "new" / "y.jpg").unlink()
    list(scan(inbox, known, rules=rules, listings=listings))
    known.asked.clear()
    listings.begin(0.0, [])
    list(scan(inbox, known, rules=rules, listings=listings))
    assert known.asked == [bytes(inbox / "new" / "x.jpg")]


def test_a_scan_that_finds_nothing_new_shows_that_it_goes_on(inbox: Path, known: Remembered) -> None:
    for folder in range(5):
        fill(inbox, *(f"{folder}/{number}.jpg" for number in range(500)))
    known.learn(list(scan(inbox, known)))
    assert [type(finding) for finding in scan(inbox, known)] == [Onward, Onward, ScanSummary]


def test_the_folder_that_changed_last_is_listed_first(inbox: Path, known: Remembered) -> None:
    fill(inbox, *(f"{name}/x.jpg" for name in "cadbe"))
    for name in "ebdac":
        time.sleep(0.01)
        fill(inbox, f"{name}/y.jpg")
    files = files_in(list(scan(inbox, known)))
    assert [file.path.parent.name for file in files[::2]] == ["c", "a", "d", "b", "e"]
