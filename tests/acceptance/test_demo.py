"""`captiond demo` shows the real thing without a model, says so, and leaves what it says."""

import re
import shlex
import sqlite3
import subprocess
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from acceptance.conftest import Command, Sidecar, beside

PICTURES = ("beach.jpg", "forest.png", "road sign.jpg", "night.webp", "2024/café.jpg")


@dataclass
class Show:
    """One demo: what it said, and the folder it was to leave."""

    captiond: Command
    place: Path
    ended: subprocess.CompletedProcess[str]

    @property
    def pictures(self) -> list[Path]:
        return [self.place / "inbox" / name for name in PICTURES]


def alone(folder: Path) -> Command:
    """Give captiond without a server and without a catalogue."""
    home = folder / "home"
    home.mkdir()
    return Command(home, folder / "nobodys.db", "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Show:
    folder = tmp_path_factory.mktemp("demo")
    captiond, place = alone(folder), folder / "a show"
    return Show(captiond, place, captiond("demo", place))


def test_it_ends_well_and_says_that_no_model_is_at_work(show: Show) -> None:
    assert show.ended.returncode == 0
    said = show.ended.stdout
    assert said.startswith("This is a demonstration: no model is at work. A simulated server answers;")
    assert "Attention ! Éléphants en liberté" in said, "it shows a photo"
    assert "Éléphants en [liberté]" in said, "it searches"
    assert "Traceback" not in said + show.ended.stderr


def test_it_leaves_what_it_says(show: Show, sidecar_of: Sidecar) -> None:
    assert f"The pictures, their sidecars and the catalogue are in {show.place}\n" in show.ended.stdout
    for picture in show.pictures:
        assert f"drew {picture}\n" in show.ended.stdout
        assert sidecar_of(picture)["state"] == "done"
    assert not show.captiond.catalogue.exists(), "it keeps to its own folder"


def test_the_query_that_it_ends_with_works(show: Show) -> None:
    (line,) = [line for line in show.ended.stdout.splitlines() if line.startswith("Look into it:")]

    program, catalogue, query = shlex.split(line.removeprefix("Look into it:"))

    assert program == "sqlite3"
    with closing(sqlite3.connect(f"{Path(catalogue).as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute(query).fetchall()
    assert {path for path, *_ in found} == set(PICTURES)
    texts = {text for *_, text in found}
    assert texts == {None, "Attention ! Éléphants en liberté", "Heute frisch: Brot und Käse"}


def test_the_commands_that_it_shows_may_be_typed_again(show: Show) -> None:
    shown = [line for line in show.ended.stdout.splitlines() if line.startswith("$ captiond ")]
    run, *others = (shlex.split(line)[2:] for line in shown)
    assert run[:3] == ["run", str(show.place / "inbox"), "--once"]
    for words in others:
        again = show.captiond(*words)
        assert (again.returncode, again.stdout in show.ended.stdout) == (0, True)


def test_the_simulated_server_is_gone_afterwards(show: Show) -> None:
    found = re.search(r"http://127\.0\.0\.1:\d+", show.ended.stderr)
    assert found
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(found.group())


def test_it_may_be_shown_again(show: Show) -> None:
    before = [(picture.read_bytes(), beside(picture).read_bytes()) for picture in show.pictures]

    assert show.captiond("demo", show.place).returncode == 0

    assert [(picture.read_bytes(), beside(picture).read_bytes()) for picture in show.pictures] == before


def test_without_a_folder_it_makes_a_new_one(tmp_path: Path) -> None:
    captiond = alone(tmp_path)
    captiond.settings["TMPDIR"] = str(tmp_path)

    ended = captiond("demo")

    (picture,) = tmp_path.glob("captiond-demo-*/inbox/beach.jpg")
    assert ended.returncode == 0
    assert f"catalogue are in {picture.parent.parent}\n" in ended.stdout


def test_it_does_not_draw_over_pictures_that_are_there(tmp_path: Path) -> None:
    mine = tmp_path / "pictures" / "inbox" / "beach.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"\xff\xd8\xff a beach of mine \xff\xd9")

    alone(tmp_path)("demo", tmp_path / "pictures")

    assert mine.read_bytes() == b"\xff\xd8\xff a beach of mine \xff\xd9"


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    ended = alone(tmp_path)("demo", tmp_path / "file")
    assert (ended.returncode, "cannot be drawn into: Not a directory" in ended.stderr) == (2, True)


def test_it_does_not_mind_the_settings_of_its_user(tmp_path: Path) -> None:
    captiond = alone(tmp_path)
    settings = captiond.home / ".config/captiond/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'sidecars = "tree:{tmp_path}"\n[ollama]\nmodel = "dear"\n')
    captiond.settings["CAPTIOND_IMAGING__FORMATS"] = "GIF"

    ended = captiond("demo", tmp_path / "show")

    assert ended.returncode == 0
    assert all(beside(tmp_path / "show" / "inbox" / name).exists() for name in PICTURES)
    assert "dear" not in ended.stdout + ended.stderr


def test_a_language_that_is_not_sure_is_not_told(show: Show) -> None:
    assert "\ntext         Attention ! Éléphants en liberté" in show.ended.stdout
