"""One photo's prompts, asked one after another: reply, check, answer, result, one commit each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from captiond.catalogue import jobs, queries, results
from captiond.catalogue.store import Catalogue
from captiond.choices import Choices
from captiond.clock import Clock
from captiond.errors import ServerRefused, ServerStumbled, TryAgain, UnusableReply
from captiond.model import Answer, Job, Json, Lease, PromptName, Reply, Result, Source, Status
from captiond.patience import Patience
from captiond.prompts.answers import schema_for, understand, wording
from captiond.prompts.prompt import Prompt
from captiond.prompts.skipping import reason_to_skip
from captiond.vision.backend import Question
from captiond.vision.endpoints import Endpoint

Pictures = Mapping[str | None, bytes]
"""What each model is to see, as JPEG; None is the main model."""


class Charge(Protocol):
    """Counts a failed try of these prompts of the photo; the last allowed one, or any `final` one, fails."""

    async def __call__(self, prompts: Sequence[PromptName], reason: str, *, final: bool = False) -> None:
        """Count it, with the reason."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The chain of one photo, with the choices that were in force when it began."""

    lease: Lease
    pictures: Pictures
    choices: Choices
    endpoint: Endpoint
    catalogue: Catalogue
    patience: Patience
    clock: Clock
    charge: Charge

    async def ask_all(self) -> dict[PromptName, Answer]:
        """Ask what is due, in order, and keep each answer; gives the answers. Raises Outage."""
        open_jobs = {job.prompt: job for job in self.lease.jobs}
        answers: dict[PromptName, Answer] = {}
        # The photo keeps one slot for all its prompts, back to back: the server encodes its picture once.
        async with self.endpoint.slot():
            for prompt in self.choices.prompts:
                job = open_jobs.get(prompt.name)
                if job is None:
                    continue
                try:
                    answers[prompt.name] = await self._ask(prompt, job)
                except UnusableReply as failure:
                    await self._keep_rejected(prompt, failure)
                except _SourceOpen as failure:
                    await self._wait_for_source(prompt, str(failure))
                except ServerRefused as failure:
                    await self.charge([prompt.name], str(failure), final=True)
                except ServerStumbled as failure:
                    # The server works, and fails on this photo: spare it the rest of the prompts too.
                    await self.charge(list(open_jobs), str(failure))
                    return answers
                del open_jobs[prompt.name]
        return answers

    async def _ask(self, prompt: Prompt, job: Job) -> Answer:
        source = await self._source(prompt)
        reason = reason_to_skip(prompt, source)
        if reason is not None:
            result = self._result(prompt, Answer(Status.SKIPPED, reason=reason), None)
        else:
            about = source.value if source else None
            reply = await self.endpoint.ask(_question(prompt, job, about, self.pictures))
            result = self._result(prompt, understand(prompt, reply, about), reply)
        await self.patience.insist(results.add_result, self.lease.photo_id, prompt, result)
        return result.answer

    async def _source(self, prompt: Prompt) -> Answer | None:
        """Give the earlier answer that a prompt is about, None for a prompt about the picture."""
        if prompt.from_prompt is None:
            return None
        source = await self.catalogue.read(queries.current_answer, self.lease.photo_id, prompt.from_prompt)
        if source is None:
            raise _SourceOpen(f'it is asked about "{prompt.from_prompt}", which has no answer yet')
        return source

    async def _wait_for_source(self, prompt: Prompt, reason: str) -> None:
        assert prompt.from_prompt is not None
        follow = (self.lease.photo_id, prompt.name, prompt.from_prompt)
        await self.patience.insist(jobs.follow, *follow, reason=reason)

    async def _keep_rejected(self, prompt: Prompt, failure: UnusableReply) -> None:
        answer = Answer(Status.REJECTED, reason=str(failure), raw=failure.raw)
        rejected = self._result(prompt, answer, None)
        await self.patience.insist(results.add_result, self.lease.photo_id, prompt, rejected)
        await self.charge([prompt.name], f"{prompt.name}: {failure}")

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
    """The answer that a prompt is about is not there yet."""


def _question(prompt: Prompt, job: Job, about: str | None, pictures: Pictures) -> Question:
    return Question(
        text=wording(prompt, about),
        image=None if prompt.from_prompt else pictures[prompt.model],
        schema=schema_for(prompt),
        num_predict=prompt.num_predict,
        options={**prompt.options, **_second_thoughts(job.tries)},
        model=prompt.model,
    )


def _second_thoughts(tries: int) -> dict[str, Json]:
    """Sample differently on a further try: the same seed at temperature 0 would only say the same again."""
    return {"seed": tries + 1, "temperature": 0.3, "repeat_penalty": 1.15} if tries else {}
