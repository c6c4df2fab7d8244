"""How a command ends: a code that scripts can act on, and one clear sentence where something is wrong."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, SimulatedServer
from captiond.catalogue.opening import APPLICATION_ID, SCHEMA_VERSION
from conftest import MakePhoto

MISTAKES = {
    '[ollama]\nmodle = "llava:7b"\n': '2: ollama.modle: unknown setting; did you mean "model"?',
    '\n\nmodel = "llava:7b"\n': '3: model: unknown setting; did you mean "ollama.model"?',
    '[ollama]\nparallel = "many"\n': '2: ollama.parallel: must be a whole number of at least 1, not "many"',
    "[inbox]\nquiet_seconds = -1\n": "2: inbox.quiet_seconds: must be a number above 0, not -1",
    'sidecars = "nowhere"\n': '1: sidecars: must be "beside", "tree:FOLDER" or "off", not "nowhere"',
    '[prompts.text]\nkind = "text"\n': '1: prompts.text: "text" is a column of the catalogue; '
    "give the prompt another name",
    "[ollama\n": "1:8: not valid TOML: expected ']' at the end of a table declaration",
}
READING = (("search", "dog"), ("show", "photo.jpg"), ("status",))
OTHERS = {
    "facets objects": 1,
    "why photo.jpg": 1,
    "edit photo.jpg ocr Ausgang": 1,
    "confirm photo.jpg": 1,
    "redo photo --prompt ocr": 1,
    "retry --failed": 1,
    "pause": 0,
    "resume": 0,
    "verify": 0,
    "import .": 0,
    "backup copy.db": 0,
    "doctor": 69,
}
"""On a catalogue without photos, and without a server."""


@pytest.fixture
def alone(tmp_path: Path) -> Command:
    """captiond without a server: what is wrong comes to light before it is asked."""
    home = tmp_path / "home"
    home.mkdir()
    return Command(home, tmp_path / "catalogue.db", "http://127.0.0.1:9")


def sentence(ended: subprocess.CompletedProcess[str]) -> str:
    """Give the one sentence with which a command ended."""
    (told,) = ended.stderr.splitlines()
    assert told.startswith("captiond: ")
    return told.removeprefix("captiond: ")


def clear(ended: subprocess.CompletedProcess[str]) -> bool:
    """Tell whether there are words on standard error, and none that only a programmer understands."""
    return bool(ended.stderr.strip()) and "Traceback" not in ended.stderr


def test_all_well_is_0(impatient: Command, inbox: Path, make_photo: MakePhoto) -> None:
    make_photo()
    assert impatient("run", "--once", inbox).returncode == 0
    assert impatient("run", "--once", inbox).returncode == 0, "nothing to do is well too"
    assert impatient("search", "green").returncode == 0
    assert impatient("show", "photo.jpg").returncode == 0
    assert impatient("status").returncode == 0


@pytest.mark.parametrize(("command", "code"), OTHERS.items())
def test_a_command_needs_nothing_that_another_has_loaded(
    *, alone: Command, empty_catalogue: Path, command: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(alone.home)
    shutil.copy(empty_catalogue, alone.catalogue)
    ended = alone(*command.split())
    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False), ended.stderr


def test_some_photos_that_cannot_be_read_are_1(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    whole = make_photo()
    (inbox / "half.jpg").write_bytes(whole.read_bytes()[:3000])
    (inbox / "letter.jpg").write_text("Dear Ada")

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 1
    assert clear(ended)
    assert "finished with problems" in ended.stderr.splitlines()[-1]
    assert impatient.rows("SELECT path, state FROM photos WHERE state = 'done'") == [("photo.jpg", "done")]
    problems = dict(impatient.rows("SELECT path, reason FROM problems"))
    assert problems == {
        "half.jpg": "the file ends before the picture does: probably not completely copied",
        "letter.jpg": "this is no picture: its first bytes are of no format that captiond knows",
    }


def test_a_letter_among_the_photos_is_no_problem(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    make_photo()
    (inbox / "letter.txt").write_text("Dear Ada")
    assert impatient("run", "--once", inbox).returncode == 0


def test_a_search_that_finds_nothing_is_1(impatient: Command, inbox: Path, make_photo: MakePhoto) -> None:
    make_photo()
    impatient("run", "--once", inbox)
    for nothing in (("search", "giraffe"), ("show", "giraffe.jpg")):
        ended = impatient(*nothing)
        assert ended.returncode == 1
        assert ended.stdout == ""
        assert clear(ended)


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--once"),
        ("run", "--nonsense"),
        ("show",),
        ("search", "--limit", "0", "dog"),
        ("nonsense",),
        ("demo", "--catalogue", "x.db"),
    ],
    ids=" ".join,
)
def test_a_wrong_use_is_2(words: tuple[str, ...], alone: Command) -> None:
    ended = alone(*words)
    assert ended.returncode == 2
    assert clear(ended)


def test_without_a_folder_to_watch_the_sentence_shows_how_to_name_one(alone: Command) -> None:
    assert "name a folder to watch: captiond run ~/Pictures/inbox" in alone("run").stderr


def test_no_server_is_69_and_charges_nobody(
    impatient: Command, inbox: Path, make_photo: MakePhoto, free_port: int
) -> None:
    make_photo()
    impatient.url = f"http://127.0.0.1:{free_port}"

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == os.EX_UNAVAILABLE == 69
    assert f"No Ollama answers at {impatient.url}" in ended.stderr
    assert "1 photo waits; `captiond status` and" in ended.stderr.splitlines()[-1]
    assert clear(ended)
    assert impatient.rows("SELECT DISTINCT state, tries, error FROM jobs") == [("queued", 0, None)]


def test_without_work_the_missing_server_does_not_matter(
    impatient: Command, inbox: Path, free_port: int
) -> None:
    impatient.url = f"http://127.0.0.1:{free_port}"
    assert impatient("run", "--once", inbox).returncode == 0


def test_no_catalogue_to_read_is_74(alone: Command) -> None:
    for words in READING:
        ended = alone(*words)
        assert ended.returncode == os.EX_IOERR == 74
        missing = f"there is no catalogue at {alone.catalogue} yet: captiond run makes it; "
        assert (
            sentence(ended) == f"{missing}where it was lost, captiond import makes it again from the sidecars"
        )
    assert not alone.catalogue.exists()


def test_an_inbox_that_is_away_is_74(impatient: Command, inbox: Path, make_photo: MakePhoto) -> None:
    photo = make_photo()
    impatient.settings["CAPTIOND_SIDECARS"] = "off"
    impatient("run", "--once", inbox)
    photo.unlink()
    inbox.rmdir()

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 74
    assert f"The inbox {inbox} is not there; is its disk mounted?" in ended.stderr
    assert clear(ended)
    assert not inbox.exists(), "an empty folder would hide what is on that disk"
    assert impatient.rows("SELECT missing FROM photos") == [(0,)]


@pytest.mark.parametrize("place", ["a file for an inbox", "no room for an inbox", "no room for a catalogue"])
def test_a_place_that_cannot_be_made_is_74_or_78_with_a_sentence(
    place: str, alone: Command, inbox: Path
) -> None:
    in_the_way = inbox.parent / "letter.txt"
    in_the_way.write_text("Dear Ada")
    words = {
        "a file for an inbox": (in_the_way,),
        "no room for an inbox": (in_the_way / "inbox",),
        "no room for a catalogue": (inbox, "--catalogue", in_the_way / "catalogue.db"),
    }

    ended = alone("run", "--once", *words[place])

    assert ended.returncode in (os.EX_IOERR, os.EX_CONFIG)
    assert str(in_the_way) in sentence(ended)
    assert in_the_way.read_text() == "Dear Ada"


def test_a_second_daemon_is_75_and_the_first_goes_on(
    impatient: Command, inbox: Path, eventually: Eventually
) -> None:
    with impatient.running(inbox) as first:
        eventually(lambda: impatient.told("watching"))
        second = impatient("run", "--once", inbox)
        assert first.poll() is None
    assert second.returncode == os.EX_TEMPFAIL == 75
    assert sentence(second).startswith("another captiond is running with ")


def test_work_that_is_left_is_75(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    make_photo()
    server.plant({"kind": "hang"})
    with impatient.running("--once", inbox) as process:
        eventually(lambda: impatient.told("server ready"))
        process.terminate()
        assert process.wait(10) == 75


@pytest.mark.parametrize("toml", MISTAKES)
def test_a_mistake_in_the_settings_is_78_with_its_place(toml: str, alone: Command, inbox: Path) -> None:
    settings = alone.home / "alone.toml"
    settings.write_text(toml)

    ended = alone("run", "--once", inbox, "--config", settings)

    assert ended.returncode == os.EX_CONFIG == 78
    assert sentence(ended) == f"{settings}:{MISTAKES[toml]}"
    assert not alone.catalogue.exists()


def test_all_mistakes_are_told_at_once(alone: Command, inbox: Path) -> None:
    settings = alone.home / "alone.toml"
    settings.write_text('[ollama]\nparallel = 0\n\n[imaging]\nformats = ["JPG"]\n')
    alone.settings["CAPTIOND_OLLAMA__SEEED"] = "1"

    ended = alone("run", "--once", inbox, "--config", settings)

    assert ended.returncode == 78
    assert len(ended.stderr.splitlines()) == 3
    assert f"{settings}:2: ollama.parallel: " in ended.stderr
    assert f"{settings}:5: imaging.formats[0]: must be JPEG, PNG, " in ended.stderr
    assert "environment: CAPTIOND_OLLAMA__SEEED: unknown setting; did you mean" in ended.stderr


@pytest.mark.parametrize("words", [("run", "--once"), ("doctor",), ("status",)])
@pytest.mark.parametrize("host", ["nonsense:port", "http://127.0.0.1:99999", "http://[::1"])
def test_an_address_of_ollama_that_is_none_is_78(
    words: tuple[str, ...], host: str, alone: Command, inbox: Path
) -> None:
    alone.settings["OLLAMA_HOST"] = host
    ended = alone(*words, *([inbox] if words[0] != "status" else []))
    assert ended.returncode == 78
    assert sentence(ended).startswith("environment: OLLAMA_HOST: must be an address")


def test_an_output_that_takes_nothing_is_74(alone: Command) -> None:
    alone.started_by = ("sh", "-c", 'exec "$@" > /dev/full', "sh")
    ended = alone("--help")
    assert ended.returncode == 74
    assert sentence(ended) == "the output cannot be written: No space left on device"


def test_a_configuration_that_is_not_there_is_78(alone: Command) -> None:
    for words in (("run", "--once", "/nowhere"), *READING):
        ended = alone(*words, "--config", "none.toml")
        assert ended.returncode == 78
        assert sentence(ended) == "none.toml: there is no such configuration file"


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.execute("CREATE TABLE photos (id INTEGER PRIMARY KEY, smell TEXT)")


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def letter(path: Path) -> None:
    path.write_text("Dear Ada, this is no database. " * 50)


@pytest.mark.parametrize("make", [newer, foreign, letter])
def test_a_catalogue_that_is_not_ours_is_78_and_stays_as_it_is(
    make: Callable[[Path], None], alone: Command, inbox: Path
) -> None:
    make(alone.catalogue)
    before = seen(alone.catalogue)

    for words in (("run", "--once", inbox), ("run", inbox), *READING):
        ended = alone(*words)
        assert ended.returncode == 78
        assert str(alone.catalogue) in sentence(ended)

    assert seen(alone.catalogue) == before
    assert {path.name for path in alone.catalogue.parent.glob("catalogue*")} == {
        "catalogue.db",
        "catalogue.db.lock",
    }


def seen(path: Path) -> tuple[bytes, int, int, int, int]:
    status = path.stat()
    return path.read_bytes(), status.st_ino, status.st_mode, status.st_mtime_ns, status.st_ctime_ns
