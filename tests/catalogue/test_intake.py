import os
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from captiond.catalogue.intake import note_missing, note_unread, reconsider_formats, register
from captiond.catalogue.queries import known_stamps
from captiond.catalogue.results import sidecars_due
from captiond.catalogue.tables import files, jobs, photos
from catalogue.planting import (
    DESCRIPTION,
    INBOX,
    NOW,
    OBJECTS,
    PROMPTS,
    answer,
    original,
    photo,
    plant,
    result,
)


def row_of(connection: Connection, photo_id: int) -> tuple[object, ...]:
    where = (photos.c.path, photos.c.folder, photos.c.name, photos.c.copies, photos.c.missing)
    return tuple(connection.execute(select(*where).where(photos.c.id == photo_id)).one())


def test_a_new_file_is_a_photo_with_its_jobs(connection: Connection) -> None:
    photo_id = plant(connection, "2024/a.jpg")
    assert row_of(connection, photo_id) == ("2024/a.jpg", "2024", "a.jpg", 1, 0)
    assert tuple(connection.scalars(select(jobs.c.prompt).order_by(jobs.c.id))) == PROMPTS


def test_the_same_bytes_under_three_names_are_asked_about_once(connection: Connection) -> None:
    ids = {plant(connection, name, content=b"same") for name in ("a.jpg", "b/b.jpg", "c.png")}
    assert len(ids) == 1
    assert len(connection.execute(select(jobs)).all()) == len(PROMPTS)


def test_the_same_bytes_under_three_names_get_three_sidecars(connection: Connection) -> None:
    ids = {
        plant(connection, name, content=b"same", prompts=(OBJECTS,)) for name in ("a.jpg", "b.jpg", "c.jpg")
    }
    answer(connection, ids.pop(), result(OBJECTS, "dog", content=["dog"]))
    assert [due.file.path.name for due in sidecars_due(connection, 10)] == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_copy_of_a_photo_that_is_done_costs_no_job(connection: Connection) -> None:
    done = photo(connection, "a.jpg")
    assert plant(connection, "b.jpg", content=b"a.jpg") == done
    assert connection.execute(select(jobs)).all() == []


def test_a_renamed_file_keeps_its_results(connection: Connection) -> None:
    photo_id = photo(connection, "old/a.jpg")
    note_missing(connection, [INBOX / "old/a.jpg"])
    assert plant(connection, "new/b.jpg", content=b"old/a.jpg") == photo_id
    assert row_of(connection, photo_id) == ("new/b.jpg", "new", "b.jpg", 1, 0)


def test_other_bytes_under_the_name_are_another_photo(connection: Connection) -> None:
    first = plant(connection, "a.jpg", content=b"1")
    second = plant(connection, "a.jpg", content=b"2")
    assert first != second
    assert row_of(connection, first)[3:] == (0, 1)


def test_a_file_that_is_gone_leaves_its_photo_as_missing(connection: Connection) -> None:
    photo_id = photo(connection, "a.jpg")
    assert note_missing(connection, [INBOX / "a.jpg", INBOX / "never-seen.jpg"]) == 1
    assert row_of(connection, photo_id) == ("a.jpg", "", "a.jpg", 0, 1)


def test_a_file_that_is_gone_twice_counts_once(connection: Connection) -> None:
    plant(connection, "a.jpg")
    note_missing(connection, [INBOX / "a.jpg"])
    assert note_missing(connection, [INBOX / "a.jpg"]) == 0


def test_a_file_that_comes_back_is_looked_at_again(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    note_missing(connection, [INBOX / "a.jpg"])
    assert known_stamps(connection, [bytes(INBOX / "a.jpg")]) == {}
    plant(connection, "a.jpg")
    assert row_of(connection, photo_id)[3:] == (1, 0)


def test_very_many_files_may_go_at_once(connection: Connection) -> None:
    plant(connection, "a.jpg")
    gone = [INBOX / "a.jpg", *(INBOX / f"{number}.jpg" for number in range(2000))]
    assert note_missing(connection, gone) == 1


def test_the_reason_for_a_file_that_is_not_read_is_kept(connection: Connection) -> None:
    file = original("clip.mov").file
    note_unread(connection, INBOX, file.path, file.stamp, state="skipped", reason="no picture", now=NOW)
    row = connection.execute(select(files)).one()
    assert (row.state, row.reason, row.photo_id) == ("skipped", "no picture", None)
    assert known_stamps(connection, [bytes(file.path)]) == {bytes(file.path): file.stamp}


def test_a_file_that_became_unreadable_no_longer_holds_its_photo(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    note_unread(connection, INBOX, INBOX / "a.jpg", None, state="refused", reason="damaged", now=NOW)
    assert row_of(connection, photo_id)[3:] == (0, 1)


def test_a_format_that_is_enabled_has_its_files_looked_at_again(connection: Connection) -> None:
    for name, image_format in (("a.heic", "HEIF"), ("b.tif", "TIFF")):
        file = original(name).file
        note_unread(
            connection,
            INBOX,
            file.path,
            file.stamp,
            state="refused",
            reason="off",
            now=NOW,
            image_format=image_format,
        )
    assert reconsider_formats(connection, ["HEIF", "JPEG"]) == 1
    places = [bytes(INBOX / "a.heic"), bytes(INBOX / "b.tif")]
    assert list(known_stamps(connection, places)) == [bytes(INBOX / "b.tif")]


@pytest.mark.parametrize(
    "name", [b"caf\xe9/\xff.jpg", b"new\nline.jpg", "ünï/日本.jpg".encode(), b"back\\slash.jpg"]
)
def test_any_name_comes_back_exact(connection: Connection, name: bytes) -> None:
    path = os.fsdecode(name)
    photo_id = register(connection, original(path), [DESCRIPTION], fresh=False, now=NOW)
    answer(connection, photo_id, result(DESCRIPTION, "a cup"))
    (due,) = sidecars_due(connection, 10)
    assert (due.file, os.fsencode(due.file.path)) == (original(path).file, b"/photos/" + name)


def test_a_name_that_is_not_utf_8_is_readable_text_for_everybody(connection: Connection) -> None:
    photo_id = plant(connection, os.fsdecode(b"caf\xe9/a.jpg"))
    assert row_of(connection, photo_id)[:3] == ("caf\\xe9/a.jpg", "caf\\xe9", "a.jpg")


def test_two_inboxes_may_hold_the_same_name(connection: Connection) -> None:
    for inbox in (Path("/one"), Path("/two")):
        register(connection, original("a.jpg", b"x", inbox=inbox), PROMPTS, fresh=False, now=NOW)
    assert list(connection.scalars(select(files.c.inbox).order_by(files.c.id))) == ["/one", "/two"]
