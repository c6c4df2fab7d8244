"""The systemd units under a systemd that really boots, installed by the commands at their heads."""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator

import pytest

from booting import (
    PACKAGES,
    PROGRAMS,
    SETTINGS,
    SOURCES,
    Captiond,
    Machine,
    copy_locked_packages,
    make_debian,
    picture,
    until,
)
from captiond.imaging import landlock
from captiond.inbox.hashing import FEWEST_FILES, NICENESS
from test_units import SYSTEM_UNIT, USER_UNIT, head_commands, inbox_cases, readme_asides, readme_blocks

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if os.geteuid() != 0 or lacking or sys.version_info[:2] != (3, 11):
        pytest.skip(f"needs to be root, the Python of Debian 12, and these programs: {', '.join(PROGRAMS)}")
    root = tmp_path_factory.mktemp("machine") / "root"
    make_debian(root)
    machine = Machine(root)
    try:
        machine.boot()
        Captiond(machine).install()
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def captiond(machine: Machine) -> Iterator[Captiond]:
    """Start the shipped unit on an empty inbox, beside a quick model server."""
    captiond = Captiond(machine)
    captiond.serve()
    captiond.start()
    yield captiond
    captiond.clear()


def test_the_unit_is_active_and_says_how_it_goes(captiond: Captiond) -> None:
    shown = [captiond.shown(name) for name in ("ActiveState", "Type", "WatchdogUSec")]

    assert shown == ["active", "notify", "2min"]
    until(lambda: "photos done" in captiond.shown("StatusText"), 20)


def test_a_photo_that_a_member_of_the_group_drops_gets_its_sidecar(captiond: Captiond) -> None:
    digest = captiond.drop("sky.jpg", "skyblue")

    until((captiond.inbox / "sky.jpg.captiond.json").exists, 30)
    assert captiond.is_done(digest)
    assert hashlib.sha256((captiond.inbox / "sky.jpg").read_bytes()).hexdigest() == digest


def test_what_is_no_picture_costs_nothing_but_itself(captiond: Captiond) -> None:
    (captiond.inbox / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    captiond.have_read("grass.jpg", "green")

    until(lambda: captiond.asked("SELECT 1 FROM photos WHERE state = 'unreadable'") != [], 10)


def test_the_journal_gets_a_priority_and_one_object_for_each_line(captiond: Captiond) -> None:
    (captiond.inbox / "letter.jpg").write_text("no picture")
    until(lambda: captiond.has_told("refused"), 30)
    entries = captiond.journal()
    lines = [json.loads(entry["MESSAGE"]) for entry in entries]
    priorities = {"debug": "7", "info": "6", "warning": "4", "error": "3"}

    assert {"info", "warning"} <= {line["level"] for line in lines}
    assert [priorities[line["level"]] for line in lines] == [entry["PRIORITY"] for entry in entries]


def test_what_may_be_written_may_not_be_executed(captiond: Captiond) -> None:
    writable = captiond.writable()

    assert {"/var/lib/captiond", "/srv/photos/inbox"} <= writable.keys()
    assert [folder for folder, flags in writable.items() if "noexec" not in flags] == []


def test_a_reload_reads_the_settings_again_in_the_same_process(captiond: Captiond) -> None:
    captiond.have_read("mood.jpg", "gold")
    before = captiond.shown("MainPID")
    captiond.configuration.write_text(f"{SETTINGS}[prompts.mood]\nenabled = true\n")
    captiond.systemctl("reload", "captiond")

    until(lambda: captiond.asked("SELECT 1 FROM results WHERE prompt = 'mood'") != [], 30)
    assert (captiond.shown("MainPID"), captiond.shown("ActiveState")) == (before, "active")


def test_a_stop_in_the_middle_of_an_answer_is_quick_and_charges_nothing(captiond: Captiond) -> None:
    captiond.serve("--fault=hang-mid-stream")
    captiond.start()
    digest = captiond.drop("sea.jpg", "navy")
    until(lambda: captiond.questions() == 1, 60)
    before = time.monotonic()
    captiond.systemctl("stop", "captiond")

    assert time.monotonic() - before < 5
    assert (captiond.shown("Result"), captiond.shown("ExecMainStatus")) == ("success", "0")
    assert set(captiond.asked("SELECT state, tries, crashes FROM jobs")) == {("queued", 0, 0)}
    captiond.serve()
    captiond.systemctl("start", "captiond")
    until(lambda: captiond.is_done(digest), 30)


def test_a_wrong_configuration_is_an_error_and_not_tried_again(captiond: Captiond) -> None:
    captiond.start("inboxes = 7\n", limits="RestartSec=1\n")

    until(lambda: captiond.shown("ActiveState") == "failed", 10)
    time.sleep(2)
    assert (captiond.shown("ExecMainStatus"), captiond.shown("NRestarts")) == ("78", "0")
    (last,) = captiond.journal()
    assert "config.toml:1: inboxes: must be a list" in last["MESSAGE"]
    assert last["PRIORITY"] == "3"


def test_a_killed_daemon_is_started_again(captiond: Captiond) -> None:
    captiond.start(limits="RestartSec=1\n")
    before = captiond.shown("MainPID")
    captiond.systemctl("kill", "--signal=KILL", "--kill-who=main", "captiond")

    until(lambda: captiond.shown("ActiveState") == "active" and captiond.shown("MainPID") != before, 30)


def test_the_watchdog_lets_a_slow_answer_be_and_ends_a_hung_daemon(captiond: Captiond) -> None:
    captiond.serve("--fault=hang-mid-stream")
    captiond.start(limits="WatchdogSec=8\nTimeoutAbortSec=1\nRestartSec=1\n")
    captiond.drop("slow.jpg", "maroon")
    until(lambda: captiond.questions() == 1, 60)
    time.sleep(10)
    assert (captiond.asked("SELECT count(*) FROM results"), captiond.shown("NRestarts")) == ([(0,)], "0")

    captiond.systemctl("kill", "--signal=STOP", "--kill-who=main", "captiond")
    until(lambda: captiond.shown("NRestarts") == "1", 60)


def test_an_inbox_in_a_home_is_read_as_its_owner_and_nothing_else_is_seen(captiond: Captiond) -> None:
    home = captiond.machine.root / "home/alice"
    inbox = home / "Pictures/inbox"
    captiond.machine.run("runuser", "--user=alice", "--", "mkdir", "--parents", "/home/alice/Pictures/inbox")
    captiond.start('inboxes = ["~alice/Pictures/inbox"]\n', inbox_cases()[1])
    (inbox / "cat.jpg").write_bytes(picture("tan"))

    until((inbox / "cat.jpg.captiond.json").exists, 30)
    assert (inbox / "cat.jpg.captiond.json").stat().st_uid == home.stat().st_uid
    of_homes = {folder: flags for folder, flags in captiond.writable().items() if "home" in folder}
    assert list(of_homes) == ["/home/alice/Pictures/inbox"]
    assert "noexec" in of_homes["/home/alice/Pictures/inbox"]


def test_an_archive_is_read_only_and_has_its_sidecars_elsewhere(captiond: Captiond) -> None:
    album = captiond.machine.root / "mnt/archive/photos/2019"
    album.mkdir(parents=True)
    (album / "old.jpg").write_bytes(picture("sienna"))
    captiond.machine.run("sh", "-c", "chgrp -R photos /mnt/archive && chmod -R g=rwX,o= /mnt/archive")
    settings = 'inboxes = ["/mnt/archive/photos"]\nsidecars = "tree:/var/lib/captiond/sidecars"\n'
    captiond.start(settings, inbox_cases()[2])

    until((captiond.state / "sidecars/2019/old.jpg.captiond.json").exists, 30)
    assert [folder for folder in captiond.writable() if folder.startswith(("/mnt", "/srv"))] == []


def test_an_ollama_elsewhere_is_asked_once_its_address_is_allowed(captiond: Captiond) -> None:
    etc, run = captiond.machine.root / "etc", captiond.machine.run
    run("ip", "address", "replace", "192.168.7.7/32", "dev", "lo")
    (etc / "systemd/system/gpu.socket").write_text("[Socket]\nListenStream=192.168.7.7:11434\n")
    (etc / "systemd/system/gpu.service").write_text(
        "[Service]\nExecStart=/lib/systemd/systemd-socket-proxyd 127.0.0.1:11434\n"
    )
    captiond.start(f'{SETTINGS}ollama.url = "http://192.168.7.7:11434"\n')
    captiond.systemctl("start", "gpu.socket")
    digest = captiond.drop("far.jpg", "teal")
    until(lambda: "No Ollama answers at http://192.168.7.7" in captiond.shown("StatusText"), 30)
    captiond.configuration.write_text(SETTINGS)
    # The simulated server, which listens on the loopback interface, answers to local names only.
    (etc / "hosts").write_text("192.168.7.7 gpu.internal\n")
    for command in readme_blocks()[2]:
        run("sh", "-c", command.replace("//192.168.7.7", "//gpu.internal"))

    until(lambda: captiond.is_done(digest), 30)
    captiond.systemctl("stop", "gpu.socket", "gpu.service")
    (etc / "systemd/system/captiond.service.d/ollama.conf").unlink()


def test_the_commands_in_the_readme_tell_how_it_goes(captiond: Captiond) -> None:
    captiond.have_read("inn.jpg", "wheat")
    _, asides = readme_asides()
    status, journal, progress, *_ = [captiond.machine.run("sh", "-c", command) for command in asides]

    assert "active (running)" in status
    assert '"described"' in journal
    assert "Idle: every photo is read.  1 of 1 photo done." in progress


def test_an_upgrade_keeps_all_that_is_known(captiond: Captiond) -> None:
    captiond.have_read("old.jpg", "plum")
    before = captiond.questions()
    version = captiond.machine.root / SOURCES[1:] / "daemon/captiond/__init__.py"
    version.write_text(version.read_text().replace('"0.', '"1.'))
    for command in head_commands(SYSTEM_UNIT):
        if "pip" in command or command.startswith(("install -m", "systemctl")):
            captiond.machine.run("sh", "-c", command, folder=SOURCES)
    captiond.systemctl("restart", "captiond")
    captiond.have_read("new.jpg", "peru")

    assert (
        json.loads((captiond.inbox / "new.jpg.captiond.json").read_text())["generator"]["version"][0] == "1"
    )
    assert captiond.questions() == 2 * before


def test_the_user_unit_runs_for_somebody_who_lingers(machine: Machine) -> None:
    Captiond(machine).serve()
    machine.run("useradd", "--create-home", "--shell=/bin/sh", "ben")
    home = machine.root / "home/ben"
    shutil.copytree(machine.root / SOURCES[1:], home / "captiond")
    copy_locked_packages(home / ".local/lib/captiond" / PACKAGES)
    machine.run("chown", "--recursive", "ben:", "/home/ben")
    for command in head_commands(USER_UNIT):
        machine.run_as("ben", command, folder="~/captiond")
    until((home / "Pictures/inbox").is_dir, 20)
    (home / "Pictures/inbox/field.jpg").write_bytes(picture("olive"))

    until((home / "Pictures/inbox/field.jpg.captiond.json").exists, 30)
    machine.run_as("ben", "systemctl --user reload captiond")
    own, _ = readme_asides()
    status, journal, progress = [machine.run_as("ben", command) for command in own]
    machine.run_as("ben", "systemctl --user stop captiond")
    ended = machine.run_as("ben", "systemctl --user show captiond --property=ExecMainStatus,NRestarts")

    assert "active (running)" in status
    assert '"described"' in journal
    assert "1 of 1 photo done." in progress
    assert set(ended.split()) == {"ExecMainStatus=0", "NRestarts=0"}
    assert (home / ".local/share/captiond/catalogue.db").exists()
    assert (machine.root / "var/lib/systemd/linger/ben").exists()


def test_the_decode_process_is_caged(captiond: Captiond) -> None:
    captiond.have_read("moss.jpg", "olive")

    ((sentence,),) = captiond.asked("SELECT sentence FROM status WHERE subject = 'cage'")
    with contextlib.suppress(OSError):  # the kernel is the same as here
        assert f"Landlock (version {landlock.version()})" in str(sentence)
    assert str(sentence).endswith("seccomp and limits on resources.")


def test_the_process_that_hashes_hundreds_may_let_the_daemon_go_first(captiond: Captiond) -> None:
    album = captiond.machine.root / "srv/photos/album"
    album.mkdir()
    for number in range(2 * FEWEST_FILES):
        (album / f"{number}.jpg").write_bytes(b"\xff\xd8\xff%d" % number)
    captiond.machine.run("chgrp", "--recursive", "photos", "/srv/photos/album")
    album.rename(captiond.inbox / "album")
    (of_daemon,) = captiond.nicenesses("captiond run")

    until(lambda: captiond.nicenesses("captiond.inbox.hashing") == [of_daemon + NICENESS], 20)
