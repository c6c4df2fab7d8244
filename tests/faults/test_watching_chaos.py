"""Everything that can happen to an inbox, at random, against what must be known at the end."""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, SimulatedServer
from faults.bursting import TinyPhotos, peak_megabytes, standing, watched
from faults.conftest import Measured
from faults.originals import originals

SCAN_SECONDS = 2.0
MOST_MEGABYTES = 150.0
PROMPTS = 4
"""A tiny photo has no text; what there is to translate is skipped, and that is a result."""
THERE = """SELECT path_bytes, sha256 FROM files JOIN photos ON photos.id = files.photo_id
           WHERE files.state = 'known' AND files.absent_since IS NULL"""
PRESENT = """SELECT photo_id FROM files WHERE state = 'known' AND absent_since IS NULL"""
WITHOUT_ANSWERS = f"""SELECT count(*) FROM photos WHERE id IN ({PRESENT}) AND {PROMPTS} <>
                      (SELECT count(*) FROM results WHERE photo_id = photos.id AND current = 1)"""
TWICE = """SELECT count(*) FROM (SELECT 1 FROM results WHERE current = 1
           GROUP BY photo_id, prompt HAVING count(*) > 1)"""
OPEN_JOBS = f"SELECT count(*) FROM jobs WHERE photo_id IN ({PRESENT})"


class Chaos:
    """Does one thing after another to an inbox; whatever it leaves there are whole photos."""

    def __init__(self, inbox: Path, outside: Path, dice: random.Random) -> None:
        self._inbox = inbox
        self._outside = outside
        self._dice = dice
        self._photo = TinyPhotos("chaos")
        self._numbers = count()
        self.done = 0

    def strike(self) -> None:
        """Do one thing, if it can be done now."""
        self._dice.choice(self._deeds())()
        self.done += 1

    def _deeds(self) -> list[Callable[[], object]]:
        return [
            self._write,
            self._write,
            self._write_slowly,
            self._rename_over,
            self._copy,
            self._move,
            self._move_folder,
            self._move_out,
            self._move_back,
            self._delete,
            self._delete_folder,
            self._touch,
        ]

    def _photos(self) -> list[Path]:
        return [path for path in self._inbox.rglob("*.jpg") if path.is_file()]

    def _folders(self) -> list[Path]:
        return [self._inbox, *(path for path in self._inbox.rglob("*") if path.is_dir())]

    def _some(self) -> Path:
        """Give a photo that is there, or a new one."""
        return self._dice.choice(self._photos() or [self._write()])

    def _fresh(self) -> bytes:
        return self._photo(next(self._numbers))

    def _place(self) -> Path:
        """Give a name in some folder, often a new one, and often one that is taken."""
        folder = self._dice.choice(self._folders())
        if len(folder.relative_to(self._inbox).parts) < 3 and self._dice.random() < 0.3:
            folder /= f"folder {self._dice.randrange(5)}"
        folder.mkdir(exist_ok=True)
        return folder / f"{self._dice.randrange(40)}.jpg"

    def _write(self) -> Path:
        path = self._place()
        path.write_bytes(self._fresh())
        return path

    def _write_slowly(self) -> None:
        content = self._fresh()
        with self._place().open("wb", buffering=0) as file:
            file.write(content[:300])
            time.sleep(self._dice.random() / 2)
            file.write(content[300:])

    def _rename_over(self) -> None:
        path = self._place()
        unfinished = path.with_name(f"{path.name}.part")
        unfinished.write_bytes(self._fresh())
        unfinished.rename(path)

    def _copy(self) -> None:
        some, place = self._some(), self._place()
        if some != place:
            shutil.copy(some, place)

    def _move(self) -> None:
        self._some().rename(self._place())

    def _move_folder(self) -> None:
        folder = self._dice.choice(self._folders())
        if folder != self._inbox:
            folder.rename(self._inbox / f"moved {next(self._numbers)}")

    def _move_out(self) -> None:
        what = self._dice.choice([self._some(), *self._folders()[1:]])
        what.rename(self._outside / f"{next(self._numbers)}{what.suffix}")

    def _move_back(self) -> None:
        for what in sorted(self._outside.iterdir())[:1]:
            what.rename(self._inbox / what.name)

    def _delete(self) -> None:
        self._some().unlink()

    def _delete_folder(self) -> None:
        folder = self._dice.choice(self._folders())
        if folder != self._inbox and self._dice.random() < 0.3:
            # A sidecar may come meanwhile; who wants the folder gone deletes it once more.
            while folder.exists():
                shutil.rmtree(folder, ignore_errors=True)

    def _touch(self) -> None:
        self._some().touch()


def there(inbox: Path) -> set[tuple[bytes, str]]:
    """List inbox and disk afresh: each photo with the digest of its bytes."""
    return {
        (bytes(path), sha256(path.read_bytes()).hexdigest())
        for path in inbox.rglob("*.jpg")
        if path.is_file() and not path.name.startswith(".")
    }


@contextmanager
def alive(command: Command, inbox: Path) -> Iterator[int]:
    with watched(command, inbox) as process:
        yield process.pid


@pytest.mark.parametrize(
    ("lives", "seconds"),
    [(2, 2.5), pytest.param(20, 15.0, marks=pytest.mark.slow)],
    ids=["seconds", "minutes"],
)
@pytest.mark.timeout(1_200)
def test_after_anything_at_all_the_catalogue_is_what_the_disk_is(
    *,
    captiond: Command,
    server: SimulatedServer,
    inbox: Path,
    tmp_path: Path,
    lives: int,
    seconds: float,
    eventually: Eventually,
    measured: Measured,
) -> None:
    """Test 60: and in between it is killed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    captiond.settings["CAPTIOND_INBOX__SCAN_MINUTES"] = str(SCAN_SECONDS / 60)
    captiond.settings["CAPTIOND_INBOX__QUIET_SECONDS"] = "0.5"
    chaos = Chaos(inbox, outside, random.Random(lives))
    peak = 0.0
    for life in range(lives):
        with alive(captiond, inbox) as pid:
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                chaos.strike()
                time.sleep(0.02)
            peak = max(peak, peak_megabytes(pid))
            if life < lives - 1:
                continue
            began, before = time.monotonic(), originals(inbox)
            eventually(lambda: set(captiond.rows(THERE)) == there(inbox), seconds=60)
            settled = time.monotonic() - began
            assert originals(inbox) == before
    by_scan = standing(captiond).get("found_by_scan")
    captiond.let_time_pass()
    assert captiond("run", "--once", inbox, timeout=600).returncode == 0
    assert originals(inbox) == before
    assert set(captiond.rows(THERE)) == there(inbox)
    measured(
        f"{chaos.done:,} deeds, {lives - 1} kills, {len(before)} photos: true {settled:.1f} s later, "
        f"{by_scan} found by scans alone in the last life, "
        f"peak memory {peak:.0f} MB"
    )
    assert captiond.rows(OPEN_JOBS) == [(0,)]
    assert captiond.rows(WITHOUT_ANSWERS) == [(0,)]
    assert captiond.rows(TWICE) == [(0,)]
    assert captiond.rows("PRAGMA integrity_check") == [("ok",)]
    assert not captiond.told("a fault in captiond")
    assert peak < MOST_MEGABYTES
