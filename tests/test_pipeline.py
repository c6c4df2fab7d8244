"""One photo, start to finish: known, asked about, and what becomes of a photo that is not what it seemed."""

import asyncio
import itertools
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import daemon_parts
from captiond.batches import HASHED_AT_ONCE, in_batches
from captiond.catalogue.editing import Again, redo
from captiond.catalogue.store import Connection
from captiond.errors import FileChanged, InboxGone
from captiond.imaging.limits import Limits
from captiond.inbox.hashing import FEWEST_FILES
from captiond.inbox.reading import look
from captiond.model import FileStamp, Fit, InboxFile, PreparedImage, PromptName, SidecarPlace
from captiond.sidecars import SidecarPlaces
from captiond.simulator import Fault
from conftest import MakePhoto
from daemon_parts import Parts, UnhurriedDecoder
from simulated_time import SimulatedClock, loop

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

JPEG = b"\xff\xd8\xff\xe0"
"""So much of a JPEG that it is taken for one."""

FRENCH = "Attention ! Éléphants en liberté"
DESCRIPTION_WORDS = "Describe this picture"
OCR_WORDS = "Copy all the text"
ENGLISH = "The quick brown fox jumps over the lazy dog and then it sleeps in the warm sun all day"
ALL = ["objects", "description", "ocr", "translation"]

MANY_DONE = """
WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 2000)
INSERT INTO photos (name, folder, path, inbox, bytes, sha256, added_at, updated_at, state)
SELECT 'done', '', 'done', '/other', 1, 'sha ' || number, '', '', 'done' FROM numbers
"""

DYING_CAGE = """
import sys
from captiond.imaging.wire import packed
sys.stdout.buffer.write(packed({"bars": {"landlock_abi": 0, "seccomp": False, "gaps": []}}))
sys.stdout.flush()
sys.stdin.buffer.read(1)
"""


def jobs(parts: Parts) -> list[tuple[object, ...]]:
    return parts.rows("SELECT prompt, state, tries FROM jobs ORDER BY id")


async def steps(parts: Parts, path: Path) -> int:
    """Take in a file, and count SQLite's steps by the hundred."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    def watch(writer: Connection) -> None:
        connection = writer.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        connection.set_progress_handler(count, 100)

    await parts.catalogue.write(watch)
    await parts.take_in(path)
    return counted


# ── taking in ──


async def test_a_picture_is_known_with_all_its_questions(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(make_photo("2024/a.jpg"))
    assert parts.rows("SELECT path, state FROM photos") == [("2024/a.jpg", "queued")]
    assert jobs(parts) == [(prompt, "queued", 0) for prompt in ALL]
    assert parts.rows("SELECT DISTINCT priority FROM jobs") == [(0,)]


async def test_a_fresh_drop_goes_ahead_of_the_backlog(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(make_photo("old.jpg", "red"))
    await parts.take_in(make_photo("new.jpg", "blue"), fresh=True)
    assert (await parts.lease()).files[0].path.name == "new.jpg"


async def test_known_bytes_under_another_name_cost_no_question(parts: Parts, make_photo: MakePhoto) -> None:
    first = make_photo("a.jpg")
    copy = Path(shutil.copy(first, parts.inbox / "b.jpg"))
    await parts.take_in(first, copy)
    assert parts.rows("SELECT copies FROM photos") == [(2,)]
    assert len(jobs(parts)) == len(ALL)


async def test_taking_in_costs_no_more_among_many_photos_that_are_done(
    parts: Parts, make_photo: MakePhoto
) -> None:
    alone = await steps(parts, make_photo("a.jpg", "red"))
    await parts.catalogue.write(lambda writer: writer.exec_driver_sql(MANY_DONE))
    among_many = await steps(parts, make_photo("b.jpg", "blue"))
    assert among_many < 2 * alone + 10


async def test_a_broken_picture_is_refused_with_its_reason(parts: Parts) -> None:
    path = parts.inbox / "broken.jpg"
    path.write_text("no picture at all")
    await parts.take_in(path)
    ((state, reason),) = parts.rows("SELECT state, reason FROM files")
    assert (state, reason) == ("refused", parts.said("refused")[0]["reason"])
    assert "no picture" in reason
    assert not parts.rows("SELECT 1 FROM photos")


async def test_a_letter_among_the_photos_is_passed_over_in_silence(parts: Parts) -> None:
    path = parts.inbox / "letter.txt"
    path.write_text("Dear Ada,")
    await parts.take_in(path)
    assert parts.rows("SELECT state FROM files") == [("skipped",)]
    assert not parts.lines


async def test_a_movie_among_the_photos_is_passed_over_in_silence(parts: Parts) -> None:
    path = parts.inbox / "clip.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100))
    await parts.take_in(path)
    assert parts.rows("SELECT state FROM files") == [("skipped",)]
    assert not parts.lines


async def test_a_format_that_is_switched_off_is_remembered_by_its_name(parts: Parts) -> None:
    path = parts.inbox / "scan.bmp"
    Image.new("RGB", (40, 30)).save(path)
    await parts.take_in(path)
    ((state, name, reason),) = parts.rows("SELECT state, format, reason FROM files")
    assert (state, name) == ("refused", "BMP")
    assert "imaging.formats" in reason


async def test_a_file_over_the_limit_is_refused(parts: Parts, make_photo: MakePhoto) -> None:
    path = make_photo()
    parts.pipeline.choices = replace(parts.pipeline.choices, limits=Limits(max_file_bytes=100))
    await parts.take_in(path)
    assert parts.rows("SELECT state FROM files") == [("refused",)]


async def test_a_file_that_changed_since_it_was_seen_goes_back(parts: Parts, make_photo: MakePhoto) -> None:
    path, other = make_photo("a.jpg"), make_photo("b.jpg", "blue")
    seen = [parts.seen(path), parts.seen(other)]
    path.write_bytes(path.read_bytes() + b"more")
    unread = await parts.pipeline.take_in(seen, fresh=False)
    assert isinstance(unread.pop(path), FileChanged)
    assert not unread
    assert parts.rows("SELECT path FROM files") == [("b.jpg",)]


class ClockOfASlowDisk(SimulatedClock):
    """A second passes with each look at it."""

    def __init__(self) -> None:
        super().__init__(loop())
        self._seconds = itertools.count(0.0, 1.0)

    def monotonic_seconds(self) -> float:
        return next(self._seconds)


def many_files(parts: Parts, count: int) -> list[InboxFile]:
    """Make distinct files."""
    for number in range(count):
        (parts.inbox / f"{number}.jpg").write_bytes(JPEG + b"%d" % number)
    return [parts.seen(path) for path in sorted(parts.inbox.iterdir())]


async def test_what_a_quick_disk_gives_is_kept_together(parts: Parts) -> None:
    files, before = many_files(parts, HASHED_AT_ONCE + 1), parts.catalogue.writes
    assert not await parts.pipeline.take_in(files, fresh=False)
    assert parts.rows("SELECT count(*) FROM photos") == [(len(files),)]
    assert parts.catalogue.writes == before + 1


async def test_what_a_slow_disk_gives_is_kept_as_it_comes(parts: Parts) -> None:
    parts.clock = ClockOfASlowDisk()
    # So many are hashed in a thread, which has the clock.
    files, before = many_files(parts, FEWEST_FILES - 1), parts.catalogue.writes
    assert not await parts.pipeline_with().take_in(files, fresh=False)
    assert parts.rows("SELECT count(*) FROM photos") == [(len(files),)]
    assert len(files) / 12 < parts.catalogue.writes - before < len(files) / 6


async def test_a_disk_is_not_asked_for_too_much_at_once(parts: Parts) -> None:
    def file(number: int, size_bytes: int) -> InboxFile:
        stamp = FileStamp(1, number, size_bytes, 0, 0)
        return InboxFile(parts.inbox, parts.inbox / f"{number}.jpg", stamp)

    small = [file(number, 1000) for number in range(2 * HASHED_AT_ONCE + 200)]
    assert [len(batch) for batch in in_batches(small)] == [HASHED_AT_ONCE, HASHED_AT_ONCE, 200]
    large = [file(number, 8_000_000) for number in range(3)]
    assert [len(batch) for batch in in_batches([*large, file(4, 500_000_000)])] == [2, 1, 1]


async def test_a_file_without_its_inbox_is_an_outage(parts: Parts, make_photo: MakePhoto) -> None:
    seen = parts.seen(make_photo())
    parts.inbox.rename(parts.inbox.with_name("unmounted"))
    with pytest.raises(InboxGone):
        await parts.pipeline.take_in([seen], fresh=False)


# ── the picture ──


async def test_a_picture_that_does_not_decode_is_put_aside(parts: Parts, make_photo: MakePhoto) -> None:
    path = make_photo()
    path.write_bytes(path.read_bytes()[:-2000])
    await parts.take_in(path)
    await parts.describe()
    ((state, reason),) = parts.rows("SELECT state, reason FROM photos")
    assert (state, reason) == ("unreadable", parts.said("unreadable")[0]["reason"])
    assert not jobs(parts)
    assert not parts.asked()


async def test_a_picture_that_kills_the_decoder_is_charged(parts: Parts, make_photo: MakePhoto) -> None:
    async with UnhurriedDecoder(Limits(), command=(sys.executable, "-c", DYING_CAGE)) as dying:
        parts.pipeline = parts.pipeline_with(dying)
        await parts.take_in(make_photo())
        await parts.describe()
    assert jobs(parts) == [(prompt, "waiting", 1) for prompt in ALL]
    assert "the decoder died on this picture" in parts.said("will try again")[0]["reason"]


@pytest.mark.parametrize(("store_gps", "place"), [(False, (None, None)), (True, (48.5, -2.25))])
async def test_the_place_is_kept_only_where_that_is_wanted(
    parts: Parts, store_gps: bool, place: tuple[float | None, float | None]
) -> None:
    parts.pipeline = parts.pipeline_with(imaging={"store_gps": store_gps})
    path = parts.inbox / "holiday.jpg"
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS R"
    exif.get_ifd(0x8769)[0x9003] = "2024:07:14 16:21:05"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 30.0, 0.0), 3: "W", 4: (2.0, 15.0, 0.0)})
    Image.new("RGB", (400, 300), "green").save(path, exif=exif)
    await parts.take_in(path)
    await parts.describe()
    facts = parts.rows("SELECT format, width, height, taken_at, camera FROM photos")
    assert facts == [("JPEG", 400, 300, "2024-07-14T16:21:05", "Canon EOS R")]
    assert parts.rows("SELECT latitude, longitude FROM photos") == [place]


async def test_a_photo_whose_file_is_gone_is_not_asked_about(parts: Parts, make_photo: MakePhoto) -> None:
    path = make_photo()
    await parts.take_in(path)
    path.unlink()
    with pytest.raises(FileChanged):
        await parts.describe()
    assert not parts.asked()
    assert {tries for *_, tries in jobs(parts)} == {0}


async def test_a_photo_whose_file_has_other_bytes_is_not_asked_about(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await parts.take_in(make_photo())
    make_photo(colour="red")
    with pytest.raises(FileChanged):
        await parts.describe()
    assert not parts.asked()


async def test_a_photo_is_known_by_its_bytes_whatever_the_stamp_says(
    parts: Parts, make_photo: MakePhoto
) -> None:
    path = make_photo()
    await parts.take_in(path)
    stamp = parts.seen(make_photo(colour="red")).stamp
    await parts.catalogue.write(
        lambda writer: writer.exec_driver_sql(
            "UPDATE files SET bytes = ?, mtime_ns = ?, ctime_ns = ?",
            (stamp.size_bytes, stamp.mtime_ns, stamp.ctime_ns),
        )
    )
    with pytest.raises(FileChanged):
        await parts.describe()
    assert not parts.asked()


async def test_a_copy_is_read_where_the_first_file_is_gone(parts: Parts, make_photo: MakePhoto) -> None:
    first = make_photo("a.jpg")
    copy = Path(shutil.copy(first, parts.inbox / "b.jpg"))
    await parts.take_in(first, copy)
    first.unlink()
    await parts.describe()
    assert parts.asked() == ALL[:3]
    assert parts.rows("SELECT state FROM photos") == [("done",)]


async def test_a_copy_is_read_where_the_disk_of_the_first_is_away(
    parts: Parts, make_photo: MakePhoto, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    first = Path(shutil.copy(make_photo("b.jpg"), other / "a.jpg"))
    found = look(other, first)
    assert isinstance(found, InboxFile)
    await parts.pipeline.take_in([found], fresh=False)
    await parts.take_in(parts.inbox / "b.jpg")
    other.rename(tmp_path / "unmounted")
    await parts.describe()
    assert parts.rows("SELECT state FROM photos") == [("done",)]


async def test_a_photo_whose_only_disk_is_away_waits(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(make_photo())
    await parts.endpoint.until_up()
    lease = await parts.lease()
    parts.inbox.rename(parts.inbox.with_name("unmounted"))
    with pytest.raises(InboxGone):
        await parts.pipeline.describe(lease, parts.endpoint)


# ── the end ──


async def test_every_file_gets_its_sidecar_at_the_end(parts: Parts, make_photo: MakePhoto) -> None:
    first = make_photo("a.jpg")
    copy = Path(shutil.copy(first, parts.inbox / "b.jpg"))
    await parts.take_in(first, copy)
    await parts.describe()
    for path in (first, copy):
        sidecar = json.loads(path.with_name(f"{path.name}.captiond.json").read_bytes())
        assert (sidecar["state"], list(sidecar["results"])) == (
            "done",
            ["description", "objects", "ocr", "translation"],
        )
    assert parts.rows("SELECT DISTINCT sidecar_dirty FROM files") == [(0,)]


async def test_what_still_waits_does_not_hold_up_the_sidecar(parts: Parts, make_photo: MakePhoto) -> None:
    parts.server.faults.set(Fault("refusal", prompt=DESCRIPTION_WORDS))
    path = make_photo()
    await parts.take_in(path)
    await parts.describe()
    sidecar = json.loads(path.with_name(f"{path.name}.captiond.json").read_bytes())
    assert (sidecar["state"], list(sidecar["results"])) == ("partial", ["objects", "ocr", "translation"])


async def test_without_sidecars_nothing_is_written(parts: Parts, make_photo: MakePhoto) -> None:
    places = SidecarPlaces({parts.inbox: SidecarPlace("off")}, parts.inbox.parent / "sidecars")
    parts.pipeline.choices = replace(parts.pipeline.choices, sidecars=places)
    await parts.take_in(make_photo())
    await parts.describe()
    assert [path.name for path in parts.inbox.iterdir()] == ["photo.jpg"]


async def test_the_line_in_the_log_tells_nothing_that_was_read(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(make_photo(text=FRENCH))
    await parts.describe()
    (line,) = parts.said("described")
    assert (line["file"], line["answers"], line["text"], line["translated"]) == ("photo.jpg", 4, "und", "en")
    assert "liberté" not in json.dumps(line, ensure_ascii=False)


async def test_the_seconds_in_the_log_do_not_count_the_wait_for_others(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await parts.take_in(make_photo())
    async with asyncio.TaskGroup() as group, parts.endpoint.slot():
        group.create_task(parts.describe())
        await parts.clock.sleep(1_000)
    (line,) = parts.said("described")
    assert line["seconds"] < 1


class Meddling(UnhurriedDecoder):
    """The settings are read again while a picture is prepared."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__(Limits())
        self._meanwhile = meanwhile

    async def prepare(self, content: bytes, fit: Fit) -> PreparedImage:
        prepared = await super().prepare(content, fit)
        self._meanwhile()
        return prepared


async def test_a_photo_is_asked_as_it_was_prepared_for(parts: Parts, make_photo: MakePhoto) -> None:
    def read_again() -> None:
        parts.pipeline.choices = parts.choices(prompts={"description": {"model": "llava:7b"}})

    async with Meddling(read_again) as meddling:
        parts.pipeline = parts.pipeline_with(meddling)
        await parts.take_in(make_photo())
        await parts.describe()
    assert {call.model for call in parts.server.counters.calls} == {parts.settings.ollama.model}
    assert parts.said("described")


async def test_a_photo_that_is_not_wholly_answered_is_not_told_as_if_it_were(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("refusal", prompt="Describe this picture"))
    await parts.take_in(make_photo())
    await parts.describe()
    (line,) = parts.said("described in part")
    assert line["answers"] == 3
    assert not parts.said("described")


async def test_a_photo_without_any_answer_is_not_told_as_described(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("server-error", prompt="List the physical"))
    await parts.take_in(make_photo())
    await parts.describe()
    assert parts.said("will try again")
    assert not parts.said("described")
    assert not parts.said("described in part")


async def test_a_copy_that_comes_while_a_photo_is_in_hand_counts_for_where_it_lies(
    parts: Parts, make_photo: MakePhoto
) -> None:
    plate = {"kind": "text", "text": "Which plate?", "when": {"folder": "street"}}
    parts.pipeline = parts.pipeline_with(prompts={"plate": plate})
    first = make_photo("garden/a.jpg")
    await parts.take_in(first)
    await parts.endpoint.until_up()
    lease = await parts.lease()
    (parts.inbox / "street").mkdir()
    await parts.take_in(Path(shutil.copy(first, parts.inbox / "street/a.jpg")))
    await parts.pipeline.describe(lease, parts.endpoint)
    assert jobs(parts) == [("plate", "queued", 0)]
    await parts.describe()
    assert parts.rows("SELECT status FROM results WHERE prompt = 'plate' AND current") == [("ok",)]


async def test_a_rule_that_changes_while_a_photo_is_in_hand_counts_for_it(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await parts.take_in(make_photo("sign.jpg", "navy", text=ENGLISH))
    await parts.endpoint.until_up()
    lease = await parts.lease()
    describing = asyncio.create_task(parts.pipeline.describe(lease, parts.endpoint))
    await asyncio.sleep(0)  # it has begun
    parts.pipeline.choices = parts.choices(translation={"target": "fr"})
    await describing
    assert parts.asked() == ALL[:3]
    assert jobs(parts) == [("translation", "queued", 0)]
    await parts.describe()
    assert parts.asked() == ALL


async def test_what_was_skipped_for_want_of_a_text_is_asked_when_there_is_one(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await parts.take_in(make_photo("sign.jpg", "navy", text=FRENCH))
    parts.server.faults.set(Fault("no-text", prompt=OCR_WORDS, times=1))
    await parts.describe()
    again = Again("", (PromptName("ocr"),))
    await parts.catalogue.write(redo, again, parts.clock.now())
    await parts.describe()
    assert jobs(parts) == [("translation", "queued", 0)]
    await parts.describe()
    assert parts.rows("SELECT status FROM results WHERE prompt = 'translation' AND current") == [("ok",)]
    assert jobs(parts) == []
