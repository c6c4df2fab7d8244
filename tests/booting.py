"""A Debian 12 that really boots, in which systemd runs the units; nothing here knows what is tested.

It is made by mmdebstrap (half a minute, 240 MB, needs a Debian mirror) and run by systemd-nspawn, with no
network but its own loopback.
"""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("mmdebstrap", "systemd-nspawn", "nsenter", "tar")
PACKAGES = ("systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "python3-venv")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
"""nspawn forbids what a plain machine allows."""


class Machine:
    """A booted Debian whose files lie under `root`; commands run in it as root, or as somebody."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def boot(self) -> None:
        """Start it and wait until everything in it has started."""
        options = ("--keep-unit", "--register=no", "--private-network", f"--system-call-filter={LANDLOCK}")
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", f"--directory={self.root}", *options, "--boot", "--console=pipe"],
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
            timeout=60,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def run_as(self, user: str, *command: str, check: bool = True, folder: str = "/") -> str:
        """Run a command as somebody who has a service manager of their own."""
        uid = self.run("id", "--user", user)
        theirs = (f"HOME=/home/{user}", f"XDG_RUNTIME_DIR=/run/user/{uid}")
        return self.run("runuser", "--user", user, "--", "env", *theirs, *command, check=check, folder=folder)

    def power_off(self) -> None:
        """Stop it, by force where it does not want to."""
        assert self._nspawn is not None
        self.run("systemctl", "poweroff", check=False)
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()

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
        command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", str(tar)]
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
    root.mkdir()
    subprocess.run(["tar", f"--directory={root}", "--extract", f"--file={tar}"], check=True)
