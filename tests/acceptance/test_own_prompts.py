"""Questions of one's own are configuration alone: a column, a word for search, an entry in the sidecar."""

import json
import os
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside
from conftest import MakePhoto

MOOD = """
[prompts.mood]
enabled = true
"""
SEASON = """
[prompts.season]
kind = "choice"
choices = ["spring", "summer", "autumn", "winter", "unknown"]
text = "In which season was this picture taken?"
"""
SHOP = """
[prompts.shop]
kind = "text"
from = "ocr"
text = "What can one buy where this is written? {text}"
"""
COUNTED = """
[prompts.colours_seen]
kind = "json"
text = "Which colours are there? Answer in JSON."

[prompts.colours_seen.schema]
type = "object"
required = ["colours"]
properties = { colours = { type = "array", items = { type = "string" } } }
"""
SIGN = """
[prompts.sign]
kind = "text"
text = "What does it forbid?"
when = { ocr = true, folder = "street*" }
"""
FINE = """
[prompts.fine]
kind = "text"
model = "{model}"
text = "Describe the fine print."
"""
ANYRES = "llava16hd"
"""A model that the simulated server has and that cuts large pictures into tiles of 576 tokens each."""


EXAMPLE = Path(__file__).resolve().parent.parent.parent / "config.example.toml"


def example_of(prompt: str) -> str:
    """Give a prompt's table from the example, without the # before its lines."""
    lines = EXAMPLE.read_text().splitlines()
    start = lines.index(f"#[prompts.{prompt}]")
    return "\n".join(line.removeprefix("#") for line in lines[start : lines.index("", start)])


def pull_by_hand(server: SimulatedServer, model: str) -> None:
    body = json.dumps({"model": model, "stream": False}).encode()
    urllib.request.urlopen(f"{server.url}/api/pull", body).close()


def asked(server: SimulatedServer) -> Counter[str]:
    """Count the questions by their first line."""
    return Counter(question["prompt"].splitlines()[0] for question in server.questions)


def test_a_prompt_becomes_a_column_a_search_word_and_a_sidecar_entry(
    impatient: Command, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photos = {name: make_photo(f"{name}.jpg", name) for name in ("red", "navy")}
    impatient.configure(MOOD + SEASON)

    assert impatient("run", "--once", inbox).returncode == 0

    for path, mood, season in impatient.rows("SELECT path, mood, season FROM photos"):
        photo = photos[path.removesuffix(".jpg")]
        assert mood in ("calm", "joyful", "tense", "sad", "neutral")
        assert season in ("spring", "summer", "autumn", "winter", "unknown")
        for word in (f"mood:{mood}", f"season:{season}"):
            assert str(photo) in impatient("search", word).stdout
        assert sidecar_of(photo)["summary"]["answers"] == {"mood": mood, "season": season}
        assert sidecar_of(photo)["results"]["season"]["value"] == season
        shown = impatient("show", photo).stdout
        assert [mood, season] == [
            line.split()[1] for line in shown.splitlines() if line.startswith(("mood", "season"))
        ]


def test_photos_read_before_are_asked_only_what_is_new(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photos = [make_photo("one.jpg"), make_photo("two.jpg", "navy")]
    impatient("run", "--once", inbox)
    before, answers = asked(server), [sidecar_of(photo)["results"] for photo in photos]
    impatient.configure(SEASON)

    assert impatient("run", "--once", inbox).returncode == 0

    assert asked(server) - before == {"In which season was this picture taken?": len(photos)}
    for photo, earlier in zip(photos, answers, strict=True):
        now = sidecar_of(photo)["results"]
        assert now.keys() - earlier.keys() == {"season"}
        assert {name: now[name] for name in earlier} == earlier


def test_a_prompt_taken_away_leaves_its_answers(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photo = make_photo()
    impatient.configure(SEASON)
    impatient("run", "--once", inbox)
    before = asked(server)
    impatient.configure("")

    assert impatient("run", "--once", inbox).returncode == 0

    assert asked(server) == before
    assert "season" in sidecar_of(photo)["results"]
    assert impatient.rows("SELECT count(season) FROM photos") == [(1,)]


def test_a_json_answer_is_kept_as_json(
    impatient: Command, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photo = make_photo()
    impatient.configure(COUNTED)

    assert impatient("run", "--once", inbox).returncode == 0

    answer = sidecar_of(photo)["summary"]["answers"]["colours_seen"]
    assert answer == {"colours": ["green", "white"]}
    assert [json.loads(row) for (row,) in impatient.rows("SELECT colours_seen FROM photos")] == [answer]
    assert impatient("search", "colours_seen:white").returncode == 0


def test_a_prompt_about_another_answer_is_asked_without_the_picture(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    shop = make_photo("shop.jpg", text="Heute frisch: Brot und Käse")
    wordless = make_photo("wordless.jpg", "navy")
    impatient.configure(SHOP)

    assert impatient("run", "--once", inbox).returncode == 0

    (question,) = [each for each in server.questions if each["prompt"].startswith("What can one buy")]
    assert question["images"] == []
    assert "Heute frisch: Brot und Käse" in question["prompt"]
    assert sidecar_of(shop)["results"]["shop"]["from"] == "ocr"
    assert sidecar_of(shop)["results"]["shop"]["status"] == "ok"
    assert sidecar_of(wordless)["results"]["shop"]["status"] == "skipped"
    assert sidecar_of(wordless)["results"]["shop"]["reason"]
    assert "shop" not in sidecar_of(wordless)["summary"].get("answers", {})


def test_a_prompt_may_have_a_model_of_its_own(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photo = make_photo()
    impatient.configure(FINE.format(model=ANYRES))

    assert impatient("run", "--once", inbox).returncode == 0

    models = {name: result.get("model") for name, result in sidecar_of(photo)["results"].items()}
    assert models["fine"]["name"] == ANYRES
    assert models["fine"]["digest"] != models["description"]["digest"]
    assert models["description"]["name"] == "llava:13b-v1.6"
    assert Counter(question["model"] for question in server.questions) == {"llava:13b-v1.6": 3, ANYRES: 1}


def test_the_picture_for_another_model_is_as_large_as_that_model_can_use(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    make_photo(size=(1200, 900))
    impatient.configure(FINE.format(model=ANYRES))
    impatient("run", "--once", inbox)

    ((tokens,),) = impatient.rows("SELECT prompt_tokens FROM results WHERE prompt = 'fine'")

    assert tokens > 5 * 576, "an overview and four tiles"


def test_a_model_that_only_a_prompt_wants_is_fetched_too(
    impatient: Command, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photo = make_photo()
    impatient.configure(FINE.format(model="qwen2.5vl:7b"))

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 0, ended.stderr
    assert 'event="fetching the model"' in ended.stderr
    assert sidecar_of(photo)["results"]["fine"]["model"]["name"] == "qwen2.5vl:7b"
    assert ended.stderr.count('event="server away"') == 0, "it was known at the start what is wanted"


def test_a_prompts_model_that_may_not_be_fetched_is_asked_for_by_name_and_the_others_go_on(
    impatient: Command, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photo = make_photo()
    impatient.configure("[ollama]\npull = false\n" + FINE.format(model="bakllava"))

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == os.EX_TEMPFAIL, "work is left"
    (warning,) = [line for line in ended.stderr.splitlines() if 'event="server warning"' in line]
    assert "has not got the model bakllava. `ollama pull bakllava` there fetches it." in warning
    assert 'event="server away"' not in ended.stderr
    assert impatient.rows("SELECT prompt, state, tries, error FROM jobs") == [("fine", "queued", 0, None)]
    assert sidecar_of(photo)["results"].keys() == {"objects", "description", "ocr", "translation"}
    assert impatient.why(photo) == "Waiting for its turn: fine."


def test_a_prompt_goes_on_by_itself_when_its_model_has_come(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photo = make_photo()
    impatient.configure("[ollama]\npull = false\n" + FINE.format(model="qwen2.5vl:7b"))
    with impatient.running(inbox):
        eventually(beside(photo).exists)
        eventually(lambda: "has not got the model qwen2.5vl:7b" in impatient("status").stdout)
        assert len(server.questions) == 3
    pull_by_hand(server, "qwen2.5vl:7b")

    assert impatient("run", "--once", inbox).returncode == 0

    assert impatient.rows("SELECT state FROM photos") == [("done",)]
    assert [question["model"] for question in server.questions[3:]] == ["qwen2.5vl:7b"]


def test_a_prompts_model_that_cannot_see_is_named_and_nobody_is_charged(
    impatient: Command, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photo = make_photo()
    impatient.configure(FINE.format(model="textonly"))
    with impatient.running(inbox) as process:
        eventually(beside(photo).exists)
        assert process.poll() is None

    (warning,) = impatient.told("server warning")
    assert "The model textonly on " in warning
    assert "cannot see pictures. Choose a vision model" in warning
    assert not impatient.told("server away")
    assert impatient.rows("SELECT sum(tries), count(error) FROM jobs") == [(0, 0)]
    assert impatient.rows("SELECT count(*) FROM results WHERE prompt = 'fine'") == [(0,)]


def test_a_model_that_cannot_see_may_translate(
    impatient: Command, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photo = make_photo(text="Heute frisch: Brot und Käse")
    impatient.configure('[prompts.translation]\nmodel = "textonly"\n')

    assert impatient("run", "--once", inbox).returncode == 0

    translation = sidecar_of(photo)["results"]["translation"]
    assert translation["model"]["name"] == "textonly"
    assert translation["value"].startswith("Today fresh")


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ('[prompts.shop]\nkind = "text"\ntext = "?"\nfrom = "smell"\n', "'smell' does not exist"),
        ('[prompts.season]\nkind = "choice"\ntext = "?"\n', "a choice needs its choices"),
        ('[prompts.season]\ntext = "?"\n', "a new prompt needs it"),
    ],
)
def test_a_prompt_that_cannot_be_asked_is_refused_in_words(
    toml: str, reason: str, impatient: Command, inbox: Path
) -> None:
    impatient.configure(toml)
    ended = impatient("run", "--once", inbox)
    assert ended.returncode == os.EX_CONFIG
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_prompt_is_asked_only_where_its_conditions_hold(
    impatient: Command, inbox: Path, make_photo: MakePhoto, server: SimulatedServer
) -> None:
    impatient.configure(SIGN)
    make_photo("street/sign.jpg", "navy", text="Halt")
    make_photo("street/plain.jpg", "green")
    make_photo("sign.jpg", "red", text="Stop")
    assert impatient("run", inbox, "--once").returncode == 0
    told = impatient.rows(
        "SELECT path, status, results.reason FROM results JOIN photos ON photos.id = photo_id"
        " WHERE prompt = 'sign' ORDER BY path"
    )
    assert [(path, status) for path, status, _ in told] == [
        ("sign.jpg", "skipped"),
        ("street/plain.jpg", "skipped"),
        ("street/sign.jpg", "ok"),
    ]
    assert told[0][2] == "it is asked only where folder has street*"
    assert told[1][2] == "it is asked only where ocr has an answer"
    assert len(server.questions) == 3 * 3 + 2 + 1


def test_the_examples_about_a_description_are_asked(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    make_photo("a.jpg", "navy")
    impatient.configure(f"{example_of('headline')}\n{example_of('in_german')}")
    assert impatient("run", "--once", inbox).returncode == 0
    current = "SELECT prompt, status FROM results WHERE current AND prompt IN ('headline', 'in_german')"
    assert sorted(impatient.rows(current)) == [("headline", "ok"), ("in_german", "ok")]
