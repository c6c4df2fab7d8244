"""A pause that a person asked for: nothing is leased until he ends it, and it outlives a restart."""

from datetime import datetime

from sqlalchemy import Connection, delete

from . import jobs
from .tables import status


def pause(connection: Connection, now: datetime) -> bool:
    """Lease nothing from now on; tells whether that is new."""
    if jobs.is_paused(connection):
        return False
    jobs.say(connection, "paused", "photos wait until `captiond resume`", now)
    jobs.note_event(connection, "pause", "paused by hand", now)
    return True


def resume(connection: Connection, now: datetime) -> bool:
    """Lease again; tells whether there was a pause."""
    ended = connection.execute(delete(status).where(status.c.subject == "paused")).rowcount
    if ended:
        jobs.note_event(connection, "resume", "resumed by hand", now)
    return bool(ended)
