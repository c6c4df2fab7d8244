"""Deleted, or is the disk away?"""

import os
from pathlib import Path

import pytest

import daemon_parts
from captiond.absent import Absent
from captiond.catalogue import intake
from captiond.errors import InboxGone
from conftest import MakePhoto
from daemon_parts import Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts


@pytest.fixture
def absent(parts: Parts) -> Absent:
    return Absent(parts.inbox, parts.catalogue, parts.clock)


async def known(parts: Parts, make_photo: MakePhoto, count: int) -> list[Path]:
    first = make_photo("0.jpg")
    paths = [first, *(parts.inbox / f"{number}.jpg" for number in range(1, count))]
    for path in paths[1:]:
        path.write_bytes(first.read_bytes())
    await parts.take_in(*paths)
    return paths


def missing(parts: Parts) -> list[str]:
    return [path for (path,) in parts.rows("SELECT path FROM files WHERE state = 'missing' ORDER BY id")]


async def test_a_file_is_missing_after_two_looks_a_minute_apart(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    gone, *_ = await known(parts, make_photo, 3)
    gone.unlink()
    for seconds in (0, 59):
        await parts.clock.sleep(seconds)
        await absent.look()
        assert missing(parts) == []
    await parts.clock.sleep(1)
    await absent.look()
    assert missing(parts) == ["0.jpg"]


async def test_a_file_that_was_there_in_between_starts_anew(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    path, *_ = await known(parts, make_photo, 3)
    content = path.read_bytes()
    for _ in range(3):
        path.unlink()
        await absent.look()
        await parts.clock.sleep(40)
        path.write_bytes(content)
        await absent.look()
    assert missing(parts) == []


@pytest.mark.parametrize(("all_files", "gone"), [(21, 20), (105, 21)])
async def test_a_few_files_may_be_deleted_at_once(
    parts: Parts, absent: Absent, make_photo: MakePhoto, all_files: int, gone: int
) -> None:
    for path in (await known(parts, make_photo, all_files))[:gone]:
        path.unlink()
    await absent.look()
    await parts.clock.sleep(60)
    await absent.look()
    assert len(missing(parts)) == gone


async def test_an_inbox_that_is_empty_on_another_disk_is_not_taken_for_deleted(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    for path in await known(parts, make_photo, 5):
        path.unlink()
    await parts.catalogue.write(lambda writer: writer.exec_driver_sql("UPDATE files SET device = device + 1"))
    for _ in range(3):
        await absent.look()
        assert "5 of 5 known files are gone" in (absent.doubt or "")
        await parts.clock.sleep(7200)
    assert missing(parts) == []


async def test_an_inbox_in_which_nothing_lies_any_more_is_not_taken_for_emptied_at_once(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    for path in await known(parts, make_photo, 2):
        path.unlink()
    for seconds in (0, 60, 3000):
        await parts.clock.sleep(seconds)
        await absent.look()
        assert "2 of 2 known files are gone" in (absent.doubt or "")
    assert missing(parts) == []
    await parts.clock.sleep(600)
    await absent.look()
    assert len(missing(parts)) == 2


async def test_the_last_photo_may_be_deleted_beside_what_else_lies_there(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    (path,) = await known(parts, make_photo, 1)
    path.with_name("0.jpg.captiond.json").touch()
    path.unlink()
    await absent.look()
    assert absent.doubt is None
    await parts.clock.sleep(60)
    await absent.look()
    assert missing(parts) == ["0.jpg"]


async def test_another_disk_without_a_known_file_is_not_the_inbox(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    paths = await known(parts, make_photo, 3)
    await absent.check()
    await parts.catalogue.write(lambda writer: writer.exec_driver_sql("UPDATE files SET device = device + 1"))
    await absent.check()
    for path in paths:
        path.rename(path.with_suffix(".aside"))
    with pytest.raises(InboxGone, match="Another disk than before"):
        await absent.check()
    paths[1].with_suffix(".aside").rename(paths[1])
    await absent.check()


async def test_an_inbox_of_which_nothing_is_known_may_be_on_any_disk(absent: Absent) -> None:
    await absent.check()


async def test_more_than_a_fifth_of_a_large_inbox_is_taken_for_deleted_after_an_hour(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    for path in (await known(parts, make_photo, 30))[:21]:
        path.unlink()
    for seconds in (0, 60, 3000):
        await parts.clock.sleep(seconds)
        await absent.look()
        assert "21 of 30 known files are gone" in (absent.doubt or "")
        assert missing(parts) == []
    await parts.clock.sleep(600)
    await absent.look()
    assert len(missing(parts)) == 21


async def test_the_doubt_ends_when_the_files_are_back(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    await known(parts, make_photo, 30)
    parts.inbox.rename(parts.inbox.with_name("aside"))
    parts.inbox.mkdir()
    await absent.look()
    assert absent.doubt
    parts.inbox.rmdir()
    parts.inbox.with_name("aside").rename(parts.inbox)
    await absent.look()
    assert absent.doubt is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter any folder")
async def test_a_folder_that_cannot_be_entered_hides_its_files_and_deletes_none(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    await known(parts, make_photo, 2)
    await parts.take_in(make_photo("2024/a.jpg", "red"))
    (parts.inbox / "2024").chmod(0)
    for _ in range(2):
        await absent.look()
        await parts.clock.sleep(60)
    (parts.inbox / "2024").chmod(0o700)
    assert missing(parts) == []


async def test_a_file_whose_folder_is_a_link_now_is_missing(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    await known(parts, make_photo, 2)
    folder, elsewhere = parts.inbox / "2024", parts.inbox.with_name("elsewhere")
    await parts.take_in(make_photo("2024/a.jpg", "red"))
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    for _ in range(2):
        await absent.look()
        await parts.clock.sleep(60)
    assert missing(parts) == ["2024/a.jpg"]


async def test_a_file_where_a_folder_lies_now_is_missing(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    gone, *_ = await known(parts, make_photo, 3)
    gone.unlink()
    gone.mkdir()
    for _ in range(2):
        await absent.look()
        await parts.clock.sleep(60)
    assert missing(parts) == [gone.name]


async def test_nothing_is_absent_from_an_inbox_that_looks_as_before(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    unseen, *_ = await known(parts, make_photo, 3)
    await absent.look()
    unseen.unlink()
    await absent.look(unchanged=True)
    assert parts.rows("SELECT 1 FROM files WHERE absent_since IS NOT NULL") == []
    await absent.look()
    assert parts.rows("SELECT path FROM files WHERE absent_since IS NOT NULL") == [("0.jpg",)]


async def test_what_was_absent_is_looked_for_again(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    gone, *_ = await known(parts, make_photo, 3)
    gone.unlink()
    await absent.look()
    await parts.clock.sleep(60)
    await absent.look(unchanged=True)
    assert missing(parts) == ["0.jpg"]


async def test_a_file_that_became_known_since_is_looked_for(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    await known(parts, make_photo, 2)
    await absent.look()
    passing = parts.inbox / "passing.jpg"
    passing.write_bytes((parts.inbox / "1.jpg").read_bytes())
    await parts.take_in(passing)
    passing.unlink()
    await absent.look(unchanged=True)
    assert parts.rows("SELECT path FROM files WHERE absent_since IS NOT NULL") == [("passing.jpg",)]


async def test_a_note_about_a_folder_goes_once_that_can_be_read(
    parts: Parts, absent: Absent, make_photo: MakePhoto
) -> None:
    await known(parts, make_photo, 1)
    readable, link = parts.inbox / "2024", parts.inbox / "link.jpg"
    readable.mkdir()
    link.symlink_to(readable)
    for path in (readable, link):
        await parts.catalogue.write(
            intake.note_unread,
            parts.inbox,
            path,
            None,
            state="refused",
            reason="no permission",
            now=parts.clock.now(),
        )
    assert await absent.look() == [readable]
    assert parts.rows("SELECT path FROM files ORDER BY path") == [("0.jpg",), ("link.jpg",)]
