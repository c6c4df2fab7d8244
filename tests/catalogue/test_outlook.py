from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from captiond.catalogue.intake import note_unread
from captiond.catalogue.jobs import charge, lease, reject, say
from captiond.catalogue.outlook import (
    Remaining,
    Saying,
    count_problems,
    how_far,
    in_hand,
    last_answer,
    problems,
    remaining,
    sayings,
)
from captiond.catalogue.results import SidecarDue, note_sidecar, sidecars_due
from captiond.catalogue.sidecars_left import device_of, note_device
from catalogue.planting import DESCRIPTION, INBOX, MOOD, NOW, OBJECTS, OCR, answer, photo, plant, result


def answered(connection: Connection, seconds: float, *, times: int, every: float) -> None:
    """Have so many descriptions made, one ended each `every` seconds."""
    photo_id = plant(connection, "answered.jpg", prompts=())
    for number in range(times):
        at = NOW + timedelta(seconds=every * number)
        answer(connection, photo_id, replace(result(DESCRIPTION, "A dog.", seconds=seconds), created_at=at))


def test_without_a_pace_there_is_no_estimate(connection: Connection) -> None:
    plant(connection, "a.jpg")
    assert remaining(connection) is None


def test_without_work_there_is_no_estimate(connection: Connection) -> None:
    answered(connection, 2, times=3, every=2)
    assert remaining(connection) is None


@pytest.mark.parametrize(
    ("every", "seconds"),
    [(4, 40), (100, 40), (2, pytest.approx(20, rel=0.1))],
    ids=["one at a time", "with pauses", "two at a time"],
)
def test_the_estimate_is_pace_by_open_jobs(connection: Connection, every: float, seconds: float) -> None:
    answered(connection, 4, times=30, every=every)
    for number in range(10):
        plant(connection, f"{number}.jpg", prompts=(DESCRIPTION,))
    assert remaining(connection) == Remaining(seconds, seconds, seconds)


def test_a_new_prompt_is_reckoned_as_the_slowest(connection: Connection) -> None:
    answered(connection, 4, times=3, every=100)
    plant(connection, "a.jpg", prompts=(DESCRIPTION, MOOD))
    assert remaining(connection) == Remaining(8, 8, 8)


def test_problems_of_every_sort_are_listed(connection: Connection) -> None:
    reject(connection, plant(connection, "broken.jpg"), "it is damaged", NOW)
    waiting = plant(connection, "waiting.jpg", prompts=(OBJECTS,))
    charge(connection, waiting, [OBJECTS], reason="it looped", tries_allowed=3, next_try_at=NOW)
    note_unread(connection, INBOX, INBOX / "a.heic", None, state="refused", reason="HEIC is off", now=NOW)
    note_unread(connection, INBOX, INBOX / "a.mov", None, state="skipped", reason="no picture", now=NOW)
    note_sidecar(connection, planted_sidecar(connection), sha256=None, reason="edited by hand")
    found = [
        (problem.path, problem.prompt, problem.state, problem.reason) for problem in problems(connection, 9)
    ]
    assert found == [
        ("broken.jpg", None, "unreadable", "it is damaged"),
        ("waiting.jpg", OBJECTS, "waiting", "it looped"),
        ("a.heic", None, "refused", "HEIC is off"),
        ("kept.jpg", "sidecar", "kept", "edited by hand"),
    ]
    assert count_problems(connection) == 4


def test_a_photo_with_several_failed_prompts_is_one_problem(connection: Connection) -> None:
    for name in ("a.jpg", "b.jpg"):
        photo_id = plant(connection, name)
        failing = {"tries_allowed": 1, "next_try_at": NOW}
        charge(connection, photo_id, [OBJECTS], reason="it looped", **failing)  # type: ignore[arg-type]
        charge(connection, photo_id, [OCR], reason="it was cut", **failing)  # type: ignore[arg-type]
    found = [(each.path, each.prompts, each.reason) for each in problems(connection, 9)]
    assert found == [(name, (OBJECTS, OCR), "it looped") for name in ("a.jpg", "b.jpg")]
    assert count_problems(connection) == 2
    assert [each.prompts for each in problems(connection, 1)] == [(OBJECTS, OCR)]


def planted_sidecar(connection: Connection) -> SidecarDue:
    photo_id = photo(connection, "kept.jpg")
    return sidecars_due(connection, 1, [INBOX], [photo_id])[0]


def test_problems_are_limited(connection: Connection) -> None:
    for name in ("a.jpg", "b.jpg"):
        reject(connection, plant(connection, name), "it is damaged", NOW)
    assert len(problems(connection, 1)) == 1


def test_what_the_daemon_says_is_told(connection: Connection) -> None:
    say(connection, "daemon", "Watching", NOW)
    (saying,) = sayings(connection)
    assert (saying.subject, saying.sentence, saying.at) == ("daemon", "Watching", NOW)


def test_the_last_answer_is_told(connection: Connection) -> None:
    assert last_answer(connection) is None
    photo(connection, "a.jpg")
    last = last_answer(connection)
    assert last is not None
    assert (last.path, last.at) == ("a.jpg", NOW)


def test_photos_in_hand_are_counted(connection: Connection) -> None:
    plant(connection, "a.jpg", prompts=(OBJECTS, OCR))
    lease(connection, "me", NOW)
    assert in_hand(connection) == 1


def test_where_a_tree_of_sidecars_is_is_not_told_to_people(connection: Connection) -> None:
    note_device(connection, Path("/srv/sidecars"), 2**63)
    assert sayings(connection) == []
    assert device_of(connection, Path("/srv/sidecars")) == 2**63


@pytest.mark.parametrize(("done", "waiting"), [(0, 1), (1, 0), (1_234, 56_789)])
def test_how_far_it_is_is_no_obstacle_and_what_follows_is(done: int, waiting: int) -> None:
    said = how_far(done, waiting)
    assert Saying("daemon", said, NOW).obstacle == ""
    assert Saying("daemon", f"{said}; the model is missing; pull it", NOW).obstacle == (
        "the model is missing; pull it"
    )
