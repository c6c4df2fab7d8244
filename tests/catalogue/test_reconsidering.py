"""What was skipped is asked when the photo lies elsewhere, or the rules are others."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from captiond.catalogue.jobs import lease
from captiond.catalogue.reconsidering import (
    QUEUE_SKIPPED,
    reconsider,
    reconsider_all,
    reconsider_following,
)
from captiond.catalogue.results import add_result
from captiond.catalogue.tables import jobs, photos, results
from captiond.model import PromptName, Source, Status
from captiond.prompts.conditions import NOT_IN_THIS_INBOX
from captiond.prompts.configuring import configured
from captiond.prompts.prompt import Prompt
from captiond.prompts.skipping import NO_TEXT
from catalogue.planting import INBOX, NOW, answer, plant, result

PLATE, COLOUR, MAKER = (PromptName(name) for name in ("plate", "colour", "maker"))
PROMPTS: tuple[Prompt, ...] = configured(
    {
        **{name: {"enabled": False} for name in ("objects", "description", "ocr")},
        PLATE: {"kind": "text", "text": "Which plate?", "when": {"folder": "street"}},
        MAKER: {"kind": "text", "text": "Who made it?", "from": PLATE},
        COLOUR: {"kind": "text", "text": "Which colour?", "when": {"folder": "street", "plate": True}},
    },
    targets=["en"],
)
NAMES = tuple(prompt.name for prompt in PROMPTS)
IS_PLATE = (results.c.prompt == PLATE) & (results.c.current == 1)
ELSEWHERE, NO_PLATE = "it is asked only where folder has street", "there is no answer to plate"


def skip(connection: Connection, photo_id: int, prompt: PromptName, reason: str) -> None:
    answer(connection, photo_id, result(prompt, status=Status.SKIPPED, reason=reason))


@pytest.fixture
def skipped(connection: Connection) -> int:
    """A photo that was asked nothing, for it lies in no street."""
    photo_id = plant(connection, "garden/a.jpg", content=b"car", prompts=NAMES)
    for prompt, reason in ((PLATE, ELSEWHERE), (MAKER, NO_PLATE), (COLOUR, ELSEWHERE)):
        skip(connection, photo_id, prompt, reason)
    return photo_id


def reconsidered(connection: Connection, photo_id: int) -> set[str]:
    reconsider(connection, [photo_id], PROMPTS, fresh=True, now=NOW)
    return set(connection.scalars(select(jobs.c.prompt).where(jobs.c.photo_id == photo_id)))


def test_where_the_place_still_does_not_fit_nothing_is_asked(connection: Connection, skipped: int) -> None:
    plant(connection, "house/a.jpg", content=b"car", prompts=NAMES)
    assert reconsidered(connection, skipped) == set()


def test_where_it_fits_now_all_is_asked_with_what_follows_from_it(
    connection: Connection, skipped: int
) -> None:
    plant(connection, "street/a.jpg", content=b"car", prompts=NAMES)
    assert reconsidered(connection, skipped) == set(NAMES)
    assert connection.scalar(select(photos.c.state).where(photos.c.id == skipped)) == "partial"
    taken = lease(connection, "us", NOW)
    assert taken is not None
    assert INBOX / "street/a.jpg" in [file.path for file in taken.files]


def test_what_was_skipped_for_another_reason_stays_so(connection: Connection, skipped: int) -> None:
    skip(connection, skipped, PLATE, "it is asked only where objects has car")
    skip(connection, skipped, COLOUR, "it is asked only where objects has car")
    plant(connection, "street/a.jpg", content=b"car", prompts=NAMES)
    assert reconsidered(connection, skipped) == set()


def all_reconsidered(
    connection: Connection, prompts: tuple[Prompt, ...], inboxes: Sequence[Path] = (INBOX,)
) -> set[str]:
    """Give what is queued; the second time adds nothing."""
    first = reconsider_all(connection, prompts, inboxes, now=NOW)
    queued = connection.scalars(select(jobs.c.prompt)).all()
    assert len(queued) == first
    assert reconsider_all(connection, prompts, inboxes, now=NOW) == 0
    return set(queued)


def with_rules(**changes: dict[str, object]) -> tuple[Prompt, ...]:
    return tuple(
        replace(prompt, **changes[prompt.name]) if prompt.name in changes else prompt for prompt in PROMPTS
    )


@pytest.mark.usefixtures("skipped")
def test_under_the_same_rules_nothing_is_asked_anew(connection: Connection) -> None:
    assert all_reconsidered(connection, PROMPTS) == set()


@pytest.mark.parametrize("now", [{}, {"folder": ("garden",)}])
def test_a_changed_condition_is_asked_with_what_follows_from_it(
    connection: Connection, skipped: int, now: dict[str, object]
) -> None:
    assert all_reconsidered(connection, with_rules(plate={"when": now})) == set(NAMES)
    assert connection.scalar(select(photos.c.state).where(photos.c.id == skipped)) == "partial"


@pytest.mark.usefixtures("skipped")
def test_a_condition_that_only_became_one_of_two_stays_unmet(connection: Connection) -> None:
    both = {"folder": ("street",), "name": ("a*",)}
    assert all_reconsidered(connection, with_rules(plate={"when": both})) == set()


def test_an_inbox_that_gets_a_prompt_is_asked_it(connection: Connection, skipped: int) -> None:
    skip(connection, skipped, PLATE, NOT_IN_THIS_INBOX)
    elsewhere = {"when": {}, "not_in": (str(INBOX), "/another")}
    assert all_reconsidered(connection, with_rules(plate=elsewhere)) == set()
    here = {"when": {}, "not_in": ("/another",)}
    assert all_reconsidered(connection, with_rules(plate=here), inboxes=[Path("/another")]) == set()
    assert all_reconsidered(connection, with_rules(plate=here)) == set(NAMES)


def test_a_text_that_was_in_the_language_asked_for_is_translated_into_another(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=[PLATE])
    for_english, for_french = (replace(PROMPTS[0], from_prompt=MAKER, target=to) for to in ("en", "fr"))
    skip(connection, photo_id, PROMPTS[0].name, "the text is in English already")
    assert all_reconsidered(connection, (for_english,)) == set()
    assert all_reconsidered(connection, (for_french,)) == {PROMPTS[0].name}


@pytest.mark.usefixtures("skipped")
def test_what_was_skipped_is_found_among_millions_by_its_index(connection: Connection) -> None:
    lists = dict.fromkeys(("reasons", "asked_in", "asked_first"), "[]")
    rules = {"of_prompt": PLATE, "from_prompt": None, "now": "", "not_here": "", **lists}
    plan = connection.execute(text(f"EXPLAIN QUERY PLAN {QUEUE_SKIPPED}"), rules)
    assert "SEARCH results USING INDEX results_skipped (prompt=?)" in [row.detail for row in plan]


def test_another_answer_to_be_about_is_another_rule(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=[MAKER])
    of_plate = replace(PROMPTS[0], name=MAKER, from_prompt=PLATE, target="en", when={})
    wordless = result(MAKER, status=Status.SKIPPED, reason=NO_TEXT)
    add_result(connection, photo_id, of_plate, replace(wordless, from_prompt=PLATE))
    assert all_reconsidered(connection, (of_plate,)) == set()
    assert all_reconsidered(connection, (replace(of_plate, from_prompt=COLOUR),)) == {MAKER}


@pytest.mark.parametrize("source", Source)
def test_what_a_person_or_a_sidecar_says_was_skipped_is_asked_only_once(
    connection: Connection, skipped: int, source: Source
) -> None:
    answer(connection, skipped, result(PLATE, status=Status.SKIPPED, reason=ELSEWHERE, source=source))
    anywhere = with_rules(plate={"when": {}})
    assert PLATE in all_reconsidered(connection, anywhere)
    answer(connection, skipped, result(PLATE, value="B 1"))
    assert reconsider_all(connection, anywhere, [INBOX], now=NOW) == 0
    assert connection.scalar(select(results.c.value).where(IS_PLATE)) == "B 1"


def test_what_was_skipped_for_want_of_an_answer_follows_from_another_one(
    connection: Connection, skipped: int
) -> None:
    assert reconsider_following(connection, skipped, {MAKER}, now=NOW) == 1
    assert reconsider_following(connection, skipped, {MAKER}, now=NOW) == 0
    assert connection.scalars(select(jobs.c.prompt)).all() == [MAKER]
    assert connection.scalar(select(photos.c.state).where(photos.c.id == skipped)) == "partial"


def test_what_has_an_answer_is_not_asked_again_for_another_one(connection: Connection, skipped: int) -> None:
    answer(connection, skipped, result(MAKER, value="Škoda"))
    assert reconsider_following(connection, skipped, {MAKER}, now=NOW) == 0
