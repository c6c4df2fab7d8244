import dataclasses
import os
import socket
import tempfile
from pathlib import Path

import pytest

from captiond.model import Digest, InboxFile, Json, SidecarPlace
from captiond.sidecars import Conflict, Written, render, sidecar_path, write
from captiond.sidecars.conflicts import LARGEST_BYTES
from sidecars.examples import ELEPHANT, NEW, OLD, digest, names_in, photo
from sidecars.forbidding import ordinary_user
from sidecars.system_calls import watched


class TestWhatSomebodyElsePutThere:
    def test_leaves_an_edited_sidecar_as_it_is(self, path: Path) -> None:
        path.write_bytes(OLD.replace(b"old", b"our", 1))

        outcome = write(path, NEW, known_sha256=digest(OLD))

        assert isinstance(outcome, Conflict)
        assert "edited by hand" in outcome.reason
        assert b"our" in path.read_bytes()

    def test_leaves_the_sidecar_of_another_catalogue_as_it_is(self, path: Path) -> None:
        path.write_bytes(OLD)

        outcome = write(path, NEW, known_sha256=None)

        assert isinstance(outcome, Conflict)
        assert "captiond import" in outcome.reason

    @pytest.mark.parametrize(
        "foreign", [b"", b"{}", b"[1]", b"not json", b'{"schema": "other"}', b"[" * 9999]
    )
    def test_leaves_a_foreign_file_as_it_is(self, path: Path, foreign: bytes) -> None:
        path.write_bytes(foreign)

        outcome = write(path, NEW, known_sha256=digest(OLD))

        assert isinstance(outcome, Conflict)
        assert path.read_bytes() == foreign

    def test_never_follows_a_link(self, path: Path, tmp_path: Path) -> None:
        original = tmp_path / "original"
        original.write_bytes(OLD)
        path.symlink_to(original)

        assert isinstance(write(path, NEW, known_sha256=digest(OLD)), Conflict)
        assert original.read_bytes() == OLD

    @pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
    def test_never_waits_for_or_replaces_something_that_is_no_file(self, path: Path, make: Json) -> None:
        make(path)

        assert isinstance(write(path, NEW, known_sha256=None), Conflict)

    def test_writes_names_for_people_without_control_characters(self, tmp_path: Path) -> None:
        name = os.fsdecode(b"\x1b[31m\xff\n.jpg.captiond.json")
        (tmp_path / name).write_bytes(b"{}")

        outcome = write(tmp_path / name, NEW, known_sha256=None)

        assert isinstance(outcome, Conflict)
        assert r"\x1b[31m\xff\n.jpg" in outcome.reason

    def test_never_makes_what_a_dangling_link_points_to(self, path: Path, tmp_path: Path) -> None:
        path.symlink_to(tmp_path / "nothing")

        assert isinstance(write(path, NEW, known_sha256=None), Conflict)
        assert not (tmp_path / "nothing").exists()

    def test_leaves_a_socket_as_it_is(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # The name of a socket may have 108 bytes only.
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("a.captiond.json")
            outcome = write(tmp_path / "a.captiond.json", NEW, known_sha256=None)

        assert isinstance(outcome, Conflict)
        assert (tmp_path / "a.captiond.json").is_socket()

    def test_does_not_read_a_file_too_large_to_be_ours(self, path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(LARGEST_BYTES + 1)

        outcome = write(path, NEW, known_sha256=None)

        assert isinstance(outcome, Conflict)
        assert "is no sidecar" in outcome.reason
        assert path.stat().st_size == LARGEST_BYTES + 1

    def test_leaves_a_file_that_may_not_be_read_as_it_is(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            Path(name).chmod(0o777)
            with ordinary_user():
                path = Path(name) / "a.jpg.captiond.json"
                path.write_bytes(OLD)
                path.chmod(0)
                outcome = write(path, NEW, known_sha256=digest(OLD))
                path.chmod(0o600)
            assert path.read_bytes() == OLD

        assert isinstance(outcome, Conflict)
        assert "Permission denied" in outcome.reason

    def test_leaves_what_a_person_saves_while_we_write(self, path: Path) -> None:
        path.write_bytes(OLD)
        edited = OLD.replace(b"old", b"our", 1)

        with watched({"fsync": lambda: path.write_bytes(edited)}):
            outcome = write(path, NEW, known_sha256=digest(OLD))

        assert isinstance(outcome, Conflict)
        assert path.read_bytes() == edited
        assert names_in(path.parent) == {path.name}

    def test_leaves_a_file_that_appears_while_we_write(self, path: Path) -> None:
        with watched({"fsync": lambda: path.write_bytes(b"{}")}):
            outcome = write(path, NEW, known_sha256=None)

        assert isinstance(outcome, Conflict)
        assert path.read_bytes() == b"{}"

    def test_of_two_inboxes_in_one_tree_neither_takes_the_sidecar_of_the_other(self, tmp_path: Path) -> None:
        tree = SidecarPlace("tree", tmp_path)
        ours, theirs = photo("IMG_1.jpg"), InboxFile(Path("/srv"), Path("/srv/IMG_1.jpg"), photo().stamp)
        path = sidecar_path(ours, tree)
        assert path is not None
        assert path == sidecar_path(theirs, tree)
        of_theirs = render(dataclasses.replace(ELEPHANT, digest=Digest("ab" * 32)), theirs, "0.4.0")
        first = write(path, render(ELEPHANT, ours, "0.4.0"), known_sha256=None)

        second = write(path, of_theirs, known_sha256=None)

        assert isinstance(first, Written)
        assert isinstance(second, Conflict)
        assert digest(path.read_bytes()) == first.sha256
