"""Tests are tested: with a bug planted in a copy of the program, the tests that are there for it go red."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from .planting import Bug, bugs

ROOT = Path(__file__).resolve().parent.parent.parent
SHORT = ("settled-too-early", "inode-taken-for-identity")
FAILED = 1


def name_of(bug: Bug) -> str:
    return bug.name


def pytest_over(tests: Sequence[str], daemon: Path) -> subprocess.CompletedProcess[str]:
    """Run tests against the program at another place."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not live", "-p", "no:cacheprovider"]
    return subprocess.run(
        # A folder of its own: in the common one it would tidy up after other runs, for minutes.
        [*command, "-p", "no:randomly", "-n", "0", "--basetemp", daemon.parent / "tests", *tests],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(daemon)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture
def daemon(tmp_path: Path) -> Path:
    """A copy of the program."""
    for folder in ("daemon", "migrations"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "daemon"


def check_is_seen(bug: Bug, daemon: Path) -> None:
    bug.plant(daemon)
    for test in bug.tests:
        ended = pytest_over([test], daemon)
        assert ended.returncode == FAILED, f"{test} does not see that {bug.sentence}\n{ended.stdout[-3000:]}"


def test_every_patch_applies(daemon: Path) -> None:
    names = [path.relative_to(daemon) for path in daemon.rglob("*.py")]
    before = {name: (daemon / name).read_text() for name in names}
    for bug in bugs():
        bug.plant(daemon)
        changed = {name for name in names if (daemon / name).read_text() != before[name]}
        assert changed == {Path(hunk.path) for hunk in bug.hunks}
        for name in changed:
            compile((daemon / name).read_text(), name, "exec")
            (daemon / name).write_text(before[name])
    assert len(bugs()) >= 10


@pytest.mark.parametrize("bug", [bug for bug in bugs() if bug.name in SHORT], ids=name_of)
def test_a_planted_bug_is_seen(bug: Bug, daemon: Path) -> None:
    check_is_seen(bug, daemon)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", bugs(), ids=name_of)
def test_every_planted_bug_is_seen(bug: Bug, daemon: Path) -> None:
    check_is_seen(bug, daemon)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_without_a_bug_the_same_tests_are_green(daemon: Path) -> None:
    tests = sorted({test for bug in bugs() for test in bug.tests})

    ended = pytest_over(tests, daemon)

    assert ended.returncode == 0, ended.stdout[-5000:]
