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

REPOSITORY = Path(__file__).resolve().parent.parent
SYSTEMD = REPOSITORY / "systemd"
SYSTEM_UNIT = SYSTEMD / "captiond.service"
USER_UNIT = SYSTEMD / "user" / "captiond.service"
DROP_IN = SYSTEMD / "captiond.service.d" / "inbox.conf.example"

analyzed = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def values(unit: Path, key: str) -> list[str]:
    """Give the words of a directive, however many lines they stand on."""
    lines = re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)
    return [word for line in lines for word in line.split()]


def head_commands(unit: Path) -> list[str]:
    """Give the commands by which the unit says it is installed."""
    head, _, _ = unit.read_text().partition("[Unit]")
    return re.findall(r"^#   (.+)$", head, re.MULTILINE)


def readme_blocks() -> list[list[str]]:
    """Give the commands of each block in the README's section on the units."""
    return [block.partition("```")[0].splitlines() for block in _readme_section().split("```console\n")[1:]]


def readme_asides() -> tuple[list[str], list[str]]:
    """Give the commands in that section's sentences: for the user unit, and for the system unit."""
    programs = "systemctl|journalctl|captiond|/opt/captiond/bin/captiond"
    asides = re.findall(rf"`((?:{programs}) [^`]+)`", _readme_section())
    own = [command for command in asides if "--user" in command or command.startswith("captiond")]
    return own, [command for command in asides if command not in own]


def _readme_section() -> str:
    _, _, section = (REPOSITORY / "README.md").read_text().partition("## Run it as a service\n")
    return section.partition("\n## ")[0]


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


def is_tight(unit: Path) -> bool:
    """Say whether systemd finds little that the unit may do: an exposure of 1.5 of 10 at most."""
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager"]
    return subprocess.run([*security, str(unit)], capture_output=True, check=False).returncode == 0


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
@pytest.mark.parametrize("options", [[], ["--user"]], ids=["system", "user"])
def test_a_misspelt_word_would_be_noticed(options: list[str], system_unit: Path, tmp_path: Path) -> None:
    system_unit.write_text(system_unit.read_text().replace("MemoryMax=", "MemoryMost="))

    assert "MemoryMost" in complaints(system_unit, *options, home=tmp_path)


@analyzed
def test_the_system_unit_is_tight(tmp_path: Path) -> None:
    loose = tmp_path / "captiond.service"
    loose.write_text(
        re.sub(r"^(PrivateUsers|SystemCallFilter)=.*\n", "", SYSTEM_UNIT.read_text(), flags=re.MULTILINE)
    )

    assert is_tight(SYSTEM_UNIT)
    assert not is_tight(loose)


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


@pytest.mark.parametrize("case", inbox_cases(), ids=["srv", "home", "read-only"])
def test_a_drop_in_names_one_folder_and_opens_no_other(case: str, tmp_path: Path) -> None:
    drop_in = tmp_path / "inbox.conf"
    drop_in.write_text(case)
    (inbox,) = values(drop_in, "RequiresMountsFor")
    writable = values(drop_in, "ReadWritePaths") + values(drop_in, "BindPaths")

    # Beneath a read-only root, NoExecPaths= makes writable what it names.
    assert writable == values(drop_in, "NoExecPaths")
    assert {inbox} == set(writable + values(drop_in, "ReadOnlyPaths"))


def test_the_readme_installs_the_units_as_they_say_themselves() -> None:
    user, system, *_ = readme_blocks()

    assert user == head_commands(USER_UNIT)
    assert system == head_commands(SYSTEM_UNIT)
