"""One photo's prompts, asked one after another: reply, check, answer, result, one commit each."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from captiond.catalogue import jobs, queries, results, tile_replies
from captiond.catalogue.store import Catalogue
from captiond.choices import Choices
from captiond.clock import Clock
from captiond.errors import ServerRefused, ServerStumbled, TryAgain, UnusableReply
from captiond.model import Answer, Job, KeptReply, Lease, PromptName, Reply, Result, Source, Status
from captiond.patience import Patience
from captiond.piecemeal import Piecemeal
from captiond.planning import plan_following
from captiond.prompts import express
from captiond.prompts.answers import understand
from captiond.prompts.checks import complete_text
from captiond.prompts.conditions import asked_first, unmet
from captiond.prompts.inboxes import is_asked_in
from captiond.prompts.prompt import Prompt, View
from captiond.prompts.skipping import reason_to_skip
from captiond.prompts.witnesses import doubted, hint
from captiond.small_text import Cut, read_closely
from captiond.vision.backend import Question
from captiond.vision.endpoints import ModelLacking
from captiond.vision.questions import question_for
from captiond.vision.respondents import Respondent

FEWEST_AT_ONCE = 2
LONGEST_REJECTED = 20_000
"""Characters of a refused reply that are kept for people to look at."""

Pictures = Mapping[View, bytes]
"""What each prompt is shown, as JPEG."""


class Charge(Protocol):
    """Counts a failed try of these prompts of the photo; the last allowed one, or any `final` one, fails."""

    async def __call__(self, prompts: Sequence[PromptName], reason: str, *, final: bool = False) -> None:
        """Count it, with the reason."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers about one photo, and how long it took from when the photo had its turn."""

    answers: Mapping[PromptName, Answer]
    seconds: float


@dataclass(frozen=True, slots=True)
class Asking:
    """The chain of one photo, with the choices that were in force when it began."""

    lease: Lease
    pictures: Pictures
    choices: Choices
    respondent: Respondent
    catalogue: Catalogue
    patience: Patience
    clock: Clock
    charge: Charge
    cut: Cut
    reconsider: Callable[[], Awaitable[None]]
    """Queues what was skipped and is to be asked all the same."""
    log: structlog.stdlib.BoundLogger
    heard: str | None = None
    """What a witness read in the picture, where one was asked."""

    async def ask_all(self) -> Asked:
        """Ask what is due, in order, and keep each answer. Raises Outage."""
        open_jobs = {job.prompt: job for job in self.lease.jobs}
        answers: dict[PromptName, Answer] = {}
        # The photo keeps one slot for all its prompts, back to back: the server encodes its picture once.
        async with self.respondent.slot():
            began = self.clock.monotonic_seconds()
            said = await self._ask_at_once(open_jobs)
            for prompt in self.choices.prompts:
                job = open_jobs.get(prompt.name)
                if job is None:
                    continue
                try:
                    answers[prompt.name] = await self._ask(prompt, job, said.get(prompt.name))
                except UnusableReply as failure:
                    await self.charge([prompt.name], f"{prompt.name}: {failure}")
                except ModelLacking:
                    await self.patience.insist(jobs.release_prompt, self.lease.photo_id, prompt.name)
                except _SourceOpen as failure:
                    await self._wait_for_source(prompt, failure.source)
                except ServerRefused as failure:
                    await self.charge([prompt.name], str(failure), final=True)
                except ServerStumbled as failure:
                    # The server works, and fails on this photo: spare it the rest of the prompts too.
                    await self.charge(list(open_jobs), str(failure))
                    break
                del open_jobs[prompt.name]
            return Asked(answers, self.clock.monotonic_seconds() - began)

    async def _ask_at_once(self, open_jobs: Mapping[PromptName, Job]) -> dict[PromptName, Reply]:
        """Ask in one structured reply what may be asked so; gives what it says to each prompt.

        Where that fails, for whatever reason, it says nothing: each prompt is asked by itself, and judged.
        """
        fresh = [
            prompt
            for prompt in self.choices.express
            if prompt.name in open_jobs
            and not open_jobs[prompt.name].tries
            and not open_jobs[prompt.name].kept
            and is_asked_in(prompt, self._inboxes)
        ]
        if len(fresh) < FEWEST_AT_ONCE:
            return {}
        try:
            reply = await self.respondent.ask(_question_of_all(fresh, self.pictures))
            said = express.parts(fresh, complete_text(reply))
        except (UnusableReply, ServerRefused, ServerStumbled):
            return {}
        return {name: _share(reply, text, len(said)) for name, text in said.items()}

    async def _ask(self, prompt: Prompt, job: Job, said: Reply | None) -> Answer:
        deciding = {name: await self._answer_of(name) for name in asked_first(prompt)}
        source = deciding[prompt.from_prompt] if prompt.from_prompt else None
        reason = unmet(prompt, deciding, self._places, self._inboxes) or reason_to_skip(prompt, source)
        if reason is not None:
            result = self._result(prompt, Answer(Status.SKIPPED, reason=reason), None)
        else:
            reply, answer = _understood(prompt, said) or await self._answered(
                prompt, job, source.value if source else None
            )
            result = self._result(prompt, answer, reply)
        await self._keep(prompt, result)
        await plan_following(self.lease, prompt, self.choices, self.patience, self.clock)
        if result.answer.status is Status.SKIPPED:
            # The photo may have come to lie elsewhere since it was leased, or somebody changed the rules.
            await self.reconsider()
        if result.model is not None:
            await self._heed(prompt, result.answer)
        return result.answer

    async def _answered(self, prompt: Prompt, job: Job, about: str | None) -> tuple[Reply, Answer]:
        """Ask about an earlier answer, or about the picture and where it helps its tiles."""
        picture = None if prompt.from_prompt else self.pictures[prompt.view]
        question = question_for(prompt, picture, about, tries=job.tries)
        hinted = replace(question, text=question.text + hint(prompt, self.heard))

        async def keep(digest: str, reply: KeptReply) -> None:
            await self.patience.insist(tile_replies.keep, self.lease.photo_id, prompt.name, digest, reply)

        piecemeal = Piecemeal(self.respondent.ask, keep, job.kept, main_model=self.choices.model)
        ask = partial(self._asked, prompt, piecemeal, about=about)
        reply, answer = await read_closely(prompt, partial(ask, hinted), self.cut, ask, tries=job.tries)
        return reply, doubted(prompt, answer, self.heard)

    async def _asked(
        self, prompt: Prompt, piecemeal: Piecemeal, question: Question, *, about: str | None
    ) -> tuple[Reply, Answer]:
        """Ask and understand; a reply that is no answer is kept as rejected, and goes on as UnusableReply."""
        reply = None
        try:
            reply = await piecemeal.ask(question)
            return reply, understand(prompt, reply, about)
        except UnusableReply as failure:
            if piecemeal.has(question):
                raise
            reply = failure.reply if isinstance(failure.reply, Reply) else reply
            rejected = Answer(Status.REJECTED, reason=str(failure), raw=failure.raw[:LONGEST_REJECTED])
            await self._keep(prompt, self._result(prompt, rejected, reply))
            raise

    async def _keep(self, prompt: Prompt, result: Result) -> None:
        await self.patience.insist(results.add_result, self.lease.photo_id, prompt, result)

    async def _heed(self, prompt: Prompt, answer: Answer) -> None:
        doubt = await self.respondent.sight.heed(prompt, self.lease.digest, answer)
        if doubt is not None:
            self.log.warning("the same answer again and again", server=self.respondent.name, reason=doubt)

    @property
    def _places(self) -> list[Path]:
        return [file.path.relative_to(file.inbox) for file in self.lease.files]

    @property
    def _inboxes(self) -> set[str]:
        return {str(file.inbox) for file in self.lease.files}

    async def _answer_of(self, name: PromptName) -> Answer:
        """Give an earlier answer that decides about a prompt."""
        answer = await self.catalogue.read(queries.current_answer, self.lease.photo_id, name)
        if answer is None:
            raise _SourceOpen(name)
        return answer

    async def _wait_for_source(self, prompt: Prompt, source: PromptName) -> None:
        follow = (self.lease.photo_id, prompt.name, source)
        reason = f'it is asked after "{source}", which has no answer yet'
        await self.patience.insist(jobs.follow, *follow, reason=reason)

    def _result(self, prompt: Prompt, answer: Answer, reply: Reply | None) -> Result:
        result = Result(
            prompt=prompt.name,
            prompt_version=self.choices.versions[prompt.name],
            source=Source.MODEL,
            answer=answer,
            created_at=self.clock.now(),
            from_prompt=prompt.from_prompt,
        )
        if reply is None:
            return result
        return replace(
            result,
            model=reply.model,
            finish=reply.finish,
            seconds=reply.seconds,
            load_seconds=reply.load_seconds,
            prompt_tokens=reply.prompt_tokens,
            output_tokens=reply.output_tokens,
        )


class _SourceOpen(TryAgain):
    """An answer that decides about a prompt is not there yet."""

    def __init__(self, source: PromptName) -> None:
        super().__init__(f"{source} has no answer yet")
        self.source = source


def _understood(prompt: Prompt, said: Reply | None) -> tuple[Reply, Answer] | None:
    """Understand what was said with other answers; None: it is to be asked for by itself."""
    if said is None:
        return None
    try:
        return said, understand(prompt, said)
    except UnusableReply:
        return None


def _question_of_all(prompts: Sequence[Prompt], pictures: Pictures) -> Question:
    return Question(
        text=express.wording(prompts),
        image=pictures[prompts[0].view],
        schema=express.schema(prompts),
        num_predict=express.num_predict(prompts),
        options=prompts[0].options,
    )


def _share(reply: Reply, text: str, shares: int) -> Reply:
    """Give one answer's share of a reply: its words, and its part of what they all cost."""
    return replace(
        reply,
        text=text,
        seconds=reply.seconds / shares,
        load_seconds=reply.load_seconds / shares,
        output_tokens=reply.output_tokens // shares,
    )
