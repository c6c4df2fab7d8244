"""The systemd units as systemd reads them; test_units_booted.py runs them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from captiond.errors import BadConfiguration, NewerCatalogue
from captiond.settings import load
from captiond.settings.sources import config_path

SYSTEMD = Path(__file__).resolve().parent.parent / "systemd"
SYSTEM_UNIT = SYSTEMD / "captiond.service"
USER_UNIT = SYSTEMD / "user" / "captiond.service"
DROP_IN = SYSTEMD / "captiond.service.d" / "inbox.conf.example"

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
    command = [
        "systemd-analyze",
        "security",
        "--offline=true",
        "--threshold=15",
        "--no-pager",
        str(SYSTEM_UNIT),
    ]

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

    assert writable | {"/tmp", "/var/tmp", "/dev/shm"} <= set(values(SYSTEM_UNIT, "NoExecPaths"))
