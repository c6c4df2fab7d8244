import json
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text

from captiond.catalogue.jobs import charge, lease, make_sidecars_due, release
from captiond.catalogue.queries import current_answer
from captiond.catalogue.results import add_prompt_columns, note_sidecar, record_facts, sidecars_due
from captiond.catalogue.tables import files, jobs, models, objects, photos, prompts, results
from captiond.model import Answer, PictureFacts, PromptName, Source, Status
from catalogue.planting import (
    DESCRIPTION,
    INBOX,
    MOOD,
    NOW,
    OBJECTS,
    OCR,
    PROMPTS,
    TRANSLATION,
    answer,
    photo,
    plant,
    result,
)

HUMAN, IMPORT, MODEL = Source.HUMAN, Source.IMPORT, Source.MODEL


def column(connection: Connection, name: str) -> object:
    return connection.scalars(text(f'SELECT "{name}" FROM photos')).one()


@pytest.mark.parametrize(
    ("sources", "current"),
    [
        ([MODEL, MODEL], 1),
        ([HUMAN, MODEL], 0),
        ([HUMAN, IMPORT, MODEL], 0),
        ([IMPORT, MODEL], 0),
        ([MODEL, IMPORT], 1),
        ([HUMAN, HUMAN, MODEL], 1),
    ],
)
def test_the_newest_of_the_highest_rank_is_current(
    connection: Connection, sources: list[Source], current: int
) -> None:
    photo_id = plant(connection, "a.jpg")
    for number, source in enumerate(sources):
        answer(connection, photo_id, result(DESCRIPTION, str(number), source=source))
    assert column(connection, "description") == str(current)
    assert connection.scalars(select(results.c.value).where(results.c.current == 1)).all() == [str(current)]


def test_nothing_is_overwritten(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    for value in ("one", "two", "three"):
        answer(connection, photo_id, result(DESCRIPTION, value))
    assert connection.scalars(select(results.c.value).order_by(results.c.id)).all() == ["one", "two", "three"]


def test_a_rejected_reply_is_kept_and_never_current(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(DESCRIPTION,))
    answer(connection, photo_id, result(DESCRIPTION, "a a a", status=Status.REJECTED, reason="it looped"))
    assert current_answer(connection, photo_id, DESCRIPTION) is None
    assert connection.scalars(select(jobs.c.prompt)).all() == [DESCRIPTION]
    answer(connection, photo_id, result(DESCRIPTION, "a dog"))
    answer(connection, photo_id, result(DESCRIPTION, "b b b", status=Status.REJECTED))
    assert column(connection, "description") == "a dog"


def test_answers_stand_in_columns_of_their_own(connection: Connection) -> None:
    photo(
        connection,
        "a.jpg",
        description="A dog.",
        objects=["dog", "road sign", "dog"],
        text="ARRÊT",
        language="fr",
        translation="STOP",
    )
    row = connection.execute(select(photos)).one()
    assert (row.description, row.text, row.language, row.translation) == ("A dog.", "ARRÊT", "fr", "STOP")
    assert (json.loads(row.objects), row.state, row.edited) == (["dog", "road sign", "dog"], "done", 0)
    assert connection.scalars(select(objects.c.name)).all() == ["dog", "road sign"]


def test_new_objects_replace_the_old(connection: Connection) -> None:
    photo_id = photo(connection, "a.jpg", objects=["dog", "cat"])
    answer(connection, photo_id, result(OBJECTS, "cow", content=["cow"]))
    assert connection.scalars(select(objects.c.name)).all() == ["cow"]


def test_no_text_is_an_answer(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OCR,))
    answer(connection, photo_id, result(OCR, status=Status.EMPTY))
    assert column(connection, "text") is None
    assert column(connection, "state") == "done"
    assert current_answer(connection, photo_id, OCR) == Answer(Status.EMPTY)


def test_a_person_may_say_that_there_is_no_text(connection: Connection) -> None:
    photo_id = photo(connection, "a.jpg", text="X1I0O", language="und")
    answer(connection, photo_id, result(OCR, status=Status.EMPTY, source=HUMAN))
    assert (column(connection, "text"), column(connection, "language"), column(connection, "edited")) == (
        None,
        None,
        1,
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (result(MOOD, "calm"), "calm"),
        (result(MOOD, "calm, sad", content=["calm", "sad"]), '["calm","sad"]'),
        (result(MOOD, status=Status.EMPTY), None),
        (result(MOOD, 'say "hi" — 朝'), 'say "hi" — 朝'),
    ],
)
def test_a_prompt_of_the_users_own_is_a_column(connection: Connection, given: object, shown: object) -> None:
    photo_id = plant(connection, "a.jpg")
    assert add_prompt_columns(connection, [*PROMPTS, MOOD]) == [MOOD]
    answer(connection, photo_id, given)
    assert column(connection, "mood") == shown


def test_a_column_is_added_once(connection: Connection) -> None:
    add_prompt_columns(connection, [MOOD])
    assert add_prompt_columns(connection, [MOOD, PromptName("season")]) == ["season"]


def test_two_prompts_of_the_users_own_stand_side_by_side(connection: Connection) -> None:
    photo_id = photo(connection, "a.jpg", mood="calm", season="winter")
    answer(connection, photo_id, result(MOOD, "wild"))
    assert json.loads(str(column(connection, "answers"))) == {"mood": "wild", "season": "winter"}


def test_the_states_on_the_way(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS, OCR))
    states = [column(connection, "state")]
    for prompt in (OBJECTS, OCR):
        answer(connection, photo_id, result(prompt, "a", content=["a"] if prompt == OBJECTS else None))
        states.append(column(connection, "state"))
    assert states == ["queued", "partial", "done"]


def test_the_same_model_and_prompt_are_kept_once(connection: Connection) -> None:
    for name in ("a.jpg", "b.jpg"):
        photo(connection, name)
    assert len(connection.execute(select(models)).all()) == 1
    assert connection.scalars(select(prompts.c.name).order_by(prompts.c.name)).all() == sorted(PROMPTS)


def test_the_place_is_kept_only_where_it_is_wanted(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    facts = PictureFacts("JPEG", 40, 30, "2019-07-14T16:21:09", "Canon", 1.5, 2.5)
    record_facts(connection, photo_id, facts, store_gps=False)
    assert (column(connection, "latitude"), column(connection, "year")) == (None, 2019)
    record_facts(connection, photo_id, facts, store_gps=True)
    assert (column(connection, "latitude"), column(connection, "longitude")) == (1.5, 2.5)


def test_a_sidecar_is_due_when_nobody_works_on_the_photo(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS, OCR))
    lease(connection, "me", NOW)
    answer(connection, photo_id, result(OBJECTS, "dog", content=["dog"]))
    assert sidecars_due(connection, 10, [INBOX]) == []
    charge(connection, photo_id, [OCR], reason="it looped", tries_allowed=3, next_try_at=NOW)
    assert [due.photo_id for due in sidecars_due(connection, 10, [INBOX])] == [photo_id]


def test_a_sidecar_tells_what_is_known_of_a_photo_that_was_given_back(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS, OCR))
    lease(connection, "me", NOW)
    answer(connection, photo_id, result(OBJECTS, "dog", content=["dog"]))
    release(connection, "me")
    assert [due.photo_id for due in sidecars_due(connection, 10, [INBOX])] == [photo_id]


def test_a_written_sidecar_is_due_again_after_the_next_result(connection: Connection) -> None:
    photo_id = photo(connection, "a.jpg")
    (due,) = sidecars_due(connection, 10, [INBOX])
    note_sidecar(connection, due, sha256="aa")
    assert sidecars_due(connection, 10, [INBOX]) == []
    answer(connection, photo_id, result(TRANSLATION, "STOP"))
    assert [due.known_sha256 for due in sidecars_due(connection, 10, [INBOX])] == ["aa"]


def test_a_result_that_comes_while_a_sidecar_is_written_makes_it_due_again(connection: Connection) -> None:
    photo_id = photo(connection, "a.jpg")
    (due,) = sidecars_due(connection, 10, [INBOX])
    answer(connection, photo_id, result(TRANSLATION, "STOP"))
    note_sidecar(connection, due, sha256="of the older entry")
    assert [due.known_sha256 for due in sidecars_due(connection, 10, [INBOX])] == ["of the older entry"]


def test_a_sidecar_that_was_left_alone_has_its_reason(connection: Connection) -> None:
    photo(connection, "a.jpg")
    (due,) = sidecars_due(connection, 10, [INBOX])
    note_sidecar(connection, due, sha256=None, reason="edited by hand")
    row = connection.execute(select(files)).one()
    assert (row.sidecar_dirty, row.sidecar_reason, row.sidecar_sha256) == (0, "edited by hand", None)


def test_sidecars_due_are_limited_and_of_one_photo_where_asked(connection: Connection) -> None:
    ids = [photo(connection, f"{number}.jpg") for number in range(3)]
    assert len(sidecars_due(connection, 2, [INBOX])) == 2
    assert [due.photo_id for due in sidecars_due(connection, 9, [INBOX], [ids[1]])] == [ids[1]]


def test_sidecars_due_are_listed_page_by_page_however_much_changed(connection: Connection) -> None:
    ids = [photo(connection, f"{number}.jpg") for number in range(5)]
    for photo_id in (ids[1], ids[1], ids[3]):
        make_sidecars_due(connection, photo_id)
    listed, last = [], None
    while page := sidecars_due(connection, 2, [INBOX], after=last):
        listed += [due.photo_id for due in page]
        last = page[-1]
    assert sorted(listed) == ids


@pytest.mark.parametrize("photo_ids", [None, [1, 2]])
def test_sidecars_that_are_due_are_found_without_a_look_at_all_files(
    connection: Connection, photo_ids: list[int] | None
) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(connection, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    sidecars_due(connection, 9, [INBOX], photo_ids)
    ((statement, values),) = asked
    plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert plan[0].startswith("SEARCH files USING INDEX files_")
    assert "files_state" not in plan[0]
    assert photo_ids or "files_sidecar_dirty" in plan[0]


def test_the_search_index_follows_every_write(connection: Connection) -> None:
    photo_id = photo(connection, "a.jpg", objects=["dog"], text="STOP", language="en", mood="calm")
    answer(connection, photo_id, result(DESCRIPTION, "A cow.", source=HUMAN))
    plant(connection, "b.jpg", content=b"a.jpg")
    connection.execute(text("DELETE FROM photos WHERE id = :id"), {"id": plant(connection, "c.jpg")})
    connection.execute(text("INSERT INTO photos_fts (photos_fts, rank) VALUES ('integrity-check', 1)"))
    for word, hits in (("cow", 1), ("picture", 0), ("calm", 1), ("stop", 1)):
        found = connection.execute(text("SELECT rowid FROM photos_fts(:word)"), {"word": word}).all()
        assert len(found) == hits, word
