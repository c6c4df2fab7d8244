import os
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from captiond.catalogue.intake import note_missing, note_unread, register
from captiond.catalogue.jobs import charge, lease, reject
from captiond.catalogue.presence import known_in_inbox
from captiond.catalogue.queries import (
    current_answer,
    entry,
    known_stamps,
    next_try_at,
    open_jobs,
    pace,
    progress,
)
from captiond.model import Answer, PictureFacts, Status
from catalogue.planting import (
    DESCRIPTION,
    INBOX,
    MODEL,
    NOW,
    OBJECTS,
    OCR,
    TRANSLATION,
    answer,
    original,
    photo,
    plant,
    result,
)


def test_an_entry_holds_all_that_a_sidecar_tells(connection: Connection) -> None:
    photo_id = photo(connection, "a.jpg", objects=["dog"], taken_at="2019-07-14T16:21:09")
    whole = entry(connection, photo_id)
    assert whole.facts == PictureFacts("JPEG", 400, 300, "2019-07-14T16:21:09", "Canon EOS R")
    assert [(each.prompt, each.answer.status) for each in whole.results] == [
        (OBJECTS, Status.OK),
        (DESCRIPTION, Status.OK),
        (OCR, Status.EMPTY),
        (TRANSLATION, Status.SKIPPED),
    ]


def test_a_result_comes_back_as_it_went_in(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    given = result(OCR, "ARRÊT", content={"lines": ["ARRÊT"]}, language="fr", raw=" ARRÊT", reason="cleaned")
    answer(connection, photo_id, given)
    assert entry(connection, photo_id).results == (given,)
    assert given.model == MODEL


def test_an_entry_of_a_photo_that_nobody_has_opened(connection: Connection) -> None:
    whole = entry(connection, plant(connection, "a.jpg"))
    assert (whole.facts, whole.results, whole.state, whole.size_bytes) == (None, (), "queued", 5)


def test_only_current_results_are_in_an_entry(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    for value in ("old", "new"):
        answer(connection, photo_id, result(DESCRIPTION, value))
    assert [each.answer.value for each in entry(connection, photo_id).results] == ["new"]


def test_stamps_come_back_exact_for_very_many_files(connection: Connection) -> None:
    places = [bytes(INBOX / f"{number}.jpg") for number in range(2000)]
    for name in ("3.jpg", "1999.jpg"):
        plant(connection, name)
    expected = {bytes(INBOX / name): original(name).file.stamp for name in ("3.jpg", "1999.jpg")}
    assert known_stamps(connection, places) == expected


def test_a_file_noted_without_a_stamp_is_looked_at_again(connection: Connection) -> None:
    note_unread(connection, INBOX, INBOX / "a.jpg", None, state="refused", reason="changing", now=NOW)
    assert known_stamps(connection, [bytes(INBOX / "a.jpg")]) == {}


def test_the_files_of_an_inbox_are_those_that_were_there(connection: Connection) -> None:
    odd = os.fsdecode(b"caf\xe9.jpg")
    for name in ("a.jpg", "sub/b.jpg", odd, "gone.jpg"):
        plant(connection, name)
    note_missing(connection, [INBOX / "gone.jpg"])
    register(connection, [original("c.jpg", inbox=Path("/photos2"))], [], fresh=False, now=NOW)
    assert {path for path, _ in known_in_inbox(connection, INBOX)} == {
        INBOX / "a.jpg",
        INBOX / "sub/b.jpg",
        INBOX / odd,
    }


def test_inboxes_that_look_alike_are_told_apart(connection: Connection) -> None:
    raw, escaped = Path(os.fsdecode(b"/caf\xe9")), Path("/caf\\xe9")
    for inbox in (raw, escaped):
        register(connection, [original("a.jpg", inbox=inbox)], [], fresh=False, now=NOW)
    assert [path for path, _ in known_in_inbox(connection, raw)] == [raw / "a.jpg"]


def test_the_answer_that_counts(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    assert current_answer(connection, photo_id, OCR) is None
    answer(connection, photo_id, result(OCR, "STOP", language="en"))
    assert current_answer(connection, photo_id, OCR) == Answer(Status.OK, "STOP", language="en")


def test_progress_counts_by_state(connection: Connection) -> None:
    photo(connection, "done.jpg")
    plant(connection, "queued.jpg", prompts=(OBJECTS, OCR))
    reject(connection, plant(connection, "broken.jpg"), "damaged", NOW)
    note_unread(connection, INBOX, INBOX / "a.mov", None, state="skipped", reason="no picture", now=NOW)
    counts = progress(connection)
    assert counts.photos == {"queued": 1, "partial": 0, "done": 1, "failed": 0, "unreadable": 1}
    assert counts.files == {"known": 3, "skipped": 1, "refused": 0, "missing": 0}
    assert counts.photos_to_do == 1


def test_a_photo_that_is_not_there_is_not_waited_for(connection: Connection) -> None:
    plant(connection, "gone.jpg")
    note_missing(connection, [INBOX / "gone.jpg"])
    photo(connection, "answered.jpg")
    note_missing(connection, [INBOX / "answered.jpg"])
    counts = progress(connection)
    assert (counts.photos_to_do, counts.photos["done"]) == (0, 1)


def test_progress_of_an_empty_catalogue_is_all_zeros(connection: Connection) -> None:
    counts = progress(connection)
    assert {*counts.photos.values(), *counts.jobs.values(), *counts.files.values()} == {0}


def wait(connection: Connection, name: str, seconds: int) -> int:
    photo_id = plant(connection, name, prompts=(OBJECTS, OCR))
    again = NOW + timedelta(seconds=seconds)
    charge(connection, photo_id, [OBJECTS], reason="it looped", tries_allowed=3, next_try_at=again)
    return photo_id


def test_the_next_try_is_the_earliest(connection: Connection) -> None:
    assert next_try_at(connection) is None
    wait(connection, "late.jpg", 60)
    wait(connection, "soon.jpg", 30)
    assert next_try_at(connection) == NOW + timedelta(seconds=30)


def test_the_next_try_is_of_a_photo_that_can_be_leased(connection: Connection) -> None:
    wait(connection, "gone.jpg", 10)
    note_missing(connection, [INBOX / "gone.jpg"])
    wait(connection, "in-hand.jpg", 20)
    lease(connection, "me", NOW)
    assert next_try_at(connection) is None


def test_pace_is_the_median_of_the_last_hundred(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    for seconds in [99.0] * 20 + [1.0] * 30 + [2.0] * 40 + [3.0] * 30:
        answer(connection, photo_id, result(OCR, "STOP", seconds=seconds))
    found = pace(connection)[OCR]
    assert (found.quarter_seconds, found.median_seconds, found.three_quarters_seconds) == (1.0, 2.0, 3.0)


def test_pace_knows_how_many_had_to_be_asked(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    answer(connection, photo_id, result(TRANSLATION, "STOP", seconds=4.0))
    for _ in range(3):
        answer(connection, photo_id, result(TRANSLATION, status=Status.SKIPPED, seconds=None))
    assert (pace(connection)[TRANSLATION].median_seconds, pace(connection)[TRANSLATION].asked_share) == (
        4,
        0.25,
    )


def test_a_prompt_that_was_only_skipped_has_no_pace(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    answer(connection, photo_id, result(TRANSLATION, status=Status.SKIPPED, seconds=None))
    assert pace(connection) == {}


def test_failed_jobs_are_not_open(connection: Connection) -> None:
    wait(connection, "a.jpg", 5)
    failed = plant(connection, "b.jpg", prompts=(OBJECTS,))
    charge(connection, failed, [OBJECTS], reason="it looped", tries_allowed=1, next_try_at=NOW)
    assert open_jobs(connection) == {OBJECTS: 1, OCR: 1}
