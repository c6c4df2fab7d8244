"""One photo's chain of questions: what is asked in which order, what is kept, and what is charged."""

import asyncio

import pytest

import daemon_parts
from captiond import asking
from captiond.errors import ServerAway
from captiond.model import PromptName
from captiond.simulator import Fault
from conftest import MakePhoto
from daemon_parts import Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

FRENCH = "Attention ! Éléphants en liberté"
ENGLISH = "The quick brown fox jumps over the lazy dog and then it sleeps in the warm sun all day"

OBJECTS_WORDS = "List the physical things"
DESCRIPTION_WORDS = "Describe this picture"
OCR_WORDS = "Copy all the text"
ALL = ["objects", "description", "ocr", "translation"]


def jobs(parts: Parts) -> list[tuple[object, ...]]:
    return parts.rows("SELECT prompt, state, tries FROM jobs ORDER BY id")


def statuses(parts: Parts) -> dict[str, str]:
    return dict(parts.rows("SELECT prompt, status FROM results WHERE current = 1"))


async def test_questions_come_in_order_about_one_picture(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(make_photo(text=FRENCH))
    await parts.describe()
    pictures = [call.images for call in parts.server.counters.calls]
    assert parts.asked() == ALL
    assert len(pictures[0]) == 1
    assert pictures == [pictures[0]] * 3 + [()], "the same bytes for all, and none for the translation"
    assert parts.server.counters.image_encodes == 1, "the picture comes before the words"


async def test_a_photo_keeps_one_slot_for_all_its_questions(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(make_photo("a.jpg", "red", text=FRENCH), make_photo("b.jpg", "blue", text=FRENCH))
    await parts.endpoint.until_up()
    leases = [await parts.lease(), await parts.lease()]
    async with asyncio.TaskGroup() as group:
        for lease in leases:
            group.create_task(parts.pipeline.describe(lease, parts.endpoint))
    assert parts.asked() == ALL * 2


async def test_only_what_was_leased_is_asked(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(make_photo())
    await parts.catalogue.write(
        lambda writer: writer.exec_driver_sql("DELETE FROM jobs WHERE prompt != 'ocr'")
    )
    await parts.describe()
    assert parts.asked() == ["ocr"]


async def test_answers_are_kept_with_who_gave_them(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.take_in(make_photo(text=FRENCH))
    await parts.describe()
    given = parts.rows(
        "SELECT r.prompt, p.version, m.name, length(m.digest), r.source, r.finish FROM results r "
        "JOIN prompts p ON p.id = r.prompt_id JOIN models m ON m.id = r.model_id ORDER BY r.id"
    )
    versions = parts.pipeline.choices.versions
    assert given == [(name, versions[name], "llava:13b-v1.6", 64, "model", "stop") for name in versions]
    assert parts.rows("SELECT state, text FROM photos") == [("done", FRENCH)]
    assert not jobs(parts)


@pytest.mark.parametrize(
    ("text", "reason"), [("", "there is no text"), (ENGLISH, "the text is in English already")]
)
async def test_a_translation_that_is_not_needed_is_not_asked(
    parts: Parts, make_photo: MakePhoto, text: str, reason: str
) -> None:
    await parts.take_in(make_photo(text=text))
    await parts.describe()
    assert parts.asked() == ALL[:3]
    assert parts.rows("SELECT status, reason FROM results WHERE prompt = 'translation'") == [
        ("skipped", reason)
    ]
    assert parts.rows("SELECT state FROM photos") == [("done",)]


async def test_an_unusable_reply_is_kept_as_rejected_and_charged(parts: Parts, make_photo: MakePhoto) -> None:
    parts.server.faults.set(Fault("refusal", prompt=DESCRIPTION_WORDS))
    await parts.take_in(make_photo())
    await parts.describe()
    ((status, value, raw),) = parts.rows(
        "SELECT status, value, raw FROM results WHERE prompt = 'description'"
    )
    assert (status, value) == ("rejected", None)
    assert raw.startswith("I'm sorry")
    assert jobs(parts) == [("description", "waiting", 1)]
    assert statuses(parts) == {"objects": "ok", "ocr": "empty", "translation": "skipped"}
    assert parts.rows("SELECT description FROM photos") == [(None,)]


@pytest.mark.parametrize("kind", ["refusal", "done-false", "loop"])
async def test_a_rejected_reply_is_kept_with_who_gave_it_and_how_long_it_took(
    parts: Parts, make_photo: MakePhoto, kind: str
) -> None:
    parts.server.faults.set(Fault(kind, prompt=DESCRIPTION_WORDS))
    await parts.take_in(make_photo())
    await parts.describe()
    ((model, server, seconds),) = parts.rows(
        "SELECT m.name, m.server, r.seconds FROM results r JOIN models m ON m.id = r.model_id "
        "WHERE r.status = 'rejected'"
    )
    assert model == "llava:13b-v1.6"
    assert server
    assert seconds is not None


async def test_a_rejected_reply_is_kept_up_to_a_limit(
    parts: Parts, make_photo: MakePhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LONGEST_REJECTED", 12)
    parts.server.faults.set(Fault("refusal", prompt=DESCRIPTION_WORDS))
    await parts.take_in(make_photo())
    await parts.describe()
    ((raw,),) = parts.rows("SELECT raw FROM results WHERE status = 'rejected'")
    assert raw == "I'm sorry, b"


async def test_what_stays_unusable_rests_after_three_tries(parts: Parts, make_photo: MakePhoto) -> None:
    parts.server.faults.set(Fault("refusal", prompt=DESCRIPTION_WORDS))
    await parts.take_in(make_photo())
    for _ in range(3):
        await parts.describe()
        await parts.clock.sleep(30)
    assert jobs(parts) == [("description", "failed", 3)]
    ((state, reason),) = parts.rows("SELECT state, reason FROM photos")
    assert state == "failed"
    assert reason.startswith("description: ")
    assert [line["event"] for line in parts.lines if line["log_level"] == "warning"] == [
        "will try again",
        "will try again",
        "failed",
    ]


async def test_a_photo_with_two_questions_that_failed_has_failed(parts: Parts, make_photo: MakePhoto) -> None:
    parts.server.faults.set(
        Fault("refusal", prompt=DESCRIPTION_WORDS), Fault("refusal", prompt=OBJECTS_WORDS)
    )
    await parts.take_in(make_photo())
    for _ in range(3):
        await parts.describe()
        await parts.clock.sleep(30)
    assert jobs(parts) == [("objects", "failed", 3), ("description", "failed", 3)]
    assert parts.rows("SELECT state FROM photos") == [("failed",)]


async def test_a_further_try_samples_differently_and_waits_longer(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("refusal", prompt=DESCRIPTION_WORDS))
    await parts.take_in(make_photo())
    waits = []
    for _ in range(2):
        await parts.describe()
        ((again_at,),) = parts.rows("SELECT strftime('%s', next_try_at) FROM jobs")
        waits.append(round(int(again_at) - parts.clock.now().timestamp()))
        await parts.clock.sleep(30)
    calls = [call for call in parts.server.counters.calls if call.prompt.startswith(DESCRIPTION_WORDS)]
    sampled = [
        tuple(call.options[name] for name in ("seed", "temperature", "repeat_penalty")) for call in calls
    ]
    assert sampled == [(1, 0.0, 1.1), (2, 0.3, 1.15)]
    assert waits == [pytest.approx(5, abs=1), pytest.approx(30, abs=1)]


async def test_a_question_whose_source_has_no_answer_waits_with_it(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("refusal", prompt=OCR_WORDS, times=1))
    await parts.take_in(make_photo(text=FRENCH))
    await parts.describe()
    errors = dict(parts.rows("SELECT prompt, error FROM jobs"))
    assert errors.keys() == {"ocr", "translation"}
    assert errors["translation"] == 'it is asked after "ocr", which has no answer yet'
    await parts.clock.sleep(6)
    await parts.describe()
    assert parts.asked()[-2:] == ["ocr", "translation"]
    assert parts.rows("SELECT state FROM photos") == [("done",)]


async def test_a_question_that_waited_for_its_source_is_asked_as_for_the_first_time(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("refusal", prompt=OCR_WORDS, times=2))
    await parts.take_in(make_photo(text=FRENCH))
    for _ in range(3):
        await parts.describe()
        await parts.clock.sleep(31)
    assert parts.asked()[-1] == "translation"
    assert parts.server.counters.calls[-1].options["seed"] == 1


async def test_what_the_server_refuses_is_not_asked_again(parts: Parts, make_photo: MakePhoto) -> None:
    parts.server.faults.set(Fault("bad-request", prompt=DESCRIPTION_WORDS))
    await parts.take_in(make_photo())
    await parts.describe()
    assert jobs(parts) == [("description", "failed", 1)]
    assert statuses(parts).keys() == {"objects", "ocr", "translation"}
    assert parts.rows("SELECT state FROM photos") == [("failed",)]


async def test_a_stumble_on_a_photo_spares_it_the_other_questions(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("server-error", prompt=DESCRIPTION_WORDS))
    await parts.take_in(make_photo())
    await parts.describe()
    assert jobs(parts) == [(prompt, "waiting", 1) for prompt in ALL[1:]]
    assert statuses(parts) == {"objects": "ok"}
    assert "ocr" not in parts.asked()


async def test_an_outage_charges_nobody_and_goes_up(parts: Parts, make_photo: MakePhoto) -> None:
    parts.server.faults.set(Fault("busy", prompt=DESCRIPTION_WORDS))
    await parts.take_in(make_photo())
    with pytest.raises(ServerAway):
        await parts.describe()
    assert jobs(parts) == [(prompt, "running", 0) for prompt in ALL[1:]]
    assert statuses(parts) == {"objects": "ok"}, "what was answered before stays"
    assert not list(parts.inbox.glob("*.json"))


# ── other choices while a photo is in hand ──


async def test_an_answer_keeps_the_version_of_the_question_that_was_asked(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("slow", prompt=DESCRIPTION_WORDS, seconds=1.0, times=1))
    asked = parts.pipeline.choices.versions[PromptName("description")]
    await parts.take_in(make_photo())
    describing = asyncio.create_task(parts.describe())
    await parts.until(lambda: "description" in parts.asked())
    parts.pipeline.choices = parts.choices(prompts={"description": {"text": "What is it?"}})
    await describing
    assert parts.rows("SELECT version FROM prompts WHERE name = 'description'") == [(asked,)]


async def test_a_prompt_that_is_taken_away_while_it_is_asked_charges_nobody(
    parts: Parts, make_photo: MakePhoto
) -> None:
    parts.server.faults.set(Fault("slow", prompt=DESCRIPTION_WORDS, seconds=1.0, times=1))
    await parts.take_in(make_photo())
    describing = asyncio.create_task(parts.describe())
    await parts.until(lambda: "description" in parts.asked())
    parts.pipeline.choices = parts.choices(prompts={"description": {"enabled": False}})
    await describing
    assert statuses(parts).keys() == set(ALL)
