"""What is opened beneath a folder lies in it, and looking leaves no trace on it."""

import os
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from captiond.beneath import FOLDER, Beneath, is_bare, open_unnoticed, opened_beneath
from captiond.inbox.reading import look, read
from captiond.model import InboxFile

READING = os.O_RDONLY | os.O_NOFOLLOW
LONG_AGO_NS = 10**18


@pytest.fixture
def file(inbox: Path) -> Path:
    """A picture that was last read long before it was last written: the next to read it is noted."""
    path = inbox / "2024" / "x.jpg"
    path.parent.mkdir()
    path.write_bytes(b"picture")
    os.utime(path, ns=(LONG_AGO_NS, path.stat().st_mtime_ns))
    return path


def test_a_file_is_opened_by_the_names_that_lead_to_it(inbox: Path, file: Path) -> None:
    with opened_beneath(inbox, file, READING) as descriptor:
        assert os.read(descriptor, 100) == b"picture"


@pytest.mark.parametrize("linked", ["the folder", "the file"])
def test_no_link_is_followed(inbox: Path, file: Path, tmp_path: Path, linked: str) -> None:
    moved = file.parent if linked == "the folder" else file
    moved.rename(tmp_path / "outside")
    moved.symlink_to(tmp_path / "outside")
    with (
        pytest.raises(OSError, match=r"Not a directory|Too many levels"),
        opened_beneath(inbox, file, READING),
    ):
        pass


def test_the_top_may_be_a_link(inbox: Path, file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(inbox)
    with opened_beneath(link, link / "2024" / "x.jpg", READING) as descriptor:
        assert os.path.samestat(os.fstat(descriptor), file.stat())


def test_all_is_closed_afterwards(inbox: Path, file: Path) -> None:
    open_now = Path("/proc/self/fd")
    before = len(list(open_now.iterdir()))
    with opened_beneath(inbox, file.parent, FOLDER):
        pass
    assert len(list(open_now.iterdir())) == before


def test_one_file_after_another_is_opened_wherever_it_lies(inbox: Path, file: Path) -> None:
    paths = [file, file.with_name("y.jpg"), inbox / "z.jpg", file.parent / "july" / "x.jpg", file]
    paths[3].parent.mkdir()
    for path in paths:
        path.write_bytes(bytes(path))
    open_now = Path("/proc/self/fd")
    before = len(list(open_now.iterdir()))

    with closing(Beneath(inbox)) as beneath:
        descriptors = [beneath.open(path, READING) for path in paths]
        assert [os.read(descriptor, 1000) for descriptor in descriptors] == [bytes(path) for path in paths]

    for descriptor in descriptors:
        os.close(descriptor)
    assert len(list(open_now.iterdir())) == before


@pytest.mark.parametrize("linked", ["the folder", "the file"])
def test_no_link_is_followed_to_one_file_after_another(
    inbox: Path, file: Path, tmp_path: Path, linked: str
) -> None:
    moved = file.parent if linked == "the folder" else file
    moved.rename(tmp_path / "outside")
    moved.symlink_to(tmp_path / "outside")
    with closing(Beneath(inbox)) as beneath:
        for _ in range(2):
            with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
                beneath.open(file, READING)


def test_the_folder_that_was_opened_is_the_one_that_files_are_opened_in(
    inbox: Path, file: Path, tmp_path: Path
) -> None:
    with closing(Beneath(inbox)) as beneath:
        os.close(beneath.open(file, READING))
        file.parent.rename(tmp_path / "moved")
        file.parent.mkdir()
        file.with_name("new.jpg").write_bytes(b"new")
        with pytest.raises(FileNotFoundError):
            beneath.open(file.with_name("new.jpg"), READING)


def test_a_folder_that_cannot_be_opened_does_not_hide_the_next(inbox: Path, file: Path) -> None:
    with closing(Beneath(inbox)) as beneath:
        os.close(beneath.open(file, READING))
        with pytest.raises(FileNotFoundError):
            beneath.open(inbox / "gone" / "x.jpg", READING)
        os.close(beneath.open(file, READING))


def test_reading_is_not_noted(inbox: Path, file: Path) -> None:
    with opened_beneath(inbox, file, READING) as descriptor:
        os.read(descriptor, 100)
    found = look(inbox, file)
    assert isinstance(found, InboxFile)
    read(found, 1000)

    assert file.stat().st_atime_ns == LONG_AGO_NS
    file.read_bytes()
    if file.stat().st_atime_ns == LONG_AGO_NS:
        pytest.skip("this disk never notes who reads")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_the_file_of_somebody_else_is_read_all_the_same(file: Path) -> None:
    file.chmod(0o644)
    folder = os.open(file.parent, FOLDER)
    os.seteuid(65534)
    try:
        descriptor = open_unnoticed("x.jpg", READING, folder)
    finally:
        os.seteuid(0)
    assert os.read(descriptor, 100) == b"picture"
    os.close(descriptor)
    os.close(folder)


def test_a_folder_without_a_name_in_it_is_bare(tmp_path: Path) -> None:
    assert is_bare(tmp_path)
    (tmp_path / ".hidden").touch()
    assert not is_bare(tmp_path)


def test_a_full_folder_is_not_listed_to_see_that_it_is_not_bare(tmp_path: Path) -> None:
    for number in range(3_000):
        (tmp_path / f"{number}.jpg").touch()
    tracemalloc.start()
    try:
        assert not is_bare(tmp_path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 50_000, "the names alone would take 170,000"
