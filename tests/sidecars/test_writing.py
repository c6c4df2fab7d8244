import os
import stat
from pathlib import Path

import pytest

from captiond.sidecars import SidecarUnwritable, Unchanged, Written, write
from captiond.sidecars.writing import remove_leftovers
from sidecars.examples import NEW, OLD, digest, names_in
from sidecars.system_calls import watched

LEFTOVER = ".captiond-0123456789abcdef.part"


class TestWriting:
    def test_puts_the_file_there_for_its_owner_alone(self, path: Path) -> None:
        assert write(path, NEW, known_sha256=None) == Written(digest(NEW))
        assert path.read_bytes() == NEW
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_leaves_no_other_file(self, path: Path) -> None:
        write(path, NEW, known_sha256=None)

        assert names_in(path.parent) == {path.name}

    def test_replaces_what_was_written_last_and_keeps_its_mode(self, path: Path) -> None:
        write(path, OLD, known_sha256=None)
        path.chmod(0o644)

        assert write(path, NEW, known_sha256=digest(OLD)) == Written(digest(NEW))
        assert stat.S_IMODE(path.stat().st_mode) == 0o644

    @pytest.mark.parametrize("known_sha256", [None, digest(NEW), digest(OLD)])
    def test_does_not_touch_a_file_that_holds_the_same(self, path: Path, known_sha256: str | None) -> None:
        path.write_bytes(NEW)
        before = path.stat()

        assert write(path, NEW, known_sha256=known_sha256) == Unchanged(digest(NEW))
        after = path.stat()
        assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)

    def test_only_own_leftovers_are_removed(self, tmp_path: Path) -> None:
        (tmp_path / LEFTOVER).touch()
        (tmp_path / ".captiond-mine.part").touch()

        assert remove_leftovers(tmp_path) == 1
        assert names_in(tmp_path) == {".captiond-mine.part"}

    @pytest.mark.parametrize("content", [b"", bytes(5000), NEW[:20], NEW])
    def test_an_unfinished_one_is_known_by_its_first_bytes(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / LEFTOVER).write_bytes(content)

        assert remove_leftovers(tmp_path) == 1
        assert names_in(tmp_path) == set()

    @pytest.mark.parametrize("content", [b"my notes", b'{"schema": "mine"}', bytes(5000) + b"x"])
    def test_what_is_only_called_like_one_stays(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / LEFTOVER).write_bytes(content)

        assert remove_leftovers(tmp_path) == 0
        assert (tmp_path / LEFTOVER).read_bytes() == content

    def test_one_that_is_being_written_stays(self, tmp_path: Path) -> None:
        removed = []
        with watched({"rename": lambda: removed.append(remove_leftovers(tmp_path))}):
            write(tmp_path / "a.captiond.json", NEW, known_sha256=None)

        assert removed == [0]
        assert names_in(tmp_path) == {"a.captiond.json"}

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_one_of_another_user_stays(self, tmp_path: Path) -> None:
        (tmp_path / LEFTOVER).write_bytes(NEW)
        os.chown(tmp_path / LEFTOVER, 1234, 1234)

        assert remove_leftovers(tmp_path) == 0

    def test_a_pipe_or_a_link_stays_and_nobody_waits_for_it(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / LEFTOVER)
        (tmp_path / LEFTOVER.replace("0", "f")).symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere").write_bytes(NEW)

        assert remove_leftovers(tmp_path) == 0
        assert len(names_in(tmp_path)) == 3

    def test_cannot_remove_leftovers_of_a_folder_that_is_gone(self, tmp_path: Path) -> None:
        with pytest.raises(SidecarUnwritable, match="No such file or directory"):
            remove_leftovers(tmp_path / "gone")

    def test_takes_the_longest_name_that_there_is(self, tmp_path: Path) -> None:
        path = tmp_path / ("n" * 241 + ".captiond.json")

        assert write(path, NEW, known_sha256=None) == Written(digest(NEW))

    def test_writes_again_what_somebody_removed(self, path: Path) -> None:
        assert write(path, NEW, known_sha256=digest(NEW)) == Written(digest(NEW))
        assert path.read_bytes() == NEW

    def test_replaces_a_read_only_sidecar_of_ours_and_keeps_it_so(self, path: Path) -> None:
        path.write_bytes(OLD)
        path.chmod(0o444)

        assert write(path, NEW, known_sha256=digest(OLD)) == Written(digest(NEW))
        assert path.read_bytes() == NEW
        assert stat.S_IMODE(path.stat().st_mode) == 0o444

    def test_never_makes_a_sidecar_executable(self, path: Path) -> None:
        path.write_bytes(OLD)
        path.chmod(0o6755)

        write(path, NEW, known_sha256=digest(OLD))

        assert stat.S_IMODE(path.stat().st_mode) == 0o644

    def test_never_writes_into_the_old_file(self, path: Path, tmp_path: Path) -> None:
        path.write_bytes(OLD)
        os.link(path, tmp_path / "the same file")

        write(path, NEW, known_sha256=digest(OLD))

        assert (tmp_path / "the same file").read_bytes() == OLD

    def test_syncs_the_bytes_before_the_rename_and_the_folder_after_it(self, path: Path) -> None:
        with watched() as calls:
            write(path, NEW, known_sha256=None)

        assert [call for call in calls if call != "unlink"] == ["fsync", "rename", "fsync"]

    def test_syncs_the_folder_where_a_crash_came_after_the_rename(self, path: Path) -> None:
        path.write_bytes(NEW)

        with watched() as calls:
            write(path, NEW, known_sha256=digest(OLD))

        assert calls == ["fsync"]
