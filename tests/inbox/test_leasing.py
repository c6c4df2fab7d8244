import mmap
import os
from pathlib import Path

from captiond.inbox.leasing import nobody_writes


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
