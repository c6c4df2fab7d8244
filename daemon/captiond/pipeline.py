"""One photo, start to finish: read it top to bottom.

`take_in` makes a settled file known, `describe` asks about a leased photo and has its sidecars written.
What concerns this photo alone is settled here; an Outage concerns everybody and goes up to the service.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from captiond.asking import Asked, Asking, Pictures
from captiond.batches import gathered
from captiond.catalogue import intake, jobs, results
from captiond.catalogue.reconsidering import take_in
from captiond.catalogue.store import Catalogue
from captiond.choices import Choices
from captiond.clock import Clock
from captiond.errors import FileChanged, InboxGone, Outage, Rejected, TryAgain
from captiond.imaging.sniffing import check_head, is_stray
from captiond.imaging.tiling import Cutting
from captiond.imaging.worker import Decoder
from captiond.inbox.reading import FileUnreadable, HashOutcome, HeadCheck, look, read
from captiond.meanwhile import Meanwhile
from captiond.model import (
    Answer,
    Fit,
    HashedFile,
    InboxFile,
    Json,
    Lease,
    Original,
    PromptName,
    Status,
    Tiles,
)
from captiond.outbox import Outbox
from captiond.patience import Patience
from captiond.planning import plan_again
from captiond.prompts.prompt import Prompt, View
from captiond.room import Room
from captiond.unqueued import FEWEST_PHOTOS, Unqueued
from captiond.vision.respondents import Respondent
from captiond.witness import READER_VIEW, hear, views_of

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
        reader: Respondent | None = None,
        *,
        catalogue: Catalogue,
        decoder: Decoder,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        outbox: Outbox,
    ) -> None:
        self.choices = choices
        self.patience = Patience(catalogue, clock, log)
        self.unqueued = Unqueued(lambda: self.choices.names, patience=self.patience, clock=clock)
        self._catalogue = catalogue
        self._decoder = decoder
        self._clock = clock
        self._log = log
        self._outbox, self._reader = outbox, reader
        self._disks = outbox.disks
        self._room = Room(choices.limits.max_file_bytes)

    async def take_in(self, files: Sequence[InboxFile], *, fresh: bool) -> dict[Path, TryAgain]:
        """Read and hash settled files; know their photos and queue their prompts, or keep why not.

        Photos that come by the hundred are left `unqueued`. Gives why some could not be read now:
        somebody touched them meanwhile, say. Raises Outage.
        """
        unread: dict[Path, TryAgain] = {}
        most_bytes = self.choices.limits.max_file_bytes

        def hash_some(some: Sequence[InboxFile]) -> Awaitable[Sequence[HashOutcome]]:
            seconds = self._clock.monotonic_seconds
            inbox = some[0].inbox
            hasher = self._disks.hasher(inbox)
            return self._disks.ask(inbox, hasher.hash_each, some, most_bytes, self._head_check, seconds)

        async with Meanwhile() as meanwhile:
            async for both in gathered(files, hash_some, self._clock):
                unread |= {file.path: outcome for file, outcome in both if isinstance(outcome, TryAgain)}
                # The next ones are read while these are kept.
                await meanwhile.do(self._keep, both, fresh=fresh)
        return unread

    async def describe(self, lease: Lease, respondent: Respondent) -> None:
        """Ask a leased photo's prompts, one after another, and write its sidecars.

        Raises FileChanged when no file holds the photo's bytes now, and Outage.
        """
        rules = self.choices.prompts
        choices = self.choices.wished(lease.jobs)
        try:
            async with self._room.taken(_size_bytes(lease)):
                # Nobody keeps the original's bytes while the model is asked.
                pictures = await self._prepare(lease, await self._read_again(lease), choices, respondent)
        except FileChanged:
            raise
        except Rejected as rejection:
            await self.patience.insist(jobs.reject, lease.photo_id, str(rejection), self._clock.now())
            self._log.warning("unreadable", file=name_of(lease), reason=str(rejection))
            return
        except TryAgain as failure:
            await self.charge(lease, [job.prompt for job in lease.jobs], str(failure))
            return
        heard = None if respondent is self._reader else await hear(self._reader, pictures)
        reconsider = partial(
            plan_again, lease.photo_id, lambda: self.choices, rules, patience=self.patience, clock=self._clock
        )
        asked = await self._asking(
            lease, pictures, choices, respondent, heard=heard, reconsider=reconsider
        ).ask_all()
        await self._write_sidecars([lease.photo_id])
        _tell(self._log, lease, asked)

    async def charge(
        self, lease: Lease, prompts: Sequence[PromptName], reason: str, *, final: bool = False
    ) -> None:
        """Count a failed try of these prompts; they come again later, or rest as failed with the reason."""
        tries = max((job.tries for job in lease.jobs if job.prompt in prompts), default=0)
        delay = RETRY_DELAYS_SECONDS[min(tries, len(RETRY_DELAYS_SECONDS) - 1)]
        failed = await self.patience.insist(
            jobs.charge,
            lease.photo_id,
            prompts,
            reason=reason,
            tries_allowed=1 if final else TRIES_ALLOWED,
            next_try_at=self._clock.now() + timedelta(seconds=delay),
        )
        event = "failed" if failed else "will try again"
        self._log.warning(event, file=name_of(lease), prompts=list(prompts), reason=reason)

    async def _keep(self, both: Sequence[tuple[InboxFile, HashOutcome]], *, fresh: bool) -> None:
        hashed = [outcome for _, outcome in both if isinstance(outcome, HashedFile)]
        if hashed:
            queue = fresh or len(hashed) < FEWEST_PHOTOS
            photo_ids = await self.patience.insist(
                take_in, hashed, self.choices.prompts, fresh=fresh, now=self._clock.now(), queue=queue
            )
            if not queue:
                self.unqueued.add(photo_ids)
            # Known bytes under a new name have nothing to be asked: their sidecar is due at once.
            await self._write_sidecars(photo_ids)
        for file, outcome in both:
            if isinstance(outcome, Rejected):
                await self._refuse(file, outcome)

    async def _write_sidecars(self, photo_ids: Sequence[int]) -> None:
        # What an outage leaves unwritten stays due, and the service comes back to it.
        with suppress(Outage):
            await self._outbox.write_due(self.choices.sidecars, photo_ids)

    @property
    def _head_check(self) -> HeadCheck:
        limits = self.choices.limits
        return partial(check_head, enabled=limits.formats, heif_available=limits.heif)

    async def _refuse(self, file: InboxFile, rejection: Rejected) -> None:
        # A letter or a movie among the photos is no problem; a broken picture is one.
        stray = is_stray(rejection) and file.path.suffix.lower() not in PICTURE_SUFFIXES
        await self.patience.insist(
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

    async def _prepare(
        self, lease: Lease, original: Original, choices: Choices, respondent: Respondent
    ) -> Pictures:
        """Prepare a picture for each model that is to see it."""
        due = {job.prompt for job in lease.jobs}
        seeing = [prompt for prompt in choices.prompts if prompt.from_prompt is None]
        views = views_of([prompt for prompt in seeing if prompt.name in due]) or {(None, None)}
        fits = {
            view: _fit_for((self._reader if view == READER_VIEW else None) or respondent, view)
            for view in views
        }
        by_fit = {fit: await self._decoder.prepare(original.content, fit) for fit in set(fits.values())}
        facts = next(iter(by_fit.values())).facts
        await self.patience.insist(results.record_facts, lease.photo_id, facts, store_gps=choices.store_gps)
        return {view: by_fit[fit].jpeg for view, fit in fits.items()}

    async def _cut(self, lease: Lease, respondent: Respondent, prompt: Prompt, cutting: Cutting) -> Tiles:
        """Read a picture once more, and cut it into the tiles that a prompt is asked about."""
        async with self._room.taken(_size_bytes(lease)):
            original = await self._read_again(lease)
            return await self._decoder.cut(original.content, _fit_for(respondent, prompt.view), cutting)

    async def _read_again(self, lease: Lease) -> Original:
        """Read the photo's bytes from a file that holds them; those that do not are left to the next scan."""
        most_bytes = self.choices.limits.max_file_bytes
        trouble: FileChanged | InboxGone = FileChanged("no file holds its bytes now; the next scans tell why")
        for file in lease.files:
            try:
                found = await self._disks.ask(file.inbox, look, file.inbox, file.path)
                if not isinstance(found, InboxFile):
                    continue
                original = await self._disks.ask(file.inbox, read, found, most_bytes, self._head_check)
            except FileUnreadable:
                continue
            except (FileChanged, InboxGone) as failure:
                trouble = failure
                continue
            except Rejected:
                # The settings refuse it now; the next scan takes it for new, and keeps the reason.
                await self.patience.insist(intake.look_again, file.path)
                continue
            # Its stamp may be another by now, as long as the bytes are the same.
            if original.digest == lease.digest:
                return original
        raise trouble

    def _asking(
        self,
        lease: Lease,
        pictures: Pictures,
        choices: Choices,
        respondent: Respondent,
        *,
        heard: str | None,
        reconsider: Callable[[], Awaitable[None]],
    ) -> Asking:
        return Asking(
            lease,
            pictures,
            choices,
            respondent,
            catalogue=self._catalogue,
            patience=self.patience,
            clock=self._clock,
            charge=partial(self.charge, lease),
            cut=partial(self._cut, lease, respondent),
            reconsider=reconsider,
            log=self._log,
            heard=heard,
        )


def _size_bytes(lease: Lease) -> int:
    return max((file.stamp.size_bytes for file in lease.files), default=0)


def _fit_for(respondent: Respondent, view: View) -> Fit:
    model, side = view
    return respondent.fit_for(model) if side is None else Fit(((side, side),))


def _tell(log: structlog.stdlib.BoundLogger, lease: Lease, asked: Asked) -> None:
    """Log what came out; where nothing did, it was told already why."""
    if not asked.answers:
        return
    event = "described" if len(asked.answers) == len(lease.jobs) else "described in part"
    log.info(event, file=name_of(lease), seconds=round(asked.seconds, 1), **_summary(asked.answers))


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


def name_of(lease: Lease) -> str:
    """Name a photo in a log line."""
    return str(lease.files[0].path.relative_to(lease.files[0].inbox)) if lease.files else lease.digest[:12]
