"""Tried again by hand, and paused, while captiond runs: a command asks it, and writes nothing itself."""

import json
import subprocess
import sys
from pathlib import Path

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside
from conftest import MakePhoto

DESCRIBE = "Describe this picture"
OPEN_JOBS = "SELECT prompt, state FROM jobs"


def test_what_failed_is_asked_again_at_once_by_the_captiond_that_runs(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    photo = make_photo()
    server.plant({"kind": "bad-request", "prompt": DESCRIBE})
    with impatient.running(inbox) as process:
        eventually(lambda: beside(photo).exists() and sidecar_of(photo)["state"] == "failed")
        assert impatient.rows(OPEN_JOBS) == [("description", "failed")]
        asked = len(server.questions)
        server.plant()

        dry = impatient("retry", "--failed", "--dry-run")
        assert dry.stdout == "Not done: 1 photo to ask again: 1 question (description 1).\n"
        assert impatient.rows(OPEN_JOBS) == [("description", "failed")]
        done = impatient("retry", "--failed", "--json")

        assert json.loads(done.stdout)["questions"] == {"description": 1}
        eventually(lambda: sidecar_of(photo)["state"] == "done")
        assert process.poll() is None
    assert len(server.questions) == asked + 1, "nothing else was asked again"
    assert impatient.told("by hand")
    assert "Traceback" not in impatient.log


def test_what_could_not_be_read_is_read_again_at_once(
    impatient: Command, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photo = make_photo()
    photo.write_bytes(photo.read_bytes()[:2000])
    with impatient.running(inbox):
        eventually(lambda: len(impatient.told("unreadable")) == 1)
        assert impatient("retry", photo).stdout == "1 picture to read again.\n"
        eventually(lambda: len(impatient.told("unreadable")) == 2)


def test_a_pause_is_kept_over_a_restart_and_ends_when_somebody_says_so(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    eventually: Eventually,
) -> None:
    with impatient.running(inbox) as process:
        eventually(lambda: impatient.told("server ready"))
        assert impatient("pause").stdout.startswith("Paused")
        photo = make_photo()
        eventually(lambda: impatient.rows("SELECT count(*) FROM photos") == [(1,)])
        process.terminate()
        assert process.wait(10) == 0
    with impatient.running(inbox):
        eventually(lambda: len(impatient.told("server ready")) == 2)
        eventually(lambda: "Paused; 1 photo waits" in impatient("status").stdout)
        assert server.questions == []
        impatient("resume")
        eventually(beside(photo).exists)


def test_a_single_run_during_a_pause_catalogues_and_leaves_the_rest(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto
) -> None:
    impatient("run", "--once", inbox)
    impatient("pause")
    make_photo()
    assert impatient("run", "--once", inbox).returncode == 75
    assert impatient.rows("SELECT state FROM photos") == [("queued",)]
    assert server.questions == []


def test_many_commands_at_once_are_all_carried_out(
    impatient: Command, inbox: Path, eventually: Eventually
) -> None:
    words = [sys.executable, "-m", "captiond"]
    with impatient.running(inbox):
        eventually(lambda: impatient.told("server ready"))
        commands = [
            subprocess.Popen([*words, order], env=impatient.environment, stdout=subprocess.PIPE, text=True)
            for order in ("pause", "resume") * 3
        ]
        told = [command.communicate(timeout=60)[0] for command in commands]
    assert {command.returncode for command in commands} == {0}
    assert all(told)
    assert len(impatient.told("by hand")) == 6
