"""One inbox kept in sight: whatever lies in it is taken in once it stands still."""

import asyncio
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event

import daemon_parts
import simulated_time
from captiond.arrivals import TakeIn
from captiond.clock import Clock, SystemClock
from captiond.errors import InboxGone, TryAgain
from captiond.inbox.reading import Skipped
from captiond.inbox.scanning import LEFT_OVER, scan
from captiond.inbox.settling import Gate, Settling
from captiond.model import FileStamp, InboxFile
from captiond.noticing import FRESH_DROPS, Noticing
from captiond.standing import standing_of
from conftest import MakePhoto
from daemon_parts import Parts
from faults.bursting import TinyPhotos, write_flat

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

HOUR = 3600.0
NO_SCAN = 1e9
"""So long a pause that only the first scan and events count."""

Keep = Callable[..., AbstractAsyncContextManager[Noticing]]


class Taken(list[tuple[str, bool]]):
    """Takes files in as the daemon does, and keeps their names and whether they were fresh."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts

    async def __call__(self, files: Sequence[InboxFile], fresh: bool) -> Mapping[Path, TryAgain]:
        unread = await self._parts.pipeline.take_in(files, fresh=fresh)
        read = [file for file in files if file.path not in unread]
        self += [(str(file.path.relative_to(file.inbox)), fresh) for file in read]
        return unread

    @property
    def names(self) -> list[str]:
        return sorted(name for name, _ in self)


class SlowListing(SystemClock):
    """A clock by which all that a scan tells of takes 0.2 seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looks = 0

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic_seconds(self) -> float:
        self._looks += 1
        return self._clock.monotonic_seconds() + 0.2 * self._looks


@pytest.fixture
def taken(parts: Parts) -> Taken:
    return Taken(parts)


@pytest.fixture
def keep(parts: Parts, taken: Taken) -> Keep:
    """Keep the inbox for as long as the block lasts."""

    @asynccontextmanager
    async def kept(scan_seconds: float = 60.0) -> AsyncIterator[Noticing]:
        noticing = noticing_of(parts, taken, scan_seconds)
        keeping = asyncio.create_task(noticing.keep())
        await parts.until(lambda: parts.said("scanned") or noticing.offline)
        try:
            yield noticing
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
        assert keeping.cancelled()

    return kept


def noticing_of(parts: Parts, take_in: TakeIn, scan_seconds: float = 60.0) -> Noticing:
    return Noticing(
        parts.inbox,
        take_in=take_in,
        catalogue=parts.catalogue,
        patience=parts.pipeline.patience,
        clock=parts.clock,
        log=parts.log,
        quiet_seconds=2.0,
        scan_seconds=scan_seconds,
        event_blind=lambda _inbox: None,
    )


def states(parts: Parts) -> dict[str, str]:
    return dict(parts.rows("SELECT path, state FROM files"))


def reason(parts: Parts, name: str) -> str | None:
    found = parts.rows(f"SELECT reason FROM files WHERE path = '{name}'")
    return found[0][0] if found else None


# ── hints ──


async def test_a_file_that_is_dropped_is_taken_in(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    async with keep(NO_SCAN) as noticing:
        make_photo("drop.jpg")
        await parts.soon(lambda: len(noticing.settling))
        await parts.until(lambda: taken)
    assert taken == [("drop.jpg", True)]


async def test_a_file_that_is_moved_in_is_taken_in(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    outside = make_photo("moved.jpg").rename(parts.inbox.with_name("outside.jpg"))
    async with keep(NO_SCAN) as noticing:
        outside.rename(parts.inbox / "moved.jpg")
        await parts.soon(lambda: len(noticing.settling))
        await parts.until(lambda: taken, seconds=1)  # nobody writes it any more
    assert taken == [("moved.jpg", True)]


async def test_a_folder_that_is_moved_in_is_looked_through(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("2024/a.jpg", "red")
    make_photo("2024/july/b.jpg", "blue")
    outside = (parts.inbox / "2024").rename(parts.inbox.with_name("outside"))
    async with keep(NO_SCAN) as noticing:
        outside.rename(parts.inbox / "2024")
        await parts.soon(lambda: len(noticing.settling) == 2)
        await parts.until(lambda: len(taken) == 2)
    assert taken.names == ["2024/a.jpg", "2024/july/b.jpg"]


async def test_a_folder_of_which_nothing_but_its_name_was_told_is_looked_through(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("2024/july/a.jpg")
    await parts.clock.sleep(11)
    await noticing_of(parts, taken)._look([parts.inbox / "2024"])
    assert taken == [("2024/july/a.jpg", False)]


async def test_folders_that_were_told_of_together_are_taken_in_together(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    folders = [make_photo(f"{number}/a.jpg", f"rgb({number}, 9, 90)").parent for number in range(5)]
    make_photo("4/more/b.jpg")
    await parts.clock.sleep(11)
    batches: list[int] = []

    async def take_in(files: Sequence[InboxFile], fresh: bool) -> Mapping[Path, TryAgain]:
        batches.append(len(files))
        return await taken(files, fresh)

    await noticing_of(parts, take_in)._look([*folders, parts.inbox / "4/more", parts.inbox / "0/a.jpg"])
    assert batches == [6]


async def test_more_than_are_noted_one_by_one_count_as_told_of(
    parts: Parts, keep: Keep, taken: Taken
) -> None:
    outside = parts.inbox.with_name("outside")
    outside.mkdir()
    write_flat(outside, outside, 1_200)
    async with keep() as noticing:
        for path in outside.iterdir():
            path.rename(parts.inbox / path.name)
        await parts.until(lambda: len(taken) == 1_200)
        await parts.clock.sleep(HOUR)
    assert (noticing.tally.by_event, noticing.tally.by_scan) == (1_200, 0)
    assert not noticing.rounds.polled


async def test_the_whole_inbox_is_not_scanned_while_a_folder_that_came_is(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("2024/a.jpg")
    noticing = noticing_of(parts, taken)
    with noticing._going_on.one_of_folders():
        scanning = asyncio.create_task(noticing._scan_all())
        await asyncio.sleep(0.1)
        assert not scanning.done()
    assert await scanning
    assert not noticing._going_on.overlap


@pytest.mark.parametrize("first", [True, False], ids=["the first", "a later one"])
async def test_folders_that_come_go_ahead_of_the_rest_of_a_scan_but_not_of_the_first(
    *, parts: Parts, taken: Taken, make_photo: MakePhoto, first: bool
) -> None:
    for number in range(8):
        make_photo(f"{number}.jpg", f"rgb({number}, 9, 90)")
    await parts.clock.sleep(11)
    folders = ExitStack()

    async def take_in(files: Sequence[InboxFile], fresh: bool) -> Mapping[Path, TryAgain]:
        if not taken:
            folders.enter_context(noticing._going_on.one_of_folders())
        return await taken(files, fresh)

    noticing = noticing_of(parts, take_in)
    noticing.tally.scanned_once = not first
    noticing._clock = SlowListing(parts.clock)
    scanning = asyncio.create_task(noticing._scan_all())
    with folders:
        await parts.until(lambda: taken)
        await parts.clock.sleep(20)
        assert (len(taken) == 8) == first
    summary = await scanning
    assert len(taken) == 8
    assert summary
    assert summary.seconds < 20, "that it waited says nothing of how long a scan takes"


async def test_one_scan_takes_in_more_files_than_may_wait_at_once(parts: Parts, taken: Taken) -> None:
    photo = TinyPhotos(parts.inbox)
    for number in range(4_500):
        (parts.inbox / f"{number}.jpg").write_bytes(photo(number))
    # They are quiet by now, but each is still to be asked who writes to it.
    await parts.clock.sleep(9)
    noticing = noticing_of(parts, taken)
    noticing._arrivals.settling = Settling(2.0, room=4_000)

    assert await noticing.sweep(patience_seconds=10)

    assert len(taken) == 4_500


async def test_files_that_found_no_room_are_looked_at_again(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    outside = parts.inbox.with_name("outside")
    outside.mkdir()
    async with keep(NO_SCAN) as noticing:
        noticing._arrivals.settling = Settling(2.0, room=4)
        for number in range(20):
            make_photo(f"../outside/{number}.jpg", f"rgb({number}, 9, 90)")
        outside.rename(parts.inbox / "2024")
        await parts.until(lambda: len(taken) == 20, seconds=5)
    assert (noticing.tally.by_event, noticing.tally.by_scan) == (20, 0)


async def test_a_sweep_waits_for_files_that_found_no_room(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    for number in range(20):
        make_photo(f"{number}.jpg", f"rgb({number}, 9, 90)")
    noticing = noticing_of(parts, taken)
    noticing._arrivals.settling = Settling(2.0, room=4)
    assert await noticing.sweep(patience_seconds=10)
    assert len(taken) == 20


async def test_a_sweep_says_that_files_found_no_room(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    for number in range(4):
        os.mknod(parts.inbox / f"empty {number}.jpg")
    noticing = noticing_of(parts, taken)
    noticing._arrivals.settling = Settling(2.0, room=4)
    assert await noticing.sweep(patience_seconds=0)
    make_photo("young.jpg")
    assert not await noticing.sweep(patience_seconds=0)
    assert await noticing.sweep(patience_seconds=10)
    assert taken.names == ["young.jpg"]


async def test_on_a_slow_disk_the_first_files_do_not_wait_for_the_last(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    for number in range(8):
        make_photo(f"{number}.jpg", f"rgb({number}, 9, 90)")
    await parts.clock.sleep(11)
    batches: list[int] = []

    async def take_in(files: Sequence[InboxFile], fresh: bool) -> Mapping[Path, TryAgain]:
        batches.append(len(files))
        return await taken(files, fresh)

    noticing = noticing_of(parts, take_in)
    noticing._clock = SlowListing(parts.clock)
    await noticing.sweep(patience_seconds=0)
    assert sum(batches) == 8
    assert max(batches) < 8


async def test_a_new_photo_does_not_wait_until_thousands_of_other_names_are_listed(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("early.jpg")
    (parts.inbox / "many/last").mkdir(parents=True)
    make_photo("many/last/late.jpg", "rgb(3, 9, 90)")
    for number in range(3_000):
        os.mknod(parts.inbox / f"many/.{number}")
    await parts.clock.sleep(11)
    batches: list[list[str]] = []

    async def take_in(files: Sequence[InboxFile], fresh: bool) -> Mapping[Path, TryAgain]:
        batches.append([file.path.name for file in files])
        return await taken(files, fresh)

    noticing = noticing_of(parts, take_in)
    noticing._clock = SlowListing(parts.clock)
    await noticing.sweep(patience_seconds=0)
    assert batches == [["early.jpg"], ["late.jpg"]]


async def test_the_catalogue_is_asked_once_about_all_that_events_told_of(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    paths = [make_photo(f"{number}.jpg", f"rgb({number}, 9, 90)") for number in range(20)]
    await parts.clock.sleep(11)
    asked = 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    event.listen(parts.catalogue._reader, "before_cursor_execute", count)
    noticing = noticing_of(parts, taken)
    await noticing._look(paths)
    assert asked == 1
    await noticing._arrivals.take_settled()
    assert len(taken) == 20


async def test_a_folder_is_not_listed_again_for_those_in_it(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    (parts.inbox / "album/2024/07").mkdir(parents=True)
    make_photo("album/2024/07/x.jpg")
    await parts.clock.sleep(11)
    noticing = noticing_of(parts, taken)
    folders = ["album", "album/2024", "album/2024/07"]
    asked: list[Sequence[bytes]] = []
    noticing.stamps = lambda paths: asked.append(paths) or {}  # type: ignore[method-assign,func-returns-value]
    await noticing._look([parts.inbox / folder for folder in folders])
    assert len(asked) == 1
    assert taken.names == ["album/2024/07/x.jpg"]


async def test_what_is_taken_in_from_a_folder_is_not_taken_in_again_by_a_scan_meanwhile(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("album/x.jpg")
    await parts.clock.sleep(11)
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def take_in(files: Sequence[InboxFile], fresh: bool) -> Mapping[Path, TryAgain]:
        begun.set()
        await may_end.wait()
        return await taken(files, fresh)

    noticing = noticing_of(parts, take_in)
    async with asyncio.TaskGroup() as group:
        group.create_task(noticing._look([parts.inbox / "album"]))
        await begun.wait()
        group.create_task(noticing._scan_all())
        await parts.clock.sleep(5)
        may_end.set()
    assert taken == [("album/x.jpg", False)]


async def test_what_was_taken_in_from_a_folder_is_not_new_to_a_scan_that_listed_it_before(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("album/x.jpg")
    await parts.clock.sleep(11)
    noticing = noticing_of(parts, taken)
    listed, may_go_on = threading.Event(), threading.Event()
    ask = noticing.stamps

    def stamps(paths: Sequence[bytes]) -> Mapping[bytes, FileStamp]:
        known = ask(paths)
        if not listed.is_set():
            listed.set()
            may_go_on.wait(10)
        return known

    noticing.stamps = stamps  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        group.create_task(noticing._scan_all())
        await parts.soon(listed.is_set)
        await noticing._look([parts.inbox / "album"])
        may_go_on.set()
    assert taken == [("album/x.jpg", False)]


async def test_what_is_told_of_with_its_folder_is_taken_in_once(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    photos = [make_photo(f"album/{name}.jpg", name) for name in ("red", "blue")]
    await parts.clock.sleep(11)
    noticing = noticing_of(parts, taken)
    await noticing._look([photos[0], parts.inbox / "album", photos[1]])
    await noticing._arrivals.take_settled()
    assert sorted(taken.names) == ["album/blue.jpg", "album/red.jpg"]


async def test_what_is_known_already_is_not_read_again(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    known = make_photo("known.jpg")
    await parts.clock.sleep(3)
    async with keep(NO_SCAN) as noticing:
        with known.open("ab"):
            pass  # opened for writing and closed again, and nothing written
        make_photo("other.jpg", "red")
        await parts.soon(lambda: len(noticing.settling) or len(taken) == 2)
        await parts.until(lambda: len(taken) == 2)
    assert taken.names == ["known.jpg", "other.jpg"]


async def test_many_files_at_once_are_a_backlog(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    first = make_photo("0.jpg")
    async with keep(NO_SCAN) as noticing:
        for number in range(1, FRESH_DROPS + 5):
            shutil.copy(first, parts.inbox / f"{number}.jpg")
        await parts.soon(lambda: len(noticing.settling) == FRESH_DROPS + 5)
        await parts.until(lambda: len(taken) == FRESH_DROPS + 5)
    assert ("1.jpg", False) in taken


# ── scans ──


async def test_what_lay_there_before_is_found(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("2019/old.jpg")
    await parts.clock.sleep(11)
    async with keep():
        await parts.until(lambda: taken, seconds=1)
    assert taken == [("2019/old.jpg", False)]


async def test_a_scan_finds_what_no_event_told(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    path = make_photo("a.jpg")
    await parts.clock.sleep(3)
    async with keep():
        await parts.until(lambda: taken)
        os.utime(path)
        await parts.clock.sleep(50)
        assert len(taken) == 1
        await parts.until(lambda: len(taken) == 2, seconds=20)


async def test_a_sweep_takes_in_what_is_there(parts: Parts, taken: Taken, make_photo: MakePhoto) -> None:
    make_photo("a.jpg", "red")
    await parts.clock.sleep(3)
    make_photo("new.jpg", "blue")
    assert await noticing_of(parts, taken).sweep(60.0)
    assert taken.names == ["a.jpg", "new.jpg"]


async def test_a_sweep_waits_no_longer_than_its_patience(parts: Parts, taken: Taken) -> None:
    path = parts.inbox / "growing.jpg"

    async def grow() -> None:
        while True:
            with path.open("ab") as file:
                file.write(b"more")
            await parts.clock.sleep(1)

    growing = asyncio.create_task(grow())
    await parts.clock.sleep(0.5)
    began = parts.clock.monotonic_seconds()
    assert not await noticing_of(parts, taken).sweep(60.0)
    assert began + 60 <= parts.clock.monotonic_seconds() < began + 63
    assert not taken
    growing.cancel()


async def test_a_sweep_does_not_wait_for_an_empty_file(parts: Parts, taken: Taken) -> None:
    (parts.inbox / "empty.jpg").touch()
    assert await noticing_of(parts, taken).sweep(60.0)
    assert states(parts) == {"empty.jpg": "skipped"}
    assert reason(parts, "empty.jpg") == "the file is empty so far"


# ── standing still ──


async def test_a_growing_file_is_taken_in_once_it_stands_still(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    content = make_photo("whole.jpg").read_bytes()
    async with keep(NO_SCAN):
        with (parts.inbox / "growing.jpg").open("wb") as file:
            for start in range(0, len(content), 1000):
                file.write(content[start : start + 1000])
                file.flush()
                await parts.clock.sleep(1)
            assert "growing.jpg" not in taken.names
        await parts.until(lambda: "growing.jpg" in taken.names)
    assert parts.rows("SELECT count(*) FROM photos") == [(1,)], "whole, so that it is the same photo"


async def test_a_file_that_changes_while_it_is_read_must_stand_still_again(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    path = make_photo("a.jpg")
    tries: list[float] = []

    async def take_in(files: Sequence[InboxFile], fresh: bool) -> Mapping[Path, TryAgain]:
        tries.append(parts.clock.monotonic_seconds())
        if len(tries) == 1:
            path.write_bytes(path.read_bytes() + b"more")
        return await taken(files, fresh)

    await parts.clock.sleep(3)
    assert await noticing_of(parts, take_in).sweep(60.0)
    assert taken.names == ["a.jpg"]
    assert tries[1] - tries[0] >= 2.0


async def test_a_file_that_goes_while_it_is_read_is_forgotten(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    path = make_photo("a.jpg")

    async def take_in(files: Sequence[InboxFile], fresh: bool) -> Mapping[Path, TryAgain]:
        path.unlink()
        return await taken(files, fresh)

    await parts.clock.sleep(3)
    assert await noticing_of(parts, take_in).sweep(60.0)
    assert not taken
    assert states(parts) == {}


async def test_an_empty_file_is_told_until_it_is_full(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    content = make_photo("whole.jpg", "red").read_bytes()
    path = parts.inbox / "slow.jpg"
    path.touch()
    async with keep():
        await parts.until(lambda: reason(parts, "slow.jpg"))
        path.write_bytes(content)
        await parts.until(lambda: "slow.jpg" in taken.names)
    assert (states(parts)["slow.jpg"], reason(parts, "slow.jpg")) == ("known", None)


async def test_who_was_told_that_a_file_is_empty_hears_of_its_writer(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    content = make_photo("whole.jpg", "red").read_bytes()
    async with keep():
        with (parts.inbox / "slow.jpg").open("wb", buffering=0) as file:
            await parts.until(lambda: reason(parts, "slow.jpg") == "the file is empty so far")
            file.write(content)
            await parts.until(lambda: "open for writing" in (reason(parts, "slow.jpg") or ""))
        await parts.until(lambda: "slow.jpg" in taken.names)


# ── what is no file ──


async def test_a_pipe_is_told_once_and_never_opened(parts: Parts, keep: Keep, taken: Taken) -> None:
    os.mkfifo(parts.inbox / "pipe.jpg")
    async with keep():
        await parts.until(lambda: states(parts))
        ((seen_at,),) = parts.rows("SELECT seen_at FROM files")
        await parts.clock.sleep(200)
        assert parts.rows("SELECT seen_at FROM files") == [(seen_at,)]
    assert reason(parts, "pipe.jpg") == "A named pipe, no file; it is never opened."
    assert not taken


async def test_a_link_is_not_followed(parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto) -> None:
    outside = make_photo("a.jpg").rename(parts.inbox.with_name("outside.jpg"))
    (parts.inbox / "link.jpg").symlink_to(outside)
    async with keep():
        await parts.until(lambda: states(parts))
    assert states(parts) == {"link.jpg": "skipped"}
    assert not taken


async def test_the_reason_follows_what_lies_there(parts: Parts, keep: Keep) -> None:
    path = parts.inbox / "a.jpg"
    path.touch()
    async with keep():
        await parts.until(lambda: states(parts))
        path.unlink()
        os.mkfifo(path)
        await parts.clock.sleep(100)
    assert reason(parts, "a.jpg") == "A named pipe, no file; it is never opened."


# ── what is not there ──


async def test_a_file_that_is_deleted_is_missing_after_two_scans(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    path = make_photo("a.jpg")
    make_photo("b.jpg", "red")
    await parts.clock.sleep(3)
    async with keep():
        await parts.until(lambda: len(taken) == 2)
        path.unlink()
        await parts.clock.sleep(61)
        assert states(parts)["a.jpg"] == "known", "one scan is not enough"
        await parts.until(lambda: states(parts)["a.jpg"] == "missing", seconds=130, step_seconds=5)
    assert states(parts)["b.jpg"] == "known"


async def test_a_mass_that_disappears_is_not_taken_for_deleted(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    paths = [make_photo(f"{number}.jpg", f"rgb({number}, 90, 30)") for number in range(25)]
    await parts.clock.sleep(3)
    async with keep() as noticing:
        await parts.until(lambda: len(taken) == 25)
        for path in paths:
            path.unlink()
        await parts.until(lambda: noticing.doubt)
        await parts.clock.sleep(200)
    assert set(states(parts).values()) == {"known"}
    assert "25 of 25 known files are gone" in (noticing.doubt or "")
    assert len(parts.said("files gone")) == 1


async def test_a_sweep_says_that_the_inbox_is_gone(parts: Parts, taken: Taken) -> None:
    parts.inbox.rmdir()
    with pytest.raises(InboxGone):
        await noticing_of(parts, taken).sweep(60.0)


async def test_an_inbox_that_is_away_is_told_once_and_found_again(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("a.jpg")
    await parts.clock.sleep(3)
    async with keep() as noticing:
        await parts.until(lambda: taken)
        away = parts.inbox.rename(parts.inbox.with_name("unmounted"))
        await parts.until(lambda: noticing.offline)
        await parts.clock.sleep(300)
        assert states(parts) == {"a.jpg": "known"}
        shutil.copy(away / "a.jpg", away / "b.jpg")
        away.rename(parts.inbox)
        await parts.until(lambda: len(taken) == 2)
        await parts.until(lambda: noticing.offline is None)
    assert len(parts.said("inbox offline")) == len(parts.said("inbox back")) == 1


async def test_events_are_heard_in_a_folder_that_takes_the_inboxs_place(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    async with keep() as noticing:
        parts.inbox.rename(parts.inbox.with_name("unmounted"))
        await parts.until(lambda: noticing.offline)
        parts.inbox.mkdir()
        await parts.until(lambda: noticing.offline is None)
        make_photo("drop.jpg")
        await parts.soon(lambda: len(noticing.settling) or taken)


async def test_an_inbox_that_is_away_is_looked_for_now_and_then(
    parts: Parts, keep: Keep, make_photo: MakePhoto
) -> None:
    async with keep() as noticing:
        make_photo("a.jpg")
        await parts.soon(lambda: len(noticing.settling))
        parts.inbox.rename(parts.inbox.with_name("unmounted"))
        before = simulated_time.loop().jumps
        await parts.clock.sleep(20)
    assert simulated_time.loop().jumps - before < 50


# ── what is to be left alone ──


async def test_the_catalogues_own_files_are_left_alone_and_no_others(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    catalogue = parts.catalogue.path
    noticing = noticing_of(parts, taken)
    assert {path.name for path in noticing._own_files} == {
        "catalogue.db",
        "catalogue.db-wal",
        "catalogue.db-shm",
        "catalogue.db-journal",
        "catalogue.db.lock",
    }
    assert catalogue.with_name("catalogue.db-1.jpg") not in noticing._own_files


async def test_ignored_names_are_not_taken_in(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("raw/a.jpg")
    make_photo("b.jpg", "red")
    (parts.inbox / ".captiondignore").write_text("raw/\n")
    await parts.clock.sleep(11)
    async with keep():
        make_photo("raw/later.jpg", "blue")
        make_photo("c.jpg", "navy")
        await parts.until(lambda: "c.jpg" in taken.names)
        await parts.clock.sleep(130)
    assert taken.names == ["b.jpg", "c.jpg"]
    assert sorted(states(parts)) == ["b.jpg", "c.jpg"], "of what is ignored nothing is noted"


async def test_known_files_are_set_aside_when_a_rule_comes_and_return_when_it_goes(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("raw/a.jpg")
    make_photo("b.jpg", "red")
    await parts.clock.sleep(11)
    rules = parts.inbox / "raw" / ".captiondignore"
    async with keep(NO_SCAN):
        await parts.until(lambda: len(taken) == 2)
        rules.write_text("*.jpg\n")
        await parts.soon(lambda: states(parts)["raw/a.jpg"] == "skipped")
        assert reason(parts, "raw/a.jpg") == 'Ignored by raw/.captiondignore, line 1: "*.jpg".'
        assert states(parts)["b.jpg"] == "known"
        rules.write_text("*.png\n")
        await parts.until(lambda: states(parts)["raw/a.jpg"] == "known")


async def test_patterns_of_the_settings_set_known_files_aside(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("a.jpg")
    await parts.clock.sleep(11)
    async with keep() as noticing:
        await parts.until(lambda: len(taken) == 1)
        noticing.rules.replace(["*.jpg"])
        noticing.scan_soon()
        await parts.until(lambda: states(parts)["a.jpg"] == "skipped", seconds=10)
    assert reason(parts, "a.jpg") == 'Ignored by the setting inbox.ignore: "*.jpg".'


async def test_an_unfinished_file_that_nobody_finished_is_told_after_a_day(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    path = make_photo("a.jpg")
    path.rename(parts.inbox / "a.jpg.part")
    async with keep():
        await parts.clock.sleep(61)
        assert states(parts) == {}
    findings = scan(parts.inbox, noticing_of(parts, taken), wall_seconds=lambda: time.time() + 24 * HOUR + 60)
    told = [finding for finding in findings if isinstance(finding, Skipped)]
    assert [(one.path.name, one.sentence) for one in told] == [("a.jpg.part", LEFT_OVER)]


# ── who writes ──


async def test_a_file_that_is_held_open_waits_and_says_so(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    content = make_photo("../outside.jpg").read_bytes()
    path = parts.inbox / "slow.jpg"
    async with keep() as noticing:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            await parts.clock.sleep(120)
            assert not taken
            (waiting,) = noticing.settling.waiting()
            assert (waiting.path, waiting.gate) == (path, Gate.WRITER)
            told = standing_of(noticing, parts.clock.now())
            assert [one.reason for one in told.waiting] == ["A program has the file open for writing."]
            assert states(parts) == {}, "nothing of it is left in the catalogue"
        await parts.until(lambda: taken, seconds=5)
    assert standing_of(noticing, parts.clock.now()).waiting == ()


async def test_a_backlog_file_that_is_held_open_waits_too(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    path = make_photo("old.jpg")
    await parts.clock.sleep(100)
    with path.open("ab"):
        async with keep() as noticing:
            await parts.clock.sleep(100)
            assert not taken
            assert [one.gate for one in noticing.settling.waiting()] == [Gate.WRITER]


# ── who told ──


async def test_what_events_tell_and_what_only_scans_find_is_counted(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    make_photo("before.jpg")
    await parts.clock.sleep(11)
    async with keep() as noticing:
        await parts.until(lambda: taken)
        make_photo("told.jpg", "red")
        await parts.soon(lambda: noticing.tally.by_event)
        await parts.until(lambda: len(taken) == 2)
        os.utime(parts.inbox / "before.jpg")  # no event tells of this
        await parts.until(lambda: len(taken) == 3, seconds=130)
        told = standing_of(noticing, parts.clock.now())
    assert (told.found_by_event, told.found_by_scan, told.rebuilds, told.overflows) == (1, 1, 0, 0)
    assert (told.state, told.reason, told.files) == ("watching", None, 2)


async def test_a_file_that_grows_is_found_once(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    content = make_photo("../outside.jpg").read_bytes()
    async with keep(NO_SCAN) as noticing:
        for size in (10, 100, 1000, len(content)):
            (parts.inbox / "growing.jpg").write_bytes(content[:size])
            await parts.soon(lambda: len(noticing.settling))
            await parts.clock.sleep(0.3)
        await parts.until(lambda: taken)
    assert noticing.tally.by_event == 1


async def test_a_lost_watcher_is_counted_and_nothing_is_missed(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    async with keep(NO_SCAN) as noticing:
        assert noticing.watcher is not None
        noticing.watcher._broken = True
        await parts.until(lambda: standing_of(noticing, parts.clock.now()).rebuilds == 1, seconds=10)
        make_photo("a.jpg")
        await parts.soon(lambda: len(noticing.settling) or taken)
        await parts.until(lambda: taken)


async def test_an_inbox_that_is_away_stands_as_offline(parts: Parts, keep: Keep) -> None:
    async with keep() as noticing:
        parts.inbox.rename(parts.inbox.with_name("unmounted"))
        await parts.until(lambda: noticing.offline, seconds=3)
        told = standing_of(noticing, parts.clock.now())
    assert (told.state, told.reason) == ("offline", noticing.offline)


async def test_nothing_is_taken_in_from_the_folder_under_a_disk_that_is_away(
    parts: Parts, keep: Keep, taken: Taken, make_photo: MakePhoto
) -> None:
    path = make_photo("a.jpg")
    await parts.clock.sleep(11)
    async with keep() as noticing:
        await parts.until(lambda: taken)
        elsewhere = "UPDATE files SET device = device + 1"
        await parts.catalogue.write(lambda writer: writer.exec_driver_sql(elsewhere))
        away = path.rename(parts.inbox.with_name("away.jpg"))
        noticing.scan_soon()
        await parts.until(lambda: noticing.offline)
        make_photo("underneath.jpg", "red")
        await asyncio.to_thread(time.sleep, 1.0)  # watchdog holds events back for 0.5 s behind a move
        await parts.clock.sleep(60)
        assert taken.names == ["a.jpg"]
        away.rename(path)
        await parts.until(lambda: noticing.offline is None)
        await parts.until(lambda: "underneath.jpg" in taken.names)
    assert "Another disk than before" in parts.said("inbox offline")[0]["reason"]
