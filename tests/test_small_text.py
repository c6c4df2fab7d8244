"""Small text is read from tiles: when, in which order, and what becomes of tiles that cannot be read."""

import hashlib
import sys
from pathlib import Path

import pytest

import daemon_parts
from captiond.errors import FileChanged
from captiond.imaging.cutting import cut
from captiond.imaging.limits import Limits
from captiond.imaging.tiling import Cutting
from captiond.model import Fit, PreparedImage
from captiond.simulator import Fault
from conftest import MakePhoto
from daemon_parts import Parts, UnhurriedDecoder
from small_print import ABOVE, BELOW, MERGED, page

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

LLAVA = Fit(((336, 336),))
OCR_WORDS = "Copy all the text"

CAGE_THAT_DIES_OF_CUTTING = (
    "import os, captiond.imaging.cage as cage; cage.cut = lambda *given: os._exit(9); cage.main()"
)


@pytest.fixture
def photo(inbox: Path) -> Path:
    path = inbox / "page.png"
    page().save(path)
    return path


def answer(parts: Parts, prompt: str = "ocr") -> tuple[object, ...]:
    ((*told,),) = parts.rows(
        f"SELECT status, value, reason FROM results WHERE prompt = '{prompt}' AND current = 1"
    )
    return tuple(told)


def tile_digests(photo: Path) -> list[str]:
    tiles = cut(photo.read_bytes(), LLAVA, Cutting(12, only_small_text=True), Limits()).tiles
    return [hashlib.sha256(tile.jpeg).hexdigest() for tile in tiles]


async def test_a_page_is_read_from_its_tiles_with_nothing_twice_at_the_seam(
    parts: Parts, photo: Path
) -> None:
    await parts.take_in(photo)
    await parts.describe()
    assert answer(parts) == ("ok", MERGED, "read from 2 tiles")
    assert parts.rows("SELECT state, text FROM photos") == [("done", MERGED)]
    assert not parts.rows("SELECT 1 FROM jobs")


async def test_tiles_come_after_all_else_about_the_whole_picture(parts: Parts, photo: Path) -> None:
    parts.pipeline.choices = parts.choices(prompts={"mood": {"enabled": True}})
    await parts.take_in(photo)
    await parts.describe()
    assert parts.asked() == ["objects", "description", "mood", "ocr", "ocr", "ocr", "translation"]
    (whole,) = {call.images for call in list(parts.server.counters.calls)[:4]}
    pictures = [image for call in parts.server.counters.calls for image in call.images]
    assert pictures == [*whole * 4, *tile_digests(photo)]
    assert parts.server.counters.image_encodes == 3, "the whole picture once, and each tile"


async def test_the_cost_of_all_tiles_is_that_of_the_answer(parts: Parts, photo: Path) -> None:
    await parts.take_in(photo)
    await parts.describe()
    costs = dict(parts.rows("SELECT prompt, prompt_tokens FROM results"))
    assert costs["ocr"] > 3 * 577
    assert costs["ocr"] > 2.5 * costs["description"]


async def test_the_version_of_a_prompt_tells_how_it_is_read(parts: Parts) -> None:
    versions = {
        parts.choices(prompts={"ocr": {"tiles": tiles}}).versions["ocr"]  # type: ignore[index]
        for tiles in ("auto", "off", 4, 6)
    }
    assert len(versions) == 4
    assert parts.choices().versions == parts.choices(prompts={"ocr": {"tiles": "auto"}}).versions


# ── when not ──


async def test_what_is_switched_off_is_not_done(parts: Parts, photo: Path) -> None:
    parts.pipeline.choices = parts.choices(prompts={"ocr": {"tiles": "off"}})
    await parts.take_in(photo)
    await parts.describe()
    assert parts.asked().count("ocr") == 1
    assert answer(parts) == ("ok", BELOW, None)


async def test_a_page_without_text_for_the_model_is_not_read_from_tiles(parts: Parts, inbox: Path) -> None:
    page(below="").save(inbox / "page.png")
    await parts.take_in(inbox / "page.png")
    await parts.describe()
    assert parts.asked().count("ocr") == 1
    assert answer(parts)[0] == "empty"


async def test_tiles_that_were_ordered_are_read_whatever_the_whole_says(parts: Parts, inbox: Path) -> None:
    page(below="").save(inbox / "page.png")
    parts.pipeline.choices = parts.choices(prompts={"ocr": {"tiles": 2}})
    await parts.take_in(inbox / "page.png")
    await parts.describe()
    assert answer(parts) == ("ok", ABOVE, "read from 2 tiles")


async def test_a_large_sign_costs_no_more_calls(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(make_photo(size=(1200, 900), text="Sortie de secours"))
    await parts.describe()
    assert parts.asked() == ["objects", "description", "ocr", "translation"]
    assert answer(parts) == ("ok", "Sortie de secours", None)


async def test_a_small_picture_is_not_cut(parts: Parts, inbox: Path) -> None:
    page().resize((200, 370)).save(inbox / "page.png")
    await parts.take_in(inbox / "page.png")
    await parts.describe()
    assert parts.asked().count("ocr") == 1


async def test_what_was_asked_together_with_others_is_not_read_from_tiles(parts: Parts, photo: Path) -> None:
    parts.pipeline.choices = parts.choices(express=True)
    await parts.take_in(photo)
    await parts.describe()
    assert len([call for call in parts.server.counters.calls if call.images]) == 1


async def test_tiles_that_were_ordered_are_read_beside_what_is_asked_together(
    parts: Parts, photo: Path
) -> None:
    parts.pipeline.choices = parts.choices(express=True, prompts={"ocr": {"tiles": 2}})
    await parts.take_in(photo)
    await parts.describe()
    assert answer(parts) == ("ok", MERGED, "read from 2 tiles")


# ── what goes wrong ──


async def test_a_tile_is_asked_again_with_other_luck(parts: Parts, photo: Path) -> None:
    upper, _ = tile_digests(photo)
    parts.server.faults.set(Fault("refusal", image=upper, times=1))
    await parts.take_in(photo)
    await parts.describe()
    assert answer(parts) == ("ok", MERGED, "read from 2 tiles")
    assert [call.options["seed"] for call in parts.server.counters.calls if upper in call.images] == [1, 2]


async def test_a_tile_that_cannot_be_read_does_not_lose_the_others(parts: Parts, photo: Path) -> None:
    upper, _ = tile_digests(photo)
    parts.server.faults.set(Fault("refusal", image=upper))
    await parts.take_in(photo)
    await parts.describe()
    assert answer(parts) == ("ok", BELOW, "read from 2 tiles; 1 of 2 tiles could not be read")
    assert parts.rows("SELECT count(*) FROM results WHERE status = 'rejected'") == [(2,)]
    assert not parts.rows("SELECT 1 FROM jobs"), "the photo is not charged"


async def test_when_no_tile_can_be_read_the_whole_picture_still_counts(parts: Parts, photo: Path) -> None:
    parts.server.faults.set(*(Fault("refusal", image=digest) for digest in tile_digests(photo)))
    await parts.take_in(photo)
    await parts.describe()
    assert answer(parts) == ("ok", BELOW, "2 of 2 tiles could not be read")


async def test_a_page_on_which_the_model_repeats_itself_is_read_from_tiles(parts: Parts, photo: Path) -> None:
    parts.server.faults.set(Fault("loop", prompt=OCR_WORDS, times=1))
    await parts.take_in(photo)
    await parts.describe()
    assert answer(parts) == ("ok", MERGED, "read from 2 tiles")


async def test_what_neither_the_whole_nor_the_tiles_show_is_charged(parts: Parts, photo: Path) -> None:
    parts.server.faults.set(Fault("refusal", prompt=OCR_WORDS))
    await parts.take_in(photo)
    await parts.describe()
    assert parts.rows("SELECT prompt, state, tries FROM jobs WHERE prompt = 'ocr'") == [("ocr", "waiting", 1)]


async def test_a_decoder_that_dies_of_cutting_costs_no_answer(parts: Parts, photo: Path) -> None:
    command = (sys.executable, "-c", CAGE_THAT_DIES_OF_CUTTING)
    async with UnhurriedDecoder(Limits(), command=command) as dying:
        parts.pipeline = parts.pipeline_with(dying)
        await parts.take_in(photo)
        await parts.describe()
    status, value, reason = answer(parts)
    assert (status, value) == ("ok", BELOW)
    assert str(reason).startswith("the decoder died on this picture: exit status 9")


async def test_a_photo_that_goes_before_it_is_cut_is_put_off(parts: Parts, photo: Path) -> None:
    class Thief(UnhurriedDecoder):
        async def prepare(self, content: bytes, fit: Fit) -> PreparedImage:
            prepared = await super().prepare(content, fit)
            photo.unlink()  # noqa: ASYNC240 - a file of the test
            return prepared

    async with Thief(Limits()) as thief:
        parts.pipeline = parts.pipeline_with(thief)
        await parts.take_in(photo)
        with pytest.raises(FileChanged):
            await parts.describe()
    assert parts.rows("SELECT prompt, tries FROM jobs") == [("ocr", 0), ("translation", 0)]


# ── the size of a prompt's picture ──


async def test_a_prompt_may_be_shown_the_picture_in_another_size(parts: Parts, make_photo: MakePhoto) -> None:
    parts.pipeline.choices = parts.choices(
        prompts={"objects": {"max_side_pixels": 100}, "description": {"max_side_pixels": 100}}
    )
    prepared: list[tuple[int, int]] = []

    class Watched(UnhurriedDecoder):
        async def prepare(self, content: bytes, fit: Fit) -> PreparedImage:
            made = await super().prepare(content, fit)
            prepared.append((made.width, made.height))
            return made

    async with Watched(Limits()) as watched:
        pipeline, parts.pipeline = parts.pipeline, parts.pipeline_with(watched)
        parts.pipeline.choices = pipeline.choices
        await parts.take_in(make_photo(size=(800, 400)))
        await parts.describe()
    assert sorted(prepared) == [(100, 50), (336, 168)]
    assert parts.asked() == ["ocr", "objects", "description"], "those of one size follow one another"
    assert parts.server.counters.image_encodes == 2
