"""A daemon is killed again and again, at any moment, while photos come, move and multiply.

How often: CAPTIOND_TEST_KILLS for the slow form, 250 in an inbox, of which several workers take one each.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from starting import LONGEST_SECONDS

from .agreement import SIDECAR, photos_in, told, torn, unfinished, unsound
from .cases import PROMPTS, Case, laid_out
from .conftest import Measured

KILLS_IN_AN_INBOX = 250
"""With more, each takes longer to check than to strike."""

INBOXES = max(int(os.environ.get("CAPTIOND_TEST_KILLS", "500")) // KILLS_IN_AN_INBOX, 1)
LONGEST_LIFE_SECONDS = 0.8
TAKING_UP_SECONDS = 2.0
MOST_PHOTOS_AT_ONCE = 3
LONGEST_PHOTO_SECONDS = 1.0
"""On a machine that does other things, too."""


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with laid_out(tmp_path / "case") as laid:
        yield laid


@dataclass
class Storm:
    """Photos that come, and a daemon that is killed."""

    case: Case
    chance: random.Random
    drawn: int = 0
    condemned: bool = False
    """Some photo met so many that only a person may ask for it again."""

    def strike(self) -> Iterator[str]:
        """Let a daemon live for a while, and tell what is wrong with what it leaves."""
        self._change_something()
        process = self.case.starter.start(["run"], self.case.environment, self.case.log)
        # Real time: where in its work the kill falls is what is left to chance here.
        life = self.chance.uniform(0, LONGEST_LIFE_SECONDS)
        time.sleep(life / 2)
        self._change_something()
        time.sleep(life / 2)
        os.kill(process, signal.SIGKILL)
        ended = self.case.starter.wait()
        if ended != -signal.SIGKILL:
            yield f"it ended by itself with {ended}"
        if self.case.catalogue.exists():
            yield from unsound(self.case.catalogue)
        yield from torn(self.case.inbox)

    def come_to_rest(self) -> Iterator[str]:
        """Run captiond to a clean end, and tell what is lost, doubled or left over."""
        before = {path: path.read_bytes() for path in photos_in(self.case.inbox)}
        yield from self._take_up()
        self.case.let_time_pass()
        self.condemned = self.case.run("retry", "--failed", "--yes") == 0
        # Most photos are left to this run: no daemon lived for long.
        ended = self.case.once(LONGEST_SECONDS + self.drawn * LONGEST_PHOTO_SECONDS)
        if ended != 0:
            yield f"the last run ended with {ended}"
        yield from unfinished(self.case.catalogue, self.case.inbox, PROMPTS)
        if {path: path.read_bytes() for path in photos_in(self.case.inbox)} != before:
            yield "an original was touched"
        if "Traceback" in self.case.log.read_text():
            yield "there was a traceback"

    def _take_up(self) -> Iterator[str]:
        """Let a daemon find what the last one had in hand, which makes it wait, and stop it as one should."""
        process = self.case.starter.start(["run"], self.case.environment, self.case.log)
        time.sleep(TAKING_UP_SECONDS)
        os.kill(process, signal.SIGTERM)
        ended = self.case.starter.wait()
        if ended != 0:
            yield f"it was stopped, and ended with {ended}"

    def _change_something(self) -> None:
        photos = photos_in(self.case.inbox)
        match self.chance.randrange(8):
            case 0 if photos:
                # Moved with its sidecar, as a person would, so that nothing is left behind.
                old = self.chance.choice(photos)
                new = old.with_name(f"moved-{self.drawn}-{old.name[-40:]}")
                old.rename(new)
                old.with_name(old.name + SIDECAR).unlink(missing_ok=True)
            case 1 if photos:
                self.drawn += 1
                twin = self.case.inbox / f"twin-{self.drawn}.jpg"
                os.link(self.chance.choice(photos), twin)
            case _:
                for _ in range(self.chance.randint(1, MOST_PHOTOS_AT_ONCE)):
                    self.drawn += 1
                    self.case.draw(f"{self.drawn}.jpg", self.drawn)


def check_kills(case: Case, kills: int, measured: Measured) -> None:
    storm, wrong = Storm(case, random.Random()), []
    started = time.monotonic()
    for kill in range(kills):
        wrong += [f"kill {kill}: {sentence}" for sentence in storm.strike()]
    seconds = time.monotonic() - started
    wrong += storm.come_to_rest()

    assert not wrong, told(wrong)
    needed, asked = storm.drawn * len(PROMPTS), case.asked()
    assert asked <= needed + kills, "at most the call in flight is repeated"
    measured(
        f"{kills} kills in {seconds:.0f} s ({3600 * kills / seconds:.0f} an hour), {storm.drawn} photos, "
        f"{asked} questions, "
        f"a photo condemned: {storm.condemned}"
    )


def test_five_kills_lose_and_double_nothing(case: Case, measured: Measured) -> None:
    check_kills(case, 5, measured)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("_inbox", range(INBOXES))
def test_hundreds_of_kills_lose_and_double_nothing(case: Case, measured: Measured, _inbox: int) -> None:
    check_kills(case, KILLS_IN_AN_INBOX, measured)
