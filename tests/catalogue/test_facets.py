import sqlite3

from sqlalchemy import Connection

from captiond.catalogue.facets import Facet, answered, facets
from captiond.catalogue.intake import note_missing
from catalogue.planting import DESCRIPTION, INBOX, MOOD, OBJECTS, OCR, answer, photo, plant, result


def plain(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def test_each_entry_of_a_list_counts_once_for_a_photo(connection: Connection) -> None:
    photo(connection, "a.jpg", objects=["dog", "tree"])
    photo(connection, "b.jpg", objects=["tree", "tree", "dog, brown"])
    found = facets(plain(connection), OBJECTS)
    assert found == [Facet("tree", 2), Facet("dog", 1), Facet("dog, brown", 1)]


def test_a_choice_counts_as_a_whole_and_only_where_it_is_current(connection: Connection) -> None:
    for name, mood in {"a.jpg": "calm", "b.jpg": "lively", "c.jpg": "calm"}.items():
        photo(connection, name, mood=mood)
    changed = photo(connection, "d.jpg", mood="gloomy")
    answer(connection, changed, result(MOOD, "calm"))
    assert facets(plain(connection), MOOD) == [Facet("calm", 3), Facet("lively", 1)]


def test_photos_that_are_gone_or_say_nothing_do_not_count(connection: Connection) -> None:
    photo(connection, "a.jpg", text="STOP")
    photo(connection, "b.jpg")
    plant(connection, "c.jpg")
    assert facets(plain(connection), OCR) == [Facet("STOP", 1)]
    note_missing(connection, [INBOX / "a.jpg"])
    assert facets(plain(connection), OCR) == []


def test_the_prompts_with_answers_are_named(connection: Connection) -> None:
    assert answered(plain(connection)) == []
    photo(connection, "a.jpg", text="STOP", mood="calm")
    assert answered(plain(connection)) == [DESCRIPTION, MOOD, OBJECTS, OCR]
