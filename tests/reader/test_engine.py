"""The real engine, in its real cage: what it reads, and what it needs for that."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from captiond.clock import SystemClock
from captiond.imaging.limits import Limits
from captiond.imaging.preparing import prepare
from captiond.imaging.worker import Decoder
from captiond.model import Fit
from captiond.reader.reading import Reader
from captiond.vision.backend import Question
from conftest import SHARED
from reader.signs import SIGNS, drawn, mistakes

pytest.importorskip("rapidocr", reason="the extra `reader` is not installed")

WORST_RATE = 0.05
WILDLIFE = SHARED / "photos" / "Reconyx_HC500_Hyperfire.jpg"


class Read:
    """Reads one picture after another with one reader."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self.reader = Reader(SystemClock())

    def __call__(self, jpeg: bytes) -> str:
        return self._runner.run(self.reader.ask(Question("", jpeg))).text

    @property
    def filters(self) -> set[str]:
        """What the kernel says of each thread of the process: 2 is a filter on its system calls."""
        assert self.reader.pid is not None
        return {
            line.split()[1]
            for status in Path(f"/proc/{self.reader.pid}/task").glob("*/status")
            for line in status.read_text().splitlines()
            if line.startswith("Seccomp:")
        }

    @property
    def kernel_filters(self) -> bool:
        """Whether this kernel, in this container, has such filters: the decode process tells."""
        decoder = Decoder(Limits())
        bars = self._runner.run(decoder.start())
        self._runner.run(decoder.close())
        return bars.seccomp


@pytest.fixture(scope="module")
def read() -> Iterator[Read]:
    with asyncio.Runner() as runner:
        read = Read(runner)
        yield read
        runner.run(read.reader.close())


def test_ten_signs_in_ten_languages_tilted_and_small_are_read(read: Read) -> None:
    wrong = {sign.text: mistakes(sign.text, read(drawn(sign, seed))) for seed, sign in enumerate(SIGNS)}
    assert sum(wrong.values()) <= WORST_RATE * sum(map(len, wrong)), wrong


def test_a_picture_without_text_has_none(read: Read) -> None:
    assert read(drawn(SIGNS[0].__class__(" ", 0, 30))) == ""


@pytest.mark.skipif(not WILDLIFE.exists(), reason="the real photos are not beside this checkout")
def test_the_line_that_a_wildlife_camera_burns_in_is_read(read: Read) -> None:
    prepared = prepare(WILDLIFE.read_bytes(), Fit(((2000, 2000),)), Limits())
    line, *others = read(prepared.jpeg).split("\n")
    assert mistakes("2020-03-16 10:00:00 AM T", line) <= WORST_RATE * len(line), line
    assert "RECONYX" in others


def test_no_thread_of_it_may_open_files_or_connect(read: Read) -> None:
    read(drawn(SIGNS[2]))
    assert read.filters == ({"2"} if read.kernel_filters else {"0"})


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.slow
def test_nothing_is_fetched_from_the_first_byte_on(tmp_path: Path) -> None:
    picture, calls = tmp_path / "sign.jpg", tmp_path / "calls"
    picture.write_bytes(drawn(SIGNS[2]))
    reading = (
        "import asyncio, sys; from pathlib import Path\n"
        "from captiond.reader.engine import Engine\n"
        "print(Engine().read(Path(sys.argv[1]).read_bytes()))"
    )
    traced = [
        "strace",
        "-f",
        "-e",
        "trace=connect",
        "-o",
        str(calls),
        sys.executable,
        "-c",
        reading,
        str(picture),
    ]
    told = subprocess.run(traced, capture_output=True, text=True, timeout=100, check=True).stdout
    assert "Señales de tráfico" in told
    assert not [line for line in calls.read_text().splitlines() if "sin_addr" in line or "sin6_addr" in line]
