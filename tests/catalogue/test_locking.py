import fcntl
import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from captiond.catalogue.locking import is_locked, lock_path, locked
from captiond.errors import CatalogueInUse


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    with locked(path), pytest.raises(CatalogueInUse, match="another captiond"), locked(path):
        pass


def test_a_lock_is_seen_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    seen = [is_locked(path)]
    with locked(path):
        seen.append(is_locked(path))
    seen.append(is_locked(path))
    assert seen == [False, True, False]


def test_looking_makes_no_file(tmp_path: Path) -> None:
    is_locked(tmp_path / "catalogue.db")
    assert list(tmp_path.iterdir()) == []


def test_looking_does_not_stand_in_the_way_of_a_start(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    with locked(path):
        pass
    looking, started = Event(), Event()

    def look() -> None:
        descriptor = os.open(lock_path(path), os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        looking.set()
        started.wait(0.07)
        os.close(descriptor)

    thread = Thread(target=look)
    thread.start()
    looking.wait()
    with locked(path):
        started.set()
    thread.join()


def test_the_kernel_frees_the_lock_of_a_killed_captiond(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    script = (
        "import os, pathlib, signal, sys\n"
        "from captiond.catalogue.locking import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, path], check=False)
    assert killed.returncode == -9
    with locked(path):
        assert is_locked(path)
