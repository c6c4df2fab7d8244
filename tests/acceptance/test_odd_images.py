"""Whatever is dropped in: nothing crashes or hangs, little memory is used, and each file has its reason."""

import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from acceptance.conftest import Command
from conftest import SHARED, MakePhoto
from imaging.drawing import noise, png_of_ones

CORPUS = SHARED / "odd-images"
EVERYTHING = "JPEG,PNG,WEBP,GIF,AVIF,HEIF,TIFF,BMP"
MOST_MEGABYTES = 300
REASONS = """
    SELECT f.path, coalesce(p.state, f.state), coalesce(p.reason, f.reason)
    FROM files f LEFT JOIN photos p ON p.id = f.photo_id
"""

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="no odd images beside the checkout")


@dataclass
class Course:
    """How a run went: its exit code, how long it took, and the most memory that its processes had."""

    code: int
    seconds: float
    daemon_megabytes: float
    decoder_megabytes: float


def most_megabytes(pid: int | str) -> float:
    """Give the most memory that a process ever had; nothing where it is gone."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def run_through(captiond: Command, inbox: Path, patience_seconds: float) -> Course:
    """Read all that is in the inbox, and look at the memory meanwhile."""
    started, daemon, decoder = time.monotonic(), 0.0, 0.0
    with captiond.running("--once", inbox) as process:
        while process.poll() is None:
            daemon = max(daemon, most_megabytes(process.pid))
            decoder = max([decoder, *map(most_megabytes, children(process.pid))])
            assert time.monotonic() - started < patience_seconds, "it hangs"
            time.sleep(0.02)
    return Course(process.returncode, time.monotonic() - started, daemon, decoder)


def check(captiond: Command, inbox: Path, course: Course) -> Counter[str]:
    """See that every file came to an end that a person understands; give how many came to which."""
    ends = captiond.rows(REASONS)
    counts = Counter(state for _, state, _ in ends)
    told = f"{dict(counts)}, {course}"
    assert len(ends) == sum(path.is_file() for path in inbox.rglob("*") if "captiond" not in path.name), told
    assert counts.keys() <= {"done", "unreadable", "refused", "skipped"}, told
    without = [path for path, state, reason in ends if state != "done" and not reason]
    assert not without, f"no reason: {without}"
    assert not [reason for _, _, reason in ends if reason and ("Traceback" in reason or "\n" in reason)]
    assert course.code == (1 if {"unreadable", "refused"} & counts.keys() else 0), told
    assert "Traceback" not in captiond.log
    assert "a fault in captiond" not in captiond.log
    assert 0 < course.daemon_megabytes < MOST_MEGABYTES, told
    return counts


def take(files: Iterable[Path], inbox: Path) -> None:
    for number, path in enumerate(files):
        shutil.copyfile(path, inbox / f"{number:04}-{path.name}")


def test_bombs_and_rubbish_are_told_apart_from_pictures(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    whole = make_photo("whole.jpg").read_bytes()
    Image.new("RGB", (1, 1), "red").save(inbox / "tiny.png")
    Image.new("RGB", (4000, 1), "red").save(inbox / "line.png")
    frames = [noise(64, 48).rotate(angle) for angle in range(0, 90, 10)]
    frames[0].save(inbox / "dance.gif", save_all=True, append_images=frames[1:])
    (inbox / "more.jpg").write_bytes(whole + b"appended by a phone" * 99)
    (inbox / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (inbox / "zeros.jpg").write_bytes(whole[:2000] + bytes(len(whole) - 2000))
    (inbox / "head.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\x01" * 5000)
    (inbox / "letter.jpg").write_text("Dear Ada")
    (inbox / "wide.png").write_bytes(png_of_ones(2_000_000, 3, rows=1))
    (inbox / "bomb.png").write_bytes(png_of_ones(60_000, 60_000, rows=100))
    (inbox / "whole bomb.png").write_bytes(png_of_ones(16_000, 16_000))
    (inbox / "web.webp").write_bytes(b"RIFF\xff\xff\xff\x7fWEBPVP8 " + b"\xff" * 300)
    (inbox / "page.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (inbox / "empty.jpg").touch()

    course = run_through(impatient, inbox, 60)

    check(impatient, inbox, course)
    states = {path: state for path, state, _ in impatient.rows(REASONS)}
    assert {path for path, state in states.items() if state == "done"} == {
        "whole.jpg",
        "tiny.png",
        "line.png",
        "dance.gif",
        "more.jpg",
    }
    reasons = {path: reason for path, _, reason in impatient.rows(REASONS)}
    assert "probably not completely copied" in reasons["half.jpg"]
    assert "2,000,000 × 3 pixels" in reasons["wide.png"]
    assert "60,000 × 60,000 pixels" in reasons["bomb.png"]
    assert "16,000 × 16,000 pixels" in reasons["whole bomb.png"]
    assert "captiond does not read SVG" in reasons["page.svg"]
    assert reasons["empty.jpg"] == "the file is empty so far"


@needs_corpus
def test_a_spread_of_odd_images(impatient: Command, inbox: Path) -> None:
    files = sorted(path for path in CORPUS.rglob("*") if path.is_file())
    take(files[:: len(files) // 40], inbox)

    course = run_through(impatient, inbox, 60)

    assert check(impatient, inbox, course)["done"] > 10


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs_corpus
def test_all_odd_images_at_once(impatient: Command, inbox: Path) -> None:
    impatient.settings["CAPTIOND_IMAGING__FORMATS"] = EVERYTHING
    take(sorted(path for path in CORPUS.rglob("*") if path.is_file()), inbox)

    course = run_through(impatient, inbox, 580)

    counts = check(impatient, inbox, course)
    print(dict(counts), course)  # noqa: T201 - for those who want to know: pytest -rP
    assert counts["done"] > 800
    assert counts["unreadable"] > 50
