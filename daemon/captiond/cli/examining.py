"""Composes the doctor's checks from the settings, and gives all findings in the order to read them."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from captiond.catalogue import queries
from captiond.catalogue.database import asking
from captiond.choices import Choices
from captiond.choosing import choices_from
from captiond.clock import SystemClock
from captiond.doctor.finding import Finding, Level
from captiond.doctor.places import (
    Sight,
    catalogue_findings,
    inbox_findings,
    sidecar_findings,
    survey,
)
from captiond.doctor.programs import cage_finding, program_findings
from captiond.doctor.readers import reader_finding
from captiond.doctor.servers import Examination, examine
from captiond.errors import CaptiondError
from captiond.imaging.worker import Decoder
from captiond.printable import counted
from captiond.prompts.engines import READER
from captiond.prompts.prompt import Prompt
from captiond.reader.reading import Reader
from captiond.settings import Settings
from captiond.wiring import backend_for

from .output import duration


async def findings(settings: Settings) -> list[Finding]:
    """Look at servers, inboxes, sidecars, catalogue and programs; raises BadConfiguration."""
    choices = choices_from(settings)
    asked = [prompt for prompt in choices.prompts if prompt.model != READER]
    servers = settings.ollama.url if asked else ()
    examinations = [await _examine(url, settings, choices, asked) for url in servers]
    sights = {
        inbox: await asyncio.to_thread(_survey, inbox, settings.catalogue) for inbox in settings.inboxes
    }
    return [
        *(finding for examination in examinations for finding in examination.findings),
        *([await reader_finding(Reader(SystemClock()))] if READER in choices.models else []),
        *_places(choices, sights),
        *catalogue_findings(settings.catalogue),
        *program_findings(),
        await _cage(choices, settings),
        *_estimate(settings, examinations, sights),
    ]


async def _examine(url: str, settings: Settings, choices: Choices, asked: Sequence[Prompt]) -> Examination:
    backend = backend_for(url, settings, choices, SystemClock())
    try:
        return await examine(backend, asked, pull=settings.ollama.pull)
    finally:
        await backend.close()


async def _cage(choices: Choices, settings: Settings) -> Finding:
    """Start the decode process, and say what holds it."""
    decoder = Decoder(choices.limits, time_limit_seconds=settings.imaging.decode_seconds)
    try:
        return cage_finding(await decoder.start())
    except CaptiondError as error:
        return Finding(Level.FAIL, "decoder", str(error))
    finally:
        await decoder.close()


def _survey(inbox: Path, catalogue: Path) -> Sight | CaptiondError | None:
    try:
        return survey(inbox, catalogue)
    except CaptiondError as error:
        return error


def _places(choices: Choices, sights: dict[Path, Sight | CaptiondError | None]) -> Iterator[Finding]:
    if not sights:
        yield Finding(Level.NOTE, "inbox", "No inbox is configured: name one, `captiond doctor FOLDER`.")
    places = choices.sidecars
    for inbox, sight in sights.items():
        yield from inbox_findings(inbox, sight)
        if isinstance(sight, Sight):
            yield from sidecar_findings(inbox, places.of_inbox[inbox], places.fallback)


def _estimate(
    settings: Settings,
    examinations: list[Examination],
    sights: dict[Path, Sight | CaptiondError | None],
) -> Iterator[Finding]:
    """Say how long the pictures that wait will take: by the last answers, else by the test picture."""
    new = sum(sight.new for sight in sights.values() if isinstance(sight, Sight))
    waiting, photo_seconds = _waiting(settings.catalogue)
    by = "at the pace of the last answers"
    if photo_seconds is None:
        asked = [one.photo_seconds for one in examinations if one.photo_seconds is not None]
        photo_seconds, by = (min(asked), "as quick as the test picture was") if asked else (None, "")
    if photo_seconds is None or not waiting + new:
        return
    side_by_side = max(len(examinations) * settings.ollama.parallel, 1)
    total_seconds = (waiting + new) * photo_seconds / side_by_side
    yield Finding(
        Level.NOTE,
        "estimate",
        f"{counted(waiting + new, 'picture waits', 'pictures wait')}: about {duration(total_seconds)}, {by} "
        f"({photo_seconds:.1f} s a picture).",
    )


def _waiting(catalogue: Path) -> tuple[int, float | None]:
    """Give how many known photos wait, and the seconds for one at the present pace."""
    if not catalogue.is_file():
        return 0, None
    try:
        with asking(catalogue) as connection:
            paces = queries.pace(connection).values()
            waiting = queries.progress(connection).photos_to_do
    except CaptiondError:
        return 0, None
    seconds = sum(one.median_seconds * one.asked_share for one in paces)
    return waiting, seconds or None
