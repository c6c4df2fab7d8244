import os
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from captiond.catalogue.intake import note_missing, note_unread, reconsider_formats, register
from captiond.catalogue.jobs import lease, postpone, reclaim
from captiond.catalogue.places import MOST_PARAMETERS
from captiond.catalogue.queries import known_stamps
from captiond.catalogue.results import sidecars_due
from captiond.catalogue.statements import PUT_FILES
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


def test_very_many_files_are_registered_at_once(connection: Connection) -> None:
    many = [original(f"{number}.jpg") for number in range(2 * MOST_PARAMETERS + 1)]
    for _ in range(2):
        photo_ids = register(connection, many, PROMPTS, fresh=False, now=NOW)
        assert len(set(photo_ids)) == len(many)
        asked = select(jobs.c.photo_id, jobs.c.prompt).order_by(jobs.c.id)
        expected = [(photo_id, prompt) for photo_id in photo_ids for prompt in PROMPTS]
        assert [tuple(row) for row in connection.execute(asked)] == expected


def test_statistics_of_a_small_catalogue_do_not_slow_down_a_large_one(connection: Connection) -> None:
    for number in range(20):
        plant(connection, f"{number}.jpg")
    connection.exec_driver_sql("ANALYZE")
    connection.exec_driver_sql("ANALYZE sqlite_schema")
    putting = PUT_FILES.compile(dialect=connection.dialect)
    values = [putting.params[name] for name in putting.positiontup or ()]
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {putting}", tuple(values)).all()
    assert [row.detail.split()[0] for row in plan] == ["SCAN", "SEARCH"]


def test_the_same_bytes_under_three_names_are_asked_about_once(connection: Connection) -> None:
    ids = {plant(connection, name, content=b"same") for name in ("a.jpg", "b/b.jpg", "c.png")}
    assert len(ids) == 1
    assert len(connection.execute(select(jobs)).all()) == len(PROMPTS)


def test_the_same_bytes_under_three_names_get_three_sidecars(connection: Connection) -> None:
    ids = {
        plant(connection, name, content=b"same", prompts=(OBJECTS,)) for name in ("a.jpg", "b.jpg", "c.jpg")
    }
    answer(connection, ids.pop(), result(OBJECTS, "dog", content=["dog"]))
    assert [due.file.path.name for due in sidecars_due(connection, 10, [INBOX])] == [
        "a.jpg",
        "b.jpg",
        "c.jpg",
    ]


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
    first = photo(connection, "a.jpg")
    second = plant(connection, "a.jpg", content=b"2")
    assert first != second
    assert row_of(connection, first)[3:] == (0, 1), "its answers stay"


def test_a_file_that_grows_leaves_no_photo_behind_that_nobody_asked_about(connection: Connection) -> None:
    for size in range(1, 5):
        plant(connection, "a.jpg", content=b"x" * size)
    assert connection.execute(select(photos.c.bytes)).all() == [(4,)]
    assert len(connection.execute(select(jobs)).all()) == len(PROMPTS)


def test_half_a_copy_that_is_in_hand_is_forgotten_when_it_is_given_back(connection: Connection) -> None:
    half = plant(connection, "a.jpg", content=b"half")
    assert lease(connection, "us", NOW) is not None
    plant(connection, "a.jpg", content=b"whole")
    assert row_of(connection, half)[3:] == (0, 1)
    postpone(connection, "us", half, NOW, "no file holds its bytes now")
    assert connection.execute(select(photos.c.bytes)).all() == [(5,)]


def test_half_a_copy_that_was_in_hand_at_a_crash_is_forgotten(connection: Connection) -> None:
    plant(connection, "a.jpg", content=b"half")
    lease(connection, "an ended one", NOW)
    plant(connection, "a.jpg", content=b"whole")
    reclaim(connection, "us", NOW)
    assert connection.execute(select(photos.c.bytes)).all() == [(5,)]


def test_of_a_file_that_never_was_a_photo_nothing_is_left_when_it_is_gone(connection: Connection) -> None:
    note_unread(connection, INBOX, INBOX / "a.jpg", None, state="skipped", reason="empty so far", now=NOW)
    assert note_missing(connection, [INBOX / "a.jpg"]) == 1
    assert connection.execute(select(files)).all() == []


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
    photo_id = photo(connection, "a.jpg")
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
    photo_id = register(connection, [original(path)], [DESCRIPTION], fresh=False, now=NOW)[0]
    answer(connection, photo_id, result(DESCRIPTION, "a cup"))
    (due,) = sidecars_due(connection, 10, [INBOX])
    assert (due.file, os.fsencode(due.file.path)) == (original(path).file, b"/photos/" + name)


def test_a_name_that_is_not_utf_8_is_readable_text_for_everybody(connection: Connection) -> None:
    photo_id = plant(connection, os.fsdecode(b"caf\xe9/a.jpg"))
    assert row_of(connection, photo_id)[:3] == ("caf\\xe9/a.jpg", "caf\\xe9", "a.jpg")


def test_a_new_photo_has_nothing_yet_to_write_into_a_sidecar(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", content=b"a")
    changes = select(files.c.path, files.c.sidecar_dirty).order_by(files.c.id)
    assert connection.execute(changes).all() == [("a.jpg", 0)]
    answer(connection, photo_id, result(DESCRIPTION, "a cup"))
    plant(connection, "b.jpg", content=b"a")
    assert connection.execute(changes).all() == [("a.jpg", 1), ("b.jpg", 1)]


def test_two_inboxes_may_hold_the_same_name(connection: Connection) -> None:
    for inbox in (Path("/one"), Path("/two")):
        register(connection, [original("a.jpg", b"x", inbox=inbox)], PROMPTS, fresh=False, now=NOW)
    assert list(connection.scalars(select(files.c.inbox).order_by(files.c.id))) == ["/one", "/two"]


def test_many_files_are_known_at_once_as_one_by_one(connection: Connection) -> None:
    """New bytes, the same twice, a file that changed, and one whose photo was answered already."""
    before = plant(connection, "changed.jpg", content=b"old")
    answered = plant(connection, "answered.jpg", content=b"answered", prompts=(DESCRIPTION,))
    answer(connection, answered, result(DESCRIPTION, "A dog"))
    contents = {
        "a.jpg": b"a",
        "b.jpg": b"same",
        "c.jpg": b"same",
        "changed.jpg": b"new",
        "copy.jpg": b"answered",
    }
    originals = [original(path, content) for path, content in contents.items()]
    ids = register(connection, originals, [DESCRIPTION], fresh=True, now=NOW)
    assert ids[1] == ids[2]
    assert ids[4] == answered
    assert {path: row_of(connection, photo_id)[3] for path, photo_id in zip(contents, ids, strict=True)} == {
        "a.jpg": 1,
        "b.jpg": 2,
        "c.jpg": 2,
        "changed.jpg": 1,
        "copy.jpg": 2,
    }
    queued = connection.scalars(select(jobs.c.photo_id).where(jobs.c.priority == 1)).all()
    assert sorted(queued) == sorted({ids[0], ids[1], ids[3]})
    assert connection.scalar(select(photos.c.id).where(photos.c.id == before)) is None


def test_a_done_photo_stays_done_when_a_copy_of_it_comes_with_a_new_one(connection: Connection) -> None:
    (done,) = register(connection, [original("a.jpg", b"A")], [OBJECTS], fresh=True, now=NOW)
    answer(connection, done, result(OBJECTS, "cat"))
    both = [original("copy.jpg", b"A"), original("b.jpg", b"B")]
    register(connection, both, [OBJECTS], fresh=True, now=NOW)
    assert connection.scalars(select(photos.c.state).order_by(photos.c.id)).all() == ["done", "queued"]
