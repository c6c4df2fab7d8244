"""A Debian 12 that really boots, and captiond on it, installed by the commands at the head of its unit.

It is made by mmdebstrap (a minute, 200 MB, needs a Debian mirror) and run by systemd-nspawn, with no
network but its own loopback.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from PIL import Image

from test_units import DROP_IN, REPOSITORY, SYSTEM_UNIT, head_commands

PROGRAMS = ("mmdebstrap", "systemd-nspawn", "nsenter", "tar")
DEBIAN_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "polkitd"),
    *("iproute2", "procps", "python3-venv"),
)
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
CALLS = "landlock_create_ruleset landlock_add_rule landlock_restrict_self bpf"
"""System calls that nspawn forbids and a plain machine allows: for the cage, and for IPAddressDeny=."""

IN_A_GROUP_OF_ITS_OWN = """
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    [ -e $hierarchy/cgroup.procs ] || continue
    mkdir $hierarchy/booted-$$
    echo $$ > $hierarchy/booted-$$/cgroup.procs
done
exec "$@"
"""
"""Starts a program in a control group: two machines in the same one would stop each other's units."""

SOURCES = "/usr/src/captiond"
PACKAGES = "lib/python3.11/site-packages"
SETTINGS = 'inboxes = ["/srv/photos/inbox"]\n'
COUNTERS = "http://127.0.0.1:11434/simulator/counters"


class Machine:
    """A booted Debian whose files lie under `root`; commands run in it as root, or as somebody."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def boot(self) -> None:
        """Start it and wait until everything in it has started."""
        options = ("--boot", "--console=pipe", "--keep-unit", "--register=no", "--private-network")
        options += (f"--directory={self.root}", f"--system-call-filter={CALLS}")
        self._nspawn = subprocess.Popen(
            [*("sh", "-ec", IN_A_GROUP_OF_ITS_OWN, "sh"), "systemd-nspawn", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._booted, 60)

    def run(self, *command: str, check: bool = True, folder: str = "/") -> str:
        """Run a command as root; gives what it printed."""
        into = ["nsenter", f"--target={self._leader}", "--all", "env", f"--chdir={folder}"]
        done = subprocess.run(
            [*into, *command],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def run_as(self, user: str, command: str, *, folder: str = "~") -> str:
        """Let somebody log in for a shell command."""
        return self.run("su", "--login", user, "--command", f"cd {folder} && {command}")

    def power_off(self) -> None:
        """Stop it, by force where it does not want to."""
        assert self._nspawn is not None
        self.run("systemctl", "poweroff", check=False)
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        group = f"*/booted-{self._nspawn.pid}*"
        subprocess.run(["find", "/sys/fs/cgroup", "-path", group, "-type", "d", "-delete"], check=False)

    def _booted(self) -> bool:
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, "systemd-nspawn does not run here"
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        self._leader = int(children[0]) if children else 0
        states = ("running", "degraded")
        return bool(children) and self.run("systemctl", "is-system-running", check=False) in states


def until(question: Callable[[], bool], seconds: float) -> None:
    """Wait for something to become true on a machine whose clock is the real one."""
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)


def make_debian(root: Path) -> None:
    """Make the files of a minimal Debian.

    CAPTIOND_BOOT_TAR names a tar file that they come from; it is made where there is none yet.
    """
    tar = Path(os.environ.get("CAPTIOND_BOOT_TAR", root.parent / "root.tar"))
    if not tar.exists():
        unfinished = tar.with_name(f"unfinished-{os.getpid()}.tar")
        options = [f"--dpkgopt=path-exclude=/usr/share/{unread}/*" for unread in ("doc", "locale", "man")]
        options += ["--variant=minbase", f"--include={','.join(DEBIAN_PACKAGES)}"]
        command = ["mmdebstrap", *options, "bookworm", str(unfinished)]
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        unfinished.rename(tar)
    root.mkdir()
    subprocess.run(["tar", f"--directory={root}", "--extract", f"--file={tar}"], check=True)


def copy_locked_packages(into: Path) -> None:
    """Copy what the lock file names from this Python, for a machine that has no package index."""
    for name in re.findall(r"^([\w.-]+)==", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE):
        with contextlib.suppress(PackageNotFoundError):  # of another platform
            package = distribution(name)
            for file in package.files or ():
                if ".." not in file.parts and "__pycache__" not in file.parts:
                    (into / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(package.locate_file(file), into / file)


def picture(colour: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(content, "JPEG")
    return content.getvalue()


class Captiond:
    """captiond on a machine: its unit, its inbox, its catalogue, and a simulated Ollama for it to ask."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.inbox = machine.root / "srv/photos/inbox"
        self.state = machine.root / "var/lib/captiond"
        self.configuration = machine.root / "etc/captiond/config.toml"

    def install(self) -> None:
        """Do what the head of the unit says; the packages come from here instead of from an index."""
        root, run = self.machine.root, self.machine.run
        shutil.copytree(
            REPOSITORY, root / SOURCES[1:], ignore=shutil.ignore_patterns(".*", "tests", "__pycache__")
        )
        (root / "etc/pip.conf").write_text("[global]\nno-index = true\n")
        copy_locked_packages(root / "opt/captiond" / PACKAGES)
        for command in head_commands(SYSTEM_UNIT):
            run("sh", "-c", command, folder=SOURCES)
        run("python3", "-m", "compileall", "-q", "/opt/captiond")
        run("useradd", "--create-home", "--shell=/bin/sh", "alice")
        run("usermod", "--append", "--groups", "photos", "alice")

    def start(self, settings: str = SETTINGS, inbox: str = DROP_IN.read_text(), limits: str = "") -> None:
        """Start the unit anew, with these settings, with this drop-in for the inbox, and other limits."""
        drop_ins = self.machine.root / "etc/systemd/system/captiond.service.d"
        self.configuration.write_text(settings)
        (drop_ins / "inbox.conf").write_text(inbox)
        (drop_ins / "limits.conf").write_text(f"[Service]\n{limits}")
        self.systemctl("daemon-reload")
        self.systemctl("restart", "captiond", check=False)

    def clear(self) -> None:
        """Stop it, and forget all photos."""
        self.systemctl("stop", "captiond", "ollama")
        self.machine.run("sh", "-c", "rm -rf /var/lib/captiond/* /srv/photos/inbox/*")

    def systemctl(self, *words: str, check: bool = True) -> str:
        return self.machine.run("systemctl", *words, check=check)

    def shown(self, name: str) -> str:
        return self.systemctl("show", "captiond", f"--property={name}", "--value")

    def journal(self) -> list[dict[str, str]]:
        """Give what captiond itself wrote to the journal since its start."""
        started = f"_SYSTEMD_INVOCATION_ID={self.shown('InvocationID')}"
        lines = self.machine.run("journalctl", "--output=json", started).splitlines()
        return [entry for entry in map(json.loads, lines) if entry["_TRANSPORT"] == "stdout"]

    def has_told(self, event: str) -> bool:
        return any(f'"event": "{event}"' in entry["MESSAGE"] for entry in self.journal())

    def asked(self, question: str) -> list[tuple[object, ...]]:
        """Ask the catalogue; nothing where there is none yet."""
        path = self.state / "catalogue.db"
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as catalogue,
        ):
            return catalogue.execute(question).fetchall()
        return []

    def drop(self, name: str, colour: str) -> str:
        """Let alice, who is in the group, copy a photo of hers into the inbox; gives its SHA-256."""
        content = picture(colour)
        (self.machine.root / "home/alice" / name).write_bytes(content)
        copying = f"umask 0027 && cp /home/alice/{name} /srv/photos/inbox/"
        self.machine.run("runuser", "--user=alice", "--", "sh", "-c", copying)
        return hashlib.sha256(content).hexdigest()

    def have_read(self, name: str, colour: str) -> None:
        """Drop a photo, and wait for its sidecar and the line in the journal."""
        self.drop(name, colour)
        until((self.inbox / f"{name}.captiond.json").exists, 30)
        until(lambda: self.has_told("described"), 10)

    def is_done(self, digest: str) -> bool:
        return self.asked(f"SELECT state FROM photos WHERE sha256 = '{digest}'") == [("done",)]

    def writable(self) -> dict[str, list[str]]:
        """Give the folders that the unit may write to, as it sees them, with the flags of their mounts."""
        ask = "find / -path /proc -prune -o -type d -writable -print | while read -r folder; do "
        ask += "echo $folder $(findmnt --noheadings --output=OPTIONS --target=$folder | tail -n 1); done"
        inside = ("nsenter", f"--target={self.shown('MainPID')}", "--mount")
        lines = self.machine.run(*inside, "runuser", f"--user={self.shown('User')}", "--", "sh", "-c", ask)
        return {folder: flags.split(",") for folder, flags in map(str.split, lines.splitlines())}

    def nicenesses(self, words: str) -> list[int]:
        """Give how nice the processes are that have these words in their command."""
        lines = self.machine.run("ps", "-eo", "ni=,args=").splitlines()
        return [int(line.split()[0]) for line in lines if words in line]

    def serve(self, *options: str) -> None:
        """Start a simulated Ollama."""
        simulator = f"/opt/captiond/bin/python -m captiond.simulator --port 11434 {' '.join(options)}"
        unit = self.machine.root / "etc/systemd/system/ollama.service"
        unit.write_text(f"[Service]\nExecStart={simulator}\n")
        self.systemctl("daemon-reload")
        self.systemctl("restart", "ollama")
        until(lambda: self._counters() != "", 30)

    def questions(self) -> int:
        """Count the questions that the simulated Ollama began to answer."""
        return len(json.loads(self._counters())["calls"])

    def _counters(self) -> str:
        read = f"import urllib.request; print(urllib.request.urlopen('{COUNTERS}').read().decode())"
        return self.machine.run("python3", "-c", read, check=False)
