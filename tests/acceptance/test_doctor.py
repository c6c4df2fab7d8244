"""`captiond doctor`: what a person is told before the first photo, and with which cure."""

import json
from pathlib import Path
from typing import Any

import pytest

from acceptance.conftest import Command, SimulatedServer, simulated_server
from conftest import MakePhoto

Found = dict[str, tuple[str, str, str | None]]


def examined(captiond: Command, *arguments: object, code: int) -> Found:
    """The findings by subject; of several about one subject, the last."""
    ended = captiond("doctor", "--json", *arguments)
    assert ended.returncode == code, ended.stdout + ended.stderr
    findings: list[dict[str, Any]] = json.loads(ended.stdout)
    return {each["subject"]: (each["level"], each["sentence"], each["fix"]) for each in findings}


def test_all_is_in_place(captiond: Command, inbox: Path, make_photo: MakePhoto) -> None:
    make_photo("a.jpg")
    make_photo("deep/b.jpg", "blue")
    found = examined(captiond, inbox, code=0)
    assert {level for level, _, _ in found.values()} <= {"ok", "note"}
    assert "llava:13b-v1.6 can see, on the GPU." in found["server"][1]
    assert found["sight"][1] == "Two test pictures are told apart: “Red.” and “Blue.”."
    assert "2 files in 2 folders, 2 of them new" in found["inbox"][1]
    assert "seccomp" in found["decoder"][1].lower()
    assert found["estimate"][1].startswith("2 pictures wait: about 1 s")


def test_it_stores_and_makes_nothing(first_start: Command, inbox: Path, make_photo: MakePhoto) -> None:
    make_photo("a.jpg")
    examined(first_start, inbox, inbox.parent / "not-there", code=0)
    assert [path.name for path in inbox.iterdir()] == ["a.jpg"]
    assert not first_start.catalogue.exists()
    assert not (inbox.parent / "not-there").exists()


def test_what_was_read_is_not_new(impatient: Command, inbox: Path, make_photo: MakePhoto) -> None:
    make_photo("a.jpg")
    assert impatient("run", inbox, "--once").returncode == 0
    found = examined(impatient, inbox, code=0)
    assert "1 file in 1 folder, 0 of them new" in found["inbox"][1]
    assert "estimate" not in found


def test_a_model_that_does_not_see_is_found_out(
    captiond: Command, inbox: Path, server: SimulatedServer
) -> None:
    server.plant({"kind": "same"})
    level, sentence, fix = examined(captiond, inbox, code=69)["sight"]
    assert (level, "does not see them" in sentence) == ("fail", True)
    assert fix is not None
    assert "ollama pull" in fix


def test_a_server_that_is_away_is_told_with_the_cure(captiond: Command, inbox: Path) -> None:
    level, sentence, _ = examined(captiond, inbox, "--ollama", "http://127.0.0.1:9", code=69)["server"]
    assert level == "fail"
    assert "ollama serve" in sentence


@pytest.mark.parametrize(("pull", "level", "code"), [("true", "warn", 0), ("false", "fail", 69)])
def test_a_missing_model_is_told_with_the_command(
    captiond: Command, inbox: Path, pull: str, level: str, code: int
) -> None:
    captiond.settings["CAPTIOND_OLLAMA__PULL"] = pull
    found = examined(captiond, inbox, "--model", "llava:34b", code=code)["server"]
    assert found[0] == level
    assert "`ollama pull llava:34b`" in found[1]


def test_a_missing_model_of_one_prompt_is_a_warning(captiond: Command, inbox: Path) -> None:
    captiond.settings |= {"CAPTIOND_OLLAMA__PULL": "false", "CAPTIOND_PROMPTS__OCR__MODEL": "qwen2.5vl:7b"}
    found = examined(captiond, inbox, code=0)
    assert (found["prompts"][0], "qwen2.5vl:7b" in found["prompts"][1]) == ("warn", True)


def test_a_model_on_the_cpu_is_a_warning(captiond: Command, inbox: Path) -> None:
    with simulated_server("--gpu", "cpu") as slow:
        captiond.url = slow.url
        ended = captiond("doctor", inbox)
    assert "warn  The model llava:13b-v1.6 runs on the CPU alone" in ended.stdout
    assert ended.stdout.rstrip().endswith("Ready. 1 warning.")


def test_a_catalogue_that_is_somebody_elses_is_a_failure(captiond: Command, inbox: Path) -> None:
    captiond.catalogue.write_text("my diary, which is long enough to be no SQLite file at all")
    level, sentence, _ = examined(captiond, inbox, code=74)["catalogue"]
    assert level == "fail"
    assert "not an SQLite database" in sentence


def test_a_running_daemon_is_mentioned(watching: Command, inbox: Path) -> None:
    level, sentence, _ = examined(watching, inbox, code=0)["catalogue"]
    assert (level, "A captiond is running" in sentence) == ("note", True)


def test_the_doctor_needs_no_inbox(captiond: Command) -> None:
    assert "captiond doctor FOLDER" in examined(captiond, code=0)["inbox"][1]
