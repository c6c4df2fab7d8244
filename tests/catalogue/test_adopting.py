"""Files of an inbox belong to the one that the user watches now."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from captiond.catalogue.adopting import AT_ONCE, adopt
from captiond.catalogue.intake import register
from captiond.catalogue.tables import files, photos
from catalogue.planting import NOW, PROMPTS, original

ABOVE, BELOW = Path("/photos"), Path("/photos/scans")


def known(connection: Connection, inbox: Path, *paths: str) -> None:
    register(connection, [original(path, inbox=inbox) for path in paths], PROMPTS, fresh=False, now=NOW)


def places(connection: Connection) -> list[tuple[str, str]]:
    return [
        tuple(row) for row in connection.execute(select(files.c.inbox, files.c.path).order_by(files.c.id))
    ]


def test_an_inbox_above_takes_over_what_lies_in_it(connection: Connection) -> None:
    known(connection, BELOW, "a.jpg", "2024/b.jpg")
    assert adopt(connection, ABOVE) == 2
    assert places(connection) == [("/photos", "scans/a.jpg"), ("/photos", "scans/2024/b.jpg")]
    summary = select(photos.c.inbox, photos.c.path, photos.c.folder, photos.c.name).order_by(photos.c.id)
    assert connection.execute(summary).all() == [
        ("/photos", "scans/a.jpg", "scans", "a.jpg"),
        ("/photos", "scans/2024/b.jpg", "scans/2024", "b.jpg"),
    ]
    assert connection.scalars(select(files.c.sidecar_dirty)).all() == [1, 1]
    assert adopt(connection, ABOVE) == 0


def test_an_inbox_below_takes_over_only_what_lies_in_it(connection: Connection) -> None:
    known(connection, ABOVE, "a.jpg", "scans/b.jpg", "scans 2/c.jpg")
    assert adopt(connection, BELOW) == 1
    assert places(connection) == [
        ("/photos", "a.jpg"),
        ("/photos/scans", "b.jpg"),
        ("/photos", "scans 2/c.jpg"),
    ]


def test_an_inbox_beside_keeps_its_files(connection: Connection) -> None:
    known(connection, Path("/photos 2"), "a.jpg")
    assert adopt(connection, ABOVE) == 0
    assert places(connection) == [("/photos 2", "a.jpg")]


@pytest.mark.parametrize("name", ["caf\udce9.jpg", "é.jpg", "%_.jpg"])
def test_any_name_is_taken_over(connection: Connection, name: str) -> None:
    known(connection, BELOW, name)
    (before,) = places(connection)
    assert adopt(connection, ABOVE) == 1
    assert places(connection) == [("/photos", f"scans/{before[1]}")]


def test_more_than_are_taken_over_at_once_are_taken_over(connection: Connection) -> None:
    known(connection, BELOW, *(f"{number}.jpg" for number in range(2 * AT_ONCE + 1)))
    assert adopt(connection, ABOVE) == 2 * AT_ONCE + 1
    assert {inbox for inbox, _ in places(connection)} == {"/photos"}
