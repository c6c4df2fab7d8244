"""What is installed makes catalogues too: the wheel carries its migrations."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAKE = """
import pathlib, sys
from datetime import UTC, datetime
from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.migrating import migrations_folder
close_for_readers(open_to_write(pathlib.Path(sys.argv[1]), datetime.now(UTC)))
print(migrations_folder())
"""


def test_an_installed_captiond_makes_a_catalogue(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "venv"
    venv.create(place, with_pip=False)
    (packages,) = place.glob("lib/python*/site-packages")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", packages, wheel]
    subprocess.run(install, check=True)
    # Behind the installed package, so that only what it depends on comes from there.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    make = [place / "bin" / "python", "-I", "-c", MAKE, tmp_path / "catalogue.db"]
    made = subprocess.run(make, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert Path(made.stdout.strip()) == packages / "captiond" / "migrations"
    assert (tmp_path / "catalogue.db").read_bytes()[68:72] == b"CAPT"
