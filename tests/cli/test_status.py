import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.inboxes import InboxStanding, WaitingFile, say_standings
from captiond.catalogue.intake import note_unread
from captiond.catalogue.jobs import say
from captiond.catalogue.locking import locked
from captiond.cli import app
from captiond.cli.inbox_lines import inbox_lines
from catalogue.filled import fill
from catalogue.planting import INBOX, NOW, photo

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("status") / "catalogue.db")


def status(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["status", *arguments, "--catalogue", str(path)])


def first_line(path: Path) -> str:
    return status(path).stdout.splitlines()[0]


def test_it_says_that_nothing_runs(catalogue: Path) -> None:
    counts = "4 of 8 photos done, 2 waiting, 3 need attention."
    assert first_line(catalogue) == f"Not running; 2 photos wait.  {counts}"


def test_a_daemon_that_cannot_go_on_says_why(catalogue: Path) -> None:
    with locked(catalogue):
        told = status(catalogue).stdout
    assert told.startswith("Waiting. 2 photos wait: Ollama does not answer")
    assert told.count("Ollama does not answer") == 1


def test_a_daemon_with_a_photo_in_hand_is_reading(tmp_path: Path) -> None:
    path = fill(tmp_path / "catalogue.db", in_hand=True)
    with locked(path):
        assert first_line(path).startswith("Reading.  4 of 8 photos done")


def test_a_daemon_with_nothing_to_do_is_idle(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    engine = open_to_write(path, NOW)
    with engine.begin() as connection:
        photo(connection, "a.jpg")
    close_for_readers(engine)
    with locked(path):
        assert first_line(path) == "Idle: every photo is read.  1 of 1 photo done."


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("Watching; 1 photo done", "Idle: every photo is read."),
        ("1 of 2 photos done, 1 waiting", "Idle: every photo is read."),
        ("the catalogue cannot be written: disk full", "Waiting. the catalogue cannot be written: disk full"),
        ("The inbox /photos is not there", "Waiting. The inbox /photos is not there"),
    ],
)
def test_a_daemon_without_work_tells_what_stands_in_its_way(tmp_path: Path, said: str, sentence: str) -> None:
    path = tmp_path / "catalogue.db"
    engine = open_to_write(path, NOW)
    with engine.begin() as connection:
        photo(connection, "a.jpg")
        say(connection, "daemon", said, NOW)
    close_for_readers(engine)
    with locked(path):
        assert first_line(path) == f"{sentence}  1 of 1 photo done."


def test_a_daemon_without_work_does_not_claim_to_have_read_what_it_could_not(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    engine = open_to_write(path, NOW)
    with engine.begin() as connection:
        photo(connection, "a.jpg")
        note_unread(connection, INBOX, INBOX / "b.jpg", None, state="refused", reason="damaged", now=NOW)
    close_for_readers(engine)
    with locked(path):
        told = "Idle: all that can be read is read.  1 of 1 photo done, 1 needs attention."
        assert first_line(path) == told


def test_how_far_it_is_is_told_once(tmp_path: Path) -> None:
    path = fill(tmp_path / "catalogue.db")
    engine = open_to_write(path, NOW)
    with engine.begin() as connection:
        say(connection, "daemon", "4 of 6 photos done, 2 waiting; the server has not got llava", NOW)
    close_for_readers(engine)
    with locked(path):
        counts = "4 of 8 photos done, 2 waiting, 3 need attention."
        assert first_line(path) == f"Waiting. the server has not got llava  {counts}"


def test_an_estimate_is_made_while_it_is_at_work(catalogue: Path, tmp_path: Path) -> None:
    with locked(catalogue):
        assert "Done about" not in status(catalogue).stdout
    assert "Done about" in status(fill(tmp_path / "busy.db", in_hand=True)).stdout


def test_pace_and_problems_are_listed(catalogue: Path) -> None:
    printed = status(catalogue).stdout
    assert "objects 2.5 s · description 2.5 s · ocr 2.5 s" in printed
    for problem in (
        "broken.jpg: unreadable: it ends too soon",
        "failed.jpg (ocr): failed: it was empty",
        "waiting.jpg (ocr): waiting: it looped.; again at",
        "new.heic: refused: new.heic is odd",
        "IMG_2041.jpg (sidecar): kept: edited by hand",
    ):
        assert problem in printed


def test_problems_are_limited(catalogue: Path) -> None:
    printed = status(catalogue, "--problems", "1").stdout
    assert "and 4 more: captiond status --problems 5" in printed


def test_json_has_its_shape(catalogue: Path) -> None:
    document = json.loads(status(catalogue, "--json").stdout)
    assert sorted(document) == sorted(
        [
            "sentence",
            "running",
            "in_hand",
            "photos",
            "jobs",
            "files",
            "pace",
            "remaining",
            "said",
            "inboxes",
            "last",
            "problem_count",
            "problems",
        ]
    )
    assert (document["running"], document["photos"]["done"], document["problem_count"]) == (False, 4, 5)
    assert document["said"]["daemon"]["at"] == "2026-05-01T10:00:00+00:00"


def test_an_empty_catalogue_has_a_status(tmp_path: Path) -> None:
    close_for_readers(open_to_write(tmp_path / "catalogue.db", NOW))
    assert first_line(tmp_path / "catalogue.db") == "Not running.  0 of 0 photos done."


def standing(**changes: object) -> InboxStanding:
    made = InboxStanding(
        inbox="/photos",
        state="watching",
        reason=None,
        found_by_event=1_204,
        found_by_scan=0,
        overflows=0,
        rebuilds=0,
        waiting_count=0,
        waiting=(),
        files=12_000,
        scanned_at="2026-05-01T10:00:00Z",
        scan_seconds=0.42,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_it_tells_how_an_inbox_is_watched() -> None:
    (line,) = inbox_lines(standing())
    assert line.startswith("Inbox /photos watching; scanned 2026-05-01 ")
    assert line.endswith(", 12,000 files in 0.4 s; found 1,204 by events, 0 only by scans.")


def test_it_tells_what_went_wrong_with_watching() -> None:
    (line,) = inbox_lines(
        standing(state="degraded", reason="Watches are used up.", found_by_scan=7, overflows=2, rebuilds=1)
    )
    assert "degraded: Watches are used up; scanned" in line
    assert line.endswith("7 only by scans, 2 overflows of events, watched anew 1 time.")


def test_it_names_the_files_that_keep_changing() -> None:
    waiting = tuple(
        WaitingFile(f"/photos/{number}.jpg", "writer", "A program has it open.", "2026-05-01T10:00:00Z")
        for number in range(7)
    )
    _, first, *_, last = inbox_lines(standing(waiting=waiting, waiting_count=9))
    assert first.startswith("  /photos/0.jpg: A program has it open (since 2026-05-01 ")
    assert last == "  and 4 more"


def test_inboxes_are_told_while_captiond_runs(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    engine = open_to_write(path, NOW)
    with engine.begin() as connection:
        say_standings(connection, [standing()], NOW)
    close_for_readers(engine)
    assert "Inbox" not in status(path).stdout
    with locked(path):
        assert "Inbox /photos watching;" in status(path).stdout
    (told,) = json.loads(status(path, "--json").stdout)["inboxes"]
    assert (told["found_by_event"], told["waiting"]) == (1_204, [])
