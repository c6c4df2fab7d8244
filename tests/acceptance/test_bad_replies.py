"""An answer is an answer: whatever a server sends that is none is never kept as one."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside
from conftest import MakePhoto

SPOILED = {
    "blank": ({"kind": "whitespace"}, "broke off in the middle"),
    "empty": ({"kind": "empty"}, "the reply is empty"),
    "thought": ({"kind": "thinking"}, "the reply is only thinking, without an answer"),
    "loop": ({"kind": "loop"}, "the reply repeats itself"),
    "flood": ({"kind": "hashes"}, "broke off in the middle"),
    "refusal": ({"kind": "refusal"}, "the model refused to answer"),
    "blind": (
        {"kind": "same", "text": "I don't see an image. Please upload it."},
        "the model refused to answer",
    ),
    "echo": ({"kind": "echo"}, "the reply repeats the question"),
    "promise": ({"kind": "same", "text": "```\n\n```"}, "the reply has no words"),
    "no_frame": ({"kind": "zero-frames"}, "ended the reply before its first word"),
    "no_end": ({"kind": "no-done"}, "broke off in the middle"),
    "false_end": ({"kind": "done-false"}, "broke off in the middle"),
}
"""Prompts of one test, what is done to the replies to each, and the reason that people read."""
HALVES = (
    "eof-mid-stream",
    "reset-mid-stream",
    "cut-chunk",
    "no-done",
    "done-false",
    "zero-frames",
    "garbage-line",
    "invalid-utf8",
    "long-line",
    "error-line",
    "kill-runner",
    "eof",
    "reset",
)
DESCRIBE = "Describe this picture"
LIST = "List the physical things"
ONLY_DESCRIPTION = "".join(
    f"[prompts.{name}]\nenabled = false\n" for name in ("objects", "ocr", "translation")
)
SECRET = "xyzzy error words of the server"


def prompts(names: Iterable[str]) -> str:
    tables = (
        f'[prompts.{name}]\nkind = "text"\ntext = "Question {name}: say what can be seen here."\n'
        for name in names
    )
    return ONLY_DESCRIPTION + "[prompts.description]\nenabled = false\n" + "".join(tables)


def one_try(captiond: Command, inbox: Path, eventually: Eventually, photos: int = 1) -> None:
    """Let captiond try everything that is due once, and stop it before the next try."""
    captiond.let_time_pass()
    (captiond.home / "log").unlink(missing_ok=True)
    open_jobs = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running') OR next_try_at < '2001'"
    with captiond.running(inbox) as process:
        eventually(lambda: captiond.told("server ready"))
        eventually(lambda: captiond.rows("SELECT count(*) FROM photos") == [(photos,)])
        eventually(lambda: captiond.rows(open_jobs) == [(0,)])
        process.terminate()
        assert process.wait(10) == 0


def everything_kept(captiond: Command) -> str:
    """Give all that the catalogue holds as an answer, as one text."""
    answers = captiond.rows("SELECT value, content FROM results WHERE status <> 'rejected'")
    shown = captiond.rows("SELECT description, objects, text, translation, answers FROM photos")
    return str([*answers, *shown])


def test_replies_that_are_no_answers_are_rejected_with_the_reason(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    eventually: Eventually,
) -> None:
    photo = make_photo()
    short = '[prompts.short]\nkind = "text"\nnum_predict = 5\ntext = "Question short: describe everything."\n'
    impatient.configure(prompts(SPOILED) + short)
    server.plant(*({**fault, "prompt": f"Question {name}:"} for name, (fault, _) in SPOILED.items()))

    one_try(impatient, inbox, eventually)

    rejected = dict(impatient.rows("SELECT prompt, reason FROM results"))
    expected = {name: reason for name, (_, reason) in SPOILED.items()}
    expected["short"] = "the reply was cut off after 5 tokens"
    assert rejected.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in rejected[name], name
    assert impatient.rows("SELECT DISTINCT status, value, content, current FROM results") == [
        ("rejected", None, None, 0)
    ]
    assert impatient.rows("SELECT answers, description FROM photos") == [("{}", None)]
    assert impatient.rows("SELECT raw FROM results WHERE prompt = 'refusal'")[0][0].startswith("I'm sorry")
    assert impatient.rows("SELECT DISTINCT state, tries FROM jobs") == [("waiting", 1)]
    assert not beside(photo).exists(), "there is nothing to tell yet"


def test_a_good_reply_to_a_further_try_wins(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    photo = make_photo()
    server.plant({"kind": "refusal", "prompt": DESCRIBE, "times": 1})
    one_try(impatient, inbox, eventually)
    assert sidecar_of(photo)["results"].keys() == {"objects", "ocr", "translation"}
    assert "Last problem: description: the model refused to answer." in (impatient.why(photo) or "")

    one_try(impatient, inbox, eventually)

    assert sidecar_of(photo)["state"] == "done"
    assert sidecar_of(photo)["results"]["description"]["value"].startswith("A softly lit wide picture")
    assert impatient.why(photo) is None
    tried = "SELECT status, current FROM results WHERE prompt = 'description' ORDER BY id"
    assert impatient.rows(tried) == [("rejected", 0), ("ok", 1)]
    assert "sorry" not in everything_kept(impatient)
    first, second = [each["options"] for each in server.questions if each["prompt"].startswith(DESCRIBE)]
    assert first["seed"] != second["seed"], "the same seed at no temperature would only say the same"
    assert second["temperature"] > first["temperature"]


def test_after_three_tries_a_photo_rests_as_failed_with_the_reason(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    photo, other = make_photo(), make_photo("other.jpg", "navy")
    impatient.configure("[prompts.objects]\nenabled = false\n")
    server.plant({"kind": "loop", "prompt": DESCRIBE})
    for _ in range(3):
        one_try(impatient, inbox, eventually, photos=2)

    asked = len(server.questions)
    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 1
    assert len(server.questions) == asked, "it rests"
    for failed in (photo, other):
        assert (impatient.why(failed) or "").startswith("Failed after 3 tries of description: ")
        sidecar = sidecar_of(failed)
        assert sidecar["state"] == "failed"
        assert "repeats itself" in sidecar["reason"]
        assert "description" not in sidecar["results"]
        assert "description" not in sidecar["summary"]
        assert sidecar["results"]["ocr"]["status"] == "empty", "what could be answered is kept"
    assert impatient.rows("SELECT status, count(*) FROM results WHERE prompt = 'description'") == [
        ("rejected", 6)
    ]


def test_half_a_reply_is_never_taken_for_a_whole_one(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    eventually: Eventually,
) -> None:
    colours = ("red", "navy", "olive", "purple", "teal", "orange")
    photos = [make_photo(f"{colour}.jpg", colour) for colour in colours]
    impatient.configure(ONLY_DESCRIPTION)
    once: dict[str, Any] = {"prompt": DESCRIBE, "times": 1, "after_frames": 2, "size_bytes": 2_000_000}
    server.plant(*({"kind": kind, **once} for kind in HALVES))

    for _ in range(4):
        one_try(impatient, inbox, eventually, photos=len(photos))

    assert server.counters["faults"] == len(HALVES), "each fault has struck"
    described = impatient.rows("SELECT state, description FROM photos")
    assert {state for state, _ in described} == {"done"}
    assert all(text.startswith("A ") and text.endswith(" percent.") for _, text in described)
    assert impatient.rows("SELECT count(*) FROM results WHERE status = 'ok'") == [(len(photos),)]
    assert impatient.rows("SELECT DISTINCT value FROM results WHERE status = 'rejected'") == [(None,)]


@pytest.mark.parametrize("kind", ["server-error", "bad-request", "error-line"])
def test_the_words_of_an_error_never_become_a_caption(
    *,
    kind: str,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    photo = make_photo()
    server.plant({"kind": kind, "prompt": DESCRIBE, "text": SECRET})

    one_try(impatient, inbox, eventually)

    assert SECRET in (impatient.why(photo) or ""), "the reason is told"
    assert "xyzzy" not in everything_kept(impatient)
    assert impatient.rows("SELECT count(*) FROM results WHERE prompt = 'description'") == [(0,)]
    assert impatient("search", "xyzzy").returncode == 1
    assert "xyzzy" not in str(sidecar_of(photo)["summary"])


def test_words_around_an_answer_are_taken_off(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
) -> None:
    sign, wordless = make_photo(text="Heute frisch: Brot und Käse"), make_photo("wordless.jpg", "navy")
    server.plant({"kind": "preamble"})

    assert impatient("run", "--once", inbox).returncode == 0

    assert sidecar_of(sign)["summary"]["text"] == "Heute frisch: Brot und Käse"
    assert sidecar_of(sign)["summary"]["description"].startswith("A softly lit wide picture")
    assert sidecar_of(wordless)["results"]["ocr"]["status"] == "empty"
    assert "Here is the answer" not in everything_kept(impatient)


@pytest.mark.parametrize("kind", ["cut-json", "wrong-schema", "echo"])
def test_a_list_that_is_none_is_not_kept(
    *,
    kind: str,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    eventually: Eventually,
) -> None:
    make_photo()
    server.plant({"kind": kind, "prompt": LIST})

    one_try(impatient, inbox, eventually)

    assert impatient.rows("SELECT status FROM results WHERE prompt = 'objects'") == [("rejected",)]
    assert impatient.rows("SELECT name FROM objects") == []
