"""The highest memory (VmHWM) of the daemon and its decode process over 200 mixed photos; does it grow?

And what one 48 MP JPEG takes on top in a fresh decode process, against a bare Python that decodes it in full.
"""

import argparse
import asyncio
import io
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from workbench import Captiond, draw_scene, figure, headline, photo_of, scratch, simulated_server

from captiond.imaging.limits import Limits
from captiond.imaging.worker import Decoder
from captiond.model import Fit

GOAL_GROWTH = 1.15
GOAL_NAIVE = 0.5
MARKS = (0.1, 0.25, 0.5, 1.0)
POLL_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
NAIVE = """
import sys
from PIL import Image
def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
Image.preinit()
before = kilobytes("VmRSS")
with Image.open(sys.argv[1]) as picture:
    picture.load()
    picture.thumbnail((336, 336))
print(kilobytes("VmHWM") - before)
"""
KINDS: tuple[tuple[str, tuple[int, int]], ...] = (
    ("jpg", (4000, 3000)),
    ("jpg", (6000, 4000)),
    ("jpg", (8000, 6000)),
    ("png", (4000, 3000)),
    ("webp", (4000, 3000)),
    ("gif", (1600, 1200)),
    ("jpg", (1600, 1200)),
    ("avif", (1600, 1200)),
)
"""Endings and sizes, in turns; each photo is another view of its scene."""

LARGEST = KINDS[2]
FEW_BYTES = {"gif": {}, "avif": {"speed": 10}, "webp": {"method": 2}, "png": {"compress_level": 1}}


@dataclass
class Peaks:
    """The highest memory so far, in kB, each time that a share of the photos was done."""

    daemon: list[int] = field(default_factory=list)
    decoder: list[int] = field(default_factory=list)


def main() -> None:
    """Put all photos into the inbox, watch the daemon work, and tell its peaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=200)
    chosen = parser.parse_args()
    headline(f"Highest memory over {chosen.photos} mixed photos of 2 to 48 megapixels")
    with scratch() as folder, simulated_server() as url:
        captiond = Captiond(folder / "home", url)
        captiond.inbox.mkdir(parents=True)
        for number, content in enumerate(_photos(chosen.photos)):
            (captiond.inbox / f"IMG_{number:04}.{_kind(number)[0]}").write_bytes(content)
        with captiond.watching() as daemon:
            peaks = _peaks(daemon, captiond, chosen.photos)
        largest = captiond.inbox / f"IMG_{KINDS.index(LARGEST):04}.jpg"
        growths = asyncio.run(_caged(largest.read_bytes())), _naive(largest)
    _tell(peaks, growths, chosen.photos)


def _kind(number: int) -> tuple[str, tuple[int, int]]:
    return KINDS[number % len(KINDS)]


def _photos(count: int) -> Iterator[bytes]:
    scenes = {size: draw_scene(size) for _, size in KINDS}
    for number in range(count):
        ending, size = _kind(number)
        buffer = io.BytesIO()
        picture = photo_of(scenes[size], number)
        picture.save(buffer, Image.registered_extensions()[f".{ending}"], **FEW_BYTES.get(ending, {}))
        yield buffer.getvalue()


def _peaks(daemon: "subprocess.Popen[bytes]", captiond: Captiond, count: int) -> Peaks:
    peaks = Peaks()
    done, moved = 0, time.monotonic()
    for share in MARKS:
        while done < share * count:
            time.sleep(POLL_SECONDS)
            before, done = done, len(list(captiond.inbox.glob("*.captiond.json")))
            moved = time.monotonic() if done > before else moved
            if daemon.poll() is not None or time.monotonic() - moved > PATIENCE_SECONDS:
                raise SystemExit(f"The daemon stands still:\n{(captiond.home / 'log').read_text()[-2000:]}")
        peaks.daemon.append(_highest_kb(daemon.pid))
        peaks.decoder.append(_highest_kb(_child_of(daemon.pid)))
    return peaks


def _highest_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def _child_of(pid: int) -> int:
    """Give the daemon's only child, its decode process."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


async def _caged(content: bytes) -> int:
    """Give by how many kB one picture raises the memory of a fresh decode process."""
    async with Decoder(Limits()) as decoder:
        assert decoder.pid is not None
        before = _highest_kb(decoder.pid)
        await decoder.prepare(content, Fit(((336, 336),)))
        return _highest_kb(decoder.pid) - before


def _naive(photo: Path) -> int:
    command = [sys.executable, "-c", NAIVE, str(photo)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _tell(peaks: Peaks, growths: tuple[int, int], count: int) -> None:
    figure("after so many photos", "".join(f"{round(share * count):>10}" for share in MARKS))
    for name, kilobytes in (("daemon, MB", peaks.daemon), ("decode process, MB", peaks.decoder)):
        figure(name, "".join(f"{one / 1024:>10.1f}" for one in kilobytes))
    caged, naive = growths
    figure(
        "one 48 MP JPEG: decode process, naive decode, MB", f"{caged / 1024:>10.1f}{naive / 1024:>10.1f}\n"
    )
    for name, kilobytes in (("daemon", peaks.daemon), ("decode process", peaks.decoder)):
        _judge(f"{name}: at the end / after the first tenth", kilobytes[-1] / kilobytes[0], GOAL_GROWTH)
    _judge("one 48 MP JPEG: decode process / naive decode", caged / naive, GOAL_NAIVE)


def _judge(name: str, ratio: float, most: float) -> None:
    word = "kept" if ratio <= most else "MISSED"
    figure(name, f"{ratio:>8.2f} ×  goal ≤ {most:g}: {word}")


if __name__ == "__main__":
    main()
