import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from captiond.cli import app
from catalogue.filled import fill
from catalogue.planting import original

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("show") / "catalogue.db", in_hand=True)


@pytest.fixture
def show(catalogue: Path) -> Call:
    return lambda *arguments: CliRunner().invoke(app, ["show", *arguments, "--catalogue", str(catalogue)])


def test_a_photo_is_shown_with_who_said_what(show: Call) -> None:
    assert show("IMG_2041").stdout.splitlines() == [
        "IMG_2041.jpg   400×300   2024-07-14 16:21   /photos/2024/kenya/",
        "objects      elephant, road sign  llava:13b, 2.5 s",
        "description  An elephant stands beside a yellow sign.  llava:13b, 2.5 s",
        "text (fr)    Attention !",
        "             Éléphants en liberté  llava:13b, 2.5 s",
        "translation  Caution!",
        "             Elephants roaming free  llava:13b, 2.5 s",
        "mood         calm  llava:13b, 2.5 s",
        "also /photos/copies/other.jpg",
        "No sidecar: edited by hand",
        "Machine-written; not checked by anyone.",
    ]


@pytest.mark.parametrize(
    "called", ["/photos/copies/other.jpg", "other", original("2024/kenya/IMG_2041.jpg").digest[:10]]
)
def test_a_photo_is_found_by_any_of_its_names(show: Call, called: str) -> None:
    assert show(called).stdout.startswith("IMG_2041.jpg")


def test_text_from_pictures_cannot_command_a_terminal(show: Call) -> None:
    assert "A giraffe\\x1b[31m\\u202e." in show("IMG_2042").stdout


def test_what_a_person_said_is_told_apart(show: Call) -> None:
    shown = show("corrected.jpg").stdout
    assert "A hippo.  a person, 2.5 s" in shown
    assert "Machine-written" not in shown


@pytest.mark.parametrize(
    ("called", "sentence"),
    [
        ("queued.jpg", "In hand: objects and ocr being asked."),
        ("waiting.jpg", "Last problem: it looped."),
        ("waiting.jpg", "Waiting: ocr, try 2 at "),
        ("failed.jpg", "Failed after 1 try of ocr: it was empty."),
        ("broken.jpg", "Unreadable: it ends too soon. It is not tried again while its bytes are the same."),
        ("clip.mov", "Not read: clip.mov is odd."),
        ("new.heic", "Not read: new.heic is odd."),
        ("gone.jpg", "No file has this picture any more (last seen "),
    ],
)
def test_it_says_why(show: Call, called: str, sentence: str) -> None:
    shown = show(called)
    assert shown.exit_code == 0
    assert sentence in shown.stdout


def test_answers_of_a_photo_that_is_gone_are_shown(show: Call) -> None:
    assert "A boat." in show("gone.jpg").stdout


def test_several_pictures_called_so_are_listed(show: Call) -> None:
    shown = show("IMG_20")
    assert shown.stdout == "/photos/2024/kenya/IMG_2041.jpg\n/photos/2024/kenya/IMG_2042.jpg\n"
    assert (shown.exit_code, shown.stderr) == (1, "2 pictures are called so; name one of them.\n")


def test_nothing_called_so_is_told(show: Call) -> None:
    shown = show("nessie")
    assert (shown.exit_code, shown.stderr) == (1, "Nothing in the catalogue is called nessie.\n")


def test_a_file_that_captiond_never_saw_is_told(show: Call, tmp_path: Path) -> None:
    (tmp_path / "stray.jpg").touch()
    assert (
        "is not in the catalogue. It lies in no inbox: captiond watches "
        in show(str(tmp_path / "stray.jpg")).stderr
    )


def test_json_of_a_photo_has_its_shape(show: Call) -> None:
    (photo,) = json.loads(show("IMG_2041", "--json").stdout)["photos"]
    assert (photo["path"], photo["why"], photo["state"], photo["width"]) == (
        "2024/kenya/IMG_2041.jpg",
        None,
        "done",
        400,
    )
    assert photo["results"]["ocr"]["language"] == "fr"
    assert [file["path"] for file in photo["files"]] == ["2024/kenya/IMG_2041.jpg", "copies/other.jpg"]


def test_json_of_a_file_without_a_photo_has_its_shape(show: Call) -> None:
    (photo,) = json.loads(show("clip.mov", "--json").stdout)["photos"]
    assert (photo["sha256"], photo["state"], photo["results"], photo["why"]) == (
        None,
        "skipped",
        {},
        "Not read: clip.mov is odd.",
    )


def test_json_of_open_jobs_has_their_tries(show: Call) -> None:
    (photo,) = json.loads(show("waiting.jpg", "--json").stdout)["photos"]
    assert photo["jobs"] == [
        {
            "prompt": "ocr",
            "state": "waiting",
            "tries": 1,
            "error": "it looped.",
            "next_try_at": "2026-05-01T11:00:00+00:00",
            "refused": None,
        }
    ]
