from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from captiond.catalogue.intake import note_missing
from captiond.catalogue.jobs import (
    charge,
    drop_unconfigured,
    is_due_until,
    lease,
    note_event,
    note_start,
    postpone,
    queue_missing,
    reclaim,
    reject,
    release,
    release_prompt,
    say,
)
from captiond.catalogue.pausing import pause, resume
from captiond.catalogue.reach import Reach, reach_of
from captiond.catalogue.results import note_sidecar, sidecars_due
from captiond.catalogue.tables import events, jobs, photos, status
from captiond.model import Lease, PromptName
from captiond.prompts.prompt import Kind, Prompt
from catalogue.planting import (
    DESCRIPTION,
    INBOX,
    MOOD,
    NOW,
    OBJECTS,
    OCR,
    PROMPTS,
    answer,
    photo,
    plant,
    result,
)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def state_of(connection: Connection, photo_id: int) -> tuple[str, str | None]:
    where = photos.c.id == photo_id
    return tuple(connection.execute(select(photos.c.state, photos.c.reason).where(where)).one())


def job_states(connection: Connection) -> list[str]:
    return list(connection.scalars(select(jobs.c.state).order_by(jobs.c.id)))


def take(connection: Connection, *, after: float = 0, backlog_first: bool = False) -> Lease | None:
    return lease(connection, "me", NOW + seconds(after), backlog_first=backlog_first)


def fail_once(connection: Connection, photo_id: int, *, again_after: float = 5, allowed: int = 3) -> bool:
    again = NOW + seconds(again_after)
    return charge(
        connection, photo_id, [OBJECTS], reason="it looped", tries_allowed=allowed, next_try_at=again
    )


def test_a_lease_holds_the_photo_with_all_it_is_to_be_asked(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OCR, DESCRIPTION))
    held = take(connection)
    assert held is not None
    assert (held.photo_id, [job.prompt for job in held.jobs]) == (photo_id, [OCR, DESCRIPTION])
    assert [file.path for file in held.files] == [INBOX / "a.jpg"]


def test_a_photo_in_hand_is_not_leased_again(connection: Connection) -> None:
    plant(connection, "a.jpg")
    take(connection)
    assert take(connection) is None


def test_fresh_drops_come_before_the_backlog(connection: Connection) -> None:
    plant(connection, "old.jpg")
    fresh = plant(connection, "new.jpg", fresh=True)
    held = take(connection)
    assert held is not None
    assert held.photo_id == fresh


def test_the_backlog_comes_first_when_it_is_its_turn(connection: Connection) -> None:
    plant(connection, "new.jpg", fresh=True)
    old = plant(connection, "old.jpg")
    held = take(connection, backlog_first=True)
    assert held is not None
    assert held.photo_id == old


def test_second_tries_come_when_they_are_due_and_last(connection: Connection) -> None:
    tried = plant(connection, "a.jpg", prompts=(OBJECTS,))
    fail_once(connection, tried)
    other = plant(connection, "b.jpg")
    order = [take(connection, after=4), take(connection, after=4), take(connection, after=5)]
    assert [held and held.photo_id for held in order] == [other, None, tried]


def test_second_tries_come_first_when_it_is_the_backlogs_turn(connection: Connection) -> None:
    tried = plant(connection, "a.jpg", prompts=(OBJECTS,))
    fail_once(connection, tried)
    plant(connection, "b.jpg")
    held = take(connection, after=9, backlog_first=True)
    assert held is not None
    assert (held.photo_id, held.jobs[0].tries) == (tried, 1)


def test_a_photo_without_a_file_is_not_leased(connection: Connection) -> None:
    plant(connection, "a.jpg")
    note_missing(connection, [INBOX / "a.jpg"])
    assert take(connection) is None


def test_what_is_given_back_is_not_charged(connection: Connection) -> None:
    plant(connection, "a.jpg", prompts=(OBJECTS,))
    take(connection)
    release(connection, "me")
    held = take(connection)
    assert held is not None
    assert held.jobs[0].tries == 0


def test_only_what_is_ones_own_is_given_back(connection: Connection) -> None:
    plant(connection, "a.jpg", prompts=(OBJECTS,))
    take(connection)
    release(connection, "somebody else")
    assert job_states(connection) == ["running"]


def test_a_photo_that_is_put_off_comes_later_and_is_not_charged(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS,))
    take(connection)
    postpone(connection, "me", photo_id, NOW + seconds(300), "its inbox is away")
    assert take(connection, after=299) is None
    held = take(connection, after=300)
    assert held is not None
    assert held.jobs[0].tries == 0


def test_a_photo_fails_after_the_tries_it_is_allowed(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS,))
    assert [fail_once(connection, photo_id) for _ in range(3)] == [False, False, True]
    assert state_of(connection, photo_id) == ("failed", "it looped")
    assert take(connection, after=10_000) is None


def test_a_photo_with_one_failed_prompt_goes_on_with_the_others(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS, OCR))
    fail_once(connection, photo_id, allowed=1)
    assert state_of(connection, photo_id) == ("queued", None)
    answer(connection, photo_id, result(OCR, "STOP"))
    assert state_of(connection, photo_id) == ("failed", "it looped")


def test_after_a_crash_a_photo_waits_longer_each_time_then_fails(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS,))
    waits = []
    for crash in range(5):
        assert lease(connection, f"run {crash}", NOW + seconds(1000)) is not None
        assert reclaim(connection, f"run {crash + 1}", NOW) == 1
        waits.append(connection.scalars(select(jobs.c.next_try_at)).one())
    assert [wait and wait[14:19] for wait in waits] == ["00:00", "00:05", "00:30", "02:00", None]
    assert state_of(connection, photo_id) == (
        "failed",
        "captiond ended 5 times while it worked on this photo",
    )


def test_reclaiming_leaves_what_this_captiond_has_in_hand(connection: Connection) -> None:
    plant(connection, "a.jpg")
    take(connection)
    assert reclaim(connection, "me", NOW) == 0


def test_queueing_twice_queues_once(connection: Connection) -> None:
    plant(connection, "a.jpg")
    assert queue_missing(connection, PROMPTS, fresh=False, now=NOW) == 0


def test_a_new_prompt_is_queued_for_every_readable_photo(connection: Connection) -> None:
    done = photo(connection, "a.jpg")
    reject(connection, plant(connection, "broken.jpg"), "damaged", NOW)
    assert queue_missing(connection, [*PROMPTS, MOOD], fresh=False, now=NOW) == 1
    assert state_of(connection, done) == ("partial", None)


def test_a_new_prompt_reopens_a_failed_photo(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS,))
    fail_once(connection, photo_id, allowed=1)
    queue_missing(connection, [OBJECTS, MOOD], fresh=False, now=NOW)
    assert state_of(connection, photo_id) == ("partial", None)


def test_jobs_of_a_prompt_that_is_gone_go_too(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS, MOOD))
    answer(connection, photo_id, result(OBJECTS, "dog", content=["dog"]))
    assert drop_unconfigured(connection, [OBJECTS]) == 1
    assert state_of(connection, photo_id) == ("done", None)


def test_a_rejected_photo_is_put_aside_for_good(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    reject(connection, photo_id, "it is damaged", NOW)
    plant(connection, "copy.jpg", content=b"a.jpg")
    assert state_of(connection, photo_id) == ("unreadable", "it is damaged")
    assert take(connection) is None


@pytest.mark.parametrize(("after", "due"), [(0, False), (9, False), (10, True), (None, True)])
def test_a_further_try_is_due_when_its_time_has_come(
    connection: Connection, after: int | None, due: bool
) -> None:
    waiting = plant(connection, "b.jpg", prompts=(OBJECTS,))
    plant(connection, "gone.jpg")
    note_missing(connection, [INBOX / "gone.jpg"])
    fail_once(connection, waiting, again_after=10)
    assert is_due_until(connection, None if after is None else NOW + seconds(after)) is due


def test_what_is_queued_is_due(connection: Connection) -> None:
    plant(connection, "a.jpg", prompts=(OBJECTS,))
    assert is_due_until(connection, NOW)


def test_what_happened_is_kept(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg")
    reject(connection, photo_id, "it is damaged", NOW)
    note_event(connection, "outage", "Ollama does not answer", NOW)
    told = connection.execute(select(events.c.kind, events.c.photo_id, events.c.sentence)).all()
    assert told == [("unreadable", photo_id, "it is damaged"), ("outage", None, "Ollama does not answer")]


def test_only_the_last_saying_of_a_subject_is_kept(connection: Connection) -> None:
    for sentence in ("starting", "watching"):
        say(connection, "daemon", sentence, NOW)
    assert connection.scalars(select(status.c.sentence)).all() == ["watching"]


# ── photos that are suspected ──


def crash(connection: Connection, times: int, *, held: int = 1) -> None:
    """End captiond so often while it has photos in hand, each time long after the last one."""
    for run in range(times):
        later = NOW + seconds(1000 * (run + 1))
        assert all(lease(connection, f"run {run}", later) for _ in range(held))
        reclaim(connection, f"run {run + 1}", later)


def test_a_photo_that_was_in_hand_at_two_ends_is_asked_alone(connection: Connection) -> None:
    suspect = plant(connection, "a.jpg", prompts=(OBJECTS,))
    crash(connection, 2)
    other = plant(connection, "b.jpg")
    last = plant(connection, "c.jpg")
    first = take(connection, after=9000)
    assert first is not None
    assert first.photo_id == other
    second = take(connection, after=9000, backlog_first=True)
    assert second is not None
    assert second.photo_id == last, "no suspect in company"
    release(connection, "me")
    alone = take(connection, after=9000, backlog_first=True)
    assert alone is not None
    assert alone.photo_id == suspect
    assert take(connection, after=9000) is None, "nobody in its company"


def test_who_was_only_in_bad_company_is_not_condemned(connection: Connection) -> None:
    poison, innocent = (plant(connection, name, prompts=(OBJECTS,)) for name in ("a.jpg", "b.jpg"))
    for run in range(7):
        later = NOW + seconds(1000 * (run + 1))
        held = [lease(connection, f"run {run}", later) for _ in range(2)]
        photo_ids = [one.photo_id for one in held if one]
        if photo_ids == [innocent]:
            answer(connection, innocent, result(OBJECTS, "dog", content=["dog"]))
        reclaim(connection, f"run {run + 1}", later)
    assert state_of(connection, innocent) == ("done", None)
    assert state_of(connection, poison)[0] == "failed"


def test_a_photo_that_ended_captiond_too_often_fails_with_all_its_questions(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS, OCR))
    fail_once(connection, photo_id, again_after=1_000_000)
    crash(connection, 5)
    assert job_states(connection) == ["failed", "failed"]
    assert connection.scalars(select(events.c.sentence)).all() == [
        "captiond ended 5 times while it worked on this photo"
    ]
    assert state_of(connection, photo_id)[0] == "failed"


def test_a_sidecar_tells_of_a_photo_that_ended_captiond_too_often(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS, OCR))
    answer(connection, photo_id, result(OCR, "STOP"))
    (due,) = sidecars_due(connection, 9, [INBOX])
    note_sidecar(connection, due, sha256="aa")
    crash(connection, 5)
    assert len(sidecars_due(connection, 9, [INBOX])) == 1


def test_another_version_tries_what_ended_an_earlier_one_too_often(connection: Connection) -> None:
    note_start(connection, "1.0", NOW)
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS,))
    crash(connection, 5)
    fail_once(connection, plant(connection, "b.jpg", prompts=(OBJECTS,)), allowed=1)
    assert note_start(connection, "1.0", NOW) == 0
    assert note_start(connection, "1.1", NOW) == 1
    assert state_of(connection, photo_id) == ("queued", None)
    assert job_states(connection) == ["queued", "failed"]
    assert note_start(connection, "1.1", NOW) == 0


# ── what is out of reach ──


def test_prompts_that_are_out_of_reach_stay_in_the_queue(connection: Connection) -> None:
    plant(connection, "a.jpg", prompts=(OCR,))
    both = plant(connection, "b.jpg", prompts=(OBJECTS, OCR))
    only_objects = Reach(frozenset((OBJECTS,)))
    held = lease(connection, "me", NOW, reach=only_objects)
    assert held is not None
    assert (held.photo_id, [job.prompt for job in held.jobs]) == (both, [OBJECTS])
    assert lease(connection, "me", NOW, reach=only_objects) is None
    assert job_states(connection) == ["queued", "running", "queued"]
    assert is_due_until(connection, NOW, Reach(frozenset((OCR,))))
    assert not is_due_until(connection, NOW, Reach(frozenset()))
    assert is_due_until(connection, None, Reach(frozenset())), "some day"


ABOUT, AFTER = PromptName("about"), PromptName("after")
READER = "reader"
CHAIN = (
    Prompt(OCR, Kind.TEXT, "Read.", model=READER),
    Prompt(ABOUT, Kind.TEXT, "What about?", from_prompt=OCR),
    Prompt(AFTER, Kind.TEXT, "And then?", when={ABOUT: True}),
)


def reached(connection: Connection, model: str) -> list[PromptName] | None:
    """The prompts that one model is asked next."""
    held = lease(connection, "me", NOW, reach=reach_of({model}, CHAIN, main="main"))
    return [job.prompt for job in held.jobs] if held else None


def test_a_prompt_stays_behind_what_it_waits_for_on_another_model(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OCR, ABOUT, AFTER))
    assert reached(connection, "main") is None
    assert reached(connection, READER) == [OCR]
    answer(connection, photo_id, result(OCR, "Halt"))
    assert reached(connection, "main") == [ABOUT, AFTER]


def test_what_waits_for_a_prompt_that_failed_is_in_reach(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OCR, ABOUT))
    charge(connection, photo_id, [OCR], reason="it looped", tries_allowed=1, next_try_at=NOW)
    assert reached(connection, "main") == [ABOUT]


def test_each_photo_waits_for_its_own_source_only(connection: Connection) -> None:
    plant(connection, "a.jpg", prompts=(OCR, ABOUT))
    read = plant(connection, "b.jpg", prompts=(ABOUT,))
    held = lease(connection, "me", NOW, reach=reach_of({"main"}, CHAIN, main="main"))
    assert held is not None
    assert held.photo_id == read


def test_one_prompt_can_be_given_back(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS, OCR))
    take(connection)
    release_prompt(connection, photo_id, OCR)
    assert job_states(connection) == ["running", "queued"]


def test_during_a_pause_nothing_is_leased(connection: Connection) -> None:
    plant(connection, "a.jpg", prompts=(OBJECTS,))
    assert (pause(connection, NOW), pause(connection, NOW)) == (True, False)
    assert take(connection) is None
    assert not is_due_until(connection, NOW)
    assert is_due_until(connection, None)
    assert (resume(connection, NOW), resume(connection, NOW)) == (True, False)
    assert take(connection) is not None
    assert connection.scalars(select(events.c.kind)).all() == ["pause", "resume"]


def test_a_job_that_wants_another_model_is_in_its_reach_alone(connection: Connection) -> None:
    plant(connection, "a.jpg", prompts=(OCR, ABOUT))
    connection.execute(update(jobs).where(jobs.c.prompt == OCR).values(model="better"))
    assert reached(connection, READER) is None
    assert reached(connection, "main") is None, "what is about it waits"
    assert reached(connection, "better") == [OCR]
