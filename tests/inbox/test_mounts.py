import os
from pathlib import Path

import pytest

from captiond.inbox import mounts
from captiond.inbox.mounts import event_blind, is_remote

ROOT = r"1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mountinfo"
    monkeypatch.setattr(mounts, "MOUNTS", path)
    return path


def mount(number: int, point: str, kind: str, *optional: str) -> str:
    return " ".join(("7 1", f"0:{number}", "/", point, "rw", *optional, "-", kind, "source rw"))


@pytest.mark.parametrize(
    ("kind", "blind"),
    [
        ("nfs4", True),
        ("cifs", True),
        ("smb3", True),
        ("fuse.sshfs", True),
        ("9p", True),
        ("virtiofs", True),
        ("overlay", True),
        ("ext4", False),
        ("btrfs", False),
        ("tmpfs", False),
    ],
)
def test_the_kind_of_the_mount_tells_whether_events_can_be_relied_on(
    table: Path, kind: str, blind: bool
) -> None:
    table.write_text(f"{ROOT}\n{mount(40, '/mnt/nas', kind)}\n")
    assert event_blind(Path("/mnt/nas/photos")) == (kind if blind else None)
    assert event_blind(Path("/mnt/nas")) == (kind if blind else None)
    assert event_blind(Path("/mnt/nasty")) is None


def test_the_nearest_and_the_newest_mount_counts(table: Path) -> None:
    table.write_text(
        "\n".join(
            (ROOT, mount(40, "/mnt", "nfs4"), mount(41, "/mnt/in", "nfs4"), mount(42, "/mnt/in", "xfs"))
        )
    )
    assert event_blind(Path("/mnt/in/a")) is None
    assert event_blind(Path("/mnt/out")) == "nfs4"


def test_optional_fields_and_odd_mount_points_are_read(table: Path) -> None:
    odd = mount(40, r"/mnt/my\040\134disk", "cifs", "shared:5", "master:3")
    table.write_text(f"{ROOT}\n{odd}\n")
    assert event_blind(Path("/mnt/my \\disk/photos")) == "cifs"


@pytest.mark.parametrize("character", ["\r", "\x0b", "\x0c", "\x85", "\u2028", "\x1c"])
def test_only_the_kernels_own_line_ends_count(table: Path, character: str) -> None:
    odd = f"/mnt/a{character}b"
    table.write_bytes(f"{ROOT}\n{mount(39, odd, 'nfs4')}\n{mount(40, '/mnt/nas', 'nfs4')}\n".encode())
    assert is_remote(os.makedev(0, 39))
    assert is_remote(os.makedev(0, 40))
    assert event_blind(Path(odd) / "c") == "nfs4"


def test_a_device_that_is_not_listed_is_a_local_one(table: Path) -> None:
    table.write_text(f"{ROOT}\n")
    assert not is_remote(os.makedev(0, 77))
    table.unlink()
    assert not is_remote(os.makedev(0, 77))
    assert event_blind(Path("/anywhere")) is None


def test_lines_that_are_not_understood_are_passed_over(table: Path) -> None:
    table.write_text(f"\nnonsense\n1 2 3\n{ROOT}\n{mount(40, '/mnt', 'nfs')}")
    assert is_remote(os.makedev(0, 40))


def test_the_real_table_is_understood() -> None:
    assert not is_remote(Path("/proc").stat().st_dev)
