"""A person asks why: about a copy in progress, a rule, a queue, and what events and scans found."""

import json
import shutil
from pathlib import Path

from acceptance.conftest import Command, Eventually, beside


def why(captiond: Command, path: Path) -> tuple[str, str]:
    told = json.loads(captiond("why", path, "--json").stdout)
    return told["gate"], told["sentence"]


def test_a_file_is_explained_on_its_way_from_the_copy_to_the_sidecar(
    watching: Command, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    content, slow = outside.read_bytes(), inbox / "slow.jpg"
    assert why(watching, slow) == ("nothing", "There is no such file, and captiond never knew one.")
    with slow.open("wb", buffering=0) as file:
        file.write(content[:1000])
        gate, sentence = why(watching, slow)
        assert (gate, sentence) == ("writer", "Waiting: a program has the file open for writing.")
        eventually(lambda: "open for writing" in _shown(watching, slow))
        eventually(lambda: "(since " in why(watching, slow)[1])
        assert f"{slow}: A program has the file open for writing (since " in watching("status").stdout
        file.write(content[1000:])
    eventually(beside(slow).exists)
    eventually(lambda: why(watching, slow)[1].endswith("Its sidecar is written."))

    slow.rename(inbox / "renamed.jpg")
    eventually(lambda: watching.rows("SELECT 1 FROM files WHERE path = 'renamed.jpg'"))
    assert why(watching, inbox / "renamed.jpg")[0] == "done"
    assert why(watching, slow)[0] == "gone"


def _shown(captiond: Command, file: Path) -> str:
    """Give all that is shown: of a file that was seen while it was empty, something is kept."""
    shown = captiond("show", file)
    return shown.stdout + shown.stderr


def test_what_a_rule_names_is_left_alone_until_the_rule_goes(
    watching: Command, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    rules = inbox / "raw" / ".captiondignore"
    rules.parent.mkdir()
    rules.write_text("*.jpg\n")
    photo = shutil.copy(outside, inbox / "raw" / "photo.jpg")
    good = shutil.copy(outside, inbox / "good.jpg")
    eventually(beside(good).exists)
    assert why(watching, photo) == ("name", 'Left alone: Ignored by raw/.captiondignore, line 1: "*.jpg".')
    assert watching.rows("SELECT path FROM files") == [("good.jpg",)]

    rules.unlink()

    eventually(beside(photo).exists)
    assert why(watching, photo)[0] == "done"


def test_a_pattern_of_the_settings_is_followed(impatient: Command, inbox: Path, outside: Path) -> None:
    impatient.settings["CAPTIOND_INBOX__IGNORE"] = "*.psd.jpg,raw/"
    (inbox / "raw").mkdir()
    ignored = [shutil.copy(outside, inbox / name) for name in ("a.psd.jpg", "raw/b.jpg")]
    shutil.copy(outside, inbox / "c.jpg")
    assert impatient("run", "--once", inbox).returncode == 0
    assert impatient.rows("SELECT path FROM files") == [("c.jpg",)]
    assert [why(impatient, path)[0] for path in ignored] == ["name", "name"]


def test_a_pattern_that_means_nothing_is_refused(impatient: Command, inbox: Path) -> None:
    impatient.settings["CAPTIOND_INBOX__IGNORE"] = "!"
    ended = impatient("run", "--once", inbox)
    assert ended.returncode == 78
    assert 'inbox.ignore: "!" is no pattern of names' in ended.stderr


def test_what_was_found_and_how_is_told(
    watching: Command, inbox: Path, outside: Path, eventually: Eventually
) -> None:
    eventually(beside(Path(shutil.copy(outside, inbox / "a.jpg"))).exists)

    def told() -> dict[str, object]:
        (standing,) = json.loads(watching("status", "--json").stdout)["inboxes"]
        return {name: standing[name] for name in ("state", "found_by_event", "found_by_scan", "overflows")}

    counted = {"state": "watching", "found_by_event": 1, "found_by_scan": 0, "overflows": 0}
    eventually(lambda: told() == counted)
    assert f"Inbox {inbox} watching; scanned " in watching("status").stdout
