"""One photo, start to finish: read it top to bottom.

`take_in` makes a settled file known, `describe` asks about a leased photo and has its sidecars written.
What concerns this photo alone is settled here; an Outage concerns everybody and goes up to the service.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from captiond.catalogue import intake, jobs, queries, results
from captiond.catalogue.store import Catalogue
from captiond.choices import Choices
from captiond.clock import Clock
from captiond.errors import (
    FileChanged,
    NotAPicture,
    Rejected,
    ServerRefused,
    ServerStumbled,
    TryAgain,
    UnusableReply,
)
from captiond.imaging.sniffing import refusal, sniff
from captiond.imaging.worker import Decoder
from captiond.inbox.reading import read
from captiond.model import (
    Answer,
    InboxFile,
    Job,
    Json,
    Lease,
    Original,
    PreparedImage,
    PromptName,
    Reply,
    Result,
    Source,
    Status,
)
from captiond.outbox import Outbox
from captiond.prompts.answers import schema_for, understand, wording
from captiond.prompts.prompt import Prompt
from captiond.prompts.skipping import reason_to_skip
from captiond.vision.backend import Question
from captiond.vision.endpoints import Endpoint

TRIES_ALLOWED = 3
RETRY_DELAYS_SECONDS = (5.0, 30.0)
"""Wait before the second and the third try of a photo that was charged."""

PICTURE_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
)
"""A file so called that is no picture is a problem to tell; any other is just something else."""


class Pipeline:
    """What happens to one photo, with the catalogue, the decoder and the clock that it happens with."""

    def __init__(
        self,
        choices: Choices,
        *,
        catalogue: Catalogue,
        decoder: Decoder,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        outbox: Outbox,
    ) -> None:
        self.choices = choices
        self._catalogue = catalogue
        self._decoder = decoder
        self._clock = clock
        self._log = log
        self._outbox = outbox

    async def take_in(self, file: InboxFile, *, fresh: bool) -> None:
        """Read and hash a settled file; know its photo and queue its prompts, or keep why not.

        Raises FileChanged when somebody touched it meanwhile, and Outage.
        """
        try:
            original = await asyncio.to_thread(self._read, file)
        except Rejected as rejection:
            await self._refuse(file, rejection)
            return
        write = self._catalogue.write
        await write(intake.register, original, self.choices.names, fresh=fresh, now=self._clock.now())

    async def describe(self, lease: Lease, endpoint: Endpoint) -> None:
        """Ask a leased photo's prompts, one after another, and write its sidecars; raises Outage."""
        started = self._clock.monotonic_seconds()
        try:
            prepared = await self._prepare(lease, endpoint)
        except FileChanged:
            self._log.info("gone or changed", file=_name(lease))
            return
        except Rejected as rejection:
            await self._catalogue.write(jobs.reject, lease.photo_id, str(rejection), self._clock.now())
            self._log.warning("unreadable", file=_name(lease), reason=str(rejection))
            return
        except TryAgain as failure:
            await self.charge(lease, [job.prompt for job in lease.jobs], str(failure))
            return
        answers = await self._ask_all(lease, prepared, endpoint)
        await self._outbox.write_due(self.choices.sidecars, lease.photo_id)
        seconds = self._clock.monotonic_seconds() - started
        self._log.info("described", file=_name(lease), seconds=round(seconds, 1), **_summary(answers))

    async def charge(
        self, lease: Lease, prompts: Sequence[PromptName], reason: str, *, final: bool = False
    ) -> None:
        """Count a failed try of these prompts; they come again later, or rest as failed with the reason."""
        tries = max((job.tries for job in lease.jobs if job.prompt in prompts), default=0)
        delay = RETRY_DELAYS_SECONDS[min(tries, len(RETRY_DELAYS_SECONDS) - 1)]
        failed = await self._catalogue.write(
            jobs.charge,
            lease.photo_id,
            prompts,
            reason=reason,
            tries_allowed=1 if final else TRIES_ALLOWED,
            next_try_at=self._clock.now() + timedelta(seconds=delay),
        )
        event = "failed" if failed else "will try again"
        self._log.warning(event, file=_name(lease), prompts=list(prompts), reason=reason)

    def _read(self, file: InboxFile) -> Original:
        limits = self.choices.limits

        def head_check(head: bytes) -> Rejected | None:
            return refusal(sniff(head), limits.formats, heif_available=limits.heif)

        return read(file, limits.max_file_bytes, head_check)

    async def _refuse(self, file: InboxFile, rejection: Rejected) -> None:
        # A letter or a movie among the photos is no problem; a broken picture is one.
        stray = isinstance(rejection, NotAPicture) and file.path.suffix.lower() not in PICTURE_SUFFIXES
        await self._catalogue.write(
            intake.note_unread,
            file.inbox,
            file.path,
            file.stamp,
            state="skipped" if stray else "refused",
            reason=str(rejection),
            image_format=getattr(rejection, "image_format", None),
            now=self._clock.now(),
        )
        if not stray:
            self._log.warning("refused", file=str(file.path), reason=str(rejection))

    async def _prepare(self, lease: Lease, endpoint: Endpoint) -> PreparedImage:
        original = await self._read_again(lease)
        prepared = await self._decoder.prepare(original.content, endpoint.fit)
        await self._catalogue.write(
            results.record_facts, lease.photo_id, prepared.facts, store_gps=self.choices.store_gps
        )
        return prepared

    async def _read_again(self, lease: Lease) -> Original:
        """Read the photo's bytes from a file that still holds them; files that do not are looked at again."""
        for file in lease.files:
            try:
                original = await asyncio.to_thread(self._read, file)
            except (FileChanged, Rejected):
                await self._catalogue.write(intake.note_missing, [file.path])
                continue
            if original.digest == lease.digest:
                return original
            await self._catalogue.write(intake.note_missing, [file.path])
        raise FileChanged("no file holds these bytes any more")

    async def _ask_all(
        self, lease: Lease, prepared: PreparedImage, endpoint: Endpoint
    ) -> dict[PromptName, Answer]:
        open_jobs = {job.prompt: job for job in lease.jobs}
        answers: dict[PromptName, Answer] = {}
        # The photo keeps one slot for all its prompts, back to back: the server encodes its picture once.
        async with endpoint.slot():
            for prompt in self.choices.prompts:
                job = open_jobs.get(prompt.name)
                if job is None:
                    continue
                try:
                    answers[prompt.name] = await self._ask(lease, job, prompt, prepared, endpoint)
                except UnusableReply as failure:
                    await self._keep_rejected(lease, prompt, failure)
                except _SourceOpen as failure:
                    await self.charge(lease, [prompt.name], str(failure))
                except ServerRefused as failure:
                    await self.charge(lease, [prompt.name], str(failure), final=True)
                except ServerStumbled as failure:
                    # The server works, and fails on this photo: spare it the rest of the prompts too.
                    await self.charge(lease, list(open_jobs), str(failure))
                    return answers
                del open_jobs[prompt.name]
        return answers

    async def _ask(
        self, lease: Lease, job: Job, prompt: Prompt, prepared: PreparedImage, endpoint: Endpoint
    ) -> Answer:
        source = await self._source(lease, prompt)
        reason = reason_to_skip(prompt, source)
        if reason is not None:
            result = self._result(prompt, Answer(Status.SKIPPED, reason=reason), None)
        else:
            about = source.value if source else None
            reply = await endpoint.ask(_question(prompt, job, about, prepared))
            result = self._result(prompt, understand(prompt, reply, about), reply)
        await self._catalogue.write(results.add_result, lease.photo_id, prompt, result)
        return result.answer

    async def _source(self, lease: Lease, prompt: Prompt) -> Answer | None:
        """Give the earlier answer that a prompt is about, None for a prompt about the picture."""
        if prompt.from_prompt is None:
            return None
        source = await self._catalogue.read(queries.current_answer, lease.photo_id, prompt.from_prompt)
        if source is None:
            raise _SourceOpen(f'it is asked about "{prompt.from_prompt}", which has no answer yet')
        return source

    async def _keep_rejected(self, lease: Lease, prompt: Prompt, failure: UnusableReply) -> None:
        answer = Answer(Status.REJECTED, reason=str(failure), raw=failure.raw)
        rejected = self._result(prompt, answer, None)
        await self._catalogue.write(results.add_result, lease.photo_id, prompt, rejected)
        await self.charge(lease, [prompt.name], f"{prompt.name}: {failure}")

    def _result(self, prompt: Prompt, answer: Answer, reply: Reply | None) -> Result:
        result = Result(
            prompt=prompt.name,
            prompt_version=self.choices.versions[prompt.name],
            source=Source.MODEL,
            answer=answer,
            created_at=self._clock.now(),
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


def _question(prompt: Prompt, job: Job, about: str | None, prepared: PreparedImage) -> Question:
    return Question(
        text=wording(prompt, about),
        image=None if prompt.from_prompt else prepared.jpeg,
        schema=schema_for(prompt),
        num_predict=prompt.num_predict,
        options={**prompt.options, **_second_thoughts(job.tries)},
        model=prompt.model,
    )


def _second_thoughts(tries: int) -> dict[str, Json]:
    """Sample differently on a further try: the same seed at temperature 0 would only say the same again."""
    return {"seed": tries + 1, "temperature": 0.3, "repeat_penalty": 1.15} if tries else {}


def _summary(answers: Mapping[PromptName, Answer]) -> dict[str, Json]:
    """Tell in a log line what came out, without the text that was read."""
    summary: dict[str, Json] = {"answers": len(answers)}
    for name, answer in answers.items():
        told = answer.language if answer.status is Status.OK else None
        match name:
            case "objects":
                summary["objects"] = list(answer.content or ())
            case "ocr":
                summary["text"] = told
            case "translation":
                summary["translated"] = told
    return summary


def _name(lease: Lease) -> str:
    return str(lease.files[0].path.relative_to(lease.files[0].inbox)) if lease.files else lease.digest[:12]
