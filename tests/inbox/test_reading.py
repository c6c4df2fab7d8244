import errno
import fcntl
import hashlib
import itertools
import os
import socket
import tracemalloc
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from captiond.errors import FileChanged, InboxGone, NotAPicture, Outage, PictureTooLarge
from captiond.inbox.ignoring import IgnoreRules
from captiond.inbox.reading import (
    HEAD_BYTES,
    PIECE_BYTES,
    FileUnreadable,
    Skipped,
    fault,
    hash_each,
    identity_of,
    look,
    read,
)
from captiond.model import Digest, HashedFile, InboxFile

ENOUGH = 1_000_000

Rightless = Callable[[], AbstractContextManager[None]]


def written(path: Path, content: bytes = b"picture") -> InboxFile:
    path.write_bytes(content)
    found = look(path.parent, path)
    assert isinstance(found, InboxFile)
    return found


def skipped(inbox: Path, path: Path) -> Skipped:
    found = look(inbox, path)
    assert isinstance(found, Skipped)
    return found


def test_a_file_is_read_and_named_by_its_bytes(inbox: Path) -> None:
    file = written(inbox / "x.jpg", b"\xff\xd8" * 5000)
    original = read(file, ENOUGH)
    assert original.content == b"\xff\xd8" * 5000
    assert original.digest == hashlib.sha256(original.content).hexdigest()
    assert original.file == file


def test_reading_leaves_the_file_as_it_was(inbox: Path) -> None:
    file = written(inbox / "x.jpg")
    read(file, ENOUGH)
    assert look(inbox, file.path) == file


@pytest.mark.parametrize("name", [b"caf\xe9.jpg", b"two\nlines.jpg", b"-rf.jpg", b" .jpg ", b"n" * 255])
def test_any_name_can_be_looked_at_and_read(inbox: Path, name: bytes) -> None:
    file = written(inbox / os.fsdecode(name))
    assert read(file, ENOUGH).content == b"picture"


def test_of_many_files_each_is_read_whatever_became_of_the_others(inbox: Path) -> None:
    (inbox / "2024").mkdir()
    files = [written(inbox / name) for name in ("a.jpg", "2024/large.jpg", "2024/gone.jpg", "2024/b.jpg")]
    large = written(files[1].path, bytes(101))
    files[2].path.unlink()

    read_a, too_large, gone, read_b = hash_each([files[0], large, *files[2:]], 100, lambda _head: None)

    assert [read_a, read_b] == [HashedFile(file, read(file, 100).digest) for file in (files[0], files[3])]
    assert isinstance(too_large, PictureTooLarge)
    assert isinstance(gone, FileChanged)


def test_a_slow_disk_is_asked_for_ten_seconds_and_for_one_file_at_least(inbox: Path) -> None:
    files = [written(inbox / name) for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")]
    four_seconds_each, a_minute_each = itertools.count(0.0, 4.0), itertools.count(0.0, 60.0)
    assert len(hash_each(files, 100, lambda _head: None, lambda: next(four_seconds_each))) == 3
    assert len(hash_each(files, 100, lambda _head: None, lambda: next(a_minute_each))) == 1


def peak_bytes(act: Callable[[], object]) -> int:
    """Measure how much Python holds at most while it does something."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_large_file_is_hashed_piece_by_piece_and_read_without_a_copy(inbox: Path) -> None:
    size_bytes = 50_000_000
    file = written(inbox / "large.tif", bytes(size_bytes))
    (hashed,) = hash_each([file], size_bytes, lambda _head: None)
    assert hashed == HashedFile(file, Digest(hashlib.sha256(bytes(size_bytes)).hexdigest()))
    assert peak_bytes(lambda: hash_each([file], size_bytes, lambda _head: None)) < 0.1 * size_bytes
    assert peak_bytes(lambda: read(file, size_bytes)) < 1.1 * size_bytes


@pytest.mark.parametrize(
    "size_bytes", [0, 1, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, PIECE_BYTES, 3_000_000]
)
def test_a_file_of_any_size_is_read_and_hashed_whole(inbox: Path, size_bytes: int) -> None:
    content = os.urandom(size_bytes)
    file = written(inbox / "a.jpg", content)
    original = read(file, size_bytes)
    assert original.content == content
    assert hash_each([file], size_bytes, lambda _head: None) == [HashedFile(file, original.digest)]
    assert original.digest == hashlib.sha256(content).hexdigest()


def test_an_inbox_that_is_a_symbolic_link_is_read(inbox: Path, tmp_path: Path) -> None:
    (inbox / "x.jpg").write_bytes(b"picture")
    link = tmp_path / "link"
    link.symlink_to(inbox)
    found = look(link, link / "x.jpg")
    assert isinstance(found, InboxFile)
    assert read(found, ENOUGH).content == b"picture"


def test_the_head_can_refuse_before_the_rest_is_read(inbox: Path) -> None:
    path = inbox / "movie.jpg"
    with path.open("wb") as movie:
        movie.truncate(4_000_000_000_000)
    heads: list[bytes] = []

    def refuse(head: bytes) -> NotAPicture:
        heads.append(head)
        return NotAPicture("A movie.")

    found = look(inbox, path)
    assert isinstance(found, InboxFile)
    with pytest.raises(NotAPicture):
        read(found, ENOUGH, refuse)
    assert heads == [bytes(4096)]


def test_a_file_over_the_limit_is_refused(inbox: Path) -> None:
    file = written(inbox / "x.jpg", bytes(101))
    with pytest.raises(PictureTooLarge, match="101 bytes, and no more than 100"):
        read(file, 100)


def test_a_file_at_the_limit_is_read(inbox: Path) -> None:
    assert len(read(written(inbox / "x.jpg", bytes(100)), 100).content) == 100


def test_a_file_that_changed_since_it_was_looked_at_is_not_read(inbox: Path) -> None:
    file = written(inbox / "x.jpg")
    file.path.write_bytes(b"other bytes")
    with pytest.raises(FileChanged):
        read(file, ENOUGH)


def test_a_file_that_is_still_written_to_is_not_read(inbox: Path) -> None:
    file = written(inbox / "x.jpg")
    with file.path.open("r+b"), pytest.raises(FileChanged, match="still be writing"):
        read(file, ENOUGH)


def test_of_a_young_file_it_must_be_known_that_nobody_writes(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(inbox / "x.jpg")
    assert read(replace(file, young=True), ENOUGH).content == b"picture"
    monkeypatch.setattr(fcntl, "F_SETLEASE", -1)
    assert read(file, ENOUGH).content == b"picture"
    with pytest.raises(FileChanged):
        read(replace(file, young=True), ENOUGH)


def test_a_file_that_somebody_writes_is_not_refused_for_its_head(inbox: Path) -> None:
    file = written(inbox / "x.jpg")
    with file.path.open("r+b"), pytest.raises(FileChanged):
        read(file, ENOUGH, lambda _head: NotAPicture("Half a head."))


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _shorten(path: Path) -> None:
    os.truncate(path, 3)


def _overwrite_in_place(path: Path) -> None:
    stamp = path.stat()
    with path.open("r+b") as file:
        file.write(b"PICTURE")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def _rename_over(path: Path) -> None:
    path.with_suffix(".new").write_bytes(b"picture")
    path.with_suffix(".new").rename(path)


@pytest.mark.parametrize("disturb", [_append, _shorten, _overwrite_in_place, _rename_over, Path.unlink])
def test_a_file_disturbed_while_it_is_read_counts_as_changed(
    inbox: Path, disturb: Callable[[Path], None]
) -> None:
    file = written(inbox / "x.jpg")
    with pytest.raises(FileChanged):
        read(file, ENOUGH, lambda _head: disturb(file.path))


def _by_a_pipe(path: Path) -> None:
    os.mkfifo(path)


def _by_a_folder(path: Path) -> None:
    path.mkdir()


def _by_a_link_to_the_same_bytes(path: Path) -> None:
    target = path.parent.parent / "outside.jpg"
    target.write_bytes(b"picture")
    path.symlink_to(target)


def _by_a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))


def _by_nothing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize(
    "replace", [_by_a_pipe, _by_a_folder, _by_a_link_to_the_same_bytes, _by_a_socket, _by_nothing]
)
def test_a_file_replaced_by_something_else_is_not_read(inbox: Path, replace: Callable[[Path], None]) -> None:
    file = written(inbox / "x.jpg")
    file.path.unlink()
    replace(file.path)
    with pytest.raises(FileChanged):
        read(file, ENOUGH)


def test_a_folder_replaced_by_a_link_leads_nowhere(inbox: Path, tmp_path: Path) -> None:
    (inbox / "a").mkdir()
    file = written(inbox / "a/x.jpg")
    file = InboxFile(inbox, file.path, file.stamp)
    (inbox / "a").rename(tmp_path / "outside")
    (inbox / "a").symlink_to(tmp_path / "outside")
    assert look(inbox, file.path) is None
    with pytest.raises(FileChanged):
        read(file, ENOUGH)


@pytest.mark.parametrize(
    ("replace", "sentence"),
    [
        (_by_a_pipe, "A named pipe"),
        (_by_a_folder, "A folder"),
        (_by_a_link_to_the_same_bytes, "A symbolic link"),
        (_by_a_socket, "A socket"),
    ],
)
def test_what_is_no_file_is_skipped_with_its_sentence(
    inbox: Path, replace: Callable[[Path], None], sentence: str
) -> None:
    replace(inbox / "x.jpg")
    found = skipped(inbox, inbox / "x.jpg")
    assert found.sentence.startswith(sentence)
    assert found.is_folder == (sentence == "A folder")


def test_a_device_is_skipped() -> None:
    assert skipped(Path("/dev"), Path("/dev/null")).sentence.startswith("A device")


def test_a_dangling_link_is_skipped(inbox: Path) -> None:
    (inbox / "x.jpg").symlink_to("nowhere")
    assert skipped(inbox, inbox / "x.jpg").sentence.startswith("A symbolic link")


def test_nothing_is_seen_where_nothing_lies(inbox: Path) -> None:
    assert look(inbox, inbox / "x.jpg") is None
    assert look(inbox, inbox / "no folder/x.jpg") is None


def test_an_ignored_name_is_not_looked_at(inbox: Path) -> None:
    (inbox / "x.jpg.part").write_bytes(b"half")
    assert look(inbox, inbox / "x.jpg.part", IgnoreRules(inbox)) is None
    assert isinstance(look(inbox, inbox / "x.jpg.part"), InboxFile)


def test_an_inbox_that_is_gone_is_not_a_file_that_is_gone(inbox: Path) -> None:
    file = written(inbox / "x.jpg")
    inbox.rename(inbox.with_name("away"))
    with pytest.raises(InboxGone, match="is not there"):
        look(inbox, file.path)
    with pytest.raises(InboxGone, match="is not there"):
        read(file, ENOUGH)


def test_a_bad_sector_is_one_files_trouble_while_the_inbox_is_well(inbox: Path) -> None:
    error = OSError(errno.EIO, "Input/output error")
    assert str(fault(inbox, error)) == "This cannot be read: Input/output error."


def test_a_failing_disk_takes_the_inbox_away(inbox: Path) -> None:
    with pytest.raises(InboxGone):
        fault(inbox / "gone", OSError(errno.EIO, "Input/output error"))


def test_running_out_of_open_files_is_no_files_fault(inbox: Path) -> None:
    with pytest.raises(Outage, match="Too many open files"):
        fault(inbox, OSError(errno.EMFILE, "Too many open files"))


def test_another_folder_in_its_place_is_another_inbox(inbox: Path) -> None:
    before = identity_of(inbox)
    inbox.rename(inbox.with_name("away"))
    inbox.mkdir()
    assert identity_of(inbox) != before


def test_a_file_is_no_inbox(inbox: Path) -> None:
    (inbox / "file").write_bytes(b"")
    with pytest.raises(InboxGone):
        identity_of(inbox / "file")


def test_a_file_without_permission_is_unreadable(open_inbox: Path, without_rights: Rightless) -> None:
    file = written(open_inbox / "x.jpg")
    file.path.chmod(0)
    with without_rights(), pytest.raises(FileUnreadable, match="no permission to read this; allow"):
        read(file, ENOUGH)


def test_a_file_in_a_closed_folder_is_not_taken_for_gone(open_inbox: Path, without_rights: Rightless) -> None:
    (open_inbox / "a").mkdir(mode=0o600)
    written(open_inbox / "a/x.jpg")
    with without_rights():
        found = skipped(open_inbox, open_inbox / "a/x.jpg")
    assert found.sentence.startswith("captiond has no permission")


def test_an_inbox_without_permission_is_gone(open_inbox: Path, without_rights: Rightless) -> None:
    open_inbox.chmod(0o300)
    with without_rights(), pytest.raises(InboxGone, match="may not read the inbox"):
        identity_of(open_inbox)


def test_a_time_of_the_far_future_fits_the_catalogue(inbox: Path) -> None:
    file = written(inbox / "x.jpg")
    os.utime(file.path, ns=(0, 13_569_465_600 * 10**9))
    found = look(inbox, file.path)
    assert isinstance(found, InboxFile)
    assert -(2**63) <= found.stamp.mtime_ns < 2**63
    assert read(found, ENOUGH).file == found
