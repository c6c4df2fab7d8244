"""Sidecars that are due: written where they belong, left alone, put elsewhere, or kept waiting."""

import asyncio
import json
import os
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

import daemon_parts
from captiond import outbox
from captiond.catalogue import results, sidecars_left
from captiond.model import Answer, PromptName, Result, SidecarPlace, Source, Status
from captiond.outbox import Outbox
from captiond.sidecars import SidecarPlaces
from conftest import MakePhoto
from daemon_parts import VERSION, Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

LONG_NAME = f"{'n' * 246}.jpg"
"""A picture may be called so, its sidecar beside it may not."""


def sidecar_of(picture: Path) -> Path:
    return picture.with_name(f"{picture.name}.captiond.json")


def read(sidecar: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(sidecar.read_bytes())
    return content


def due(parts: Parts) -> list[str]:
    return [path for (path,) in parts.rows("SELECT path FROM files WHERE sidecar_dirty > 0 ORDER BY path")]


def reasons(parts: Parts) -> dict[str, str | None]:
    return dict(parts.rows("SELECT path, sidecar_reason FROM files"))


def places(parts: Parts, kind: str = "beside", folder: Path | None = None) -> SidecarPlaces:
    place = SidecarPlace(kind, folder)  # type: ignore[arg-type]
    return SidecarPlaces({parts.inbox: place}, parts.inbox.parent / "sidecars")


async def answered(parts: Parts, *pictures: Path) -> None:
    """Have the pictures described, and their sidecars due."""
    chosen = parts.pipeline.choices
    parts.pipeline.choices = replace(chosen, sidecars=places(parts, "off"))
    await parts.take_in(*pictures)
    for _ in pictures:
        await parts.describe()
    parts.pipeline.choices = chosen
    await soil(parts)


async def soil(parts: Parts) -> None:
    await parts.catalogue.write(lambda writer: writer.exec_driver_sql("UPDATE files SET sidecar_dirty = 1"))


async def learn(parts: Parts, answer: str) -> None:
    """Add an answer to the first photo, which makes its sidecar due again."""
    prompt = next(prompt for prompt in parts.pipeline.choices.prompts if prompt.name == "description")
    said = Result(
        PromptName("description"),
        "1",
        Source.HUMAN,
        Answer(Status.OK, answer),
        parts.clock.now(),
    )
    await parts.catalogue.write(results.add_result, 1, prompt, said)


async def test_what_is_due_is_written_and_due_no_more(parts: Parts, make_photo: MakePhoto) -> None:
    pictures = [make_photo("a.jpg", "red"), make_photo("2024/b.jpg", "blue")]
    await answered(parts, *pictures)
    assert await parts.outbox.write_due(places(parts)) == 2
    assert [read(sidecar_of(picture))["state"] for picture in pictures] == ["done", "done"]
    assert read(sidecar_of(pictures[0]))["generator"] == {"name": "captiond", "version": VERSION}
    assert due(parts) == []
    assert await parts.outbox.write_due(places(parts)) == 0


async def test_one_photo_alone_can_be_written(parts: Parts, make_photo: MakePhoto) -> None:
    await answered(parts, make_photo("a.jpg", "red"), make_photo("b.jpg", "blue"))
    assert await parts.outbox.write_due(places(parts), [2]) == 1
    assert due(parts) == ["a.jpg"]


async def test_all_are_written_however_many_they_are(
    parts: Parts, make_photo: MakePhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PAGE", 3)
    first = make_photo("0.jpg")
    copies = [Path(shutil.copy(first, parts.inbox / f"{number}.jpg")) for number in range(1, 8)]
    await answered(parts, first)
    chosen = parts.pipeline.choices
    parts.pipeline.choices = replace(chosen, sidecars=places(parts, "off"))
    await parts.take_in(*copies)
    await soil(parts)
    assert await parts.outbox.write_due(places(parts)) == 8
    assert due(parts) == []


async def test_a_photo_that_is_in_hand_waits(parts: Parts, make_photo: MakePhoto) -> None:
    await answered(parts, make_photo())
    await parts.catalogue.write(
        lambda writer: writer.exec_driver_sql(
            "INSERT INTO jobs (photo_id, prompt, state, queued_at) VALUES (1, 'mood', 'running', '')"
        )
    )
    assert await parts.outbox.write_due(places(parts)) == 0


async def test_a_new_answer_replaces_our_own_sidecar(parts: Parts, make_photo: MakePhoto) -> None:
    picture = make_photo()
    await answered(parts, picture)
    await parts.outbox.write_due(places(parts))
    await learn(parts, "A field.")
    await parts.outbox.write_due(places(parts))
    assert read(sidecar_of(picture))["summary"]["description"] == "A field."  # type: ignore[index]
    assert reasons(parts) == {"photo.jpg": None}


async def test_a_sidecar_that_was_edited_is_left_alone_with_its_reason(
    parts: Parts, make_photo: MakePhoto
) -> None:
    picture = make_photo()
    await answered(parts, picture)
    await parts.outbox.write_due(places(parts))
    edited = sidecar_of(picture).read_bytes().replace(b'"state": "done"', b'"state": "mine"')
    sidecar_of(picture).write_bytes(edited)
    await learn(parts, "A field.")
    await parts.outbox.write_due(places(parts))
    assert sidecar_of(picture).read_bytes() == edited
    assert "was edited by hand" in (reasons(parts)["photo.jpg"] or "")
    assert parts.said("sidecar left alone")
    assert due(parts) == []


async def test_a_sidecar_that_moved_along_with_its_picture_is_known(
    parts: Parts, make_photo: MakePhoto
) -> None:
    picture = make_photo("2024/a.jpg")
    await answered(parts, picture)
    await parts.outbox.write_due(places(parts))
    moved = picture.parent.rename(parts.inbox / "2025") / "a.jpg"
    await learn(parts, "A field.")
    await parts.take_in(moved)
    assert read(sidecar_of(moved))["summary"]["description"] == "A field."  # type: ignore[index]
    assert reasons(parts)["2025/a.jpg"] is None


async def test_one_that_moved_along_with_a_picture_that_is_another_by_now_is_replaced(
    parts: Parts, make_photo: MakePhoto
) -> None:
    picture = make_photo("2024/a.jpg")
    await answered(parts, picture)
    await parts.outbox.write_due(places(parts))
    picture.parent.rename(parts.inbox / "2025")
    moved = make_photo("2025/a.jpg", "navy")
    await answered(parts, moved)
    await parts.outbox.write_due(places(parts))
    assert read(sidecar_of(moved))["image"]["sha256"] == sha256(moved.read_bytes()).hexdigest()  # type: ignore[index]
    assert reasons(parts)["2025/a.jpg"] is None


async def test_one_that_was_edited_and_moved_along_is_left_alone(parts: Parts, make_photo: MakePhoto) -> None:
    picture = make_photo("2024/a.jpg")
    await answered(parts, picture)
    await parts.outbox.write_due(places(parts))
    edited = sidecar_of(picture).read_bytes().replace(b"bright", b"gloomy")
    sidecar_of(picture).write_bytes(edited)
    moved = picture.parent.rename(parts.inbox / "2025") / "a.jpg"
    await parts.take_in(moved)
    assert sidecar_of(moved).read_bytes() == edited
    assert reasons(parts)["2025/a.jpg"]


async def test_a_tree_that_was_away_and_comes_back_is_known(
    parts: Parts, make_photo: MakePhoto, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    await answered(parts, make_photo("a.jpg"))
    await parts.outbox.write_due(places(parts, "tree", tree))
    away = tree.rename(tmp_path / "away")
    await learn(parts, "A field.")
    await parts.outbox.write_due(places(parts, "tree", tree))
    assert parts.said("sidecar elsewhere")
    away.rename(tree)
    await learn(parts, "A meadow.")
    await parts.outbox.write_due(places(parts, "tree", tree))
    assert read(tree / "a.jpg.captiond.json")["summary"]["description"] == "A meadow."  # type: ignore[index]
    assert reasons(parts) == {"a.jpg": None}


async def test_nothing_is_written_into_the_bare_folder_under_a_tree_whose_disk_is_away(
    parts: Parts, make_photo: MakePhoto, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    await answered(parts, make_photo("a.jpg"))
    await parts.outbox.write_due(places(parts, "tree", tree))
    disk = tree.rename(tmp_path / "disk")
    tree.mkdir()
    await parts.catalogue.write(sidecars_left.note_device, tree, tree.stat().st_dev + 1)
    await learn(parts, "A field.")
    await parts.outbox.write_due(places(parts, "tree", tree))
    assert list(tree.iterdir()) == []
    assert due(parts) == ["a.jpg"]
    assert "is the right one mounted?" in str(reasons(parts)["a.jpg"])

    tree.rmdir()
    disk.rename(tree)
    await parts.outbox.write_due(places(parts, "tree", tree))
    assert read(tree / "a.jpg.captiond.json")["summary"]["description"] == "A field."  # type: ignore[index]
    assert reasons(parts) == {"a.jpg": None}


async def test_a_tree_that_was_emptied_on_its_own_disk_is_filled_again(
    parts: Parts, make_photo: MakePhoto, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    await answered(parts, make_photo("a.jpg"))
    await parts.outbox.write_due(places(parts, "tree", tree))
    sidecar = tree / "a.jpg.captiond.json"
    sidecar.unlink()
    await learn(parts, "A field.")
    await parts.outbox.write_due(places(parts, "tree", tree))
    assert sidecar.exists()


async def test_a_foreign_file_is_left_alone(parts: Parts, make_photo: MakePhoto) -> None:
    picture = make_photo()
    sidecar_of(picture).write_text("my own notes")
    await answered(parts, picture)
    await parts.outbox.write_due(places(parts))
    assert sidecar_of(picture).read_text() == "my own notes"
    assert "is not a sidecar" in (reasons(parts)["photo.jpg"] or "")


async def test_sidecars_may_go_to_a_tree(parts: Parts, make_photo: MakePhoto, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    await answered(parts, make_photo("2024/a.jpg"))
    await parts.outbox.write_due(places(parts, "tree", tree))
    assert read(tree / "2024" / "a.jpg.captiond.json")["state"] == "done"
    assert not list(parts.inbox.rglob("*.json"))


async def test_without_sidecars_nothing_is_due(parts: Parts, make_photo: MakePhoto) -> None:
    await answered(parts, make_photo())
    await parts.outbox.write_due(places(parts, "off"))
    assert due(parts) == []
    assert not list(parts.inbox.parent.rglob("*.json")), "neither there nor elsewhere"


async def test_the_sidecars_of_an_inbox_that_nobody_watches_stay_due(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await answered(parts, make_photo())
    watched = places(parts)
    assert await parts.outbox.write_due(replace(watched, of_inbox={})) == 0
    assert due(parts) == ["photo.jpg"]
    assert await parts.outbox.write_due(watched) == 1


async def test_a_name_that_is_too_long_goes_elsewhere(parts: Parts, make_photo: MakePhoto) -> None:
    await answered(parts, make_photo(LONG_NAME))
    await parts.outbox.write_due(places(parts))
    (sidecar,) = (parts.inbox.parent / "sidecars").rglob("*.captiond.json")
    assert read(sidecar)["image"]["file"] == LONG_NAME  # type: ignore[index]
    assert due(parts) == []


async def test_a_folder_whose_sidecars_go_elsewhere_is_told_once(parts: Parts, make_photo: MakePhoto) -> None:
    for colour, folder in (("red", "2024"), ("green", "2024"), ("blue", "2025")):
        await answered(parts, make_photo(f"{folder}/{colour}{LONG_NAME[len(colour) :]}", colour))
    assert await parts.outbox.write_due(places(parts)) == 3
    told = [Path(line["file"]).parent.name for line in parts.said("sidecar elsewhere")]
    assert told == ["2024", "2025"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_an_inbox_that_takes_no_files_has_its_sidecars_elsewhere(
    parts: Parts, make_photo: MakePhoto
) -> None:
    await answered(parts, make_photo("a.jpg"))
    parts.inbox.chmod(0o555)
    try:
        await parts.outbox.write_due(places(parts))
    finally:
        parts.inbox.chmod(0o755)
    (sidecar,) = (parts.inbox.parent / "sidecars").rglob("*.captiond.json")
    assert read(sidecar)["state"] == "done"
    assert parts.said("sidecar elsewhere")


async def test_what_cannot_be_written_anywhere_waits_with_its_reason_and_holds_up_no_other(
    parts: Parts, make_photo: MakePhoto
) -> None:
    no_folder = parts.inbox.parent / "no folder"
    no_folder.touch()
    nowhere = replace(places(parts), fallback=no_folder / "sidecars")
    other = make_photo("2024/other.jpg", "red")
    await answered(parts, make_photo(LONG_NAME), other)
    assert await parts.outbox.write_due(nowhere) == 1
    assert await parts.outbox.write_due(nowhere) == 0
    assert due(parts) == [LONG_NAME]
    assert "takes no sidecar" in (reasons(parts)[LONG_NAME] or "")
    assert len(parts.said("sidecars wait")) == 1, "it is told once"
    await parts.outbox.write_due(places(parts))
    assert (due(parts), reasons(parts)[LONG_NAME]) == ([], None)


async def test_a_picture_that_is_away_takes_its_sidecar_along(parts: Parts, make_photo: MakePhoto) -> None:
    picture = make_photo("2024/a.jpg")
    await answered(parts, picture)
    away = picture.parent.rename(parts.inbox / "2025")
    assert await parts.outbox.write_due(places(parts)) == 0
    assert due(parts) == ["2024/a.jpg"]
    away.rename(picture.parent)
    assert await parts.outbox.write_due(places(parts)) == 1


async def test_what_a_crash_left_unfinished_is_tidied_away(parts: Parts, make_photo: MakePhoto) -> None:
    picture = make_photo()
    await answered(parts, picture)
    (parts.inbox / ".captiond-0123456789abcdef.part").write_text("{")
    await parts.outbox.write_due(places(parts))
    assert sorted(path.name for path in parts.inbox.iterdir()) == ["photo.jpg", "photo.jpg.captiond.json"]


async def test_two_rounds_at_once_do_no_harm(parts: Parts, make_photo: MakePhoto) -> None:
    pictures = [make_photo(f"{number}.jpg", f"rgb({number * 50}, 90, 30)") for number in range(4)]
    await answered(parts, *pictures)
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(parts.outbox.write_due(places(parts)))
    assert due(parts) == []
    assert set(reasons(parts).values()) == {None}


async def test_a_sidecar_that_was_written_meanwhile_is_no_strangers(
    parts: Parts, make_photo: MakePhoto
) -> None:
    picture = make_photo()
    await answered(parts, picture)
    await parts.outbox._turn.acquire()
    late = asyncio.create_task(parts.outbox.write_due(places(parts)))
    await parts.clock.sleep(1)
    await Outbox(parts.catalogue, parts.log, VERSION).write_due(places(parts))
    await learn(parts, "A field.")
    parts.outbox._turn.release()
    await late
    await parts.outbox.write_due(places(parts))
    assert read(sidecar_of(picture))["summary"]["description"] == "A field."  # type: ignore[index]
    assert reasons(parts) == {"photo.jpg": None}
