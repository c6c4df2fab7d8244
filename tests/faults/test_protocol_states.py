"""Whatever people, the server and crashes do, in whichever order: nothing is lost, doubled or overwritten."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from captiond.sidecars.reading import parse
from daemon_parts import VERSION

from .agreement import SIDECAR, unfinished, unsound
from .world import COLOURS, NAMES, PROMPTS, Stage, World, photo

MOST_CRASHES = 4
"""One more, and a photo that was in hand at all of them rests until somebody asks for it again."""

CONTRADICTIONS = {
    "a job for what is answered": "SELECT 1 FROM jobs JOIN results USING (photo_id, prompt) WHERE current",
    "a photo that is charged": "SELECT prompt, tries, error FROM jobs WHERE tries > 0",
    "an answer that is none": "SELECT value FROM results WHERE status NOT IN ('ok', 'empty', 'skipped')",
    "an unreadable photo": "SELECT name, reason FROM photos WHERE state = 'unreadable'",
}
IN_HAND = "SELECT prompt FROM jobs WHERE state = 'running'"


class Protocol(RuleBasedStateMachine):
    """The rules of the world; `stage` is set by the test."""

    stage: Stage

    @initialize()
    def begin(self) -> None:
        self.world = World(self.stage)

    @rule(name=some.sampled_from(NAMES), colour=some.sampled_from(COLOURS))
    def drop(self, name: str, colour: str) -> None:
        self.world.put(name, photo(colour))

    @precondition(lambda self: self.world.originals)
    @rule(chosen=some.data(), new=some.sampled_from(NAMES))
    def rename(self, chosen: some.DataObject, new: str) -> None:
        old = self._one(chosen)
        if old != new:
            self.world.move(old, new)

    @precondition(lambda self: self.world.originals)
    @rule(chosen=some.data(), new=some.sampled_from(NAMES))
    def copy(self, chosen: some.DataObject, new: str) -> None:
        self.world.put(new, self.world.originals[self._one(chosen)])

    @precondition(lambda self: self.world.originals)
    @rule(chosen=some.data())
    def delete(self, chosen: some.DataObject) -> None:
        self.world.delete(self._one(chosen))

    @precondition(lambda self: self.world.originals)
    @rule(chosen=some.data())
    def touch(self, chosen: some.DataObject) -> None:
        self.world.touch(self._one(chosen))

    @precondition(lambda self: any(self.world.sidecar(name).exists() for name in NAMES))
    @rule(chosen=some.data())
    def edit_a_sidecar(self, chosen: some.DataObject) -> None:
        written = [name for name in NAMES if self.world.sidecar(name).exists()]
        self.world.edit_sidecar(chosen.draw(some.sampled_from(written)))

    @rule()
    def server_goes_away(self) -> None:
        self.world.server_away()

    @rule()
    def server_comes_back(self) -> None:
        self.world.server_back()

    @rule()
    def work(self) -> None:
        self.world.work()

    @rule(seconds=some.sampled_from((3, 70)))
    def watch(self, seconds: int) -> None:
        self.world.watch(seconds)

    @precondition(lambda self: self.world.crashes < MOST_CRASHES)
    @rule(after_commits=some.integers(0, 20), dies_before=some.booleans())
    def crash(self, after_commits: int, dies_before: bool) -> None:
        self.world.crash(after_commits=after_commits, dies_before=dies_before)

    @rule()
    def retry(self) -> None:
        self.world.retry()

    @rule(seconds=some.sampled_from((6, 70, 700)))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @invariant()
    def the_catalogue_contradicts_itself_nowhere(self) -> None:
        assert list(unsound(self.world.catalogue)) == []
        for sentence, question in CONTRADICTIONS.items():
            assert self.world.parts.rows(question) == [], sentence
        # A crash leaves its photos in hand, until captiond starts again.
        assert self.world.crashes or self.world.parts.rows(IN_HAND) == []

    @invariant()
    def originals_and_what_people_wrote_are_as_they_left_them(self) -> None:
        inbox = self.world.inbox
        found = {str(path.relative_to(inbox)): path for path in inbox.rglob("*") if path.is_file()}
        pictures = {name: path for name, path in found.items() if not name.endswith(SIDECAR)}
        assert {name: path.read_bytes() for name, path in pictures.items()} == self.world.originals
        for name, path in found.items():
            edited = self.world.edited.get(name.removesuffix(SIDECAR))
            if edited is not None and name.endswith(SIDECAR):
                assert path.read_bytes() == edited
            elif name.endswith(SIDECAR):
                parse(path.read_bytes())

    @invariant()
    def no_question_is_asked_twice_but_for_crashes(self) -> None:
        (answered,) = self.world.parts.rows("SELECT count(*) FROM results")[0]
        assert self.world.asked <= answered + self.world.crashes

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._come_to_rest()
        finally:
            self.world.close()

    def _come_to_rest(self) -> None:
        self.world.server_back()
        self.world.retry()
        # Absent files are taken for deleted by the second look, and crashes make photos wait.
        for seconds in (0, 70, 700):
            self.world.wait(seconds)
            self.world.work()
        for path in [self.world.sidecar(name) for name in self.world.edited]:
            path.unlink(missing_ok=True)
        wrong = list(unfinished(self.world.catalogue, self.world.inbox, PROMPTS, VERSION))
        assert [one for one in wrong if not self._is_expected(one)] == []

    def _is_expected(self, sentence: str) -> bool:
        """The daemon's files are open still, and what a person edited is a person's."""
        edited = any(name in sentence for name in self.world.edited)
        return sentence.startswith("left over: catalogue.db") or edited

    def _one(self, chosen: some.DataObject) -> str:
        return chosen.draw(some.sampled_from(sorted(self.world.originals)))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    shared = Stage()
    yield shared
    shared.close()


def check(stage: Stage, *, examples: int, steps: int, shrink: bool) -> None:
    """Try so many histories; a failing one may be made shorter, which takes minutes."""
    machine = type("OnStage", (Protocol,), {"stage": stage})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        ),
    )


def test_a_few_histories_end_well(stage: Stage) -> None:
    check(stage, examples=8, steps=12, shrink=False)


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_many_histories_end_well(stage: Stage) -> None:
    check(stage, examples=500, steps=30, shrink=True)
