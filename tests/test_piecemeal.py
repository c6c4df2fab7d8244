"""An answer that is read from tiles, and a crash in the middle: what came back is not asked again."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import daemon_parts
from captiond.catalogue import jobs
from captiond.catalogue.editing import Again, redo
from captiond.catalogue.retrying import Wish, retry
from captiond.errors import ServerAway
from captiond.imaging.cutting import cut
from captiond.imaging.limits import Limits
from captiond.imaging.tiling import Cutting
from captiond.imaging.worker import Decoder
from captiond.model import Fit, PromptName
from captiond.prompts.express import OPENING
from captiond.simulator import Fault
from conftest import MakePhoto
from daemon_parts import OWNER, Parts
from small_print import MERGED, long_page, page, text_of_page

pytestmark = pytest.mark.anyio
anyio_backend, decoder = daemon_parts.anyio_backend, daemon_parts.decoder

TILES = 4
OCR = PromptName("ocr")
OCR_WORDS = "Copy all the text"
KEPT = "SELECT count(*) FROM tile_replies"
ANSWER = "SELECT status, value, reason FROM results WHERE prompt = 'ocr' AND current"
COST = "SELECT prompt_tokens, output_tokens, seconds FROM results WHERE prompt = 'ocr' AND current"
REJECTED = "SELECT count(*) FROM results WHERE status = 'rejected'"
WHOLE = ("ok", text_of_page(TILES), f"read from {TILES} tiles")

Asked = Counter[tuple[str, tuple[str, ...], int]]


@pytest.fixture
async def parts(inbox: Path, decoder: Decoder) -> AsyncIterator[Parts]:
    async with daemon_parts.wired(inbox, decoder, prompts={"ocr": {"tiles": TILES}}) as made:
        yield made


@pytest.fixture
def photo(inbox: Path) -> Path:
    path = inbox / "page.png"
    long_page(TILES).save(path)
    return path


def tile_digests(photo: Path) -> list[str]:
    fit, cutting = Fit(((336, 336),)), Cutting(TILES, only_small_text=False)
    tiles = cut(photo.read_bytes(), fit, cutting, Limits()).tiles
    return [hashlib.sha256(tile.jpeg).hexdigest() for tile in tiles]


def asked(parts: Parts) -> Asked:
    """Count how often each question was asked: its words, pictures and seed."""
    calls = parts.server.counters.calls
    return Counter((call.prompt, call.images, call.options["seed"]) for call in calls)


def twice(parts: Parts) -> list[tuple[str, ...]]:
    """Give the pictures that were asked about twice in the same words; nothing was asked more often."""
    assert set(asked(parts).values()) <= {1, 2}
    return [pictures for (_, pictures, _), times in asked(parts).items() if times > 1]


async def break_off_at(parts: Parts, image: str, *faults: Fault) -> None:
    """Let captiond end while the server is asked about this picture."""
    parts.server.faults.set(Fault("hang-mid-stream", image=image), *faults)
    calls = parts.server.counters.calls
    before = sum(image in call.images for call in calls)
    describing = asyncio.create_task(parts.describe())
    await parts.until(lambda: sum(image in call.images for call in calls) > before)
    describing.cancel()
    await asyncio.wait([describing])
    parts.server.faults.set(*faults)


async def take_up(parts: Parts) -> None:
    """Let the next captiond go on."""
    await parts.catalogue.write(jobs.reclaim, "the next captiond", parts.clock.now())
    await parts.describe()


async def redo_reading(parts: Parts) -> None:
    await parts.catalogue.write(redo, Again("", (OCR,)), parts.clock.now())


@pytest.mark.parametrize("tile", range(TILES))
async def test_a_crash_repeats_only_the_call_in_flight(parts: Parts, photo: Path, tile: int) -> None:
    in_flight = tile_digests(photo)[tile]
    await parts.take_in(photo)
    await break_off_at(parts, in_flight)
    assert parts.rows(KEPT) == [(1 + tile,)], "the whole, and the tiles before"
    await take_up(parts)
    assert twice(parts) == [(in_flight,)]
    assert parts.rows(ANSWER) == [WHOLE]
    assert parts.rows(KEPT) == [(0,)]


async def test_each_of_many_crashes_repeats_one_call(parts: Parts, photo: Path) -> None:
    await parts.take_in(photo)
    for image in tile_digests(photo):
        await break_off_at(parts, image)
        await parts.catalogue.write(jobs.reclaim, "the next captiond", parts.clock.now())
        await parts.clock.sleep(200)
    await parts.describe()
    assert twice(parts) == [(image,) for image in tile_digests(photo)]
    assert parts.rows(ANSWER) == [WHOLE]


async def test_an_answer_costs_what_all_its_replies_did(parts: Parts, photo: Path) -> None:
    await parts.take_in(photo)
    await parts.describe()
    ((*tokens, seconds),) = parts.rows(COST)
    await redo_reading(parts)
    await break_off_at(parts, tile_digests(photo)[-1])
    await take_up(parts)
    ((*tokens_with_a_crash, seconds_with_a_crash),) = parts.rows(COST)
    assert tokens_with_a_crash == tokens
    assert seconds_with_a_crash == pytest.approx(seconds, rel=0.2)


async def test_what_takes_one_call_is_kept_as_its_result_alone(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(make_photo(size=(300, 200), text="Sortie"))
    parts.pipeline.patience.limit_seconds = 60
    async with parts.no_room_for("tile_replies"):
        await parts.describe()
    assert parts.rows(ANSWER) == [("ok", "Sortie", None)]


# ── replies that are no answers ──


async def test_a_tile_that_could_not_be_read_before_a_crash_is_not_asked_about_again(
    parts: Parts, photo: Path
) -> None:
    unreadable, in_flight, *_ = tile_digests(photo)
    await parts.take_in(photo)
    await break_off_at(parts, in_flight, Fault("refusal", image=unreadable))
    assert parts.rows(REJECTED) == [(2,)]
    await take_up(parts)
    assert twice(parts) == [(in_flight,)]
    assert parts.rows(REJECTED) == [(2,)], "what is known to be no answer is not told twice"
    ((_, _, reason),) = parts.rows(ANSWER)
    assert reason == f"read from {TILES} tiles; 1 of {TILES} tiles could not be read"


async def test_a_reply_that_was_stopped_before_a_crash_is_stopped_after_it(parts: Parts, photo: Path) -> None:
    last = tile_digests(photo)[-1]
    await parts.take_in(photo)
    await break_off_at(parts, last, Fault("loop", prompt=OCR_WORDS))
    ((reason,),) = parts.rows("SELECT reason FROM results WHERE prompt = 'ocr' ORDER BY id LIMIT 1")
    await take_up(parts)
    assert twice(parts) == [(last,)]
    ((error, kept),) = parts.rows(f"SELECT error, ({KEPT}) FROM jobs WHERE prompt = 'ocr'")
    assert error == f"ocr: {reason}"
    assert kept == 0, "the next try has other luck"


# ── what is asked anew ──


async def test_what_a_person_wants_anew_is_asked_anew(parts: Parts, photo: Path) -> None:
    await parts.take_in(photo)
    await break_off_at(parts, tile_digests(photo)[2])
    await parts.catalogue.write(jobs.reclaim, "the next captiond", parts.clock.now())
    await redo_reading(parts)
    assert parts.rows(KEPT) == [(0,)]
    await parts.describe()
    whole, tiles = parts.server.counters.calls[0].images, [(tile,) for tile in tile_digests(photo)]
    assert twice(parts) == [whole, *tiles[:3]]


async def test_what_a_person_wants_anew_in_the_middle_of_it_is_asked_anew(parts: Parts, photo: Path) -> None:
    second = tile_digests(photo)[1]
    await parts.take_in(photo)
    parts.server.faults.set(Fault("slow", image=second, seconds=1.0))
    describing = asyncio.create_task(parts.describe())
    await parts.until(lambda: parts.asked().count("ocr") == 3)
    await redo_reading(parts)
    await describing
    assert parts.rows(f"SELECT state, ({KEPT}) FROM jobs WHERE prompt = 'ocr'") == [("queued", 0)]
    await parts.describe()
    assert len(twice(parts)) == 1 + TILES


async def test_what_failed_before_is_not_failed_by_what_it_was_told_then(parts: Parts, photo: Path) -> None:
    parts.server.faults.set(Fault("refusal", prompt=OCR_WORDS))
    await parts.take_in(photo)
    await parts.describe()
    for _ in range(2):
        await parts.clock.sleep(100)
        await parts.describe()
    assert parts.rows("SELECT state FROM jobs WHERE prompt = 'ocr'") == [("failed",)]
    parts.server.faults.set()
    await parts.catalogue.write(retry, Wish(failed=True), parts.clock.now())
    await parts.describe()
    assert parts.rows(ANSWER) == [WHOLE]


async def test_another_wording_is_asked_anew(parts: Parts, photo: Path) -> None:
    await parts.take_in(photo)
    await break_off_at(parts, tile_digests(photo)[2])
    words: dict[str, Any] = {"tiles": TILES, "text": "What is written here?"}
    parts.pipeline.choices = parts.choices(prompts={"ocr": words})
    await take_up(parts)
    assert twice(parts) == []
    assert sum(call.prompt.startswith("What is written") for call in parts.server.counters.calls) == 1 + TILES


# ── what else may come between ──


async def test_an_outage_in_the_middle_costs_the_call_that_it_met(parts: Parts, photo: Path) -> None:
    third = tile_digests(photo)[2]
    await parts.take_in(photo)
    parts.server.faults.set(Fault("busy", image=third))
    with pytest.raises(ServerAway):
        await parts.describe()
    parts.server.faults.set()
    await parts.catalogue.write(jobs.release, OWNER)
    await parts.describe()
    assert len(twice(parts)) <= 1
    assert parts.rows(ANSWER) == [WHOLE]


async def test_a_job_that_goes_in_the_middle_takes_what_came_back_along(parts: Parts, photo: Path) -> None:
    await parts.take_in(photo)
    parts.server.faults.set(Fault("slow", image=tile_digests(photo)[1], seconds=1.0))
    describing = asyncio.create_task(parts.describe())
    await parts.until(lambda: parts.asked().count("ocr") == 3)
    await parts.catalogue.write(
        lambda writer: writer.exec_driver_sql("DELETE FROM jobs WHERE prompt = 'ocr'")
    )
    await describing
    assert parts.rows(KEPT) == [(0,)]


async def test_what_was_begun_by_itself_is_not_asked_together_with_others(parts: Parts, inbox: Path) -> None:
    labels = {"kind": "text", "text": "Which labels are there?", "tiles": "auto"}
    parts.pipeline.choices = parts.choices(express=True, prompts={"ocr": {"tiles": "auto"}, "labels": labels})
    page().save(inbox / "page.png")
    await parts.take_in(inbox / "page.png")
    lower = tile_digests(inbox / "page.png")[1]
    await break_off_at(parts, lower, Fault("refusal", prompt=OPENING))
    parts.server.faults.set()
    await take_up(parts)
    assert twice(parts) == [(lower,)]
    assert sum(call.prompt.startswith(OPENING) for call in parts.server.counters.calls) == 1
    assert parts.rows(ANSWER) == [("ok", MERGED, "read from 2 tiles")]
