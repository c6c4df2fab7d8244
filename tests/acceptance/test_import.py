"""The catalogue is lost: the sidecars make it again, and no model is asked."""

import json
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from acceptance.conftest import Command, SimulatedServer, beside
from conftest import MakePhoto

NOT_TOLD = {
    "photos": {"added_at", "name", "folder", "path"},
    "files": {"seen_at"},
    "results": {"raw", "checksum"},
    "jobs": {"id", "queued_at", "next_try_at", "tries", "crashes", "owner"},
}
"""What no sidecar tells, by table; of copies, not which was first."""

Rows = dict[str, list[tuple[Any, ...]]]


def rows(catalogue: Path) -> Rows:
    """All that people rely on, without the numbers of rows, which stand for the rows that they name."""
    names = {
        "photos": "SELECT CASE WHEN copies < 2 THEN path ELSE 'first or other' END, {} FROM photos t",
        "files": "SELECT (SELECT sha256 FROM photos WHERE id = t.photo_id) AS photo, {} FROM files t",
        "results": (
            "SELECT (SELECT sha256 FROM photos WHERE id = t.photo_id) AS photo,"
            " (SELECT version FROM prompts WHERE id = t.prompt_id) AS version,"
            " (SELECT name || digest FROM models WHERE id = t.model_id) AS model, {} FROM results t"
            " WHERE status <> 'rejected'"
        ),
        "models": "SELECT {} FROM models t",
        "prompts": "SELECT {} FROM prompts t",
        "objects": "SELECT (SELECT sha256 FROM photos WHERE id = t.photo_id) AS photo, {} FROM objects t",
        "jobs": "SELECT (SELECT sha256 FROM photos WHERE id = t.photo_id) AS photo, {} FROM jobs t",
    }
    with closing(sqlite3.connect(f"{catalogue.as_uri()}?mode=ro", uri=True)) as connection:
        found: Rows = {}
        for table, question in names.items():
            there = [row[1] for row in connection.execute(f"PRAGMA table_xinfo({table})")]
            left_out = {"id", "photo_id", "prompt_id", "model_id"} | NOT_TOLD.get(table, set())
            columns = ", ".join(f't."{name}"' for name in there if name not in left_out)
            found[table] = sorted(connection.execute(question.format(columns)).fetchall(), key=repr)
        return found


def sidecars(inbox: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in inbox.rglob("*.captiond.json")}


@pytest.fixture
def described(impatient: Command, inbox: Path, make_photo: MakePhoto) -> Command:
    """An inbox that was read, with a copy, a deep folder, a name that is no UTF-8 and one more prompt."""
    impatient.configure(f'inboxes = ["{inbox}"]\n[prompts.mood]\nenabled = true\n')
    make_photo("sign.jpg", "blue", text="Guten Tag")
    make_photo("deep/er/plain.png", "olive")
    copy = make_photo("copy.jpg", "blue", text="Guten Tag")
    copy.rename(os.fsdecode(os.fsencode(copy.parent) + b"/caf\xe9.jpg"))
    assert impatient("run", "--once").returncode == 0
    return impatient


def lose_catalogue(command: Command) -> None:
    for path in command.catalogue.parent.glob(command.catalogue.name + "*"):
        path.unlink()


def test_the_catalogue_is_made_again_from_the_sidecars(
    described: Command, server: SimulatedServer, inbox: Path
) -> None:
    before, written, asked = rows(described.catalogue), sidecars(inbox), len(server.questions)
    lose_catalogue(described)

    told = described("import")
    assert told.returncode == 0, told.stderr
    again = described("import", "--json")
    assert json.loads(again.stdout) | {"sidecars": 0} == {
        "sidecars": 0,
        "photos": 0,
        "results": 0,
        "edited": 0,
        "left_out": [],
    }
    assert rows(described.catalogue)["results"] == before["results"]
    assert described("run", "--once").returncode == 0

    assert rows(described.catalogue) == before
    assert sidecars(inbox) == written
    assert len(server.questions) == asked
    assert described("verify", "--files").returncode == 0


def test_a_run_with_a_new_catalogue_beside_old_sidecars_says_what_would_save_the_work(
    described: Command, inbox: Path
) -> None:
    assert "captiond import" not in described("run", "--once").stderr
    lose_catalogue(described)

    told = described("run", "--once")

    assert told.returncode == 0
    assert "an earlier one lie here" in told.stderr
    assert "captiond import" in told.stderr


def test_a_first_run_says_nothing_of_sidecars(impatient: Command, make_photo: MakePhoto) -> None:
    make_photo()
    assert "captiond import" not in impatient("run", "--once").stderr


def test_a_second_import_writes_nothing(described: Command) -> None:
    lose_catalogue(described)
    described("import")
    before = rows(described.catalogue)

    described("import")

    assert rows(described.catalogue) == before


def test_a_picture_that_is_gone_is_kept_as_missing(described: Command, inbox: Path) -> None:
    (inbox / "deep/er/plain.png").unlink()
    lose_catalogue(described)

    assert described("import").returncode == 0

    found = described.rows(
        "SELECT p.path, p.missing, p.state, f.state FROM photos p"
        " JOIN files f ON f.photo_id = p.id WHERE p.missing = 1"
    )
    assert found == [("deep/er/plain.png", 1, "done", "missing")]


def change(sidecar: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(sidecar.read_bytes())
    edit(document)
    sidecar.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def in_summary(document: dict[str, Any]) -> None:
    document["summary"]["text"] = "Guten Abend"


def in_results(document: dict[str, Any]) -> None:
    document["results"]["ocr"]["value"] = "Guten Abend"


def in_both(document: dict[str, Any]) -> None:
    in_summary(document)
    in_results(document)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("edit", "lost"),
    [
        (in_summary, True),
        (in_results, False),
        (in_both, True),
        pytest.param(in_summary, False, marks=SLOW),
        pytest.param(in_results, True, marks=SLOW),
        pytest.param(in_both, False, marks=SLOW),
    ],
)
def test_what_a_person_edited_counts_from_then_on(
    lost: bool,
    edit: Callable[[dict[str, Any]], None],
    described: Command,
    server: SimulatedServer,
    inbox: Path,
) -> None:
    asked = len(server.questions)
    change(beside(inbox / "sign.jpg"), edit)
    if lost:
        lose_catalogue(described)

    told = described("import")
    assert told.returncode == 0
    assert "1 answer edited by hand" in told.stdout
    current = "SELECT value, source FROM results WHERE prompt = 'ocr' AND current AND value IS NOT NULL"
    assert described.rows(current) == [("Guten Abend", "human")]
    assert described("run", "--once").returncode == 0

    document = json.loads(beside(inbox / "sign.jpg").read_bytes())
    assert document["summary"]["text"] == document["results"]["ocr"]["value"] == "Guten Abend"
    assert document["results"]["ocr"]["source"] == "human"
    assert len(server.questions) == asked
    assert "0 answers" in described("import").stdout
    assert described("verify").returncode == 0


def test_inboxes_that_the_catalogue_knows_need_no_naming(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    make_photo("sign.jpg", "blue", text="Guten Tag")
    assert impatient("run", "--once", inbox).returncode == 0
    change(beside(inbox / "sign.jpg"), in_both)
    told = impatient("import", beside(inbox / "sign.jpg"))
    assert (told.returncode, "1 answer edited by hand" in told.stdout) == (0, True), told.stderr
    assert "1 sidecar read" in impatient("import").stdout


def test_objects_are_edited_as_a_list(described: Command, inbox: Path) -> None:
    change(beside(inbox / "sign.jpg"), lambda document: document["summary"].update(objects=["bench", "cat"]))

    described("import")

    assert described.rows(
        "SELECT o.name FROM objects o JOIN photos p ON p.id = o.photo_id WHERE p.copies = 2 ORDER BY 1"
    ) == [("bench",), ("cat",)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not JSON"),
        (b'{"schema": "urn:other"}', "its schema"),
        (b'{"schema": "urn:captiond:sidecar:v1"}', "damaged"),
        (
            b'{"schema": "urn:captiond:sidecar:v1", "summary": {}, "state": "done", "results":'
            b' {"ocr; DROP": {}}, "image": {"file": "a", "sha256": "' + b"0" * 64 + b'", "bytes": 1}}',
            "no prompt",
        ),
    ],
)
def test_what_is_no_sidecar_of_ours_is_left_out_alone(
    content: bytes, sentence: str, described: Command, inbox: Path
) -> None:
    beside(inbox / "odd.jpg").write_bytes(content)
    lose_catalogue(described)

    told = described("import")

    assert told.returncode == 1
    assert str(beside(inbox / "odd.jpg")) in told.stderr
    assert sentence in told.stderr
    assert described.rows("SELECT count(*) FROM photos") == [(2,)]
    assert beside(inbox / "odd.jpg").read_bytes() == content


def test_a_link_or_a_pipe_is_not_followed(described: Command, inbox: Path) -> None:
    beside(inbox / "link.jpg").symlink_to(beside(inbox / "sign.jpg"))
    os.mkfifo(beside(inbox / "pipe.jpg"))

    assert described("import").returncode == 1
    assert stat.S_ISFIFO(beside(inbox / "pipe.jpg").stat().st_mode)


def test_sidecars_in_a_tree_are_found(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    impatient.configure(f'inboxes = ["{inbox}"]\nsidecars = "tree:{tree}"\n')
    long_name = "x" * 245 + ".jpg"
    make_photo(f"2024/{long_name}", "red")
    make_photo("plain.jpg", "blue")
    impatient("run", "--once")
    before, asked = rows(impatient.catalogue), len(server.questions)
    lose_catalogue(impatient)

    assert impatient("import").returncode == 0
    assert impatient("run", "--once").returncode == 0

    assert rows(impatient.catalogue) == before
    assert len(server.questions) == asked


@pytest.mark.parametrize("place", ["beside", "tree"])
def test_an_inbox_that_is_named_is_imported_with_what_lies_elsewhere(
    impatient: Command, inbox: Path, make_photo: MakePhoto, place: str
) -> None:
    sidecars = f'sidecars = "tree:{inbox.parent / "tree"}"\n' if place == "tree" else ""
    impatient.configure(f'inboxes = ["{inbox}"]\n{sidecars}')
    make_photo("x" * 245 + ".jpg", "red")
    make_photo("plain.jpg", "blue")
    impatient("run", "--once")
    lose_catalogue(impatient)

    assert impatient("import", inbox).stdout.startswith("2 sidecars read: 2 photos")


def test_a_photo_that_had_failed_rests_as_failed(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto
) -> None:
    make_photo(text="Tag")
    assert impatient("run", "--once", inbox).returncode == 0
    change(
        beside(inbox / "photo.jpg"),
        lambda document: (
            document["results"].pop("ocr"),
            document["summary"].pop("text"),
            document["summary"].pop("text_language", 0),
            document.update(state="failed", reason="it looped"),
        ),
    )
    lose_catalogue(impatient)
    asked = len(server.questions)

    assert impatient("import", inbox).returncode == 0
    assert impatient.rows("SELECT state, reason FROM photos") == [("failed", "it looped")]
    assert impatient("run", "--once", inbox).returncode == 1
    assert len(server.questions) == asked


def test_nothing_is_imported_while_captiond_runs(watching: Command, inbox: Path) -> None:
    told = watching("import", inbox)
    assert told.returncode == 75
    assert "another captiond is running" in told.stderr


def test_a_place_that_is_not_there_is_told(captiond: Command, inbox: Path) -> None:
    assert captiond("import", inbox / "none").returncode == 2
    assert captiond("import").returncode == 2
