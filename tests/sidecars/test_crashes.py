import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from captiond.sidecars import Unchanged, Written, write
from captiond.sidecars.writing import remove_leftovers
from sidecars.examples import NEW, OLD, digest, names_in

WRITER = """
import pathlib, sys, hashlib
from captiond.sidecars import write
path = pathlib.Path(sys.argv[1])
pair = [pathlib.Path(name).read_bytes() for name in sys.argv[2:]]
known = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
turn = 0 if known == hashlib.sha256(pair[1]).hexdigest() else 1
print("ready", flush=True)
while True:
    known = write(path, pair[turn], known_sha256=known).sha256
    turn = 1 - turn
"""


def kill_a_writer(path: Path, seconds: float) -> None:
    contents = [path.parent.parent / name for name in ("old", "new")]
    with subprocess.Popen([sys.executable, "-c", WRITER, path, *contents], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        # Real time: where in a real write the kill falls is what is left to chance here.
        time.sleep(seconds)
        assert writer.poll() is None
        writer.send_signal(signal.SIGKILL)


def check_kills(tmp_path: Path, kills: int) -> None:
    (tmp_path / "old").write_bytes(OLD)
    (tmp_path / "new").write_bytes(NEW)
    folder = tmp_path / "inbox"
    folder.mkdir()
    path = folder / "a.jpg.captiond.json"
    for _ in range(kills):
        kill_a_writer(path, random.uniform(0, 0.02))
        remove_leftovers(folder)
        assert not path.exists() or path.read_bytes() in (OLD, NEW)
        assert names_in(folder) <= {path.name}


class TestCrashes:
    def test_a_killed_writer_leaves_the_old_file_or_the_new_one(self, tmp_path: Path) -> None:
        check_kills(tmp_path, 6)

    @pytest.mark.slow
    def test_three_hundred_killed_writers_leave_whole_files(self, tmp_path: Path) -> None:
        check_kills(tmp_path, 300)


STEPS = """
import os, pathlib, signal, sys
from captiond.sidecars import write

def killed_before(step):
    "Kill this process before it comes to that line of the package, counted as they are run."
    left = step
    def trace(frame, event, argument):
        nonlocal left
        if "/captiond/sidecars/" not in frame.f_code.co_filename:
            return None
        left -= event == "line"
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

root, name, known = pathlib.Path(sys.argv[1]), *sys.argv[2:]
old, new = ((root / part).read_bytes() for part in ("old", "new"))
step, status = 0, signal.SIGKILL
while status == signal.SIGKILL:
    step += 1
    folder = root / "steps" / str(step)
    path = folder / name
    folder.mkdir(parents=True)
    if known:
        path.write_bytes(old)
    child = os.fork()
    if not child:
        killed_before(step)
        write(path, new, known_sha256=known or None, tree=folder)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
sys.exit(status != 0)
"""


def kill_before_each_line(tmp_path: Path, name: str, known: str) -> list[Path]:
    """Kill one writer before each line that it comes to; gives the folders they wrote in."""
    (tmp_path / "old").write_bytes(OLD)
    (tmp_path / "new").write_bytes(NEW)
    subprocess.run([sys.executable, "-c", STEPS, tmp_path, name, known], check=True, timeout=60)
    return sorted((tmp_path / "steps").iterdir(), key=lambda folder: int(folder.name))


class TestEachStep:
    def test_of_replacing_leaves_a_whole_file_and_at_most_one_unfinished(self, tmp_path: Path) -> None:
        folders = kill_before_each_line(tmp_path, "a.captiond.json", digest(OLD))

        found = [(folder / "a.captiond.json").read_bytes() for folder in folders]

        assert {*found} == {OLD, NEW}
        assert found.index(NEW) == found.count(OLD)  # first the old one, then the new one
        assert {remove_leftovers(folder) for folder in folders} == {0, 1}
        assert all(names_in(folder) == {"a.captiond.json"} for folder in folders)

    @pytest.mark.parametrize(
        ("name", "known"),
        [("a.captiond.json", digest(OLD)), ("2024/july/a.captiond.json", "")],
        ids=["replacing", "making folders"],
    )
    def test_can_be_taken_up_by_writing_again(self, tmp_path: Path, name: str, known: str) -> None:
        for folder in kill_before_each_line(tmp_path, name, known):
            outcome = write(folder / name, NEW, known_sha256=known or None, tree=folder)

            assert outcome in (Written(digest(NEW)), Unchanged(digest(NEW)))
            assert (folder / name).read_bytes() == NEW


def test_a_folder_that_is_called_like_a_leftover_stays(tmp_path: Path) -> None:
    folder = tmp_path / ".captiond-0123456789abcdef.part"
    folder.mkdir()
    assert remove_leftovers(tmp_path) == 0
    assert folder.is_dir()
