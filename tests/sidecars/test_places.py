import os
from pathlib import Path

import pytest

from captiond.model import SidecarPlace
from captiond.sidecars import sidecar_path
from sidecars.examples import INBOX, digest, photo

BESIDE = SidecarPlace("beside")


class TestTheName:
    def test_keeps_the_extension_of_the_picture(self) -> None:
        assert sidecar_path(photo(), BESIDE) == INBOX / "2024/IMG_2041.jpg.captiond.json"

    def test_in_a_tree_lies_in_the_same_folders(self) -> None:
        tree = SidecarPlace("tree", Path("/var/tree"))

        assert sidecar_path(photo(), tree) == Path("/var/tree/2024/IMG_2041.jpg.captiond.json")

    def test_is_none_where_sidecars_are_off(self) -> None:
        assert sidecar_path(photo(), SidecarPlace("off")) is None

    @pytest.mark.parametrize(("name_bytes", "has_one"), [(241, True), (242, False)])
    def test_beside_the_picture_is_never_cut(self, name_bytes: int, has_one: bool) -> None:
        file = photo("é" * ((name_bytes - 5) // 2) + "x" * ((name_bytes - 5) % 2) + ".jpeg")

        assert (sidecar_path(file, BESIDE) is not None) is has_one

    def test_of_a_photo_that_is_not_utf8_holds_the_same_bytes(self) -> None:
        path = sidecar_path(photo(os.fsdecode(b"caf\xe9.jpg")), BESIDE)

        assert path is not None
        assert os.fsencode(path.name) == b"caf\xe9.jpg.captiond.json"

    def test_of_a_long_one_is_a_digest_in_a_tree(self) -> None:
        path = sidecar_path(photo("2024/" + "n" * 250), SidecarPlace("tree", Path("/var/tree")))

        assert path == Path("/var/tree/2024") / (digest(b"n" * 250) + ".captiond.json")

    def test_differs_where_only_the_ending_of_the_picture_does(self) -> None:
        assert sidecar_path(photo("a.jpg"), BESIDE) != sidecar_path(photo("a.png"), BESIDE)
