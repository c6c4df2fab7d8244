import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import pytest

from captiond.errors import (
    DamagedPicture,
    DecoderDied,
    NotAPicture,
    Outage,
    PictureTooLarge,
    Rejected,
    UnsupportedPicture,
)
from captiond.imaging.bars import Bars
from captiond.imaging.canary import CANARY_JPEG
from captiond.imaging.cutting import cut
from captiond.imaging.limits import Limits
from captiond.imaging.preparing import prepare
from captiond.imaging.tiling import Cutting
from captiond.imaging.wire import packed
from captiond.imaging.worker import Decoder
from captiond.model import Fit
from imaging.drawing import ALL, CORNERS, FIT, corners, noise, opened, png_of_ones, quarters, saved

pytestmark = pytest.mark.anyio


@pytest.fixture
async def decoder() -> AsyncIterator[Decoder]:
    async with Decoder(ALL) as running:
        yield running


def pid_of(decoder: Decoder) -> int:
    assert decoder.pid is not None
    return decoder.pid


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def seen_in_proc(decoder: Decoder, name: str) -> bytes:
    return Path(f"/proc/{pid_of(decoder)}/{name}").read_bytes()


def open_in(decoder: Decoder) -> list[str]:
    """Name what the decode process has open."""
    return [str(fd.readlink()) for fd in Path(f"/proc/{pid_of(decoder)}/fd").iterdir()]


async def stopped_in_the_middle(decoder: Decoder) -> "asyncio.Task[object]":
    """Begin a picture on a decode process that stands still."""
    os.kill(pid_of(decoder), signal.SIGSTOP)
    picture = asyncio.create_task(decoder.prepare(CANARY_JPEG, FIT))
    await asyncio.sleep(0)
    return picture


async def test_it_prepares_as_if_it_were_here(decoder: Decoder) -> None:
    content = saved(quarters(1200, 800), "JPEG")
    assert await decoder.prepare(content, FIT) == prepare(content, FIT, ALL)


async def test_it_cuts_as_if_it_were_here(decoder: Decoder) -> None:
    content, fit, cutting = (
        saved(noise(900, 700), "PNG"),
        Fit(((336, 336),)),
        Cutting(12, only_small_text=True),
    )
    tiles = await decoder.cut(content, fit, cutting)
    assert tiles == cut(content, fit, cutting, ALL)
    assert len(tiles.tiles) > 4


async def test_a_picture_larger_than_any_pipe_goes_through(decoder: Decoder) -> None:
    content = saved(noise(1600, 1200), "BMP")
    assert len(content) > 5_000_000
    assert (await decoder.prepare(content, FIT)).width == 672


async def test_pictures_that_come_together_are_not_mixed_up(decoder: Decoder) -> None:
    sizes = [(100 + number, 50) for number in range(8)]
    contents = [saved(quarters(*size), "PNG") for size in sizes]
    images = await asyncio.gather(*(decoder.prepare(content, FIT) for content in contents))
    assert [(image.width, image.height) for image in images] == sizes
    assert {corners(opened(image)) for image in images} == {CORNERS}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"no picture", NotAPicture),
        (b"8BPS\0\1", UnsupportedPicture),
        (CANARY_JPEG[:500], DamagedPicture),
        (png_of_ones(70_000, 1), PictureTooLarge),
    ],
)
async def test_a_rejection_comes_back_as_it_was_raised(
    decoder: Decoder, content: bytes, kind: type[Rejected]
) -> None:
    with pytest.raises(Rejected) as here:
        prepare(content, FIT, ALL)
    with pytest.raises(kind) as there:
        await decoder.prepare(content, FIT)
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))


async def test_a_picture_that_kills_the_decoder_costs_only_itself(decoder: Decoder) -> None:
    first, picture = pid_of(decoder), await stopped_in_the_middle(decoder)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(DecoderDied, match="the decoder died on this picture: exit status -9"):
        await picture
    assert (await decoder.prepare(CANARY_JPEG, FIT)).width == 64
    assert pid_of(decoder) != first


async def test_a_picture_that_hangs_the_decoder_costs_only_itself() -> None:
    async with Decoder(ALL, time_limit_seconds=1.5) as decoder:
        first, picture = pid_of(decoder), await stopped_in_the_middle(decoder)
        with pytest.raises(DecoderDied, match=r"did not finish this picture in 1\.5 seconds"):
            await picture
        assert not is_running(first)
        assert (await decoder.prepare(CANARY_JPEG, FIT)).width == 64


async def test_a_decoder_that_died_while_idle_costs_nobody(decoder: Decoder) -> None:
    assert decoder._caged._running is not None
    os.kill(pid_of(decoder), signal.SIGKILL)
    await decoder._caged._running._process.wait()
    assert (await decoder.prepare(CANARY_JPEG, FIT)).width == 64


async def test_cancelling_leaves_no_half_reply(decoder: Decoder) -> None:
    first, picture = pid_of(decoder), await stopped_in_the_middle(decoder)
    picture.cancel()
    with pytest.raises(asyncio.CancelledError):
        await picture
    assert not is_running(first)
    content = saved(quarters(), "PNG")
    assert corners(opened(await decoder.prepare(content, FIT))) == CORNERS


async def test_cancelling_one_that_waits_disturbs_nobody(decoder: Decoder) -> None:
    first = pid_of(decoder)
    working = asyncio.create_task(decoder.prepare(CANARY_JPEG, FIT))
    waiting = asyncio.create_task(decoder.prepare(CANARY_JPEG, FIT))
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await working).width == 64
    assert pid_of(decoder) == first


async def test_the_process_is_replaced_after_some_pictures() -> None:
    async with Decoder(ALL, recycle_after=2) as decoder:
        pids = []
        for _ in range(5):
            await decoder.start()
            pids.append(pid_of(decoder))
            await decoder.prepare(CANARY_JPEG, FIT)
    assert [pids[0] == pids[1], pids[2] == pids[3], len(set(pids))] == [True, True, 3]


async def test_a_process_that_keeps_much_memory_is_replaced() -> None:
    async with Decoder(ALL, recycle_bytes=1) as decoder:
        first = pid_of(decoder)
        await decoder.prepare(CANARY_JPEG, FIT)
        await decoder.start()
        assert (pid_of(decoder) != first, is_running(first)) == (True, False)


async def test_what_a_large_picture_took_is_given_back(decoder: Decoder) -> None:
    content = saved(quarters(6000, 4000), "PNG")
    pid = pid_of(decoder)
    for _ in range(3):
        await decoder.prepare(content, FIT)
        assert decoder.pid == pid


async def test_closing_leaves_no_process() -> None:
    async with Decoder(ALL) as decoder:
        pid = pid_of(decoder)
    assert (decoder.pid, is_running(pid)) == (None, False)


FLOOD = """
import os
for _ in range(2000):
    os.write(2, b"TIFFReadDirectory: Warning, Unknown field with tag 65000" * 40)
from captiond.imaging.cage import main
main()
"""


async def test_a_flood_of_complaints_is_drained_and_bounded() -> None:
    async with Decoder(ALL, command=(sys.executable, "-c", FLOOD)) as decoder:
        assert (await decoder.prepare(CANARY_JPEG, FIT)).width == 64
        assert decoder._caged._running is not None
        assert len(decoder._caged._running._stderr) <= 4096


LAST_WORDS = """
import os, sys
from captiond.imaging import cage
def fall(*_):
    os.write(2, b"x" * 100_000 + b"\\nfree(): \\x1b[31minvalid\\x07 pointer\\n")
    os.abort()
decode, cage.load_libraries = cage.prepare, lambda: None
cage.prepare = lambda content, *rest: fall() if content == b"evil" else decode(content, *rest)
cage.main()
"""


async def test_the_last_words_of_a_decoder_that_dies_are_told_without_control_characters() -> None:
    async with Decoder(ALL, command=(sys.executable, "-c", LAST_WORDS)) as decoder:
        with pytest.raises(DecoderDied) as death:
            await decoder.prepare(b"evil", FIT)
    assert str(death.value) == (
        "the decoder died on this picture: exit status -6, free(): [31minvalid pointer"
    )


NONSENSE = (
    "import sys; sys.stdout.buffer.write({ready} + {reply}); sys.stdout.flush(); sys.stdin.buffer.read()"
)
READY = packed({"bars": asdict(Bars(0, seccomp=False))})


@pytest.mark.parametrize(
    "reply",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\x02[]",
        b"\0\0\0\x03no!",
        b'\0\0\0\x0a{"size":0}',
        b'\0\0\0\x0b{"size":-1}',
        b'\0\0\0\x3d{"size":0,"rejected":"SystemExit","sentence":"x","format":""}',
    ],
)
async def test_a_reply_that_makes_no_sense_is_no_reply(reply: bytes) -> None:
    command = (sys.executable, "-c", NONSENSE.format(ready=READY, reply=reply))
    async with Decoder(ALL, command=command) as decoder:
        with pytest.raises(DecoderDied):
            await decoder.prepare(CANARY_JPEG, FIT)
        assert decoder.pid is None


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("/no/such/python",), "No such file"),
        ((sys.executable, "-c", "raise ImportError('no Pillow')"), "exit status 1, ImportError: no Pillow"),
    ],
)
async def test_a_decoder_that_does_not_start_is_no_photos_fault(
    command: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(Outage, match=reason):
        await Decoder(ALL, command=command).start()


async def test_memory_is_bounded(decoder: Decoder) -> None:
    hungry = Limits(max_other_pixels=10**10)
    async with Decoder(hungry) as generous:
        with pytest.raises(PictureTooLarge, match="needs more memory than the decoder may use"):
            await generous.prepare(png_of_ones(50_000, 40_000, rows=1), FIT)
    bounds = seen_in_proc(decoder, "limits").decode()
    assert f"Max address space         {1536 * 1024 * 1024}" in bounds
    assert "Max core file size        0 " in bounds


async def test_it_inherits_nothing(decoder: Decoder, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w"):
        targets = open_in(decoder)
    assert all(target.startswith(("pipe:", "socket:")) for target in targets)
    environment = seen_in_proc(decoder, "environ")
    assert b"PYTEST_CURRENT_TEST" not in environment


DAEMON = """
import asyncio
from captiond.imaging.limits import Limits
from captiond.imaging.worker import Decoder
async def main():
    async with Decoder(Limits()) as decoder:
        print(decoder.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def test_it_dies_with_the_daemon() -> None:
    with subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        pid = int(daemon.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        daemon.kill()
    deadline = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline:
        os.sched_yield()
    assert not is_running(pid)


@pytest.mark.parametrize(
    ("module", "foreign"),
    [("worker", ("PIL", "ctypes")), ("cage", ("asyncio", "structlog", "sqlalchemy", "httpx", "ollama"))],
)
def test_each_side_loads_only_its_own(module: str, foreign: tuple[str, ...]) -> None:
    program = f"import sys, captiond.imaging.{module}; print(sorted(set({foreign}) & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"
