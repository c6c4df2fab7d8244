"""`captiond retry`: what is chosen, what is told, and when a person is asked first."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from captiond.catalogue import queries
from captiond.catalogue.database import asking
from captiond.catalogue.locking import locked
from captiond.cli import app
from catalogue.filled import fill
from catalogue.planting import original

Call = Callable[..., Result]
HINT = "captiond is not running; the next `captiond run` does the rest."


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue with a failed question, an unreadable photo and a refused file."""
    return fill(tmp_path_factory.mktemp("retry") / "catalogue.db")


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(filled, tmp_path / "catalogue.db"))


@pytest.fixture
def retry(path: Path) -> Call:
    return lambda *arguments, **typed: CliRunner().invoke(
        app, ["retry", *arguments, "--catalogue", str(path)], **typed
    )


def left(path: Path) -> tuple[int, int]:
    """Count the failed questions and the unreadable photos."""
    with asking(path) as connection:
        progress = queries.progress(connection)
    return progress.jobs["failed"], progress.photos["unreadable"]


def test_all_that_failed_is_asked_again(retry: Call, path: Path) -> None:
    done = retry("--failed")
    assert done.exit_code == 0
    assert done.stdout == "1 photo to ask again: 1 question (ocr 1).\n"
    assert done.stderr == f"{HINT}\n"
    assert left(path) == (0, 1)


def test_all_that_could_not_be_read_is_read_again(retry: Call, path: Path) -> None:
    assert retry("--unreadable").stdout == "2 pictures to read again.\n"
    assert left(path) == (1, 0)


@pytest.mark.parametrize("dry", [True, False])
def test_both_at_once_and_dry_changes_nothing(retry: Call, path: Path, dry: bool) -> None:
    done = retry("--failed", "--unreadable", *["--dry-run"] * dry)
    told = "1 photo to ask again: 1 question (ocr 1). 2 pictures to read again.\n"
    assert done.stdout == ("Not done: " if dry else "") + told
    assert (HINT in done.stderr) != dry
    assert left(path) == ((1, 1) if dry else (0, 0))


@pytest.mark.parametrize(
    ("called", "told"),
    [
        ("failed.jpg", "1 photo to ask again: 1 question (ocr 1).\n"),
        (original("failed.jpg").digest[:12], "1 photo to ask again: 1 question (ocr 1).\n"),
        ("broken.jpg", "1 picture to read again.\n"),
        ("new.heic", "1 picture to read again.\n"),
    ],
)
def test_what_is_named_is_tried_again_whatever_is_wrong_with_it(retry: Call, called: str, told: str) -> None:
    done = retry(called)
    assert (done.exit_code, done.stdout) == (0, told)


def test_several_can_be_named(retry: Call, path: Path) -> None:
    done = retry("failed.jpg", "broken.jpg", "new.heic")
    assert done.stdout == "1 photo to ask again: 1 question (ocr 1). 2 pictures to read again.\n"
    assert left(path) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--reason", "was empty"), True),
        (("--reason", "WAS EMPTY"), True),
        (("--reason", "looped"), False),
        (("--prompt", "ocr"), True),
        (("--prompt", "objects"), False),
        (("--prompt", "objects", "--prompt", "ocr"), True),
        (("failed.jpg", "--prompt", "objects"), False),
        (("--unreadable", "--reason", "too soon"), True),
        (("--unreadable", "--reason", "was empty"), False),
        (("queued.jpg",), False),
        (("waiting.jpg",), False),
        (("failed.jpg", "--unreadable"), False),
        (("broken.jpg", "--failed"), False),
    ],
)
def test_less_can_be_chosen(retry: Call, arguments: tuple[str, ...], found: bool) -> None:
    done = retry(*arguments)
    assert done.exit_code == (0 if found else 1)
    assert ("Nothing to try again." in done.stderr) != found


def test_a_name_that_nothing_has_changes_nothing(retry: Call, path: Path) -> None:
    done = retry("failed.jpg", "no such picture")
    assert done.exit_code == 1
    assert done.stderr == "Nothing in the catalogue is called no such picture.\n"
    assert left(path) == (1, 1)


def test_a_prompt_that_nobody_was_asked_is_no_empty_wish(retry: Call, path: Path) -> None:
    done = retry("--prompt", "ocrr")
    assert done.exit_code == 2
    assert "no photo was asked ocrr; there are description" in " ".join(done.stderr.split())
    assert left(path) == (1, 1)


def test_a_name_that_several_have_changes_nothing(retry: Call, path: Path) -> None:
    done = retry("e")
    assert done.exit_code == 1
    assert "/photos/failed.jpg" in done.stdout
    assert "pictures are called e; name one of them." in done.stderr
    assert left(path) == (1, 1)


def test_without_any_choice_it_says_what_it_wants(retry: Call) -> None:
    done = retry()
    assert done.exit_code == 2
    assert "--failed" in done.stderr


def test_json_has_its_shape(retry: Call) -> None:
    told = {"photos": 1, "questions": {"ocr": 1}, "pictures": 2}
    assert json.loads(retry("--failed", "--unreadable", "--dry-run", "--json").stdout) == {
        "dry_run": True,
        **told,
    }
    done = retry("--failed", "--unreadable", "--json")
    assert json.loads(done.stdout) == {"dry_run": False, **told}
    nothing = retry("--failed", "--json")
    assert nothing.exit_code == 1
    assert json.loads(nothing.stdout)["questions"] == {}


@pytest.fixture
def _at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captiond.cli.output.at_keyboard", lambda: True)


@pytest.mark.parametrize(("typed", "changed"), [("y\n", True), ("n\n", False), ("", False)])
@pytest.mark.usefixtures("_at_a_terminal")
def test_a_person_is_asked_before_everything_is_tried_again(
    retry: Call, path: Path, typed: str, changed: bool
) -> None:
    done = retry("--failed", input=typed)
    assert "1 photo to ask again: 1 question (ocr 1). Go on?" in done.stdout
    assert done.exit_code == (0 if changed else 1)
    assert left(path) == ((0, 1) if changed else (1, 1))


@pytest.mark.parametrize("arguments", [("--failed", "--yes"), ("failed.jpg",), ("--failed", "--json")])
@pytest.mark.usefixtures("_at_a_terminal")
def test_a_person_who_was_exact_is_not_asked(retry: Call, path: Path, arguments: tuple[str, ...]) -> None:
    assert retry(*arguments).exit_code == 0
    assert left(path) == (0, 1)


def test_a_captiond_that_does_not_listen_is_told_of(
    retry: Call, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captiond.orders.START_SECONDS", 0.1)
    with locked(path):
        done = retry("--failed")
    assert "takes no orders" in str(done.exception)
    assert left(path) == (1, 1)
