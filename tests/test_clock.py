import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from captiond.clock import SystemClock, iso


@pytest.mark.anyio
async def test_both_clocks_go_on_while_it_sleeps() -> None:
    clock = SystemClock()
    moment, seconds = clock.now(), clock.monotonic_seconds()
    await clock.sleep(0.02)
    assert clock.now() > moment
    assert clock.monotonic_seconds() - seconds >= 0.02


@pytest.mark.anyio
async def test_others_work_while_it_sleeps() -> None:
    sleeping = asyncio.create_task(SystemClock().sleep(60))
    await asyncio.sleep(0)
    assert not sleeping.done()
    sleeping.cancel()


def test_wall_time_is_aware_and_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now.timestamp() - time.time()) < 60


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 5, 1, 10, 0, 7, 999_999, tzinfo=UTC),
        datetime(2026, 5, 1, 12, 0, 7, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_a_moment_is_written_in_utc_to_the_second(moment: datetime) -> None:
    assert iso(moment) == "2026-05-01T10:00:07Z"


def test_written_moments_sort_as_they_come() -> None:
    moments = [datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=9 * hours) for hours in range(50)]
    assert sorted(map(iso, moments)) == list(map(iso, moments))
