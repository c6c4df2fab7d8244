"""The parts of a photo's way, each alone in a process of its own, for `cpu_per_photo.py` to weigh.

`python photo_parts.py PART INBOX` prints the CPU seconds for each photo, after a few to warm up. `floor`
is no part of captiond: it is the least that anybody has to do to get a small picture out of a file.
"""

import asyncio
import hashlib
import io
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from PIL import Image
from workbench import WARM_UPS, cpu_seconds

from captiond.catalogue import intake, jobs, queries, results
from captiond.catalogue.store import Catalogue
from captiond.choices import Choices
from captiond.choosing import choices_from
from captiond.clock import SystemClock
from captiond.imaging.limits import Limits
from captiond.imaging.worker import Decoder
from captiond.inbox.reading import look, read
from captiond.model import (
    Answer,
    Digest,
    Fit,
    HashedFile,
    InboxFile,
    ModelIdentity,
    Original,
    PictureFacts,
    Result,
    Source,
    Status,
)
from captiond.outbox import Outbox
from captiond.prompts.answers import understand
from captiond.settings.schema import load
from captiond.vision.ollama import OllamaBackend
from captiond.vision.questions import question_for

SEEN_SIDE = 336
"""What the default model sees: the side of the picture that is sent."""

JPEG_QUALITY = 92
ANSWERS: Mapping[str, tuple[str, Any]] = {
    "objects": ("blue area, green area, sign", ["blue area", "green area", "sign"]),
    "description": ("A softly lit wide picture, mostly green at the top and blue below. " * 3, None),
    "ocr": ("Attention ! Éléphants en liberté", None),
    "translation": ("Caution ! Elephants in freedom", None),
}
Work = Callable[[Path], Awaitable[None]]


@asynccontextmanager
async def floor(_inbox: Path) -> AsyncIterator[Work]:
    """Read, hash, decode at the smallest scale, shrink and encode, and nothing else."""

    async def work(photo: Path) -> None:
        _floor(photo)

    yield work


@asynccontextmanager
async def prepare(_inbox: Path) -> AsyncIterator[Work]:
    """Read and hash twice, as intake and work do, and let the decode process make the small picture."""
    async with Decoder(Limits()) as decoder:

        async def work(photo: Path) -> None:
            await asyncio.to_thread(_read, photo)
            original = await asyncio.to_thread(_read, photo)
            await decoder.prepare(original.content, Fit(((SEEN_SIDE, SEEN_SIDE),)))

        yield work


@asynccontextmanager
async def ask(inbox: Path) -> AsyncIterator[Work]:
    """Ask the four prompts about a small picture, and understand the replies."""
    settings = load(None, {"inboxes": [inbox]}, os.environ)
    (url,), model = settings.ollama.url, settings.ollama.model
    backend = OllamaBackend(url, model, clock=SystemClock(), options=settings.ollama.options())
    prompts = choices_from(settings).prompts

    async def work(photo: Path) -> None:
        jpeg, about = _small(photo), None
        for prompt in prompts:
            source = about if prompt.from_prompt else None
            picture = None if prompt.from_prompt else jpeg
            question = question_for(prompt, picture, source)
            about = understand(prompt, await backend.ask(question), source).value

    yield work
    await backend.close()


@asynccontextmanager
async def keep(inbox: Path) -> AsyncIterator[Work]:
    """Write to the catalogue and the sidecar all that becomes of a photo."""
    clock = SystemClock()
    settings = load(None, {"inboxes": [inbox]}, os.environ)
    choices = choices_from(settings)
    with Catalogue(settings.catalogue, clock.now()) as catalogue:
        outbox = Outbox(catalogue, structlog.get_logger(), "benchmark")

        async def work(photo: Path) -> None:
            write, now = catalogue.write, clock.now()
            await write(intake.register, [_unread(photo)], choices.names, fresh=False, now=now)
            lease = await write(jobs.lease, "benchmark", now)
            assert lease is not None
            facts = PictureFacts("JPEG", 4000, 3000)
            await write(results.record_facts, lease.photo_id, facts, store_gps=False)
            for prompt in choices.prompts:
                if prompt.from_prompt:
                    await catalogue.read(queries.current_answer, lease.photo_id, prompt.from_prompt)
                await write(results.add_result, lease.photo_id, prompt, _result(prompt.name, choices))
            await outbox.write_due(choices.sidecars, [lease.photo_id])

        yield work


def _floor(photo: Path) -> None:
    content = photo.read_bytes()
    hashlib.sha256(content).hexdigest()
    picture = Image.open(io.BytesIO(content))
    picture.draft(None, (SEEN_SIDE, SEEN_SIDE))
    picture.thumbnail((SEEN_SIDE, SEEN_SIDE), Image.Resampling.LANCZOS)
    picture.save(io.BytesIO(), "JPEG", quality=JPEG_QUALITY)


def _read(photo: Path) -> Original:
    file = look(photo.parent, photo)
    assert isinstance(file, InboxFile)
    return read(file, Limits().max_file_bytes)


def _unread(photo: Path) -> HashedFile:
    file = look(photo.parent, photo)
    assert isinstance(file, InboxFile)
    return HashedFile(file, Digest(hashlib.sha256(photo.name.encode()).hexdigest()))


def _small(photo: Path) -> bytes:
    """Draw a small picture, another one for each photo, at almost no cost."""
    small = io.BytesIO()
    picture = Image.new("RGB", (SEEN_SIDE, SEEN_SIDE * 3 // 4), "teal")
    picture.save(small, "JPEG", comment=photo.name.encode())
    return small.getvalue()


def _result(name: Any, choices: Choices) -> Result:
    value, content = ANSWERS[name]
    return Result(
        prompt=name,
        prompt_version=choices.versions[name],
        source=Source.MODEL,
        answer=Answer(Status.OK, value, content, "fr" if name == "ocr" else None),
        created_at=SystemClock().now(),
        model=ModelIdentity("llava:13b-v1.6", "sha256:0d0e", "llama", "13B", "Q4_0", "Ollama 0.33"),
        finish="stop",
        seconds=2.5,
        prompt_tokens=600,
        output_tokens=30,
    )


PARTS: Mapping[str, Callable[[Path], AbstractAsyncContextManager[Work]]] = {
    one.__name__: one for one in (floor, prepare, ask, keep)
}


async def measured(part: str, inbox: Path, photos: Sequence[Path]) -> float:
    """Do one part for all photos of an inbox; give its CPU seconds for each but the first few."""
    async with PARTS[part](inbox) as work:
        for photo in photos[:WARM_UPS]:
            await work(photo)
        before = cpu_seconds(os.getpid())
        for photo in photos[WARM_UPS:]:
            await work(photo)
        return (cpu_seconds(os.getpid()) - before) / len(photos[WARM_UPS:])


if __name__ == "__main__":
    name, folder = sys.argv[1], Path(sys.argv[2])
    print(asyncio.run(measured(name, folder, sorted(folder.glob("*.jpg")))))
