"""Small runs against a model server that does something wrong, at one of its questions.

Each run is the real command with a new catalogue, and three photos with two prompts each; the server is the
simulator in a process of its own. What must come of it is told by the sort of the fault.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from acceptance.conftest import Command, SimulatedServer, simulated_server
from captiond.simulator.faults import KINDS, PULL_KINDS, WORD_KINDS
from starting import Starter, starter

from .agreement import unfinished
from .originals import originals

PROMPTS = ("objects", "description")
COLOURS = ("red", "navy", "olive")
QUESTIONS = len(PROMPTS) * len(COLOURS)
POSITIONS = {"first": 1, "middle": 3, "last": QUESTIONS}
CANARY = "What colour is this?"
SECRET = "xyzzy words of an error"

FLAWED = {"slow", "preamble", "fence", "no-text"}
"""There is an answer all the same, if only that there is nothing."""
UNSEEN = {"same", "cut-json", "wrong-schema"}
"""Wrong words that nobody can tell from right ones, but in a list."""
AWAY = {"busy", "forbidden", "model-missing"}
"""The server says itself that it cannot be asked now: nobody is charged."""
REFUSED = {"bad-request", "too-large"}
"""This question can never be answered: it rests with the reason, and is asked no more."""
NO_ANSWER = WORD_KINDS - FLAWED - UNSEEN | {"no-done", "done-false", "zero-frames"}
"""Words that are no answer, or half of one: they are kept as rejected, and asked for once more."""
STUMBLED = KINDS - PULL_KINDS - FLAWED - UNSEEN - AWAY - REFUSED - NO_ANSWER
"""The server broke down: a test picture tells whether by itself or on this photo, which then comes again."""

SETTINGS = {
    "CAPTIOND_INBOX__QUIET_SECONDS": "0.05",
    "CAPTIOND_OLLAMA__FIRST_FRAME_SECONDS": "3",
    "CAPTIOND_OLLAMA__GAP_SECONDS": "3",
    "CAPTIOND_OLLAMA__TOTAL_SECONDS": "20",
}
ONLY_TWO = "[prompts.ocr]\nenabled = false\n[prompts.translation]\nenabled = false\n"


@dataclass(frozen=True, slots=True)
class Cell:
    """A kind of fault, and which question it strikes."""

    kind: str
    position: str

    @property
    def prompt(self) -> str:
        return PROMPTS[(POSITIONS[self.position] - 1) % len(PROMPTS)]

    @property
    def is_seen(self) -> bool:
        """Whether anybody can tell that something went wrong."""
        return self.kind not in FLAWED and (self.kind not in UNSEEN or self.prompt == "objects")

    def fault(self) -> dict[str, object]:
        words = {"text": SECRET} if self.kind in {"server-error", "error-line", "bad-request"} else {}
        seconds = 0.05 if self.kind == "slow" else 60.0
        when = {"nth": POSITIONS[self.position], "after_frames": 2}
        return {"kind": self.kind, **when, "size_bytes": 2_000_000, "seconds": seconds, **words}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, and what was asked in it."""

    code: int
    command: Command
    inbox: Path
    log: str
    asked: Sequence[str]
    faults: int
    untouched: bool

    def told(self, *events: str) -> int:
        """Count the lines of the log about these."""
        return sum(
            self.log.count(f'event="{event}"' if " " in event else f"event={event} ") for event in events
        )

    @property
    def canaries(self) -> int:
        return sum(question.startswith(CANARY) for question in self.asked)


@dataclass
class Lane:
    """Lets runs follow one another, each in a folder of its own below `root`."""

    root: Path
    server: SimulatedServer
    starter: Starter
    runs: int = 0

    def strike(self, cell: Cell) -> Outcome:
        """Let a fault strike a run."""
        self.runs += 1
        home = self.root / str(self.runs)
        inbox, log = home / "inbox", home / "log"
        inbox.mkdir(parents=True)
        for colour in COLOURS:
            Image.new("RGB", (64, 48), colour).save(inbox / f"{colour}.jpg")
        command = Command(home, home / "state" / "catalogue.db", self.server.url, dict(SETTINGS))
        command.configure(ONLY_TWO)
        before, struck, drawn = len(self.server.questions), self.server.counters["faults"], originals(inbox)
        self.server.plant(cell.fault())
        code = self.starter.run(["run", "--once", inbox], command.environment, log)
        asked = [question["prompt"] for question in self.server.questions[before:]]
        faults = self.server.counters["faults"] - struck
        return Outcome(code, command, inbox, log.read_text(), asked, faults, originals(inbox) == drawn)

    def wrong_in(self, cell: Cell) -> Iterator[str]:
        """Let a fault strike a run, and say what did not come of it as it should."""
        outcome = self.strike(cell)
        yield from (
            f"{cell.kind} at the {cell.position} question: {wrong}" for wrong in _wrong(cell, outcome)
        )


@contextmanager
def lane(root: Path) -> Iterator[Lane]:
    with simulated_server() as server, starter() as starting:
        yield Lane(root, server, starting)


def _wrong(cell: Cell, outcome: Outcome) -> Iterator[str]:
    if outcome.faults != 1:
        yield f"it struck {outcome.faults} times"
    if not outcome.untouched:
        yield "an original was touched"
    if "Traceback" in outcome.log:
        yield "it wrote a traceback"
    yield from _wrong_in_answers(outcome)
    if cell.kind in REFUSED:
        yield from _wrong_where_refused(cell, outcome)
    else:
        yield from _wrong_where_done(cell, outcome)
    most = _most_asked(cell)
    if len(outcome.asked) > most:
        yield f"{len(outcome.asked)} questions, {most} at most were to be: {outcome.asked}"


def _wrong_in_answers(outcome: Outcome) -> Iterator[str]:
    kept = outcome.command.rows("SELECT value, content FROM results WHERE status <> 'rejected'")
    shown = outcome.command.rows("SELECT description, objects, answers FROM photos")
    if "xyzzy" in str([kept, shown]):
        yield "the words of an error became an answer"


def _wrong_where_done(cell: Cell, outcome: Outcome) -> Iterator[str]:
    if outcome.code != 0:
        yield f"it ended with {outcome.code}: {outcome.log[-500:]}"
    yield from unfinished(outcome.command.catalogue, outcome.inbox, PROMPTS)
    tries, rejected = outcome.told("will try again"), _rejected(outcome)
    charged = 1 if cell.is_seen and cell.kind not in AWAY else 0
    if (tries, outcome.told("failed")) != (charged, 0):
        yield f"{tries} charged instead of {charged}: {outcome.log[-500:]}"
    if (cell.kind in NO_ANSWER | UNSEEN and cell.is_seen) != bool(rejected):
        yield f"rejected: {rejected}"
    if cell.kind in STUMBLED and not outcome.canaries:
        yield "nobody asked about a test picture"
    if (cell.kind in AWAY) != bool(outcome.told("server away")):
        yield "it is not told, or wrongly, that the server was away"


def _wrong_where_refused(cell: Cell, outcome: Outcome) -> Iterator[str]:
    if outcome.code != 1:
        yield f"it ended with {outcome.code}: {outcome.log[-500:]}"
    jobs = outcome.command.rows("SELECT prompt, state, tries FROM jobs WHERE error IS NOT NULL")
    if jobs != [(cell.prompt, "failed", 1)]:
        yield f"open: {jobs}"
    states = sorted(outcome.command.rows("SELECT state FROM photos"))
    if states != [("done",), ("done",), ("failed",)]:
        yield f"the photos are {states}"


def _rejected(outcome: Outcome) -> list[str]:
    return [row[0] for row in outcome.command.rows("SELECT reason FROM results WHERE status = 'rejected'")]


def _most_asked(cell: Cell) -> int:
    """Give the most questions that a run may ask: one again, and a test picture or two."""
    if not cell.is_seen or cell.kind in REFUSED:
        return QUESTIONS
    return QUESTIONS + 1 + (0 if cell.kind in NO_ANSWER | UNSEEN else 2)
