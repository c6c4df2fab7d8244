"""What came back already for an answer that is read from tiles: as it came, and no longer than it may be."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, func, select, update

from captiond.catalogue.editing import Again, Correction, correct, redo
from captiond.catalogue.jobs import (
    CRASHES_ALLOWED,
    charge,
    drop_unconfigured,
    follow,
    lease,
    postpone,
    reclaim,
    reject,
    release,
    release_prompt,
)
from captiond.catalogue.retrying import Wish, retry
from captiond.catalogue.tables import jobs, photos, tile_replies
from captiond.catalogue.tile_replies import keep
from captiond.model import Answer, KeptReply, Lease, Reply, Source, Status
from catalogue.planting import (
    DESCRIPTION,
    MODEL,
    NOW,
    OCR,
    TRANSLATION,
    answer,
    asked,
    original,
    plant,
    result,
)

QUESTION = "0d" * 32
REPLY = KeptReply(Reply("Tee 2.00", "stop", MODEL, seconds=1.5, prompt_tokens=577, output_tokens=9))

Change = Callable[[Connection, int], object]


@pytest.fixture
def photo_id(connection: Connection) -> int:
    """A photo that is in hand, and of whose text one reply came back."""
    planted = plant(connection, "a.jpg", prompts=(OCR, TRANSLATION))
    lease(connection, "me", NOW)
    keep(connection, planted, OCR, QUESTION, REPLY)
    return planted


def count(connection: Connection) -> int:
    return connection.scalars(select(func.count()).select_from(tile_replies)).one()


def leased_again(connection: Connection) -> Lease:
    release(connection, "me")
    held = lease(connection, "me", NOW)
    assert held is not None
    return held


def reply_kept(connection: Connection) -> KeptReply | None:
    (job, *_) = leased_again(connection).jobs
    return job.kept.get(QUESTION)


@pytest.mark.parametrize(
    "kept",
    [
        REPLY,
        KeptReply(Reply("", "length", MODEL), broken="The model repeated itself."),
        KeptReply(Reply("a\0b\x1b \u2028 é 漢 🐘 \" \\ '", "stop", MODEL, thinking="hm\n\ud800")),
        KeptReply(Reply("x" * 100_000, "stop", MODEL, "", 0.1 + 0.2, 1e-9, 3e9, 2**62, 7)),
    ],
    ids=["plain", "broken", "odd", "large"],
)
def test_a_reply_comes_back_as_it_was(connection: Connection, kept: KeptReply) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OCR,))
    keep(connection, photo_id, OCR, QUESTION, kept)
    assert reply_kept(connection) == kept


def test_each_prompt_of_each_photo_has_its_own(connection: Connection, photo_id: int) -> None:
    plant(connection, "b.jpg", prompts=(OCR,))
    reading, translation = leased_again(connection).jobs
    other = lease(connection, "me", NOW)
    assert other is not None
    assert (reading.kept, translation.kept) == ({QUESTION: REPLY}, {})
    assert [job.kept for job in other.jobs] == [{}]


def test_the_first_reply_to_a_question_is_the_one_that_is_kept(connection: Connection, photo_id: int) -> None:
    keep(connection, photo_id, OCR, QUESTION, KeptReply(Reply("else", "stop", MODEL)))
    assert reply_kept(connection) == REPLY


def test_what_another_version_wrote_otherwise_is_asked_again(connection: Connection, photo_id: int) -> None:
    for written in ("{}", "[]", '{"text": "x", "model": {"name": "a"}}', '{"model": null}'):
        connection.execute(update(tile_replies).values(reply=written))
        assert reply_kept(connection) is None


def test_nothing_is_kept_for_a_job_that_is_gone(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(DESCRIPTION,))
    keep(connection, photo_id, OCR, QUESTION, REPLY)
    assert count(connection) == 0


def by_person(connection: Connection, _photo_id: int) -> None:
    said = Answer(Status.OK, "Ausgang")
    correct(connection, Correction(original("a.jpg").digest, asked(OCR), "1", said), NOW)


def charged(connection: Connection, photo_id: int, tries_allowed: int = 3) -> None:
    charge(connection, photo_id, [OCR], reason="no", tries_allowed=tries_allowed, next_try_at=NOW)


def redone_at_rest(connection: Connection, _photo_id: int) -> None:
    release(connection, "me")
    redo(connection, Again("", (OCR,)), NOW)


def retried(connection: Connection, photo_id: int) -> None:
    for number in range(CRASHES_ALLOWED):
        connection.execute(update(jobs).values(state="running", owner=f"captiond {number}"))
        reclaim(connection, "me", NOW)
    assert count(connection) == 1
    assert retry(connection, Wish(failed=True), NOW).questions == {OCR: 1, TRANSLATION: 1}


def answered_and_redone(connection: Connection, photo_id: int) -> None:
    redo(connection, Again("", (OCR,)), NOW)
    keep(connection, photo_id, OCR, QUESTION, REPLY)
    answer(connection, photo_id, result(OCR, "Tee 2.00"))
    assert connection.scalars(select(jobs.c.state).where(jobs.c.prompt == OCR)).all() == ["queued"]


ENDS: dict[str, Change] = {
    "answered": lambda connection, photo_id: answer(connection, photo_id, result(OCR, "Tee 2.00")),
    "imported": lambda connection, photo_id: answer(
        connection, photo_id, result(OCR, "Tee 2.00", source=Source.IMPORT)
    ),
    "answered by a person": by_person,
    "charged": charged,
    "charged for the last time": lambda connection, photo_id: charged(connection, photo_id, 1),
    "no picture after all": lambda connection, photo_id: reject(connection, photo_id, "no", NOW),
    "no longer configured": lambda connection, _: drop_unconfigured(connection, [TRANSLATION]),
    "redone": redone_at_rest,
    "redone while in hand": lambda connection, _: redo(connection, Again("", (OCR,)), NOW),
    "redone of another model": lambda connection, _: redo(connection, Again("", (OCR,), "other"), NOW),
    "asked once more after its answer": answered_and_redone,
    "retried": retried,
    "forgotten": lambda connection, photo_id: connection.execute(
        photos.delete().where(photos.c.id == photo_id)
    ),
}

GOES_ON: dict[str, Change] = {
    "crashed": lambda connection, _: reclaim(connection, "another", NOW),
    "given back": lambda connection, _: release(connection, "me"),
    "given back alone": lambda connection, photo_id: release_prompt(connection, photo_id, OCR),
    "put off": lambda connection, photo_id: postpone(connection, "me", photo_id, NOW, "away"),
    "behind its source": lambda connection, photo_id: follow(
        connection, photo_id, OCR, TRANSLATION, reason="later"
    ),
    "another is charged": lambda connection, photo_id: charge(
        connection, photo_id, [TRANSLATION], reason="no", tries_allowed=3, next_try_at=NOW
    ),
    "another is answered": lambda connection, photo_id: answer(
        connection, photo_id, result(TRANSLATION, "tea")
    ),
    "refused": lambda connection, photo_id: answer(
        connection, photo_id, result(OCR, status=Status.REJECTED, reason="a refusal")
    ),
}


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
def test_it_goes_with_its_job_or_when_that_begins_anew(
    connection: Connection, photo_id: int, ends: Change
) -> None:
    ends(connection, photo_id)
    assert count(connection) == 0


@pytest.mark.parametrize("goes_on", GOES_ON.values(), ids=GOES_ON)
def test_it_stays_as_long_as_its_job_goes_on(connection: Connection, photo_id: int, goes_on: Change) -> None:
    goes_on(connection, photo_id)
    assert count(connection) == 1
