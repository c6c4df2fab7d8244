"""The systemd units: as systemd reads them, and (slow, root) under a systemd that really boots.

The booted machine is a minimal Debian 12 made by mmdebstrap (a minute, 250 MB, needs a mirror) and run by
systemd-nspawn. CAPTIOND_BOOT_TAR names a tar file that is used instead, or made there for the next time.
"""

import contextlib
import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from captiond.errors import BadConfiguration, NewerCatalogue
from captiond.settings import load
from captiond.settings.sources import config_path

REPOSITORY = Path(__file__).resolve().parent.parent
SYSTEM_UNIT = REPOSITORY / "systemd" / "captiond.service"
USER_UNIT = REPOSITORY / "systemd" / "user" / "captiond.service"
DROP_IN = REPOSITORY / "systemd" / "captiond.service.d" / "inbox.conf.example"
SYSUSERS = REPOSITORY / "systemd" / "sysusers.d" / "captiond.conf"

analyzed = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def values(unit: Path, key: str) -> list[str]:
    """Give the words of a directive, however many lines they stand on."""
    lines = re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)
    return [word for line in lines for word in line.split()]


def inbox_cases() -> list[str]:
    """Give the three cases of the example, each as the drop-in that it becomes."""
    _, *cases = re.split(r"^# \d\. .*$", DROP_IN.read_text(), flags=re.MULTILINE)
    return [re.sub(r"^#(?=\[|\w+=)", "", case, flags=re.MULTILINE) for case in cases]


def complaints(unit: Path, *options: str, home: Path) -> str:
    """Let systemd read a unit and say what it does not like about it."""
    environ = os.environ | {"HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    command = ["systemd-analyze", "verify", *options, str(unit)]
    verified = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return verified.stdout + verified.stderr


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Stand in for the installed captiond: systemd wants to see that it is there."""
    program = tmp_path / ".local" / "bin" / "captiond"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    return program


@pytest.fixture
def system_unit(tmp_path: Path, program: Path) -> Path:
    unit = tmp_path / "captiond.service"
    unit.write_text(SYSTEM_UNIT.read_text().replace("/opt/captiond/bin/captiond", str(program)))
    return unit


@analyzed
def test_systemd_knows_every_word_of_the_system_unit(system_unit: Path, tmp_path: Path) -> None:
    assert complaints(system_unit, home=tmp_path) == ""


@analyzed
def test_systemd_knows_every_word_of_the_user_unit(program: Path, tmp_path: Path) -> None:
    assert complaints(USER_UNIT, "--user", home=tmp_path) == ""


@analyzed
@pytest.mark.parametrize("case", inbox_cases(), ids=["srv", "home", "read-only"])
def test_systemd_knows_every_word_of_the_drop_in(case: str, system_unit: Path, tmp_path: Path) -> None:
    drop_in = tmp_path / "captiond.service.d" / "inbox.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(case)

    assert "[Service]\n" in case
    assert complaints(system_unit, home=tmp_path) == ""


@analyzed
def test_a_misspelt_word_would_be_noticed(system_unit: Path, tmp_path: Path) -> None:
    system_unit.write_text(system_unit.read_text().replace("PrivateTmp=", "PrivateTemp="))

    assert "PrivateTemp" in complaints(system_unit, home=tmp_path)


@analyzed
def test_the_system_unit_is_tight() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", SYSTEM_UNIT]

    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_catalogue_lies_in_the_state_folder() -> None:
    folder = f"/var/lib/{values(SYSTEM_UNIT, 'StateDirectory')[0]}"

    assert load(None, {}, {"STATE_DIRECTORY": folder}).catalogue == Path("/var/lib/captiond/catalogue.db")


def test_the_configuration_lies_in_the_configuration_folder(tmp_path: Path) -> None:
    folder = tmp_path / values(SYSTEM_UNIT, "ConfigurationDirectory")[0]
    folder.mkdir()
    (folder / "config.toml").touch()

    assert config_path(None, {"CONFIGURATION_DIRECTORY": str(folder)}) == folder / "config.toml"


def test_the_user_unit_leaves_the_folders_to_captiond() -> None:
    assert values(USER_UNIT, "StateDirectory") == values(USER_UNIT, "ConfigurationDirectory") == []


@pytest.mark.parametrize("unit", [SYSTEM_UNIT, USER_UNIT], ids=["system", "user"])
def test_what_a_restart_cannot_cure_is_not_restarted(unit: Path) -> None:
    hopeless = {str(BadConfiguration.exit_code), str(NewerCatalogue.exit_code), "2"}

    assert set(values(unit, "RestartPreventExitStatus")) == hopeless


def test_what_captiond_may_write_is_not_executable() -> None:
    writable = {
        f"{root}/{name}"
        for root, key in (("/var/lib", "StateDirectory"), ("/run", "RuntimeDirectory"))
        for name in values(SYSTEM_UNIT, key)
    }

    assert writable | {"/", "/tmp", "/var/tmp"} <= set(values(SYSTEM_UNIT, "NoExecPaths"))


class Machine:
    """A booted Debian whose files lie under `root`; commands run in it as root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def boot(self) -> None:
        # nspawn forbids Landlock, on which the decode process builds its cage.
        landlock = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
        options = ["--keep-unit", "--register=no", "--private-network", f"--system-call-filter={landlock}"]
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", f"--directory={self.root}", *options, "--boot", "--console=pipe"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._booted, 60)

    def _booted(self) -> bool:
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, "systemd-nspawn does not run here"
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        self._leader = int(children[0]) if children else 0
        return bool(children) and self.run("systemctl", "is-system-running", check=False) in (
            "running",
            "degraded",
        )

    def run(self, *command: str | Path, check: bool = True) -> str:
        into = ["nsenter", f"--target={self._leader}", "--all"]
        done = subprocess.run([*into, *command], capture_output=True, text=True, check=False, timeout=60)
        assert not check or done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    def shown(self, name: str) -> str:
        return self.run("systemctl", "show", "captiond", f"--property={name}", "--value")

    def answers(self) -> int:
        with contextlib.suppress(sqlite3.OperationalError), self._catalogue() as catalogue:
            return int(catalogue.execute("SELECT count(*) FROM results").fetchone()[0])
        return 0

    def is_asking(self) -> bool:
        with contextlib.suppress(sqlite3.OperationalError), self._catalogue() as catalogue:
            return catalogue.execute("SELECT 1 FROM jobs WHERE state = 'running'").fetchone() is not None
        return False

    def _catalogue(self) -> contextlib.closing[sqlite3.Connection]:
        path = self.root / "var/lib/captiond/catalogue.db"
        return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))

    def drop(self, name: str, colour: str) -> None:
        """Drop a photo of somebody in the group, as their file manager would."""
        content = io.BytesIO()
        Image.new("RGB", (640, 480), colour).save(content, "JPEG")
        (self.root / "srv" / name).write_bytes(content.getvalue())
        self.run("chown", "alice:photos", f"/srv/{name}")
        self.run("chmod", "0640", f"/srv/{name}")
        self.run("mv", f"/srv/{name}", "/srv/photos/inbox/")

    def serve(self, time_scale: float) -> None:
        """Start a simulated Ollama, `time_scale` times as slow as a real one."""
        simulator = f"/opt/captiond/bin/python -m captiond.simulator --port 11434 --time-scale {time_scale}"
        unit = self.root / "etc/systemd/system/ollama.service"
        unit.write_text(f"[Service]\nExecStart={simulator}\n")
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "restart", "ollama")

    def power_off(self) -> None:
        assert self._nspawn is not None
        self.run("systemctl", "poweroff", check=False)
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()


def until(question: Callable[[], bool], seconds: float) -> None:
    """Wait for something to become true on a machine whose clock is the real one."""
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)


def unpack_debian(root: Path) -> None:
    tar = Path(os.environ.get("CAPTIOND_BOOT_TAR", root.parent / "root.tar"))
    if not tar.exists():
        packages = "systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,python3"
        command = ["mmdebstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(tar)]
        subprocess.run(command, check=True, capture_output=True)
    root.mkdir()
    subprocess.run(["tar", f"--directory={root}", "--extract", f"--file={tar}"], check=True)


def install(machine: Machine) -> None:
    """Do what the head of the unit says."""
    root = machine.root
    machine.run("python3", "-m", "venv", "--without-pip", "/opt/captiond")
    packages = root / "opt/captiond/lib/python3.11/site-packages"
    ignored = shutil.ignore_patterns("*captiond*", "__pycache__")
    shutil.copytree(sysconfig.get_path("purelib"), packages, ignore=ignored, dirs_exist_ok=True)
    shutil.copytree(REPOSITORY / "daemon/captiond", packages / "captiond")
    shutil.copytree(REPOSITORY / "migrations", packages / "captiond/migrations")
    program = root / "opt/captiond/bin/captiond"
    program.write_text("#!/opt/captiond/bin/python\nfrom captiond.cli import main\n\nmain()\n")
    program.chmod(0o755)
    shutil.copy(SYSUSERS, root / "etc/sysusers.d/")
    shutil.copy(SYSTEM_UNIT, root / "etc/systemd/system/")
    (root / "etc/systemd/system/captiond.service.d").mkdir()
    (root / "etc/systemd/system/captiond.service.d/inbox.conf").write_text(inbox_cases()[0])
    (root / "etc/captiond").mkdir()
    (root / "etc/captiond/config.toml").write_text('inboxes = ["/srv/photos/inbox"]\n')
    machine.run("systemd-sysusers")
    machine.run("groupadd", "--system", "photos")
    machine.run("useradd", "--create-home", "--groups=photos", "alice")
    machine.run("install", "-d", "-o", "captiond", "-g", "photos", "-m", "2770", "/srv/photos/inbox")
    machine.run("systemctl", "daemon-reload")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    programs = ("systemd-nspawn", "mmdebstrap", "nsenter")
    if os.geteuid() != 0 or not all(map(shutil.which, programs)) or sys.version_info[:2] != (3, 11):
        pytest.skip("needs to be root, systemd-nspawn, mmdebstrap, and the Python of Debian 12")
    root = tmp_path_factory.mktemp("machine") / "root"
    unpack_debian(root)
    machine = Machine(root)
    machine.boot()
    try:
        install(machine)
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def service(machine: Machine) -> Iterator[Machine]:
    """Start the shipped unit on a machine with a quick model server."""
    machine.serve(0.01)
    machine.run("systemctl", "reset-failed", "captiond", check=False)
    machine.run("systemctl", "start", "captiond")
    yield machine
    machine.run("systemctl", "stop", "captiond", "ollama")


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.timeout(300)
class TestUnderSystemd:
    def test_the_unit_is_active_and_says_how_it_goes(self, service: Machine) -> None:
        assert (service.shown("ActiveState"), service.shown("Type")) == ("active", "notify")
        until(lambda: "photos done" in service.shown("StatusText"), 20)

    def test_a_photo_dropped_gets_its_sidecar(self, service: Machine) -> None:
        service.drop("sky.jpg", "skyblue")

        until((service.root / "srv/photos/inbox/sky.jpg.captiond.json").exists, 60)
        assert service.answers() > 0

    def test_what_may_be_written_may_not_be_executed(self, service: Machine) -> None:
        mounts = service.run("cat", f"/proc/{service.shown('MainPID')}/mountinfo")
        flags = {line.split()[4]: line.split()[5].split(",") for line in mounts.splitlines()}

        for folder in ("/", "/tmp", "/var/lib/captiond", "/srv/photos/inbox"):
            assert "noexec" in flags[folder], folder

    def test_a_reload_reads_the_settings_again_in_the_same_process(self, service: Machine) -> None:
        before = service.shown("MainPID")
        service.run("systemctl", "reload", "captiond")

        until(lambda: "settings read again" in service.run("journalctl", "--unit=captiond"), 10)
        assert (service.shown("MainPID"), service.shown("ActiveState")) == (before, "active")

    def test_it_stops_well_within_five_seconds_in_the_middle_of_an_answer(self, service: Machine) -> None:
        service.serve(50)
        service.drop("sea.jpg", "navy")
        until(service.is_asking, 60)

        before = time.monotonic()
        service.run("systemctl", "stop", "captiond")

        assert time.monotonic() - before < 5
        assert (service.shown("Result"), service.shown("ExecMainStatus")) == ("success", "0")
        assert not service.is_asking()

    def test_a_wrong_configuration_is_not_tried_again(self, service: Machine) -> None:
        service.run("systemctl", "stop", "captiond")
        configuration = service.root / "etc/captiond/config.toml"
        right = configuration.read_text()
        configuration.write_text("inboxes = 7\n")
        service.run("systemctl", "start", "captiond", check=False)
        configuration.write_text(right)

        assert service.shown("ExecMainStatus") == "78"
        assert (service.shown("ActiveState"), service.shown("NRestarts")) == ("failed", "0")

    def test_a_killed_daemon_is_started_again(self, service: Machine) -> None:
        before = service.shown("MainPID")
        service.run("systemctl", "kill", "--signal=KILL", "--kill-who=main", "captiond")

        until(lambda: service.shown("ActiveState") == "active" and service.shown("MainPID") != before, 30)

    def test_a_hung_daemon_is_killed_and_started_again(self, service: Machine) -> None:
        drop_in = service.root / "etc/systemd/system/captiond.service.d/impatient.conf"
        drop_in.write_text("[Service]\nWatchdogSec=12\nTimeoutAbortSec=1\n")
        service.run("systemctl", "daemon-reload")
        service.run("systemctl", "restart", "captiond")
        before = service.shown("MainPID")
        service.run("systemctl", "kill", "--signal=STOP", "--kill-who=main", "captiond")
        drop_in.unlink()

        until(lambda: service.shown("MainPID") not in (before, "0"), 60)
        assert "Watchdog timeout" in service.run("journalctl", "--unit=captiond")

    def test_the_user_unit_runs_for_somebody_who_lingers(self, machine: Machine) -> None:
        machine.serve(0.01)
        home = machine.root / "home/alice"
        for folder in (".local/bin", ".config/captiond", ".config/systemd/user", "Pictures"):
            (home / folder).mkdir(parents=True)
        shutil.copy(USER_UNIT, home / ".config/systemd/user/")
        shutil.copy(machine.root / "opt/captiond/bin/captiond", home / ".local/bin/")
        (home / ".config/captiond/config.toml").write_text('inboxes = ["~/Pictures"]\n')
        Image.new("RGB", (640, 480), "olive").save(home / "Pictures/field.jpg")
        machine.run("chown", "--recursive", "alice:", "/home/alice")
        machine.run("loginctl", "enable-linger", "alice")
        alice = [
            "runuser",
            "-u",
            "alice",
            "--",
            "env",
            "XDG_RUNTIME_DIR=/run/user/1000",
            "systemctl",
            "--user",
        ]
        until(lambda: machine.run(*alice, "is-system-running", check=False) == "running", 20)

        machine.run(*alice, "enable", "--now", "captiond")
        until((home / "Pictures/field.jpg.captiond.json").exists, 60)
        machine.run(*alice, "reload", "captiond")
        machine.run(*alice, "stop", "captiond")

        assert (home / ".local/share/captiond/catalogue.db").exists()
        result = machine.run(*alice, "show", "captiond", "--property=Result,ExecMainStatus,NRestarts")
        assert set(result.splitlines()) == {"Result=success", "ExecMainStatus=0", "NRestarts=0"}
