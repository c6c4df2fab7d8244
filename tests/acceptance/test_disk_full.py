"""A disk without room is sat out: it is told, nothing is lost, and the work goes on when there is room."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside
from conftest import MakePhoto

SMALL = "2m"
ANSWERS = "SELECT path, count(*), count(DISTINCT prompt) FROM history GROUP BY path"


@pytest.fixture
def mounted() -> Iterator[Callable[..., None]]:
    """Mount a small file system of its own on a folder; taken away at the end."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root, to mount")
    folders: list[Path] = []

    def mount(folder: Path, options: str = f"size={SMALL}") -> None:
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False)
        if done.returncode:
            pytest.skip("this root may not mount")
        folders.append(folder)

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte of room in the file system of a folder; give the file that takes it."""
    ballast = folder / ".ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while file.write(b"\1" * size):
                    pass
            except OSError:
                continue
    return ballast


@pytest.fixture
def cramped(impatient: Command, tmp_path: Path, mounted: Callable[..., None]) -> Command:
    """captiond with its catalogue on a disk of 2 MB."""
    mounted(tmp_path / "small")
    impatient.catalogue = tmp_path / "small" / "catalogue.db"
    return impatient


@pytest.mark.root
def test_new_photos_wait_until_the_catalogue_has_room(
    *, cramped: Command, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photos = [make_photo("first.jpg")]
    with cramped.running(inbox) as process:
        eventually(beside(photos[0]).exists)
        ballast = fill(cramped.catalogue.parent)
        photos += [make_photo(f"{colour}.jpg", colour) for colour in ("red", "navy", "olive")]
        eventually(lambda: cramped.told("disk full"))
        assert process.poll() is None
        ballast.unlink()
        eventually(lambda: all(beside(photo).exists() for photo in photos))
        process.terminate()
        assert process.wait(10) == 0

    (told,) = cramped.told("disk full")
    assert "level=error" in told
    assert f"the catalogue {cramped.catalogue} cannot be written: database or disk is full" in told
    assert cramped.rows(ANSWERS) == [(photo.name, 4, 4) for photo in sorted(photos)]
    assert cramped.rows("SELECT count(*) FROM jobs") == [(0,)]
    assert cramped.rows("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.root
def test_a_photo_in_hand_loses_no_answer(
    *,
    cramped: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    eventually: Eventually,
) -> None:
    photo = make_photo()
    server.plant({"kind": "slow", "prompt": "Copy all the text", "seconds": 0.7, "times": 1})
    with cramped.running(inbox) as process:
        eventually(lambda: len(server.questions) == 3)
        kept = cramped.rows(ANSWERS)
        ballast = fill(cramped.catalogue.parent)
        eventually(lambda: cramped.told("disk full"))
        assert process.poll() is None
        ballast.unlink()
        eventually(beside(photo).exists)

    assert kept == [(photo.name, 2, 2)]
    assert cramped.rows(ANSWERS) == [(photo.name, 4, 4)]
    assert cramped.rows("SELECT count(*), sum(tries) FROM jobs") == [(0, None)]
    asked = [question["prompt"].split()[0] for question in server.questions]
    assert asked == ["List", "Describe", "Copy"], "the answer that found no room is not asked for again"


@pytest.mark.root
def test_a_start_without_room_ends_with_one_sentence(
    *, cramped: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    photo = make_photo()
    ballast = fill(cramped.catalogue.parent)

    ended = cramped("run", "--once", inbox)

    assert ended.returncode == os.EX_IOERR
    sentence = f"captiond: the catalogue {cramped.catalogue} cannot be written: database or disk is full\n"
    assert ended.stderr == sentence
    ballast.unlink()
    assert cramped("run", "--once", inbox).returncode == 0
    assert beside(photo).exists()


@pytest.mark.root
@pytest.mark.parametrize("kilobytes", [4, 8, 16, 32, 64, 128])
def test_a_first_start_says_that_there_is_no_room_however_little_is_left(
    *, impatient: Command, inbox: Path, tmp_path: Path, mounted: Callable[..., None], kilobytes: int
) -> None:
    mounted(tmp_path / "small", f"size={kilobytes}k")
    impatient.catalogue = tmp_path / "small" / "catalogue.db"

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == os.EX_IOERR
    reason = "(database or disk is full|No space left .*)"
    sentence = f"captiond: the catalogue {impatient.catalogue} cannot be written: {reason}\n"
    assert re.fullmatch(sentence, ended.stderr)


@pytest.mark.root
def test_without_room_beside_the_picture_its_sidecar_comes_later(
    *,
    impatient: Command,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    mounted: Callable[..., None],
) -> None:
    mounted(inbox)
    photos = [make_photo("one.jpg"), make_photo("two.jpg", "navy")]
    ballast = fill(inbox)

    ended = impatient("run", "--once", inbox)

    assert "takes no sidecar: No space left on device." in ended.stderr
    assert impatient.rows("SELECT state, missing FROM photos") == [("done", 0), ("done", 0)]
    assert "No space left on device" in impatient("show", photos[0]).stdout, "the file has its reason"
    assert not list(inbox.glob("*.json")), "half a sidecar is none"
    assert not list(inbox.glob(".captiond*"))
    ballast.unlink()
    assert impatient("run", "--once", inbox).returncode == 0
    assert [sidecar_of(photo)["state"] for photo in photos] == ["done", "done"]
    assert "No sidecar" not in impatient("show", photos[0]).stdout


@pytest.mark.root
def test_sidecars_of_a_read_only_inbox_go_beside_the_catalogue(
    *, impatient: Command, inbox: Path, make_photo: MakePhoto, mounted: Callable[..., None]
) -> None:
    mounted(inbox)
    make_photo("deep/er/photo.jpg")
    subprocess.run(["mount", "-o", "remount,ro", inbox], check=True)

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 0
    tree = impatient.catalogue.parent / "sidecars"
    assert [path.name for path in tree.rglob("*.json")] == ["photo.jpg.captiond.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_sidecars_of_an_inbox_without_permission_go_beside_the_catalogue(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    make_photo()
    inbox.chmod(0o500)

    ended = impatient("run", "--once", inbox)
    inbox.chmod(0o700)

    assert ended.returncode == 0
    tree = impatient.catalogue.parent / "sidecars"
    assert [path.name for path in tree.rglob("*.json")] == ["photo.jpg.captiond.json"]


def test_a_sidecar_whose_name_would_be_too_long_goes_beside_the_catalogue(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    long, other = make_photo(f"{'x' * 248}.jpg"), make_photo("other.jpg", "navy")

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 0
    assert beside(other).exists()
    tree = impatient.catalogue.parent / "sidecars"
    (sidecar,) = tree.rglob("*.captiond.json")
    assert long.name in sidecar.read_text()
    assert impatient.rows("SELECT DISTINCT state FROM photos") == [("done",)]


def test_sidecars_go_into_the_tree_that_was_chosen(
    impatient: Command, inbox: Path, make_photo: MakePhoto, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    impatient.settings["CAPTIOND_SIDECARS"] = f"tree:{tree}"
    photos = [make_photo("photo.jpg"), make_photo("2024/kenya/photo.jpg", "navy")]

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 0
    assert not list(inbox.rglob("*.json"))
    assert all((tree / beside(photo).relative_to(inbox)).exists() for photo in photos)


def test_a_tree_that_is_not_there_does_not_cost_the_sidecars(
    impatient: Command, inbox: Path, make_photo: MakePhoto, tmp_path: Path
) -> None:
    make_photo("2024/photo.jpg")
    impatient.settings["CAPTIOND_SIDECARS"] = f"tree:{tmp_path}/away/tree"

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.rglob("*.captiond.json")] == ["photo.jpg.captiond.json"]
