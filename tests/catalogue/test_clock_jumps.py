from datetime import timedelta

from sqlalchemy import Connection, select

from captiond.catalogue.clock_jumps import LONGEST_WAIT, bring_near
from captiond.catalogue.intake import note_absent
from captiond.catalogue.jobs import charge, lease
from captiond.catalogue.queries import absent_since
from captiond.catalogue.tables import jobs
from captiond.photo_queue import PUT_OFF_SECONDS
from catalogue.planting import INBOX, NOW, OBJECTS, plant

YEAR = timedelta(days=365)


def wait(connection: Connection, name: str, delay: timedelta) -> None:
    photo_id = plant(connection, name, prompts=(OBJECTS,))
    charge(connection, photo_id, [OBJECTS], reason="it looped", tries_allowed=3, next_try_at=NOW + delay)


def test_a_try_that_a_clock_a_year_ahead_put_off_is_due_at_once(connection: Connection) -> None:
    wait(connection, "a.jpg", YEAR)
    assert lease(connection, "me", NOW) is None
    assert bring_near(connection, NOW) == 1
    assert lease(connection, "me", NOW) is not None


def test_a_try_that_is_put_off_as_usual_waits(connection: Connection) -> None:
    wait(connection, "a.jpg", LONGEST_WAIT)
    before = connection.execute(select(jobs)).all()
    assert bring_near(connection, NOW) == 0
    assert connection.execute(select(jobs)).all() == before


def test_nothing_is_ever_put_off_for_longer() -> None:
    assert timedelta(seconds=PUT_OFF_SECONDS) < LONGEST_WAIT


def test_a_file_missed_by_a_clock_a_year_ahead_is_not_looked_for_for_a_year(connection: Connection) -> None:
    plant(connection, "a.jpg")
    note_absent(connection, INBOX, [INBOX / "a.jpg"], NOW + YEAR)
    assert bring_near(connection, NOW) == 1
    assert absent_since(connection, INBOX, NOW) == [INBOX / "a.jpg"]
