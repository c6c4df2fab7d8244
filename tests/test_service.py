"""The running daemon: what it goes on with, what it waits for, what it leaves behind."""

import asyncio
import json
import os
import shutil
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

import daemon_parts
from captiond.catalogue import jobs
from captiond.catalogue.pausing import pause, resume
from captiond.catalogue.retrying import Wish, retry
from captiond.errors import InboxGone
from captiond.imaging.limits import Limits
from captiond.model import Fit, PreparedImage, SidecarPlace
from captiond.service import Outcome
from captiond.sidecars import SidecarPlaces
from captiond.simulator import Fault
from conftest import MakePhoto
from daemon_parts import Parts, UnhurriedDecoder

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

ALL = ["objects", "description", "ocr"]
"""What is asked about a picture without text."""
DESCRIPTION_WORDS = "Describe this picture"


class StumblingDecoder(UnhurriedDecoder):
    """A fault of ours: it meets one picture and raises what nobody expects."""

    def __init__(self, stumbles_on: bytes) -> None:
        super().__init__(Limits())
        self._stumbles_on = stumbles_on

    async def prepare(self, content: bytes, fit: Fit) -> PreparedImage:
        if content == self._stumbles_on:
            raise ZeroDivisionError("nobody thought of that")
        return await super().prepare(content, fit)


def photos(parts: Parts, state: str = "done") -> int:
    return len(parts.rows(f"SELECT 1 FROM photos WHERE state = '{state}'"))


def open_jobs(parts: Parts) -> list[tuple[object, ...]]:
    return parts.rows("SELECT prompt, state, tries FROM jobs ORDER BY photo_id, id")


async def put_photos(parts: Parts, make_photo: MakePhoto, *names: str) -> list[Path]:
    """Draw photos that were there before, each of other bytes."""
    paths = [make_photo(name, f"rgb({number * 5}, 90, 30)") for number, name in enumerate(names)]
    await parts.clock.sleep(3)
    return paths


# ── once ──


async def test_a_single_run_does_what_is_there(parts: Parts, make_photo: MakePhoto) -> None:
    await put_photos(parts, make_photo, "a.jpg", "2024/b.jpg")
    assert await parts.service().run_once() is Outcome.DONE
    assert photos(parts) == 2
    assert len(list(parts.inbox.rglob("*.captiond.json"))) == 2


async def test_a_single_run_waits_for_files_that_still_change(parts: Parts, make_photo: MakePhoto) -> None:
    make_photo()
    assert await parts.service().run_once() is Outcome.DONE
    assert photos(parts) == 1


async def test_a_single_run_waits_for_a_further_try(parts: Parts, make_photo: MakePhoto) -> None:
    parts.server.faults.set(Fault("refusal", prompt=DESCRIPTION_WORDS, times=2))
    await put_photos(parts, make_photo, "a.jpg")
    assert await parts.service().run_once() is Outcome.DONE
    assert parts.asked() == [*ALL, "description", "description"]


async def test_a_file_that_never_stands_still_is_left(parts: Parts, make_photo: MakePhoto) -> None:
    path = make_photo()

    async def grow() -> None:
        while True:
            with path.open("ab") as file:
                file.write(b"more")
            await parts.clock.sleep(1)

    growing = asyncio.create_task(grow())
    assert await parts.service().run_once() is Outcome.LEFT
    growing.cancel()


async def test_a_photo_that_waits_for_long_is_left(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(*await put_photos(parts, make_photo, "a.jpg"))
    lease = await parts.lease()
    late = parts.clock.now() + timedelta(minutes=5)
    await parts.catalogue.write(jobs.postpone, daemon_parts.OWNER, lease.photo_id, late, "it is away")
    assert await parts.service().run_once() is Outcome.LEFT


async def test_without_a_server_a_single_run_catalogues_and_ends_at_once(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await parts.server.stop()
    await put_photos(parts, make_photo, "a.jpg")
    began = parts.clock.monotonic_seconds()
    assert await parts.service().run_once() is Outcome.SERVER_AWAY
    assert parts.clock.monotonic_seconds() - began < 10
    assert open_jobs(parts) == [(prompt, "queued", 0) for prompt in (*ALL, "translation")]


async def test_a_server_that_goes_away_meanwhile_is_waited_for(parts: Parts, make_photo: MakePhoto) -> None:
    parts.server.faults.set(Fault("busy", prompt=DESCRIPTION_WORDS), Fault("busy", prompt="What colour"))
    await put_photos(parts, make_photo, "a.jpg")
    began = parts.clock.monotonic_seconds()
    assert await parts.service().run_once() is Outcome.SERVER_AWAY
    assert 60 <= parts.clock.monotonic_seconds() - began < 120


async def test_without_an_inbox_a_single_run_says_so(parts: Parts) -> None:
    parts.inbox.rmdir()
    with pytest.raises(ExceptionGroup) as raised:
        await parts.service().run_once()
    assert raised.group_contains(InboxGone)


async def test_an_inbox_that_is_away_does_not_hold_up_the_other(parts: Parts, make_photo: MakePhoto) -> None:
    await put_photos(parts, make_photo, "a.jpg")
    assert await parts.service(parts.inbox, parts.inbox / "away").run_once() is Outcome.LEFT
    assert photos(parts) == 1


async def test_a_full_disk_is_waited_for_while_reasons_are_kept(parts: Parts) -> None:
    os.mkfifo(parts.inbox / "pipe")
    async with AsyncExitStack() as outage:
        await outage.enter_async_context(parts.no_room_for("files"))
        running = asyncio.create_task(parts.service().run_once())
        await parts.clock.sleep(10)
        await outage.aclose()
        assert await running is Outcome.DONE


# ── for ever ──


async def test_photos_that_come_while_it_runs_are_read(parts: Parts, make_photo: MakePhoto) -> None:
    async with parts.running(parts.service()):
        await parts.clock.sleep(1)
        make_photo()
        await parts.until(lambda: photos(parts) == 1)


async def test_an_outage_gives_the_photo_back_and_all_goes_on_later(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("busy", prompt=DESCRIPTION_WORDS, times=1))
    await put_photos(parts, make_photo, "a.jpg", "b.jpg")
    async with parts.running(parts.service()):
        await parts.until(lambda: photos(parts) == 2)
    assert parts.said("given back")
    answered = parts.rows("SELECT prompt, count(*) FROM results GROUP BY prompt")
    assert answered == [(prompt, 2) for prompt in sorted([*ALL, "translation"])], "each question once"
    assert not parts.said("will try again")


async def test_a_fault_of_ours_is_charged_to_one_photo_and_the_others_go_on(
    parts: Parts, make_photo: MakePhoto
) -> None:
    odd, *_ = await put_photos(parts, make_photo, "odd.jpg", "b.jpg", "c.jpg")
    async with StumblingDecoder(odd.read_bytes()) as stumbling:
        parts.pipeline = parts.pipeline_with(stumbling)
        async with parts.running(parts.service()):
            await parts.until(lambda: photos(parts) == 2 and parts.said("failed"))
    ((path, reason),) = parts.rows("SELECT path, reason FROM problems WHERE prompt = 'ocr'")
    assert path == "odd.jpg"
    assert reason == "a fault in captiond: ZeroDivisionError: nobody thought of that"
    assert {tries for *_, tries in open_jobs(parts)} == {3}
    assert len(parts.said("a fault in captiond")) == 3


async def test_a_fault_of_ours_charges_nothing_twice(parts: Parts, make_photo: MakePhoto) -> None:
    objects, description, *rest = parts.pipeline.choices.prompts
    unknown = replace(description, kind="riddle")  # type: ignore[arg-type]
    parts.pipeline.choices = replace(parts.pipeline.choices, prompts=(objects, unknown, *rest))
    parts.server.faults.set(Fault("refusal", prompt="List the physical", times=1))
    await put_photos(parts, make_photo, "a.jpg")
    async with parts.running(parts.service()):
        await parts.until(lambda: len(parts.said("will try again")) > 1)
    assert ("objects", 1) in [(prompt, tries) for prompt, _, tries in open_jobs(parts)]


async def test_a_decoder_that_does_not_start_is_tried_now_and_then(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.pipeline = parts.pipeline_with(UnhurriedDecoder(Limits(), command=("/no/such/program",)))
    await put_photos(parts, make_photo, "a.jpg")
    async with parts.running(parts.service()):
        await parts.soon(lambda: parts.said("given back"))
        await asyncio.to_thread(time.sleep, 0.2)
        assert len(parts.said("given back")) <= 2, "no time has passed"


async def test_an_inbox_that_goes_away_puts_its_photos_off(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(*await put_photos(parts, make_photo, "a.jpg"))
    away = parts.inbox.with_name("unmounted")
    parts.inbox.rename(away)
    service = parts.service()
    async with parts.running(service):
        await parts.until(lambda: parts.said("put off"))
        assert {tries for *_, tries in open_jobs(parts)} == {0}
        away.rename(parts.inbox)
        await parts.until(lambda: photos(parts) == 1, step_seconds=10)


async def test_a_photo_whose_file_was_touched_is_read_all_the_same(
    parts: Parts, make_photo: MakePhoto
) -> None:
    (path,) = await put_photos(parts, make_photo, "a.jpg")
    await parts.take_in(path)
    os.utime(path)
    async with parts.running(parts.service(scan_seconds=100)):
        await parts.until(lambda: photos(parts) == 1, seconds=900, step_seconds=10)


async def test_an_unmounted_inbox_is_not_taken_for_deleted_photos(
    parts: Parts, make_photo: MakePhoto
) -> None:
    names = [f"{number}.jpg" for number in range(25)]
    await parts.take_in(*await put_photos(parts, make_photo, *names))
    parts.inbox.rename(parts.inbox.with_name("unmounted"))
    parts.inbox.mkdir()
    async with parts.running(parts.service()):
        await parts.clock.sleep(30)
    assert parts.rows("SELECT DISTINCT state FROM files") == [("known",)]


async def test_photos_that_come_while_the_disk_is_full_are_known_later(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await parts.server.stop()
    await put_photos(parts, make_photo, *(f"{'long name ' * 20}{number}.jpg" for number in range(40)))
    async with parts.running(parts.service()), AsyncExitStack() as outage:
        await outage.enter_async_context(parts.full_disk())
        await parts.until(lambda: parts.said("disk full"))
        await parts.clock.sleep(60)
        assert photos(parts, "queued") < 40
        assert len(parts.said("disk full")) == 1, "it is told once"
        await outage.aclose()
        await parts.until(lambda: photos(parts, "queued") == 40)


async def test_an_answer_that_finds_the_disk_full_is_kept_until_there_is_room(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await parts.take_in(*await put_photos(parts, make_photo, *(f"{number}.jpg" for number in range(30))))
    async with AsyncExitStack() as outage:
        await outage.enter_async_context(parts.full_disk())
        async with parts.running(parts.service()):
            await parts.soon(lambda: parts.said("disk full") or len(parts.said("given back")) > 3)
            assert len(parts.said("given back")) <= 3
            await outage.aclose()
            await parts.until(lambda: photos(parts) == 30)
    assert len(parts.asked()) == 30 * len(ALL)


# ── the end ──


async def test_what_is_in_hand_at_the_end_is_given_back_uncharged(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("hang-mid-stream", prompt=DESCRIPTION_WORDS))
    await put_photos(parts, make_photo, "a.jpg", "b.jpg")
    async with parts.running(parts.service()):
        await parts.until(lambda: "description" in parts.asked())
    assert {(state, tries) for _, state, tries in open_jobs(parts)} == {("queued", 0)}
    assert parts.rows("SELECT count(*) FROM jobs WHERE owner IS NOT NULL") == [(0,)]
    await parts.until(lambda: parts.server.counters.disconnects == 1)


async def test_sidecars_that_are_due_are_written_at_the_end(parts: Parts, make_photo: MakePhoto) -> None:
    chosen = parts.pipeline.choices
    off = SidecarPlaces({parts.inbox: SidecarPlace("off")}, chosen.sidecars.fallback)
    await put_photos(parts, make_photo, "a.jpg")
    await parts.service().run_once()
    sidecar = parts.inbox / "a.jpg.captiond.json"
    sidecar.unlink()
    async with parts.running(parts.service()):
        await parts.clock.sleep(1)
        parts.pipeline.choices = replace(chosen, sidecars=off)
        await parts.catalogue.write(
            lambda writer: writer.exec_driver_sql("UPDATE files SET sidecar_dirty = 1")
        )
        parts.pipeline.choices = chosen
    assert json.loads(sidecar.read_bytes())["state"] == "done"


# ── the beginning ──


async def test_what_a_dead_captiond_had_in_hand_is_taken_up(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(*await put_photos(parts, make_photo, "a.jpg"))
    await parts.lease()
    assert await parts.service().run_once() is Outcome.DONE
    assert photos(parts) == 1
    assert parts.said("taking up work that was interrupted") == [
        {"event": "taking up work that was interrupted", "log_level": "info", "photos": 1}
    ]


async def test_sidecars_that_were_due_are_written_at_the_beginning(
    parts: Parts, make_photo: MakePhoto
) -> None:
    first, *_ = await put_photos(parts, make_photo, "a.jpg")
    await parts.service().run_once()
    copy = Path(shutil.copy(first, parts.inbox / "copy.jpg"))
    await parts.take_in(copy)
    await parts.server.stop()
    async with parts.running(parts.service()):
        await parts.until((parts.inbox / "copy.jpg.captiond.json").exists, seconds=5)


async def test_a_format_that_is_switched_on_brings_its_files_back(
    parts: Parts, make_photo: MakePhoto
) -> None:
    make_photo("scan.bmp")
    await parts.clock.sleep(3)
    await parts.service().run_once()
    assert parts.rows("SELECT state FROM files") == [("refused",)]
    async with UnhurriedDecoder(Limits()) as decoder:
        parts.pipeline = parts.pipeline_with(decoder, imaging={"formats": ("JPEG", "BMP")})
        await parts.service().run_once()
    assert parts.rows("SELECT state FROM files") == [("known",)]


async def test_a_format_that_is_switched_off_has_its_waiting_photos_refused(
    parts: Parts, make_photo: MakePhoto
) -> None:
    formats = ("JPEG", "BMP")
    parts.pipeline = parts.pipeline_with(imaging={"formats": formats})
    await parts.take_in(make_photo("scan.bmp"))
    parts.pipeline = parts.pipeline_with()
    async with parts.running(parts.service()):
        await parts.until(lambda: parts.said("refused"), step_seconds=10)
    assert parts.rows("SELECT state FROM files") == [("refused",)]


# ── other choices ──


async def test_a_new_prompt_is_asked_about_photos_that_were_done(parts: Parts, make_photo: MakePhoto) -> None:
    await put_photos(parts, make_photo, "a.jpg")
    season = {"kind": "choice", "choices": ["summer", "winter"], "text": "Which season is it?"}
    service = parts.service()
    async with parts.running(service):
        await parts.until(lambda: photos(parts) == 1)
        parts.server.faults.set(Fault("same", text="winter", prompt="Which season"))
        await service.apply(parts.choices(prompts={"season": season}))
        await parts.until(lambda: parts.rows("SELECT 1 FROM photos WHERE season = 'winter'"), seconds=2)
    assert parts.asked() == [*ALL, "season"], "nothing else is asked again"
    sidecar = json.loads((parts.inbox / "a.jpg.captiond.json").read_bytes())
    assert sidecar["summary"]["answers"] == {"season": "winter"}


async def test_a_prompt_that_is_gone_is_forgotten(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(*await put_photos(parts, make_photo, "a.jpg"))
    service = parts.service()
    await service.apply(parts.choices(prompts={"ocr": {"enabled": False}}))
    assert [prompt for prompt, *_ in open_jobs(parts)] == ["objects", "description"]
    assert await service.run_once() is Outcome.DONE
    assert parts.asked() == ["objects", "description"]


# ── a model of single prompts that is missing ──


MISSING = "qwen2.5vl:7b"
WITH_MISSING = {"fine": {"kind": "text", "text": "Describe the fine print.", "model": MISSING}}
FOLLOWING = {"about": {"kind": "text", "text": "What is all this about? {text}", "from": "fine"}}


async def test_only_the_prompts_wait_whose_model_is_missing(parts: Parts, make_photo: MakePhoto) -> None:
    await put_photos(parts, make_photo, "a.jpg", "b.jpg")
    parts.pipeline = parts.pipeline_with(prompts={**WITH_MISSING, **FOLLOWING})
    service = parts.service()
    async with parts.running(service):
        await parts.until(lambda: len(list(parts.inbox.glob("*.captiond.json"))) == 2)
        await parts.clock.sleep(120)
    assert parts.asked() == [*ALL, *ALL]
    assert open_jobs(parts) == [("fine", "queued", 0), ("about", "queued", 0)] * 2
    assert f"has not got the model {MISSING}" in parts.sentences[-1]
    assert parts.endpoint.is_up
    assert len(parts.said("given back")) == 0


async def test_they_go_on_within_a_minute_when_their_model_has_come(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await put_photos(parts, make_photo, "a.jpg")
    parts.pipeline = parts.pipeline_with(prompts={**WITH_MISSING, **FOLLOWING})
    async with parts.running(parts.service()):
        await parts.until(lambda: parts.endpoint.lacking)
        async with httpx.AsyncClient() as client:
            await client.post(f"{parts.server.url}/api/pull", json={"model": MISSING})
        await parts.until(lambda: photos(parts) == 1, seconds=90)
    assert parts.asked() == [*ALL, "fine", "about"]
    assert parts.said("model ready")


async def test_a_single_run_leaves_what_waits_for_a_model(parts: Parts, make_photo: MakePhoto) -> None:
    await put_photos(parts, make_photo, "a.jpg")
    parts.pipeline = parts.pipeline_with(prompts={**WITH_MISSING, **FOLLOWING})
    assert await parts.service().run_once() is Outcome.LEFT
    assert parts.asked() == ALL


# ── what somebody else wrote to the catalogue ──


async def test_a_pause_lets_what_is_in_hand_be_finished_and_begins_nothing(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("slow", prompt=DESCRIPTION_WORDS, seconds=5.0, times=1))
    await parts.take_in(*await put_photos(parts, make_photo, "a.jpg", "b.jpg", "c.jpg", "d.jpg"))
    service = parts.service()
    async with parts.running(service):
        await parts.until(lambda: "description" in parts.asked())
        await parts.catalogue.write(pause, parts.clock.now())
        await parts.clock.sleep(600)
        assert photos(parts) == 2, "one was prepared while the other was asked"
        await parts.catalogue.write(resume, parts.clock.now())
        service.look_around()
        await parts.until(lambda: photos(parts) == 4, seconds=20)


async def test_what_is_tried_again_by_hand_is_begun_at_once(parts: Parts, make_photo: MakePhoto) -> None:
    parts.server.faults.set(Fault("bad-request", prompt=DESCRIPTION_WORDS, times=1))
    await put_photos(parts, make_photo, "a.jpg")
    service = parts.service()
    async with parts.running(service):
        await parts.until(lambda: photos(parts, "failed") == 1)
        await parts.catalogue.write(retry, Wish(failed=True), parts.clock.now())
        service.look_around()
        await parts.until(lambda: photos(parts) == 1, seconds=2)


async def test_a_picture_that_is_to_be_read_again_is_read_at_once(
    parts: Parts, make_photo: MakePhoto
) -> None:
    (path,) = await put_photos(parts, make_photo, "a.jpg")
    path.write_bytes(path.read_bytes()[:2000])
    service = parts.service(scan_seconds=3600)
    async with parts.running(service):
        await parts.until(lambda: parts.said("unreadable"))
        await parts.catalogue.write(retry, Wish(unreadable=True), parts.clock.now())
        service.look_around()
        await parts.until(lambda: len(parts.said("unreadable")) == 2, seconds=10)


async def test_it_gives_signs_of_life_while_it_takes_up_what_was_left(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await parts.take_in(*await put_photos(parts, make_photo, "a.jpg"))
    async with AsyncExitStack() as outage:
        await outage.enter_async_context(parts.no_room_for("events"))
        async with parts.running(parts.service()):
            await parts.clock.sleep(300)
            assert len(parts.sentences) > 50
            await outage.aclose()
            await parts.until(lambda: photos(parts) == 1)
