import mmap
import os
from pathlib import Path

import pytest

from captiond.inbox import leasing
from captiond.inbox.leasing import nobody_writes, somebody_writes


def test_a_closed_file_has_no_writer(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"whole")
    assert nobody_writes(path)


def test_an_open_writer_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as writer:
        writer.write(b"half")
        assert not nobody_writes(path)
    assert nobody_writes(path)


def test_only_an_open_writer_is_a_certain_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb"), path.open("rb") as reader:
        assert somebody_writes(reader.fileno())
    with path.open("rb") as reader, path.open("rb"):
        assert not somebody_writes(reader.fileno())


@pytest.mark.parametrize(("kind", "certain"), [("nfs4", False), ("fuse.sshfs", False), ("ext4", True)])
def test_on_another_machines_disk_a_refused_lease_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, certain: bool
) -> None:
    path, mounts = tmp_path / "a.jpg", tmp_path / "mountinfo"
    with path.open("wb"), path.open("rb") as reader:
        device = os.fstat(reader.fileno()).st_dev
        mounts.write_text(f"36 35 {os.major(device)}:{os.minor(device)} / /mnt rw - {kind} nas:/ rw\n")
        monkeypatch.setattr(leasing, "MOUNTS", mounts)
        assert somebody_writes(reader.fileno()) is certain


def test_a_writer_through_a_mapping_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 4096)
    with path.open("r+b") as opened:
        mapping = mmap.mmap(opened.fileno(), 4096)
    assert not nobody_writes(path)
    mapping.close()


def test_what_cannot_be_opened_is_not_certain(tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert not nobody_writes(tmp_path / "link.jpg")
    assert not nobody_writes(tmp_path / "gone.jpg")
    assert not nobody_writes(tmp_path / "pipe.jpg")
