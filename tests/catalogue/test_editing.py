"""What a person says stands above every model, and what is asked anew keeps what there was until then."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection, select

from captiond.catalogue.editing import Again, Correction, correct, redo, to_redo
from captiond.catalogue.intake import note_missing
from captiond.catalogue.jobs import lease, reject, release, wished_models
from captiond.catalogue.queries import entry
from captiond.catalogue.tables import events, jobs, photos, results
from captiond.errors import CaptiondError
from captiond.model import Answer, Digest, Job, PromptName, Source, Status
from catalogue.planting import (
    DESCRIPTION,
    INBOX,
    NOW,
    OCR,
    TRANSLATION,
    answer,
    asked,
    original,
    plant,
    result,
)

MINE = "A lighthouse, and my uncle."


def done(connection: Connection, path: str) -> int:
    """Plant a photo that a model has described, read and translated."""
    photo_id = plant(connection, path, prompts=(DESCRIPTION, OCR, TRANSLATION))
    for prompt, value in ((DESCRIPTION, f"A tower in {path}"), (OCR, "Sortie"), (TRANSLATION, "Exit")):
        answer(connection, photo_id, result(prompt, value))
    return photo_id


def by_person(
    path: str, value: str = MINE, prompt: PromptName = DESCRIPTION, again: tuple[PromptName, ...] = ()
) -> Correction:
    return Correction(original(path).digest, asked(prompt), "5b1e0c97ad42", Answer(Status.OK, value), again)


def said(connection: Connection, photo_id: int) -> dict[PromptName, tuple[str | None, Source]]:
    found = entry(connection, photo_id).results
    return {result.prompt: (result.answer.value, result.source) for result in found}


def queued(connection: Connection) -> set[tuple[int, str]]:
    rows = connection.execute(select(jobs.c.photo_id, jobs.c.prompt).where(jobs.c.state == "queued"))
    return {(photo_id, prompt) for photo_id, prompt in rows}


def test_a_correction_is_current_in_results_and_summary(connection: Connection) -> None:
    photo_id = done(connection, "a.jpg")
    assert correct(connection, by_person("a.jpg"), NOW) == 0
    assert said(connection, photo_id)[DESCRIPTION] == (MINE, Source.HUMAN)
    summary = connection.execute(select(photos.c.description, photos.c.edited)).one()
    assert tuple(summary) == (MINE, 1)


def test_a_correction_survives_every_later_answer_of_a_model(connection: Connection) -> None:
    photo_id = done(connection, "a.jpg")
    correct(connection, by_person("a.jpg"), NOW)
    answer(connection, photo_id, result(DESCRIPTION, "A tower, says a better model"))
    assert said(connection, photo_id)[DESCRIPTION] == (MINE, Source.HUMAN)


def test_the_last_correction_holds(connection: Connection) -> None:
    photo_id = done(connection, "a.jpg")
    correct(connection, by_person("a.jpg", "first"), NOW)
    correct(connection, by_person("a.jpg", "second"), NOW)
    assert said(connection, photo_id)[DESCRIPTION][0] == "second"
    assert len(connection.execute(select(results).where(results.c.prompt == DESCRIPTION)).all()) == 3


def test_a_correction_makes_the_sidecar_due_and_leaves_a_trace(connection: Connection) -> None:
    done(connection, "a.jpg")
    connection.exec_driver_sql("UPDATE files SET sidecar_dirty = 0")
    correct(connection, by_person("a.jpg"), NOW)
    assert connection.exec_driver_sql("SELECT sidecar_dirty FROM files").scalar_one() == 1
    assert "description: by a person" in connection.scalars(select(events.c.sentence)).all()


def test_what_was_asked_about_it_is_asked_anew_only_when_wanted(connection: Connection) -> None:
    photo_id = done(connection, "a.jpg")
    correct(connection, by_person("a.jpg", "Ausgang", OCR), NOW)
    assert queued(connection) == set()
    assert correct(connection, by_person("a.jpg", "Ausgang", OCR, (TRANSLATION,)), NOW) == 1
    assert queued(connection) == {(photo_id, TRANSLATION)}
    assert connection.scalars(select(photos.c.state)).one() == "partial"


def test_what_was_skipped_for_the_answer_before_follows_from_a_correction(connection: Connection) -> None:
    photo_id = done(connection, "a.jpg")
    correction = replace(by_person("a.jpg", "Ausgang", OCR), following=(TRANSLATION,))
    assert correct(connection, correction, NOW) == 0
    answer(connection, photo_id, result(TRANSLATION, status=Status.SKIPPED, reason="there is no text"))
    assert correct(connection, correction, NOW) == 1
    assert queued(connection) == {(photo_id, TRANSLATION)}


def test_a_photo_that_is_gone_cannot_be_corrected(connection: Connection) -> None:
    with pytest.raises(CaptiondError, match="no such photo"):
        correct(connection, Correction(Digest("0" * 64), asked(OCR), "v", Answer(Status.OK, "x")), NOW)


def test_redo_asks_anew_of_what_a_search_finds(connection: Connection) -> None:
    one, _other = done(connection, "one.jpg"), done(connection, "other.jpg")
    again = Again("name:one", (DESCRIPTION,))
    assert to_redo(connection, again, NOW) == {DESCRIPTION: 1}
    assert redo(connection, again, NOW) == {DESCRIPTION: 1}
    assert queued(connection) == {(one, DESCRIPTION)}


def test_redo_without_words_asks_of_every_photo(connection: Connection) -> None:
    for number in range(1000):
        plant(connection, f"{number}.jpg", prompts=())
    assert redo(connection, Again("", (OCR,)), NOW) == {OCR: 1000}


def test_a_search_that_says_nothing_finds_nothing_to_redo(connection: Connection) -> None:
    done(connection, "a.jpg")
    assert redo(connection, Again("?!", (OCR,)), NOW) == {OCR: 0}


def test_counting_changes_nothing(connection: Connection) -> None:
    done(connection, "a.jpg")
    to_redo(connection, Again("", (OCR,)), NOW)
    assert queued(connection) == set()


def test_the_old_answer_stays_until_the_new_one_comes(connection: Connection) -> None:
    photo_id = done(connection, "a.jpg")
    redo(connection, Again("", (DESCRIPTION,)), NOW)
    assert said(connection, photo_id)[DESCRIPTION][0] == "A tower in a.jpg"
    leased = lease(connection, "me", NOW)
    assert leased is not None
    assert [job.prompt for job in leased.jobs] == [DESCRIPTION]
    answer(connection, photo_id, result(DESCRIPTION, "A lighthouse"))
    assert said(connection, photo_id)[DESCRIPTION][0] == "A lighthouse"
    assert connection.scalars(select(photos.c.state)).one() == "done"


def test_redo_spares_what_a_person_answered_and_what_cannot_be_read(connection: Connection) -> None:
    done(connection, "mine.jpg")
    correct(connection, by_person("mine.jpg"), NOW)
    reject(connection, plant(connection, "damaged.jpg"), "damaged", NOW)
    done(connection, "gone.jpg")
    note_missing(connection, [INBOX / "gone.jpg"])
    assert redo(connection, Again("", (DESCRIPTION,)), NOW) == {DESCRIPTION: 0}


def test_redo_leaves_what_is_in_hand_and_asks_it_once_more_afterwards(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(DESCRIPTION,))
    lease(connection, "me", NOW)
    assert redo(connection, Again("", (DESCRIPTION,), model="other"), NOW) == {DESCRIPTION: 1}
    assert lease(connection, "me", NOW) is None, "it is in hand"
    answer(connection, photo_id, result(DESCRIPTION, "A tower"))
    assert said(connection, photo_id)[DESCRIPTION][0] == "A tower"
    held = lease(connection, "me", NOW)
    assert held is not None
    assert held.jobs == (Job(DESCRIPTION, 0, "other"),)
    answer(connection, photo_id, result(DESCRIPTION, "A lighthouse"))
    assert connection.execute(select(jobs)).all() == []


def test_what_is_derived_is_asked_of_the_corrected_answer_also_where_it_was_in_hand(
    connection: Connection,
) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OCR, TRANSLATION))
    lease(connection, "me", NOW)
    answer(connection, photo_id, result(OCR, "Sortie"))
    assert correct(connection, by_person("a.jpg", "Ausgang", OCR, again=(TRANSLATION,)), NOW) == 1
    answer(connection, photo_id, result(TRANSLATION, "Exit, of Sortie"))
    assert queued(connection) == {(photo_id, TRANSLATION)}


def test_what_a_person_answers_while_it_is_in_hand_is_asked_no_more(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(DESCRIPTION,))
    lease(connection, "me", NOW)
    redo(connection, Again("", (DESCRIPTION,)), NOW)
    correct(connection, by_person("a.jpg"), NOW)
    answer(connection, photo_id, result(DESCRIPTION, "A tower"))
    assert connection.execute(select(jobs)).all() == []
    assert said(connection, photo_id)[DESCRIPTION][0] == MINE


def test_what_was_to_be_asked_once_more_and_is_given_back_is_only_queued(connection: Connection) -> None:
    plant(connection, "a.jpg", prompts=(DESCRIPTION,))
    lease(connection, "me", NOW)
    redo(connection, Again("", (DESCRIPTION,)), NOW)
    release(connection, "me")
    assert connection.execute(select(jobs.c.state, jobs.c.next_try_at)).all() == [("queued", None)]


def test_redo_may_want_another_model(connection: Connection) -> None:
    done(connection, "a.jpg")
    redo(connection, Again("", (DESCRIPTION,), model="reader"), NOW)
    assert wished_models(connection) == ["reader"]
    held = lease(connection, "me", NOW)
    assert held is not None
    assert held.jobs == (Job(DESCRIPTION, 0, "reader"),)
    assert "of reader" in connection.scalars(select(events.c.sentence).where(events.c.kind == "redo")).one()


def test_the_last_redo_says_which_model_it_is(connection: Connection) -> None:
    done(connection, "a.jpg")
    redo(connection, Again("", (DESCRIPTION,), model="reader"), NOW)
    redo(connection, Again("", (DESCRIPTION,)), NOW)
    assert wished_models(connection) == []


def test_a_correction_survives_another_model(connection: Connection) -> None:
    done(connection, "a.jpg")
    correct(connection, by_person("a.jpg"), NOW)
    assert redo(connection, Again("", (DESCRIPTION,), model="reader"), NOW) == {DESCRIPTION: 0}
    assert wished_models(connection) == []
