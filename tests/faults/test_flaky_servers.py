"""A server that fails at random fails nobody's photo; a photo on which it dies each time fails alone."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import daemon_parts
from acceptance.conftest import Command, SimulatedServer
from captiond.imaging.worker import Decoder
from captiond.simulator import Fault
from daemon_parts import Parts

from .conftest import Measured
from .originals import originals

anyio_backend, decoder = daemon_parts.anyio_backend, daemon_parts.decoder

ONLY_DESCRIPTION = ("objects", "ocr", "translation")
"""These are switched off: a photo is one question."""
FLAKY: dict[str, Any] = {"kind": "server-error", "probability": 0.4, "seed": 3}
STATES = "SELECT state, count(*) FROM photos GROUP BY state ORDER BY state"
FAILED = "SELECT name FROM photos WHERE state = 'failed' ORDER BY name"
MOST_CALLS_OF_POISON = 8
MOST_CALLS_OF_FLAKY = 1.9
"""For each photo; two of five calls fail, so that 1.67 are needed."""
MANY, FEW = 1_000, 30


@pytest.fixture
async def parts(inbox: Path, decoder: Decoder) -> AsyncIterator[Parts]:
    """A daemon in pieces whose time is simulated."""
    off = {name: {"enabled": False} for name in ONLY_DESCRIPTION}
    async with daemon_parts.wired(inbox, decoder, prompts=off) as made:
        yield made


@pytest.fixture
def alone(impatient: Command) -> Command:
    """The real command."""
    impatient.configure("".join(f"[prompts.{name}]\nenabled = false\n" for name in ONLY_DESCRIPTION))
    return impatient


def draw(folder: Path, numbers: Iterable[int]) -> None:
    """Draw tiny photos that all differ, and still do when they are encoded anew: up to 1,024."""
    folder.mkdir(exist_ok=True)
    for number in numbers:
        picture = Image.new("RGB", (48, 32), (8 * (number % 32), 8 * (number // 32), 99))
        picture.save(folder / f"{number}.jpg", quality=95)


def some_of(count: int, photos: int) -> list[int]:
    return random.Random(photos).sample(range(photos), count)


def named(numbers: Iterable[int]) -> list[tuple[str]]:
    return sorted((f"{number}.jpg",) for number in numbers)


# ── a few, while time is simulated ──


@pytest.mark.anyio
async def test_a_server_that_fails_at_random_fails_none_of_a_few_photos(parts: Parts) -> None:
    draw(parts.inbox, range(FEW))
    parts.server.faults.set(Fault(**FLAKY))

    await parts.service().run_once()

    assert parts.rows(STATES) == [("done", FEW)]
    assert parts.server.counters.faults > FEW / 4
    assert not parts.said("failed")


@pytest.mark.anyio
async def test_of_a_few_photos_those_on_which_the_server_dies_fail_alone(parts: Parts) -> None:
    draw(parts.inbox, range(FEW))
    poison = some_of(2, FEW)
    await parts.endpoint.until_up()
    fit = parts.endpoint.fit_for(None)
    for number in poison:
        sent = await parts.decoder.prepare((parts.inbox / f"{number}.jpg").read_bytes(), fit)
        parts.server.faults.add(Fault("crash", image=sha256(sent.jpeg).hexdigest()))

    await parts.service().run_once()

    assert parts.rows(FAILED) == named(poison)
    assert parts.rows(STATES) == [("done", FEW - 2), ("failed", 2)]
    assert parts.server.counters.faults <= 2 * MOST_CALLS_OF_POISON


# ── a thousand, by the real command ──


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_server_that_fails_at_random_fails_none_of_a_thousand_photos(
    alone: Command, server: SimulatedServer, inbox: Path, measured: Measured
) -> None:
    draw(inbox, range(MANY))
    drawn = originals(inbox)
    server.plant(FLAKY)

    ended = alone("run", "--once", inbox, timeout=900)

    assert ended.returncode == 0, ended.stderr[-2000:]
    assert alone.rows(STATES) == [("done", MANY)]
    assert alone.rows("SELECT count(*), min(current) FROM results") == [(MANY, 1)]
    assert "event=failed " not in ended.stderr
    assert originals(inbox) == drawn
    counters = server.counters
    calls = counters["faults"] + len(server.questions)
    charged = ended.stderr.count('event="will try again"')
    measured(f"{calls} calls for {MANY} photos, {counters['faults']} of which failed; {charged} were charged")
    assert calls <= MOST_CALLS_OF_FLAKY * MANY


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_of_a_thousand_photos_those_on_which_the_server_dies_fail_alone(
    alone: Command, server: SimulatedServer, inbox: Path, tmp_path: Path, measured: Measured
) -> None:
    draw(inbox, range(MANY))
    poison = some_of(5, MANY)
    elsewhere = tmp_path / "elsewhere"
    draw(elsewhere, poison)
    assert alone("run", "--once", elsewhere, "--catalogue", tmp_path / "other.db").returncode == 0
    sent = {image for question in server.questions for image in question["images"]}
    server.plant(*({"kind": "crash", "image": image} for image in sent))
    before, drawn = len(server.questions), originals(inbox)

    ended = alone("run", "--once", inbox, timeout=900)

    assert len(sent) == len(poison)
    assert ended.returncode == 1, ended.stderr[-2000:]
    assert alone.rows(FAILED) == named(poison)
    assert alone.rows(STATES) == [("done", MANY - 5), ("failed", 5)]
    assert originals(inbox) == drawn
    asked = Counter(image for question in server.questions[before:] for image in question["images"])
    faults = server.counters["faults"]
    measured(f"{faults} calls died on 5 poisonous photos of {MANY}")
    assert faults <= len(poison) * MOST_CALLS_OF_POISON
    assert not asked.keys() & sent
