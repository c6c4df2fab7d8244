import resource
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from captiond.errors import DiskFull, Outage
from captiond.sidecars import SidecarUnwritable, Written, write
from sidecars.examples import NEW, OLD, digest, names_in
from sidecars.forbidding import forbidden_folder
from sidecars.system_calls import watched


class TestFolders:
    def test_makes_the_folders_of_the_tree(self, tmp_path: Path) -> None:
        path = tmp_path / "2024" / "july" / "a.jpg.captiond.json"

        assert isinstance(write(path, NEW, known_sha256=None, tree=tmp_path), Written)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_does_not_make_a_tree_whose_disk_is_away(self, tmp_path: Path) -> None:
        tree = tmp_path / "unmounted"

        with pytest.raises(SidecarUnwritable):
            write(tree / "a.jpg.captiond.json", NEW, known_sha256=None, tree=tree)
        assert not tree.exists()

    def test_does_not_make_the_folders_of_a_tree_whose_disk_is_away(self, tmp_path: Path) -> None:
        tree = tmp_path / "unmounted"

        with pytest.raises(SidecarUnwritable):
            write(tree / "2024" / "a.jpg.captiond.json", NEW, known_sha256=None, tree=tree)
        assert not tree.exists()

    def test_says_that_a_folder_is_gone(self, tmp_path: Path) -> None:
        with pytest.raises(SidecarUnwritable, match="No such file or directory"):
            write(tmp_path / "gone" / "a.jpg.captiond.json", NEW, known_sha256=None)

    def test_says_that_a_folder_may_not_be_written(self) -> None:
        with (
            forbidden_folder() as folder,
            pytest.raises(SidecarUnwritable, match=r"Permission denied.*sidecars = "),
        ):
            write(folder / "a.jpg.captiond.json", NEW, known_sha256=None)

    def test_says_that_a_folder_may_not_be_searched(self) -> None:
        with (
            forbidden_folder(0o444) as folder,
            pytest.raises(SidecarUnwritable, match="Permission denied"),
        ):
            write(folder / "a.jpg.captiond.json", NEW, known_sha256=None)

    def test_makes_no_folder_where_a_file_is_in_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "2024").write_bytes(b"a picture without an ending")

        with pytest.raises(SidecarUnwritable, match="Not a directory"):
            write(tmp_path / "2024" / "july" / "a.captiond.json", NEW, known_sha256=None, tree=tmp_path)
        assert (tmp_path / "2024").read_bytes() == b"a picture without an ending"

    def test_syncs_each_folder_into_the_one_above_before_it_is_used(self, tmp_path: Path) -> None:
        with watched() as calls:
            write(tmp_path / "2024" / "july" / "a.captiond.json", NEW, known_sha256=None, tree=tmp_path)

        assert calls[:4] == ["mkdir", "fsync", "mkdir", "fsync"]

    def test_says_that_a_folder_went_away_while_we_wrote(self, tmp_path: Path) -> None:
        folder = tmp_path / "july"
        folder.mkdir()

        with (
            watched({"fsync": lambda: shutil.rmtree(folder)}),
            pytest.raises(SidecarUnwritable, match="No such file or directory"),
        ):
            write(folder / "a.captiond.json", NEW, known_sha256=None)

    def test_writes_into_no_other_folder_that_took_the_name_while_we_wrote(self, tmp_path: Path) -> None:
        folder, moved = tmp_path / "july", tmp_path / "august"
        folder.mkdir()

        def swap() -> None:
            folder.rename(moved)
            folder.mkdir()

        with watched({"fsync": swap}):
            write(folder / "a.captiond.json", NEW, known_sha256=None)

        assert names_in(moved) == {"a.captiond.json"}
        assert names_in(folder) == set()

    @pytest.mark.parametrize("named", ["tree", "top"])
    def test_writes_nothing_through_a_symbolic_link_below_the_top(self, tmp_path: Path, named: str) -> None:
        (tmp_path / "inbox").mkdir()
        (tmp_path / "outside" / "july").mkdir(parents=True)
        (tmp_path / "inbox" / "2024").symlink_to(tmp_path / "outside")
        path = tmp_path / "inbox" / "2024" / "july" / "a.captiond.json"

        with pytest.raises(SidecarUnwritable):
            write(path, NEW, known_sha256=None, **{named: tmp_path / "inbox"})  # type: ignore[arg-type]

        assert names_in(tmp_path / "outside" / "july") == set()

    def test_writes_where_the_top_itself_is_a_symbolic_link(self, tmp_path: Path) -> None:
        (tmp_path / "disk" / "july").mkdir(parents=True)
        (tmp_path / "inbox").symlink_to(tmp_path / "disk")

        write(tmp_path / "inbox" / "july" / "a.captiond.json", NEW, known_sha256=None, top=tmp_path / "inbox")

        assert names_in(tmp_path / "disk" / "july") == {"a.captiond.json"}

    def test_writes_nothing_outside_where_a_folder_becomes_a_link_while_it_is_made(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "outside").mkdir()
        folder = tmp_path / "tree" / "2024"
        folder.mkdir(parents=True)

        def swap() -> None:
            folder.rmdir()
            folder.symlink_to(tmp_path / "outside")

        with watched({"mkdir": swap}), pytest.raises(SidecarUnwritable):
            write(folder / "july" / "a.captiond.json", NEW, known_sha256=None, tree=tmp_path / "tree")

        assert names_in(tmp_path / "outside") == set()

    def test_says_that_a_path_is_too_long(self, tmp_path: Path) -> None:
        folder = tmp_path.joinpath(*["n" * 255] * 17)

        with pytest.raises(SidecarUnwritable, match="File name too long"):
            write(folder / "a.captiond.json", NEW, known_sha256=None, tree=tmp_path)


@contextmanager
def files_no_larger_than(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_breaks_off_leaves_the_old_file_whole_and_nothing_else(path: Path) -> None:
    path.write_bytes(OLD)

    with files_no_larger_than(len(NEW) - 1), pytest.raises(Outage, match="File too large"):
        write(path, NEW, known_sha256=digest(OLD))

    assert path.read_bytes() == OLD
    assert names_in(path.parent) == {path.name}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=3", "tmpfs", folder],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("needs to be root to mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.root
class TestAFullDisk:
    def test_leaves_the_old_file_whole_and_nothing_else(self, small_disk: Path) -> None:
        path = small_disk / "a.jpg.captiond.json"
        write(path, OLD, known_sha256=None)

        with pytest.raises(DiskFull, match="No space left on device"):
            write(path, NEW * 4, known_sha256=digest(OLD))

        assert path.read_bytes() == OLD
        assert names_in(small_disk) == {path.name}

    def test_that_is_read_only_leaves_the_old_file_whole(self, small_disk: Path) -> None:
        path = small_disk / "a.jpg.captiond.json"
        write(path, OLD, known_sha256=None)
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

        with pytest.raises(SidecarUnwritable, match="Read-only file system"):
            write(path, NEW, known_sha256=digest(OLD))

        assert path.read_bytes() == OLD

    def test_without_room_for_another_name_says_so(self, small_disk: Path) -> None:
        (small_disk / "a").touch()
        (small_disk / "b").touch()

        with pytest.raises(DiskFull, match="No space left on device"):
            write(small_disk / "c.captiond.json", NEW, known_sha256=None)
        assert names_in(small_disk) == {"a", "b"}

    def test_without_room_for_a_folder_says_so(self, small_disk: Path) -> None:
        (small_disk / "a").touch()
        (small_disk / "b").touch()

        with pytest.raises(DiskFull, match="No space left on device"):
            write(small_disk / "2024" / "c.captiond.json", NEW, known_sha256=None, tree=small_disk)

    def test_that_has_room_again_takes_the_sidecar(self, small_disk: Path) -> None:
        path = small_disk / "a.jpg.captiond.json"
        (small_disk / "large").write_bytes(bytes(60_000))
        with pytest.raises(DiskFull):
            write(path, NEW, known_sha256=None)

        (small_disk / "large").unlink()

        assert write(path, NEW, known_sha256=None) == Written(digest(NEW))
