"""The systemd units under a systemd that really boots, installed by the commands at their heads."""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from booting import PROGRAMS, Machine, make_debian, until

REPOSITORY = Path(__file__).resolve().parent.parent
SYSTEM_UNIT = REPOSITORY / "systemd" / "captiond.service"
USER_UNIT = REPOSITORY / "systemd" / "user" / "captiond.service"
SOURCES = "/root/captiond"
LINKED = "mkdir -p ~/.local/bin && ln -s /opt/captiond/bin/captiond ~/.local/bin"
"""What stands in for an installation from an index, of which the machine has none."""

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(300)]


def head_commands(unit: Path) -> list[str]:
    """Give the commands by which the unit says it is installed."""
    head, _, _ = unit.read_text().partition("[Unit]")
    return re.findall(r"^#   (.+)$", head, re.MULTILINE)


class Captiond:
    """captiond on a machine: its unit, its inbox, its catalogue, and a simulated Ollama for it to ask."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.inbox = machine.root / "srv/photos/inbox"
        self.configuration = machine.root / "etc/captiond/config.toml"

    def install(self) -> None:
        """Do what the head of the unit says; the packages come from here instead of from an index."""
        root, run = self.machine.root, self.machine.run
        left_out = shutil.ignore_patterns(".*", "tests", "__pycache__")
        shutil.copytree(REPOSITORY, root / SOURCES[1:], ignore=left_out)
        packages = root / "opt/captiond/lib/python3.11/site-packages"
        left_out = shutil.ignore_patterns("*captiond*", "pip", "pip-*", "__pycache__")
        shutil.copytree(sysconfig.get_path("purelib"), packages, ignore=left_out)
        offline = ("PIP_NO_INDEX=1", "PIP_NO_BUILD_ISOLATION=0")
        for command in head_commands(SYSTEM_UNIT):
            run("env", *offline, "sh", "-c", command, folder=SOURCES)
        run("useradd", "--create-home", "--groups=photos", "--shell=/bin/sh", "alice")

    def systemctl(self, *words: str, check: bool = True) -> str:
        return self.machine.run("systemctl", *words, check=check)

    def shown(self, name: str) -> str:
        return self.systemctl("show", "captiond", f"--property={name}", "--value")

    def journal(self) -> list[dict[str, str]]:
        """Give what the journal has of captiond itself, without what systemd says about it."""
        lines = self.machine.run("journalctl", "--unit=captiond", "--output=json").splitlines()
        entries = [json.loads(line) for line in lines]
        return [entry for entry in entries if entry["_TRANSPORT"] == "stdout"]

    def asked(self, question: str) -> list[tuple[object, ...]]:
        """Ask the catalogue; nothing where there is none yet."""
        path = self.machine.root / "var/lib/captiond/catalogue.db"
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as catalogue,
        ):
            return catalogue.execute(question).fetchall()
        return []

    def is_asking(self) -> bool:
        return bool(self.asked("SELECT 1 FROM jobs WHERE state = 'running'"))

    def drop(self, name: str, colour: str) -> str:
        """Drop a photo of somebody in the group, as their file manager would; gives its SHA-256."""
        content = io.BytesIO()
        Image.new("RGB", (640, 480), colour).save(content, "JPEG")
        (self.machine.root / "srv" / name).write_bytes(content.getvalue())
        self.machine.run("chown", "alice:photos", f"/srv/{name}")
        self.machine.run("chmod", "0640", f"/srv/{name}")
        self.machine.run("mv", f"/srv/{name}", "/srv/photos/inbox/")
        return hashlib.sha256(content.getvalue()).hexdigest()

    def is_done(self, digest: str) -> bool:
        return self.asked(f"SELECT state FROM photos WHERE sha256 = '{digest}'") == [("done",)]

    def serve(self, time_scale: float) -> None:
        """Start a simulated Ollama, `time_scale` times as slow as a real one."""
        simulator = f"/opt/captiond/bin/python -m captiond.simulator --port 11434 --time-scale {time_scale}"
        unit = self.machine.root / "etc/systemd/system/ollama.service"
        unit.write_text(f"[Service]\nExecStart={simulator}\n")
        self.systemctl("daemon-reload")
        self.systemctl("restart", "ollama")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if os.geteuid() != 0 or lacking or sys.version_info[:2] != (3, 11):
        pytest.skip(f"needs to be root, the Python of Debian 12, and these programs: {', '.join(PROGRAMS)}")
    root = tmp_path_factory.mktemp("machine") / "root"
    make_debian(root)
    machine = Machine(root)
    machine.boot()
    try:
        Captiond(machine).install()
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def captiond(machine: Machine) -> Iterator[Captiond]:
    """Start the shipped unit beside a quick model server."""
    captiond = Captiond(machine)
    captiond.serve(0.01)
    captiond.configuration.write_text('inboxes = ["/srv/photos/inbox"]\ninbox.scan_minutes = 60\n')
    captiond.systemctl("restart", "captiond")
    yield captiond
    captiond.systemctl("stop", "captiond", "ollama")


def test_the_unit_is_active_and_says_how_it_goes(captiond: Captiond) -> None:
    assert (captiond.shown("ActiveState"), captiond.shown("Type")) == ("active", "notify")
    until(lambda: "photos done" in captiond.shown("StatusText"), 20)


def test_a_photo_dropped_is_noticed_described_and_gets_its_sidecar(captiond: Captiond) -> None:
    digest = captiond.drop("sky.jpg", "skyblue")

    until((captiond.inbox / "sky.jpg.captiond.json").exists, 30)
    assert captiond.is_done(digest)
    assert hashlib.sha256((captiond.inbox / "sky.jpg").read_bytes()).hexdigest() == digest


def test_what_is_no_picture_costs_nothing_but_itself(captiond: Captiond) -> None:
    (captiond.inbox / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    digest = captiond.drop("grass.jpg", "green")

    until(lambda: captiond.is_done(digest), 30)
    until(lambda: captiond.asked("SELECT 1 FROM photos WHERE state = 'unreadable'") != [], 10)


def test_the_journal_gets_a_priority_and_one_object_for_each_line(captiond: Captiond) -> None:
    entries = captiond.journal()
    lines = [json.loads(entry["MESSAGE"]) for entry in entries]
    priorities = {"debug": "7", "info": "6", "warning": "4", "error": "3"}

    assert "watching" in {line["event"] for line in lines}
    assert [priorities[line["level"]] for line in lines] == [entry["PRIORITY"] for entry in entries]


def test_what_may_be_written_may_not_be_executed(captiond: Captiond) -> None:
    mounts = captiond.machine.run("cat", f"/proc/{captiond.shown('MainPID')}/mountinfo")
    flags = {line.split()[4]: line.split()[5].split(",") for line in mounts.splitlines()}

    for folder in ("/tmp", "/dev/shm", "/var/lib/captiond", "/srv/photos/inbox"):
        assert "noexec" in flags[folder], folder


def test_a_reload_reads_the_settings_again_in_the_same_process(captiond: Captiond) -> None:
    captiond.drop("mood.jpg", "gold")
    before = captiond.shown("MainPID")
    with captiond.configuration.open("a") as configuration:
        configuration.write("[prompts.mood]\nenabled = true\n")
    captiond.systemctl("reload", "captiond")

    until(lambda: captiond.asked("SELECT 1 FROM results WHERE prompt = 'mood'") != [], 30)
    assert (captiond.shown("MainPID"), captiond.shown("ActiveState")) == (before, "active")


def test_a_stop_in_the_middle_of_an_answer_is_quick_and_charges_nothing(captiond: Captiond) -> None:
    captiond.serve(50)
    digest = captiond.drop("sea.jpg", "navy")
    until(captiond.is_asking, 60)
    before = time.monotonic()
    captiond.systemctl("stop", "captiond")

    assert time.monotonic() - before < 5
    assert (captiond.shown("Result"), captiond.shown("ExecMainStatus")) == ("success", "0")
    assert set(captiond.asked("SELECT state, tries, crashes FROM jobs")) == {("queued", 0, 0)}
    captiond.serve(0.01)
    captiond.systemctl("start", "captiond")
    until(lambda: captiond.is_done(digest), 30)


def test_a_wrong_configuration_is_not_tried_again(captiond: Captiond) -> None:
    captiond.systemctl("stop", "captiond")
    captiond.configuration.write_text("inboxes = 7\n")
    captiond.systemctl("start", "captiond", check=False)

    assert captiond.shown("ExecMainStatus") == "78"
    assert (captiond.shown("ActiveState"), captiond.shown("NRestarts")) == ("failed", "0")


def test_a_killed_daemon_is_started_again(captiond: Captiond) -> None:
    before = captiond.shown("MainPID")
    captiond.systemctl("kill", "--signal=KILL", "--kill-who=main", "captiond")

    until(lambda: captiond.shown("ActiveState") == "active" and captiond.shown("MainPID") != before, 30)


def test_the_watchdog_lets_a_slow_answer_be_and_ends_a_hung_daemon(captiond: Captiond) -> None:
    drop_in = captiond.machine.root / "etc/systemd/system/captiond.service.d/impatient.conf"
    drop_in.write_text("[Service]\nWatchdogSec=8\nTimeoutAbortSec=1\n")
    captiond.serve(50)
    captiond.systemctl("restart", "captiond")
    captiond.drop("slow.jpg", "maroon")
    until(captiond.is_asking, 60)
    time.sleep(12)
    assert (captiond.is_asking(), captiond.shown("NRestarts")) == (True, "0")

    captiond.systemctl("kill", "--signal=STOP", "--kill-who=main", "captiond")
    drop_in.unlink()
    until(lambda: captiond.shown("NRestarts") == "1", 60)


def test_the_user_unit_runs_for_somebody_who_lingers(machine: Machine) -> None:
    Captiond(machine).serve(0.01)
    machine.run("loginctl", "enable-linger", "alice")
    systemctl = ("systemctl", "--user")
    until(lambda: machine.run_as("alice", *systemctl, "is-system-running", check=False) == "running", 20)
    machine.run("cp", "--recursive", SOURCES, "/home/alice/captiond")
    machine.run("chown", "--recursive", "alice:", "/home/alice/captiond")
    inbox = machine.root / "home/alice/Pictures/inbox"

    for command in head_commands(USER_UNIT):
        possible = LINKED if command.startswith("uv ") else command
        machine.run_as("alice", "sh", "-c", possible, folder="/home/alice/captiond")
    until(inbox.is_dir, 20)
    Image.new("RGB", (640, 480), "olive").save(inbox / "field.jpg")
    until((inbox / "field.jpg.captiond.json").exists, 30)
    machine.run_as("alice", *systemctl, "reload", "captiond")
    machine.run_as("alice", *systemctl, "stop", "captiond")

    assert (machine.root / "home/alice/.local/share/captiond/catalogue.db").exists()
    result = machine.run_as(
        "alice", *systemctl, "show", "captiond", "--property=Result,ExecMainStatus,NRestarts"
    )
    assert set(result.splitlines()) == {"Result=success", "ExecMainStatus=0", "NRestarts=0"}
