import os
from pathlib import Path

import pytest
from sqlalchemy import Connection

from captiond.catalogue.intake import note_missing, note_unread
from captiond.catalogue.jobs import charge
from captiond.catalogue.lookup import look_up
from catalogue.planting import INBOX, NOW, OBJECTS, original, photo, plant


@pytest.fixture
def filled(connection: Connection) -> Connection:
    for name in (
        "2024/IMG_1.jpg",
        "2025/IMG_1.jpg",
        "2025/IMG_12.png",
        "img/50%_off.jpg",
        os.fsdecode(b"caf\xe9.jpg"),
    ):
        plant(connection, name)
    plant(connection, "copies/other.jpg", content=b"2025/IMG_12.png")
    note_unread(connection, INBOX, INBOX / "clip.mov", None, state="skipped", reason="no picture", now=NOW)
    return connection


@pytest.mark.parametrize(
    ("called", "paths"),
    [
        ("/photos/2024/IMG_1.jpg", ["2024/IMG_1.jpg"]),
        ("2024/IMG_1.jpg", ["2024/IMG_1.jpg"]),
        ("../photos/./2024/IMG_1.jpg", ["2024/IMG_1.jpg"]),
        ("IMG_1.jpg", ["2024/IMG_1.jpg", "2025/IMG_1.jpg"]),
        ("img_12", ["2025/IMG_12.png"]),
        ("IMG_1", ["2024/IMG_1.jpg", "2025/IMG_1.jpg", "2025/IMG_12.png"]),
        ("IMG", ["2024/IMG_1.jpg", "2025/IMG_1.jpg", "2025/IMG_12.png"]),
        ("0%_o", ["img/50%_off.jpg"]),
        ("other.jpg", ["2025/IMG_12.png"]),
        ("clip.mov", ["clip.mov"]),
        (os.fsdecode(b"caf\xe9.jpg"), ["caf\\xe9.jpg"]),
        (os.fsdecode(b"caf\xe9"), ["caf\\xe9.jpg"]),
        (original("2025/IMG_1.jpg").digest[:8], ["2025/IMG_1.jpg"]),
        (original("2025/IMG_1.jpg").digest.upper(), ["2025/IMG_1.jpg"]),
        ("nothing", []),
        ("2024", []),
    ],
)
def test_a_picture_is_found_by_what_people_call_it(filled: Connection, called: str, paths: list[str]) -> None:
    assert [known.path for known in look_up(filled, called, Path("/photos"))] == paths


def test_a_path_through_a_link_is_found(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/photos")
    plant(connection, "a.jpg")
    assert len(look_up(connection, "link/a.jpg", tmp_path)) == 1


def test_finds_are_limited(filled: Connection) -> None:
    assert len(look_up(filled, "IMG", Path("/"), limit=2)) == 2


def test_a_photo_comes_with_its_files_and_jobs(connection: Connection) -> None:
    photo_id = plant(connection, "a.jpg", prompts=(OBJECTS,))
    plant(connection, "b.jpg", content=b"a.jpg", prompts=())
    note_missing(connection, [INBOX / "b.jpg"])
    charge(connection, photo_id, [OBJECTS], reason="it looped", tries_allowed=3, next_try_at=NOW)
    (known,) = look_up(connection, "b.jpg", Path("/"))
    assert [(file.path, file.state) for file in known.files] == [("a.jpg", "known"), ("b.jpg", "missing")]
    assert [(job.prompt, job.tries, job.error, job.next_try_at) for job in known.jobs] == [
        (OBJECTS, 1, "it looped", NOW)
    ]


def test_a_file_that_holds_no_photo_has_its_reason(filled: Connection) -> None:
    (known,) = look_up(filled, "clip.mov", Path("/"))
    assert (known.entry, known.files[0].state, known.files[0].reason) == (None, "skipped", "no picture")


def test_a_photo_that_is_done_has_its_answers(connection: Connection) -> None:
    photo(connection, "a.jpg", description="A dog.")
    (known,) = look_up(connection, "a.jpg", Path("/"))
    assert known.entry is not None
    assert [each.answer.value for each in known.entry.results if each.prompt == "description"] == ["A dog."]


@pytest.mark.parametrize("length", [300, 5_000, 60_000])
def test_a_name_that_no_file_can_have_is_nothing(connection: Connection, length: int) -> None:
    photo(connection, "a.jpg")
    assert look_up(connection, "x" * length, Path("/")) == []
