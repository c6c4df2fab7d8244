import mmap
import os
from pathlib import Path

import pytest

from captiond.inbox import mounts
from captiond.inbox.leasing import Writer, writer_of
from captiond.inbox.reading import look_closely


def writer(path: Path) -> Writer:
    return look_closely(path.parent, path)[1]


def test_a_closed_file_has_no_writer(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"whole")
    with path.open("rb"):
        assert writer(path) is Writer.NOBODY


def test_an_open_writer_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as opened:
        opened.write(b"half")
        assert writer(path) is Writer.SOMEBODY
    assert writer(path) is Writer.NOBODY


def test_a_writer_through_another_name_is_noticed(tmp_path: Path) -> None:
    path, other = tmp_path / "a.jpg", tmp_path / "b.jpg"
    path.write_bytes(b"whole")
    other.hardlink_to(path)
    with other.open("ab"):
        assert writer(path) is Writer.SOMEBODY


def test_a_writer_through_a_mapping_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 4096)
    with path.open("r+b") as opened:
        mapping = mmap.mmap(opened.fileno(), 4096)
    assert writer(path) is Writer.SOMEBODY
    mapping.close()


@pytest.mark.parametrize(
    ("kind", "said"), [("nfs4", Writer.UNKNOWN), ("fuse.sshfs", Writer.UNKNOWN), ("ext4", Writer.SOMEBODY)]
)
def test_on_another_machines_disk_a_refused_lease_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: Writer
) -> None:
    path, table = tmp_path / "a.jpg", tmp_path / "mountinfo"
    with path.open("wb"), path.open("rb") as reader:
        device = os.fstat(reader.fileno()).st_dev
        table.write_text(f"36 35 {os.major(device)}:{os.minor(device)} / /mnt rw - {kind} nas:/ rw\n")
        monkeypatch.setattr(mounts, "MOUNTS", table)
        assert writer_of(reader.fileno()) is said


def test_what_is_no_file_any_more_has_no_known_writer(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    assert writer(path) is Writer.UNKNOWN
    os.mkfifo(path)
    assert writer(path) is Writer.UNKNOWN
    path.unlink()
    path.symlink_to(tmp_path)
    assert writer(path) is Writer.UNKNOWN
