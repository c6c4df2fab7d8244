"""The first run: an empty home, no configuration, and a folder that is not there yet."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside
from conftest import MakePhoto

UNSET = ("CAPTIOND_CATALOGUE", "OLLAMA_HOST", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def newcomer(first_start: Command) -> Command:
    """captiond as it is right after installation."""
    first_start.started_by = ("env", *(f"--unset={name}" for name in UNSET))
    first_start.catalogue = first_start.home / ".local/share/captiond/catalogue.db"
    assert list(first_start.home.iterdir()) == []
    return first_start


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_first_run_makes_what_it_needs_and_says_where(
    newcomer: Command, server: SimulatedServer, tmp_path: Path
) -> None:
    inbox = tmp_path / "Pictures" / "inbox"

    ended = newcomer("run", "--once", "--ollama", server.url, inbox)

    assert ended.returncode == 0, ended.stderr
    assert inbox.is_dir()
    assert f'event="made the inbox" inbox={inbox}' in ended.stderr
    (start,) = [line for line in ended.stderr.splitlines() if "event=reading" in line]
    assert f"inboxes={inbox} catalogue={newcomer.catalogue} " in start
    assert 'sidecars="beside each picture" model=llava:13b-v1.6' in start
    assert mode(newcomer.catalogue) == 0o600
    assert mode(newcomer.catalogue.parent) == 0o700
    assert not (newcomer.home / ".config").exists()


def test_the_first_photo_dropped_into_a_new_inbox_is_read_and_kept_private(
    *,
    newcomer: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    inbox.rmdir()
    with newcomer.running("--ollama", server.url, inbox):
        eventually(inbox.is_dir)
        photo = make_photo()
        eventually(beside(photo).exists)
        files = {path.name: mode(path) for path in newcomer.catalogue.parent.iterdir() if path.is_file()}

    assert sidecar_of(photo)["state"] == "done"
    assert mode(beside(photo)) == 0o600
    assert "catalogue.db-wal" in files
    assert set(files.values()) == {0o600}


def test_without_a_folder_it_says_what_to_type(newcomer: Command) -> None:
    ended = newcomer("run")

    assert ended.returncode == 2
    assert "captiond run ~/Pictures/inbox" in ended.stderr
    assert list(newcomer.home.iterdir()) == []


def test_lines_in_a_pipe_are_keys_with_values(impatient: Command, inbox: Path, make_photo: MakePhoto) -> None:
    make_photo("road sign.jpg", text="Achtung")

    lines = impatient("run", "--once", inbox).stderr.splitlines()

    parsed = [dict(pair.split("=", 1) for pair in shlex.split(line)) for line in lines]
    assert [line["event"] for line in parsed] == ["reading", "server ready", "described"]
    for line in parsed:
        assert list(line)[:4] == ["time", "level", "logger", "event"]
        assert TIME.fullmatch(line["time"])
    assert parsed[2]["file"] == "road sign.jpg"
    assert "Achtung" not in str(lines), "what was read is its owner's business"


def test_json_is_one_object_a_line(impatient: Command, inbox: Path, make_photo: MakePhoto) -> None:
    make_photo("road\nsign.jpg")

    lines = impatient("run", "--once", "--log", "json", inbox).stderr.splitlines()

    parsed = [json.loads(line) for line in lines]
    assert [line["event"] for line in parsed] == ["reading", "server ready", "described"]
    for line in parsed:
        assert {"time", "level", "logger", "event"} <= line.keys()
        assert TIME.fullmatch(line["time"])


def test_on_a_terminal_it_talks_in_sentences(impatient: Command, inbox: Path, make_photo: MakePhoto) -> None:
    make_photo()
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "captiond", "run", "--once", str(inbox)]
    with subprocess.Popen(command, env=impatient.environment | {"TERM": "xterm"}, stderr=other_end):
        os.close(other_end)
        said = "".join(read_all(terminal))
    os.close(terminal)

    assert re.search(rf"\d\d:\d\d:\d\d  reading {inbox}  \(llava:13b-v1.6\)", said)
    assert f"catalogue {impatient.catalogue}" in said
    assert "photo.jpg   0." in said
    assert "event=" not in said


def read_all(terminal: int) -> list[str]:
    pieces = []
    try:
        while piece := os.read(terminal, 4096):
            pieces.append(piece.decode(errors="replace"))
    except OSError:
        pass  # the other end is closed
    return pieces
