"""One inbox kept in sight: whatever lies in it is taken in once it stands still."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

import daemon_parts
import simulated_time
from captiond.errors import InboxGone
from captiond.model import InboxFile
from captiond.noticing import FRESH_DROPS, Noticing, TakeIn
from conftest import MakePhoto
from daemon_parts import Parts

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

    async def __call__(self, file: InboxFile, fresh: bool) -> None:
        await self._parts.pipeline.take_in(file, fresh=fresh)
        self.append((str(file.path.relative_to(file.inbox)), fresh))

    @property
    def names(self) -> list[str]:
        return sorted(name for name, _ in self)


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
    await parts.clock.sleep(3)
    await noticing_of(parts, taken)._look(parts.inbox / "2024", finished=False)
    assert taken == [("2024/july/a.jpg", False)]


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
    await parts.clock.sleep(3)
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

    async def take_in(file: InboxFile, fresh: bool) -> None:
        tries.append(parts.clock.monotonic_seconds())
        if len(tries) == 1:
            path.write_bytes(path.read_bytes() + b"more")
        await taken(file, fresh)

    await parts.clock.sleep(3)
    assert await noticing_of(parts, take_in).sweep(60.0)
    assert taken.names == ["a.jpg"]
    assert tries[1] - tries[0] >= 2.0


async def test_a_file_that_goes_while_it_is_read_is_forgotten(
    parts: Parts, taken: Taken, make_photo: MakePhoto
) -> None:
    path = make_photo("a.jpg")

    async def take_in(file: InboxFile, fresh: bool) -> None:
        path.unlink()
        await taken(file, fresh)

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
