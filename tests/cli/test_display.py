"""The live line of a terminal, and what is printed above it."""

import asyncio
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

import simulated_time
from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.store import Catalogue
from captiond.cli.display import LiveProgress
from catalogue.filled import fill
from catalogue.planting import NOW, OCR, answer, photo, result
from simulated_time import SIMULATED_TIME, SimulatedClock

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> object:
    return SIMULATED_TIME


@pytest.fixture
def console() -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, width=160, highlight=False, soft_wrap=True, color_system=None
    )


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Catalogue]:
    """A catalogue with something of everything: 4 done, 2 waiting, 3 problems."""
    with Catalogue(fill(tmp_path / "catalogue.db", in_hand=True), NOW) as catalogue:
        yield catalogue


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def shown(console: Console, catalogue: Catalogue, *, seconds: float = 0.5) -> str:
    """Follow for a while, and give all that was written."""
    clock = SimulatedClock(simulated_time.loop())
    following = asyncio.create_task(LiveProgress(console).follow(catalogue, clock))
    await clock.sleep(seconds)
    following.cancel()
    await asyncio.wait([following])
    return written(console)


async def test_it_says_how_far_the_work_is(console: Console, filled: Catalogue) -> None:
    words = await shown(console, filled)
    assert "4/6 · " in words
    assert " s each · done about " in words
    assert " · 2 waiting · 3 problems · Ctrl-C stops" in words


@pytest.mark.parametrize(("width", "has_bar"), [(100, True), (90, True), (60, False)])
async def test_it_stays_on_one_line_of_a_narrow_terminal(
    console: Console, filled: Catalogue, width: int, has_bar: bool
) -> None:
    console.width = width
    words = await shown(console, filled)
    drawn = re.split(r"[\r\n]+", re.sub(r"\x1b\[\??\d+\w", "", words))
    assert max(map(len, drawn)) <= width
    assert words.count("\n") == 1, "the end of the line, after which it is erased"
    assert ("━" in words) is has_bar
    assert ("Ctrl-C stops" in words) is (width > 60)


async def test_it_says_that_it_waits_for_photos(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    close_for_readers(open_to_write(path, NOW))
    with Catalogue(path, NOW) as catalogue:
        assert "0/0 · waiting for new photos · 0 problems · Ctrl-C stops" in await shown(console, catalogue)


async def test_a_long_wait_names_the_day(console: Console, filled: Catalogue) -> None:
    for number in range(9):
        slow = replace(result(OCR, "Attention !", seconds=1e5), created_at=NOW + timedelta(days=2 * number))
        await filled.write(answer, 1, slow)
    words = await shown(console, filled)
    assert re.search(r" · done (Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d:\d\d · ", words)


async def test_it_follows_what_happens(console: Console, filled: Catalogue) -> None:
    following = asyncio.create_task(shown(console, filled, seconds=3))
    await asyncio.sleep(1.5)
    await filled.write(photo, "late.jpg")
    await following
    assert written(console).index("4/6") < written(console).index("5/7")


async def test_lines_are_printed_as_they_are(console: Console) -> None:
    LiveProgress(console).print("[red]a photo[/red] :smile: 100 % \\[x]")
    assert written(console) == "[red]a photo[/red] :smile: 100 % \\[x]\n"


async def test_the_live_line_is_gone_at_the_end(console: Console, filled: Catalogue) -> None:
    words = await shown(console, filled)
    assert words.rstrip().endswith("\x1b[2K"), "the line is erased"
    assert words.count("\x1b[?25h") == words.count("\x1b[?25l") == 1, "the cursor is seen again"
