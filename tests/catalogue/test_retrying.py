"""What is tried again by hand: which questions, which pictures, and what stays as it was."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from captiond.catalogue.intake import note_missing, note_unread
from captiond.catalogue.jobs import charge, follow, lease, reclaim, reject
from captiond.catalogue.queries import known_stamps
from captiond.catalogue.retrying import Retried, Wish, retry, to_retry
from captiond.catalogue.tables import events, files, jobs, photos, results
from captiond.model import Digest, PromptName, Status
from catalogue.planting import (
    DESCRIPTION,
    INBOX,
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

FAILED, UNREADABLE = Wish(failed=True), Wish(unreadable=True)


def fail(connection: Connection, path: str, *prompts: PromptName, reason: str = "it looped") -> int:
    """Plant a photo whose questions have all been asked in vain."""
    photo_id = plant(connection, path, prompts=prompts)
    charge(connection, photo_id, prompts, reason=reason, tries_allowed=1, next_try_at=NOW)
    return photo_id


def refuse(connection: Connection, path: str, reason: str) -> None:
    stamp = original(path).file.stamp
    note_unread(connection, INBOX, INBOX / path, stamp, state="refused", reason=reason, now=NOW)


def digest(path: str) -> Digest:
    return original(path).digest


def job(connection: Connection, photo_id: int, prompt: PromptName) -> tuple[object, ...]:
    columns = (jobs.c.state, jobs.c.tries, jobs.c.crashes, jobs.c.error, jobs.c.priority)
    where = (jobs.c.photo_id == photo_id) & (jobs.c.prompt == prompt)
    return tuple(connection.execute(select(*columns).where(where)).one())


def states(connection: Connection) -> dict[str, tuple[str, str | None]]:
    rows = connection.execute(select(photos.c.path, photos.c.state, photos.c.reason))
    return {path: (state, reason) for path, state, reason in rows}


def is_new(connection: Connection, path: str) -> bool:
    """Whether the next scan takes a file for new."""
    place = str(INBOX / path).encode()
    return place not in known_stamps(connection, [place])


def test_what_failed_is_due_at_once_and_its_tries_begin_anew(connection: Connection) -> None:
    photo_id = fail(connection, "a.jpg", OBJECTS, OCR)
    assert retry(connection, FAILED, NOW) == Retried(1, {OBJECTS: 1, OCR: 1}, 0)
    assert job(connection, photo_id, OCR) == ("queued", 0, 0, None, 0)
    assert states(connection) == {"a.jpg": ("queued", None)}
    held = lease(connection, "me", NOW)
    assert held is not None
    assert [(one.prompt, one.tries) for one in held.jobs] == [(OBJECTS, 0), (OCR, 0)]


def test_a_photo_with_answers_is_partial_again(connection: Connection) -> None:
    photo_id = fail(connection, "a.jpg", OBJECTS)
    plant(connection, "a.jpg", prompts=(OCR,))
    answer(connection, photo_id, result(OCR, "STOP"))
    assert states(connection) == {"a.jpg": ("failed", "it looped")}
    retry(connection, FAILED, NOW)
    assert states(connection) == {"a.jpg": ("partial", None)}


def test_the_replies_that_were_refused_stay(connection: Connection) -> None:
    photo_id = fail(connection, "a.jpg", OCR)
    answer(connection, photo_id, result(OCR, status=Status.REJECTED, reason="it looped", raw="no no no no"))
    retry(connection, FAILED, NOW)
    assert connection.execute(select(results.c.status, results.c.raw)).all() == [("rejected", "no no no no")]
    assert connection.execute(select(events.c.kind, events.c.sentence)).all() == [
        ("retry", "to be tried again by hand: 1 questions, 0 unreadable pictures")
    ]


def test_what_waits_or_is_done_is_left_alone(connection: Connection) -> None:
    photo(connection, "done.jpg")
    waiting = plant(connection, "waiting.jpg", prompts=(OCR,))
    again = NOW + timedelta(hours=1)
    charge(connection, waiting, [OCR], reason="it looped", tries_allowed=3, next_try_at=again)
    before = job(connection, waiting, OCR)
    assert retry(connection, Wish(failed=True, unreadable=True), NOW) == Retried(0, {}, 0)
    assert job(connection, waiting, OCR) == before
    assert connection.execute(select(events)).all() == [], "nothing was done"


def test_a_photo_that_ended_captiond_too_often_is_tried_again_as_if_it_were_new(
    connection: Connection,
) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OCR,))
    for run in range(5):
        assert lease(connection, f"{run}", NOW + timedelta(hours=run))
        reclaim(connection, f"{run + 1}", NOW + timedelta(hours=run))
    assert job(connection, photo_id, OCR)[0] == "failed"
    retry(connection, FAILED, NOW)
    assert job(connection, photo_id, OCR) == ("queued", 0, 0, None, 0)


def test_only_the_photos_that_are_named_and_they_come_first(connection: Connection) -> None:
    ids = [fail(connection, name, OCR) for name in ("a.jpg", "b.jpg", "c.jpg")]
    found = retry(connection, Wish(failed=True, photos=(digest("a.jpg"), digest("c.jpg"))), NOW)
    assert (found.photos, found.questions) == (2, {OCR: 2})
    assert [job(connection, photo_id, OCR)[0] for photo_id in ids] == ["queued", "failed", "queued"]
    assert job(connection, ids[0], OCR)[-1] == 1, "ahead of the backlog"


def test_only_the_prompts_that_are_named(connection: Connection) -> None:
    photo_id = fail(connection, "a.jpg", OBJECTS, OCR)
    assert retry(connection, Wish(failed=True, prompts=(OCR,)), NOW).questions == {OCR: 1}
    assert [job(connection, photo_id, prompt)[0] for prompt in (OBJECTS, OCR)] == ["failed", "queued"]


@pytest.mark.parametrize(
    ("reason", "found"), [("loop", 1), ("LOOP", 1), ("100 %_", 1), ("%", 1), ("nothing so", 0), ("", 2)]
)
def test_only_what_failed_for_that_reason(connection: Connection, reason: str, found: int) -> None:
    fail(connection, "a.jpg", OCR, reason="description: it Looped")
    fail(connection, "b.jpg", OCR, reason="it took 100 %_ of the context")
    assert retry(connection, Wish(failed=True, reason=reason), NOW).photos == found


def test_what_failed_with_the_answer_it_is_about_comes_with_it(connection: Connection) -> None:
    photo_id = fail(connection, "a.jpg", OCR)
    plant(connection, "a.jpg", prompts=(TRANSLATION, DESCRIPTION))
    charge(connection, photo_id, [DESCRIPTION], reason="odd", tries_allowed=1, next_try_at=NOW)
    follow(connection, photo_id, TRANSLATION, OCR, reason="it is asked about ocr")
    assert job(connection, photo_id, TRANSLATION)[0] == "failed"
    assert retry(connection, Wish(failed=True, prompts=(OCR,)), NOW).questions == {OCR: 1, TRANSLATION: 1}
    assert job(connection, photo_id, DESCRIPTION)[0] == "failed"


def test_an_unreadable_photo_is_new_to_the_next_scan(connection: Connection) -> None:
    for name in ("broken.jpg", "fine.jpg"):
        plant(connection, name, prompts=())
    reject(connection, 1, "it ends too soon", NOW)
    assert retry(connection, UNREADABLE, NOW) == Retried(0, {}, 1)
    assert states(connection)["broken.jpg"] == ("queued", None)
    assert (is_new(connection, "broken.jpg"), is_new(connection, "fine.jpg")) == (True, False)
    plant(connection, "broken.jpg", prompts=(OCR,))  # as the scan does
    held = lease(connection, "me", NOW, backlog_first=True)
    assert held is not None
    assert [one.prompt for one in held.jobs] == [OCR]


def test_a_refused_file_is_new_to_the_next_scan(connection: Connection) -> None:
    refuse(connection, "a.heic", "HEIC needs one more package")
    refuse(connection, "b.jpg", "it is no picture")
    named = Wish(unreadable=True, photos=(), files=(("/photos", "a.heic"),))
    assert retry(connection, named, NOW).pictures == 1
    assert (is_new(connection, "a.heic"), is_new(connection, "b.jpg")) == (True, False)
    assert retry(connection, Wish(unreadable=True, reason="no picture"), NOW).pictures == 1
    assert is_new(connection, "b.jpg")
    assert set(connection.scalars(select(files.c.state))) == {"refused"}, "until it is read"


def test_an_unreadable_photo_whose_file_is_gone_stays_as_it_is(connection: Connection) -> None:
    photo_id = photo(connection, "a.jpg")
    reject(connection, photo_id, "it ends too soon", NOW)
    note_missing(connection, [INBOX / "a.jpg"])
    assert retry(connection, UNREADABLE, NOW).pictures == 0
    assert states(connection)["a.jpg"][0] == "unreadable"


def test_failed_and_unreadable_are_told_apart(connection: Connection) -> None:
    fail(connection, "a.jpg", OCR)
    reject(connection, plant(connection, "b.jpg"), "it ends too soon", NOW)
    assert to_retry(connection, FAILED) == Retried(1, {OCR: 1}, 0)
    assert to_retry(connection, UNREADABLE) == Retried(0, {}, 1)
    assert to_retry(connection, Wish()) == Retried(0, {}, 0)
    assert to_retry(connection, Wish(failed=True, unreadable=True)) == Retried(1, {OCR: 1}, 1)


def test_counting_changes_nothing(connection: Connection) -> None:
    photo_id = fail(connection, "a.jpg", OCR)
    before = job(connection, photo_id, OCR), states(connection)
    to_retry(connection, Wish(failed=True, unreadable=True))
    assert (job(connection, photo_id, OCR), states(connection)) == before


def test_many_at_once_are_quick(connection: Connection) -> None:
    names = [f"{number}.jpg" for number in range(500)]
    for name in names:
        fail(connection, name, OCR)
    wish = Wish(failed=True, photos=tuple(digest(name) for name in names))
    assert retry(connection, wish, NOW) == Retried(500, {OCR: 500}, 0)
