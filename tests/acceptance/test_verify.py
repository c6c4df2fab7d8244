"""`captiond verify`: each thing that is not as it should be is one sentence, and nothing is touched."""

import json
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from acceptance.conftest import Command, beside
from conftest import MakePhoto


@pytest.fixture
def described(impatient: Command, inbox: Path, make_photo: MakePhoto) -> Command:
    make_photo("a.jpg", "blue", text="Guten Tag")
    make_photo("deep/b.jpg", "olive")
    assert impatient("run", "--once", inbox).returncode == 0
    return impatient


def findings(command: Command, *options: str) -> list[dict[str, Any]]:
    ended = command("verify", "--json", *options)
    found: list[dict[str, Any]] = json.loads(ended.stdout)["findings"]
    assert ended.returncode == (1 if found else 0), ended.stderr
    return found


def flip(path: Path, place: int) -> None:
    """Change one bit, and leave no trace of it in the file's times."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    os.utime(path, ns=times)


def test_all_is_well_after_a_run(described: Command) -> None:
    told = described("verify", "--files")
    assert (told.returncode, told.stdout) == (0, "Catalogue, sidecars and pictures agree.\n")


def test_a_flipped_byte_anywhere_in_a_sidecar_is_found(described: Command, inbox: Path) -> None:
    sidecar = beside(inbox / "a.jpg")
    flip(sidecar, random.Random(5).randrange(sidecar.stat().st_size))

    (found,) = findings(described)

    assert (found["subject"], found["path"]) == ("sidecar", str(sidecar))
    assert "captiond import" in found["sentence"]


def test_a_flipped_byte_in_a_picture_is_found_by_reading_it(described: Command, inbox: Path) -> None:
    picture = inbox / "deep/b.jpg"
    flip(picture, 1000)

    assert findings(described) == []
    (found,) = findings(described, "--files")

    assert found["path"] == str(picture)
    assert "restore it from a backup" in found["sentence"]


def test_reading_a_picture_leaves_no_trace(described: Command, inbox: Path) -> None:
    os.utime(inbox / "a.jpg", ns=(1, (inbox / "a.jpg").stat().st_mtime_ns))
    command = [sys.executable, "-m", "captiond", "verify", "--files"]
    subprocess.run(command, env=described.environment, check=True, timeout=60)
    assert (inbox / "a.jpg").stat().st_atime_ns == 1


def test_a_picture_that_was_changed_or_is_gone_is_told(described: Command, inbox: Path) -> None:
    (inbox / "a.jpg").unlink()
    (inbox / "deep/b.jpg").write_bytes(b"new")

    found = {one["path"]: one["sentence"] for one in findings(described, "--files")}

    assert "gone" in found[str(inbox / "a.jpg")]
    assert "captiond run reads it anew" in found[str(inbox / "deep/b.jpg")]


def test_an_answer_that_was_changed_past_captiond_is_told(described: Command) -> None:
    with closing(sqlite3.connect(described.catalogue)) as connection, connection:
        connection.execute("UPDATE results SET value = 'A dog.' WHERE prompt = 'description'")

    sentences = [one["sentence"] for one in findings(described)]

    assert any("is not what was written" in sentence for sentence in sentences)
    assert any("says something else than the catalogue" in sentence for sentence in sentences)
    assert all("restore a backup" in sentence for sentence in sentences)


def test_a_sidecar_that_nobody_knows_is_told(described: Command, inbox: Path) -> None:
    beside(inbox / "c.jpg").write_bytes(beside(inbox / "a.jpg").read_bytes())
    (found,) = findings(described)
    assert found["path"] == str(beside(inbox / "c.jpg"))
    assert "does not know it" in found["sentence"]


def test_a_sidecar_of_another_catalogue_is_told_with_its_name_once(described: Command, inbox: Path) -> None:
    described.catalogue.rename(described.catalogue.with_name("old.db"))
    assert described("run", "--once", inbox).returncode == 0
    sentences = {found["path"]: found["sentence"] for found in findings(described)}
    assert len(sentences) == 2
    assert sentences[str(beside(inbox / "a.jpg"))].startswith("It was written for another catalogue, so")


def test_a_sidecar_that_is_gone_is_told(described: Command, inbox: Path) -> None:
    beside(inbox / "a.jpg").unlink()
    (found,) = findings(described)
    assert "writes it again" in found["sentence"]


def test_an_edited_sidecar_whose_picture_is_gone_is_not_said_to_be_written_again(
    described: Command, inbox: Path
) -> None:
    (inbox / "a.jpg").unlink()
    flip(beside(inbox / "a.jpg"), 100)
    with closing(sqlite3.connect(described.catalogue)) as connection, connection:
        connection.execute("UPDATE files SET state = 'missing' WHERE path = 'a.jpg'")
        connection.execute("UPDATE photos SET copies = 0, missing = 1 WHERE path = 'a.jpg'")
    (found,) = findings(described)
    assert "picture is gone" in found["sentence"]
    assert "writes it again" not in found["sentence"]


def test_an_inbox_that_is_away_is_one_finding(described: Command, inbox: Path) -> None:
    inbox.rename(inbox.with_name("elsewhere"))
    (found,) = findings(described)
    inbox.with_name("elsewhere").rename(inbox)
    assert "is its disk mounted?" in found["sentence"]


def test_a_damaged_page_is_told(described: Command) -> None:
    content = bytearray(described.catalogue.read_bytes())
    content[4096 * 5 : 4096 * 5 + 200] = b"\xff" * 200
    described.catalogue.write_bytes(content)

    told = described("verify")

    assert told.returncode in (1, 74)
    assert "damaged" in told.stdout + told.stderr
    assert described.catalogue.read_bytes() == bytes(content)
    assert "Traceback" not in told.stderr


def test_a_running_captiond_is_not_disturbed(
    watching: Command, make_photo: MakePhoto, eventually: Any
) -> None:
    make_photo("a.jpg")
    eventually(lambda: watching.told("described"))
    eventually(lambda: watching.rows("SELECT sidecar_dirty FROM files") == [(0,)])
    assert findings(watching, "--files") == []


def test_what_is_to_be_asked_anew_is_no_damage(described: Command, inbox: Path) -> None:
    assert described("redo", "", "--prompt", "description", "--yes").returncode == 0
    assert findings(described, "--files") == []
    described.settings["CAPTIOND_PROMPTS__MOOD__ENABLED"] = "true"
    assert described("run", "--once", inbox, "--ollama", "http://127.0.0.1:1").returncode == 69
    assert findings(described, "--files") == []
