"""Many small photos at once, as people and programs bring them, and how captiond keeps up."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from acceptance.conftest import Command

IN_A_FOLDER = 20
KNOWN = "SELECT count(*) FROM files WHERE state = 'known'"
EVER_KNOWN = "SELECT coalesce(max(id), 0) FROM files"
"""No fewer, and found without counting, which would take the daemon's processors from it."""
Write = Callable[[Path, Path, int], None]
"""Brings photos in: (inbox, a folder beside it, how many)."""


class TinyPhotos:
    """Distinct valid JPEGs of some 800 bytes, each made at once; `series` sets them apart from others."""

    def __init__(self, series: object) -> None:
        drawn = BytesIO()
        Image.new("RGB", (24, 16), "teal").save(drawn, "JPEG")
        self._start, self._rest = drawn.getvalue()[:2], drawn.getvalue()[2:]
        self._series = os.fsencode(str(series))

    def __call__(self, number: int) -> bytes:
        """Give a photo with its number in a comment."""
        comment = b"%s %d" % (self._series, number)
        return self._start + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + self._rest


def write_flat(folder: Path, _outside: Path, count: int) -> None:
    photo = TinyPhotos(folder)
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(photo(number))


def write_nested(folder: Path, _outside: Path, count: int) -> None:
    """Make new folders within new folders as it goes, with 20 photos in each."""
    photo = TinyPhotos(folder)
    for number in range(count):
        shelf = number // IN_A_FOLDER
        deepest = folder / f"{shelf // 400}" / f"{shelf // 20 % 20}" / f"{shelf}"
        if number % IN_A_FOLDER == 0:
            deepest.mkdir(parents=True)
        (deepest / f"{number}.jpg").write_bytes(photo(number))


def write_then_rename(folder: Path, _outside: Path, count: int) -> None:
    photo = TinyPhotos(folder)
    for number in range(count):
        unfinished = folder / f".{number}.jpg.Xa9b3Q"
        unfinished.write_bytes(photo(number))
        unfinished.rename(folder / f"{number}.jpg")


def rsync(folder: Path, outside: Path, count: int, options: Sequence[str] = ()) -> None:
    write_nested(outside, outside, count)
    subprocess.run(["rsync", "-a", *options, f"{outside}/", folder], check=True)


def copy_tree(folder: Path, outside: Path, count: int) -> None:
    write_nested(outside, outside, count)
    subprocess.run(["cp", "-r", outside, folder / "copied"], check=True)


def untar(folder: Path, outside: Path, count: int) -> None:
    write_nested(outside, outside, count)
    archive = outside.with_name("photos.tar")
    subprocess.run(["tar", "-cf", archive, "-C", outside, "."], check=True)
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)


def unzip(folder: Path, outside: Path, count: int) -> None:
    write_nested(outside, outside, count)
    archive = shutil.make_archive(str(outside), "zip", outside)
    subprocess.run(["unzip", "-q", archive, "-d", folder], check=True)


def move_folder(folder: Path, outside: Path, count: int) -> None:
    write_nested(outside, outside, count)
    outside.rename(folder / "moved")


@dataclass(frozen=True)
class Outcome:
    """How captiond kept up with a burst: seconds from its last write until the last photo was known."""

    photos: int
    seconds: float
    peak_megabytes: float

    def __str__(self) -> str:
        rate = self.photos / max(self.seconds, 0.001)
        return (
            f"{self.photos:,} photos known {self.seconds:.1f} s after the last write "
            f"(at least {rate:,.0f}/s), peak memory {self.peak_megabytes:.0f} MB"
        )


def keep_up_with(
    command: Command, process: "subprocess.Popen[str]", photos: int, patience_seconds: float
) -> Outcome:
    """Wait until so many photos are known, as long as there is patience."""
    began = time.monotonic()
    while not all_known(command, photos) and time.monotonic() < began + patience_seconds:
        assert process.poll() is None, command.log[-2000:]
        time.sleep(0.1)
    return Outcome(photos, time.monotonic() - began, peak_megabytes(process.pid))


def standing(command: Command) -> dict[str, Any]:
    """Give how the only inbox stands, as the daemon said last."""
    said = command.rows("SELECT content FROM status WHERE subject = 'inboxes'")
    inbox: dict[str, Any] = json.loads(said[0][0])[0] if said else {"overflows": 0, "rebuilds": 0}
    return inbox


def all_known(command: Command, photos: int) -> bool:
    ever: int = command.rows(EVER_KNOWN)[0][0]
    return ever >= photos and known(command) >= photos


def known(command: Command) -> int:
    count: int = command.rows(KNOWN)[0][0]
    return count


def peak_megabytes(pid: int) -> float:
    """The most memory that a process ever had (VmHWM)."""
    return _kilobytes(pid, "VmHWM") / 1024


def resident_megabytes(pid: int) -> float:
    return _kilobytes(pid, "VmRSS") / 1024


def processor_seconds(pid: int) -> float:
    """The processor time that a process used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kilobytes(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def watched(command: Command, *inboxes: Path) -> Iterator["subprocess.Popen[str]"]:
    """Let the command watch, and wait until it has looked through its inboxes once."""
    command.settings["CAPTIOND_LOG_LEVEL"] = "debug"
    already = len(command.told("scanned")) if (command.home / "log").exists() else 0
    with command.running(*inboxes) as process:
        latest = time.monotonic() + 30
        while len(command.told("scanned")) < already + len(inboxes):
            assert time.monotonic() < latest, command.log[-2000:]
            assert process.poll() is None, command.log[-2000:]
            time.sleep(0.02)
        yield process
        assert process.poll() is None, "it never stops by itself"
    assert "Traceback" not in command.log
