"""Sidecars that were removed come back, and those of renamed pictures do not stay behind."""

from pathlib import Path

import pytest

import daemon_parts
from captiond.catalogue.intake import note_missing
from captiond.model import SidecarPlace
from captiond.sidecars import SidecarPlaces
from captiond.tidying import LEAST_PAUSE_SECONDS, Tidying
from conftest import MakePhoto
from daemon_parts import Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts


@pytest.fixture
def tidying(parts: Parts) -> Tidying:
    return Tidying(parts.catalogue, parts.clock, parts.log)


@pytest.fixture
async def picture(parts: Parts, make_photo: MakePhoto) -> Path:
    """A picture that is done, with its sidecar."""
    made = make_photo("2024/a.jpg")
    await parts.take_in(made)
    await parts.describe()
    assert sidecar_of(made).exists()
    return made


def sidecar_of(picture: Path) -> Path:
    return picture.with_name(f"{picture.name}.captiond.json")


def due(parts: Parts) -> list[str]:
    return [path for (path,) in parts.rows("SELECT path FROM files WHERE sidecar_dirty > 0")]


def rename(picture: Path, name: str) -> Path:
    return picture.rename(picture.parent / name)


async def renamed(parts: Parts, picture: Path, name: str) -> Path:
    """Rename a picture, and have that noticed."""
    moved = rename(picture, name)
    await parts.take_in(moved)
    await parts.catalogue.write(note_missing, [picture])
    return moved


async def tidy(parts: Parts, tidying: Tidying) -> None:
    places = parts.pipeline.choices.sidecars
    await tidying.tidy(places)
    await parts.outbox.write_due(places)


async def test_a_removed_sidecar_is_written_again(parts: Parts, tidying: Tidying, picture: Path) -> None:
    before = sidecar_of(picture).read_bytes()
    sidecar_of(picture).unlink()
    await tidy(parts, tidying)
    assert sidecar_of(picture).read_bytes() == before


async def test_nothing_is_done_where_all_is_in_order(parts: Parts, tidying: Tidying, picture: Path) -> None:
    before = sidecar_of(picture).stat()
    await tidying.tidy(parts.pipeline.choices.sidecars)
    assert due(parts) == []
    after = sidecar_of(picture).stat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


async def test_one_that_was_left_alone_is_written_anew_when_it_is_moved_away(
    parts: Parts, tidying: Tidying, make_photo: MakePhoto
) -> None:
    picture = make_photo()
    sidecar_of(picture).write_text("my own notes")
    await parts.take_in(picture)
    await parts.describe()
    await tidy(parts, tidying)
    assert sidecar_of(picture).read_text() == "my own notes"
    sidecar_of(picture).unlink()
    await parts.clock.sleep(LEAST_PAUSE_SECONDS)
    await tidy(parts, tidying)
    assert b"captiond" in sidecar_of(picture).read_bytes()


async def test_an_inbox_that_is_away_lacks_no_sidecars(parts: Parts, tidying: Tidying, picture: Path) -> None:
    parts.inbox.rename(parts.inbox.parent / "away")
    await tidying.tidy(parts.pipeline.choices.sidecars)
    assert due(parts) == []


@pytest.mark.parametrize("left", ["no tree", "an empty tree"])
async def test_a_tree_that_is_away_lacks_no_sidecars(
    parts: Parts, tidying: Tidying, picture: Path, tmp_path: Path, left: str
) -> None:
    tree = tmp_path / "tree"
    if left == "an empty tree":
        tree.mkdir()
    await tidying.tidy(SidecarPlaces({parts.inbox: SidecarPlace("tree", tree)}, tmp_path / "sidecars"))
    assert due(parts) == []


async def test_one_that_lies_elsewhere_is_not_lacking(
    parts: Parts, tidying: Tidying, picture: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "sidecars" / parts.inbox.relative_to("/") / "2024"
    elsewhere.mkdir(parents=True)
    sidecar_of(picture).rename(elsewhere / sidecar_of(picture).name)
    await tidying.tidy(SidecarPlaces({parts.inbox: SidecarPlace("beside")}, tmp_path / "sidecars"))
    assert due(parts) == []


async def test_the_sidecar_of_a_renamed_picture_follows_it(
    parts: Parts, tidying: Tidying, picture: Path
) -> None:
    moved = await renamed(parts, picture, "b.jpg")
    await tidy(parts, tidying)
    assert sorted(path.name for path in moved.parent.iterdir()) == ["b.jpg", "b.jpg.captiond.json"]


async def test_an_edited_one_stays_behind(parts: Parts, tidying: Tidying, picture: Path) -> None:
    edited = sidecar_of(picture).read_bytes().replace(b'"done"', b'"mine"')
    sidecar_of(picture).write_bytes(edited)
    await renamed(parts, picture, "b.jpg")
    await tidy(parts, tidying)
    assert sidecar_of(picture).read_bytes() == edited


async def test_the_sidecar_of_a_picture_that_is_gone_for_good_stays(
    parts: Parts, tidying: Tidying, picture: Path
) -> None:
    rename(picture, "../../gone.jpg")
    await parts.catalogue.write(note_missing, [picture])
    await tidy(parts, tidying)
    assert sidecar_of(picture).exists()


async def test_the_old_one_stays_until_the_new_one_is_written(
    parts: Parts, tidying: Tidying, picture: Path
) -> None:
    await renamed(parts, picture, "b.jpg")
    await parts.catalogue.write(
        lambda writer: writer.exec_driver_sql("UPDATE files SET sidecar_dirty = 1 WHERE path = '2024/b.jpg'")
    )
    await tidying.tidy(parts.pipeline.choices.sidecars)
    assert sidecar_of(picture).exists()


async def test_a_picture_whose_folder_was_renamed_leaves_nothing(
    parts: Parts, tidying: Tidying, picture: Path
) -> None:
    moved = picture.parent.rename(parts.inbox / "2025") / "a.jpg"
    await parts.take_in(moved)
    await parts.catalogue.write(note_missing, [picture])
    await tidy(parts, tidying)
    assert sidecar_of(moved).exists()
    assert parts.rows("SELECT sidecar_sha256 FROM files WHERE state = 'missing'") == [(None,)]


async def test_rounds_rest_in_between(parts: Parts, tidying: Tidying, picture: Path) -> None:
    await tidying.tidy(parts.pipeline.choices.sidecars)
    sidecar_of(picture).unlink()
    await tidy(parts, tidying)
    assert not sidecar_of(picture).exists()
    await parts.clock.sleep(LEAST_PAUSE_SECONDS)
    await tidy(parts, tidying)
    assert sidecar_of(picture).exists()
