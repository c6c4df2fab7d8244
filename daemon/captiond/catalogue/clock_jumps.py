"""Moments that were kept under a clock that was ahead: nothing waits until that clock comes round again.

Every function takes the writing connection first and belongs in one transaction (`store.Catalogue.write`).
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, update

from captiond.clock import iso

from .tables import files, jobs

LONGEST_WAIT = timedelta(minutes=10)
"""No try is ever put off for longer; what is further ahead was kept under another clock."""


def bring_near(connection: Connection, now: datetime) -> int:
    """Make due what could not have been put off so far, and forget absences of the future; gives how many.

    Absent files are looked for anew, as if they were missed now for the first time.
    """
    far = (jobs.c.state == "waiting") & (jobs.c.next_try_at > iso(now + LONGEST_WAIT))
    tries = connection.execute(update(jobs).where(far).values(next_try_at=iso(now))).rowcount
    later = files.c.absent_since > iso(now + LONGEST_WAIT)
    return tries + connection.execute(update(files).where(later).values(absent_since=iso(now))).rowcount
