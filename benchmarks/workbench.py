"""What all benchmarks stand on: drawn photos, a simulated server, the real command, and how figures are told.

Small machines are noisy, so no figure is told alone: what is compared is measured in turns within one run,
and told as a median with its spread and as a ratio.
"""

import os
import platform
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from PIL import Image, ImageChops
from PIL import __version__ as pillow_version

from captiond.simulator.strip import draw_strip

CAPTIOND = (sys.executable, "-m", "captiond")
MEGAPIXELS_12 = (4000, 3000)
SIGN = "Attention ! Éléphants en liberté"
"""A text in every photo, so that all four prompts are asked."""

WARM_UPS = 4
"""So many photos go ahead of those that are measured."""

JPEG_QUALITY = 90
STEP_PIXELS = 61
_FOREIGN = ("CAPTIOND_", "OLLAMA")


def draw_scene(size: tuple[int, int] = MEGAPIXELS_12) -> Image.Image:
    """Draw something that decodes like a photo: gradients, clouds of several sizes, sensor noise."""
    width, height = size

    def clouds(cell_pixels: int, strength: float) -> Image.Image:
        cells = (max(2, width // cell_pixels), max(2, height // cell_pixels))
        return Image.effect_noise(cells, strength).resize(size, Image.Resampling.BICUBIC)

    grain = Image.effect_noise(size, 9)
    channels = []
    for turn in range(3):
        light = Image.linear_gradient("L").rotate(90 * turn).resize(size)
        shapes = Image.blend(Image.blend(light, clouds(400, 90), 0.5), clouds(40, 50), 0.35)
        channels.append(ImageChops.add(shapes, grain, 1, -128))
    return Image.merge("RGB", channels)


def photo_of(scene: Image.Image, number: int) -> Image.Image:
    """Turn the scene's view a little for each number, and put the sign into it."""
    return draw_strip(ImageChops.offset(scene, STEP_PIXELS * number, 0), SIGN)


def draw_photos(folder: Path, count: int) -> list[Path]:
    """Draw so many different JPEGs of 12 megapixels, about 4 MB each, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = draw_scene()
    paths = [folder / f"IMG_{number:04}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        photo_of(scene, number).save(path, quality=JPEG_QUALITY)
    return paths


@dataclass(frozen=True)
class Captiond:
    """The `captiond` command with a home, a catalogue and an inbox of its own."""

    home: Path
    url: str
    parallel: int = 1

    @property
    def inbox(self) -> Path:
        """Give the folder that is watched."""
        return self.home / "inbox"

    @property
    def catalogue(self) -> Path:
        """Give the file of the catalogue."""
        return self.home / "catalogue.db"

    @property
    def environment(self) -> dict[str, str]:
        """Give an environment that knows of no other captiond and no other server."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        return kept | {
            **dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(self.home)),
            "CAPTIOND_CATALOGUE": str(self.catalogue),
            "CAPTIOND_OLLAMA__URL": self.url,
            "CAPTIOND_OLLAMA__PARALLEL": str(self.parallel),
        }

    @property
    def reading_once(self) -> list[str]:
        """Give the command that reads what lies in the inbox and ends."""
        return [*CAPTIOND, "run", str(self.inbox), "--once"]

    def drop(self, photos: Sequence[Path]) -> None:
        """Put these photos into the inbox, as links."""
        self.inbox.mkdir(parents=True, exist_ok=True)
        for photo in photos:
            os.link(photo, self.inbox / photo.name)

    @contextmanager
    def watching(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the daemon on its inbox for as long as the block lasts."""
        self.inbox.mkdir(parents=True, exist_ok=True)
        with (
            (self.home / "log").open("ab") as log,
            subprocess.Popen([*CAPTIOND, "run", self.inbox], env=self.environment, stderr=log) as process,
        ):
            try:
                yield process
            finally:
                process.terminate()


def cpu_seconds(pid: int) -> float:
    """Give the CPU seconds so far of a living process, with its children that live and those that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user_system_and_ended = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return user_system_and_ended + sum(cpu_seconds(int(child)) for child in children)


@contextmanager
def simulated_server(*arguments: str) -> Iterator[str]:
    """Run a simulated model server in a process of its own; gives its address."""
    command = [sys.executable, "-m", "captiond.simulator", "--stop-with-stdin", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that is gone afterwards; SIGTERM too ends what was started in it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    with tempfile.TemporaryDirectory(prefix="captiond-benchmark-") as folder:
        yield Path(folder)


def headline(what: str) -> None:
    """Print what is measured, and on what kind of machine."""
    print(what)
    print(
        f"on {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, Pillow {pillow_version}\n"
    )


def told(values: Sequence[float], unit: str = "ms", scale: float = 1000.0, digits: int = 1) -> str:
    """Write a median with its spread."""
    low, middle, high = (f"{scale * one:.{digits}f}" for one in (min(values), median(values), max(values)))
    return f"{middle:>8} {unit:<3} ({low} … {high})"


def figure(name: str, value: str) -> None:
    """Print one line of figures."""
    print(f"{name:<52} {value}", flush=True)


def verdict(name: str, ratios: Sequence[float], most: float) -> None:
    """Print a ratio's median with its spread, and whether it keeps to its goal."""
    word = "kept" if median(ratios) <= most else "MISSED"
    figure(name, f"{told(ratios, '×', 1.0, 2)}  goal ≤ {most:g}: {word}")
