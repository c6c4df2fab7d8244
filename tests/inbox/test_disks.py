import threading
from pathlib import Path

import pytest

from captiond.errors import InboxGone
from captiond.inbox import disks
from captiond.inbox.disks import Disks

pytestmark = pytest.mark.anyio

HEALTHY, STUCK = Path("/healthy"), Path("/stuck")


async def test_the_answer_and_the_error_come_back() -> None:
    asked = Disks()
    assert await asked.ask(HEALTHY, int, "7") == 7
    with pytest.raises(ValueError, match="invalid literal"):
        await asked.ask(HEALTHY, int, "x")


async def test_a_disk_that_hangs_is_given_up_and_the_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks, "ANSWER_SECONDS", 0.2)
    asked, hanging = Disks(), threading.Event()
    with pytest.raises(InboxGone, match="disk of the inbox /stuck does not answer"):
        await asked.ask(STUCK, hanging.wait)
    with pytest.raises(InboxGone):
        await asked.ask(STUCK, int)
    assert await asked.ask(HEALTHY, int) == 0
    hanging.set()
    monkeypatch.setattr(disks, "ANSWER_SECONDS", 10)
    assert await asked.ask(STUCK, int) == 0
