"""captiond killed, stopped and started again, with much behind it and much before it."""

import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

import daemon_parts
from acceptance.conftest import Command, Eventually, SimulatedServer, beside
from conftest import MakePhoto
from daemon_parts import Parts
from faults.bursting import TinyPhotos, peak_megabytes, watched, write_flat
from faults.conftest import Measured
from faults.known_files import ONE_PROMPT, make_known

anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

PROMPTS = 4
"""A tiny photo has no text; what there is to translate is skipped, and that is a result."""
DONE = "SELECT count(*) FROM photos WHERE state = 'done'"
FIRST_ANSWER = "SELECT 1 FROM history WHERE path = '{}' LIMIT 1"
STATES = "SELECT path, state, absent_since IS NOT NULL FROM files ORDER BY path"


@pytest.mark.parametrize(
    ("photos", "kills"), [(6, 1), pytest.param(2_000, 20, marks=pytest.mark.slow)], ids=["short", "long"]
)
@pytest.mark.timeout(1_800)
def test_killed_at_random_moments_no_photo_is_lost_and_none_is_kept_twice(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    photos: int,
    kills: int,
    eventually: Eventually,
    measured: Measured,
) -> None:
    """Test 41."""
    write_flat(inbox, inbox, photos)
    dice, between = random.Random(1), photos * 3 // (kills + 1)
    for kill in range(kills):
        with impatient.running(inbox) as process:
            due = kill * between + dice.randrange(1, between)
            eventually(lambda due=due: len(server.questions) >= due, seconds=300)
            time.sleep(dice.random() / 20)
            process.kill()
            process.wait()
    assert impatient("run", "--once", inbox, timeout=900).returncode == 0
    assert impatient.rows("SELECT count(*), sum(current) FROM results") == [(PROMPTS * photos,) * 2]
    assert impatient.rows("SELECT count(*) FROM jobs") == [(0,)]
    assert impatient.rows(DONE) == [(photos,)]
    repeated = len(server.questions) - 3 * photos
    measured(f"{kills} kills among {photos:,} photos cost {repeated} questions that were asked again")
    assert 0 <= repeated <= kills
    assert all(beside(path).exists() for path in inbox.glob("*.jpg"))


@pytest.mark.anyio
async def test_what_changed_while_it_was_down_is_as_if_it_had_been_there(
    parts: Parts, make_photo: MakePhoto
) -> None:
    """Test 42."""
    for name, colour in (("kept", "red"), ("edited", "olive"), ("moved", "navy"), ("deleted", "teal")):
        make_photo(f"{name}.jpg", colour)
    await parts.clock.sleep(5)
    await parts.service().run_once()
    asked = len(parts.asked())
    make_photo("edited.jpg", "gold")
    make_photo("added.jpg", "pink")
    (parts.inbox / "deleted.jpg").unlink()
    (parts.inbox / "folder").mkdir()
    (parts.inbox / "moved.jpg").rename(parts.inbox / "folder/moved.jpg")

    async with parts.running(parts.service()):
        await parts.clock.sleep(200)
        await parts.until(lambda: parts.rows("SELECT count(*) FROM jobs") == [(0,)])

    assert parts.rows(STATES) == [
        ("added.jpg", "known", 0),
        ("deleted.jpg", "missing", 0),
        ("edited.jpg", "known", 0),
        ("folder/moved.jpg", "known", 0),
        ("kept.jpg", "known", 0),
        ("moved.jpg", "missing", 0),
    ]
    assert len(parts.asked()) == asked + 2 * 3, "only what was added and what was edited"


@pytest.mark.anyio
async def test_old_files_that_are_new_to_it_are_not_waited_for(parts: Parts) -> None:
    """Test 44: they have stood still for long, so that nothing has to settle."""
    await parts.server.stop()
    write_flat(parts.inbox, parts.inbox, 200)
    await parts.clock.sleep(60)
    began = parts.clock.monotonic_seconds()
    async with parts.running(parts.service()):
        await parts.until(lambda: parts.rows("SELECT count(*) FROM files") == [(200,)])
    assert parts.clock.monotonic_seconds() - began < 2.0


@pytest.mark.parametrize(
    "known", [2_000, *(pytest.param(count, marks=pytest.mark.slow) for count in (100_000, 1_000_000))]
)
@pytest.mark.timeout(1_200)
def test_with_many_photos_behind_it_it_takes_new_ones_at_once(
    *,
    captiond: Command,
    server: SimulatedServer,
    inbox: Path,
    known: int,
    eventually: Eventually,
    measured: Measured,
) -> None:
    """Test 43."""
    make_known(inbox, captiond.catalogue, known, in_each_folder=1_000)
    captiond.configure(ONE_PROMPT)
    began = time.monotonic()
    with captiond.running(inbox) as process:
        eventually(lambda: captiond.told("watching"), seconds=60)
        (inbox / "new.jpg").write_bytes(TinyPhotos(inbox)(1))
        eventually(lambda: captiond.rows(FIRST_ANSWER.format("new.jpg")), seconds=120)
        seconds = time.monotonic() - began
        measured(
            f"{known:,} known: a new photo is answered {seconds:.1f} s after the start; "
            f"peak memory {peak_megabytes(process.pid):.0f} MB"
        )
        assert peak_megabytes(process.pid) < 150
    assert len(server.questions) == 1, "none of the others is asked about"
    assert seconds < 10


@contextmanager
def backlog(command: Command, server: SimulatedServer, inbox: Path, photos: int) -> Iterator[None]:
    """Let captiond work on old photos, at some a second."""
    write_flat(inbox, inbox, photos)
    time.sleep(2.1)
    server.plant({"kind": "slow", "seconds": 0.004})
    with watched(command, inbox):
        yield


@pytest.mark.parametrize(
    ("photos", "drops"), [(60, 3), pytest.param(2_000, 20, marks=pytest.mark.slow)], ids=["short", "long"]
)
@pytest.mark.timeout(600)
def test_a_photo_that_is_dropped_goes_ahead_of_a_backlog(
    *,
    captiond: Command,
    server: SimulatedServer,
    inbox: Path,
    photos: int,
    drops: int,
    eventually: Eventually,
    measured: Measured,
) -> None:
    """Test 45."""
    photo = TinyPhotos("dropped")
    waits = []
    with backlog(captiond, server, inbox, photos):
        eventually(lambda: captiond.rows(DONE) != [(0,)])
        for number in range(drops):
            (inbox / f"dropped {number}.jpg").write_bytes(photo(number))
            began = time.monotonic()
            asked = FIRST_ANSWER.format(f"dropped {number}.jpg")
            eventually(lambda asked=asked: captiond.rows(asked))
            waits.append(time.monotonic() - began)
        assert captiond.rows(DONE)[0][0] < photos, "there was a backlog all the time"
    waits.sort()
    measured(f"first answer {waits[len(waits) // 2]:.2f} s after the drop, at worst {waits[-1]:.2f} s")
    assert waits[int(0.95 * (len(waits) - 1))] < 4.0


def test_an_endless_stream_of_new_photos_does_not_starve_the_backlog(
    *, captiond: Command, server: SimulatedServer, inbox: Path, eventually: Eventually
) -> None:
    """Test 46."""
    old = [f"{number}.jpg" for number in range(8)]
    enough = threading.Event()
    photo = TinyPhotos("stream")

    def stream() -> None:
        for number in count():
            (inbox / f"stream {number}.jpg").write_bytes(photo(number))
            if enough.wait(0.1):
                return

    with backlog(captiond, server, inbox, len(old)):
        streaming = threading.Thread(target=stream)
        streaming.start()
        try:
            left = "SELECT count(*) FROM photos WHERE path NOT LIKE 'stream%' AND state <> 'done'"
            eventually(lambda: captiond.rows(left) == [(0,)], seconds=40)
        finally:
            enough.set()
            streaming.join()


def test_two_daemons_with_a_catalogue_each_share_an_inbox(
    *, impatient: Command, inbox: Path, tmp_path: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    """Test 58: each has all answers, and what the one wrote beside a photo is no photo to the other."""
    home = tmp_path / "other home"
    home.mkdir()
    other = Command(home, tmp_path / "other.db", impatient.url, dict(impatient.settings))
    photos = [make_photo(f"{hue}.jpg", f"hsl({hue}, 80%, 40%)") for hue in range(0, 120, 40)]
    with watched(impatient, inbox), watched(other, inbox):
        for command in (impatient, other):
            eventually(lambda command=command: command.rows(DONE) == [(len(photos),)])
        late = shutil.copy(photos[0], inbox / "late.jpg")
        late_is_known = "SELECT 1 FROM files WHERE path = 'late.jpg' AND state = 'known'"
        eventually(lambda: all(command.rows(late_is_known) for command in (impatient, other)))
        eventually(beside(late).exists)
    for command in (impatient, other):
        assert command.rows("SELECT count(*) FROM files") == [(len(photos) + 1,)]
