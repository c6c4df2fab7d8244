"""Photos and answers to put into a catalogue, in a line each."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from captiond.catalogue.intake import register
from captiond.catalogue.results import add_result, record_facts
from captiond.model import (
    Answer,
    Digest,
    FileStamp,
    HashedFile,
    InboxFile,
    Json,
    ModelIdentity,
    PictureFacts,
    PromptName,
    Result,
    Source,
    Status,
)
from captiond.prompts.prompt import Kind, Prompt

NOW = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
INBOX = Path("/photos")
MODEL = ModelIdentity("llava:13b", "sha256:0d0e", "llama", "13B", "Q4_0", "ollama 0.33")

DESCRIPTION = PromptName("description")
OBJECTS = PromptName("objects")
OCR = PromptName("ocr")
TRANSLATION = PromptName("translation")
MOOD = PromptName("mood")
PROMPTS = (OBJECTS, DESCRIPTION, OCR, TRANSLATION)


def original(path: str, content: bytes | None = None, *, inbox: Path = INBOX) -> HashedFile:
    """Make a settled file; without `content`, its bytes are its own."""
    content = path.encode("utf-8", "surrogateescape") if content is None else content
    stamp = FileStamp(1, 2**63 + len(path), len(content), 3, 4)
    digest = Digest(hashlib.sha256(content).hexdigest())
    return HashedFile(InboxFile(inbox, inbox / path, stamp), digest)


def result(
    prompt: PromptName,
    value: str | None = None,
    *,
    content: Json = None,
    status: Status = Status.OK,
    source: Source = Source.MODEL,
    seconds: float | None = 2.5,
    **answer: str | None,
) -> Result:
    """Make a result of the model's, or of somebody else's."""
    return Result(
        prompt=prompt,
        prompt_version="5b1e0c97ad42",
        source=source,
        answer=Answer(status, value, content, **answer),
        created_at=NOW,
        model=MODEL if source is Source.MODEL else None,
        finish="stop",
        seconds=seconds,
        load_seconds=0.1,
        prompt_tokens=600,
        output_tokens=30,
    )


def asked(name: PromptName) -> Prompt:
    """Make the prompt of a name."""
    return Prompt(name, Kind.LIST if name == OBJECTS else Kind.TEXT, "What is it?")


def plant(
    connection: Connection,
    path: str,
    *,
    content: bytes | None = None,
    prompts: tuple[PromptName, ...] = PROMPTS,
    fresh: bool = False,
) -> int:
    """Register a file and give its photo's id."""
    return register(connection, [original(path, content)], prompts, fresh=fresh, now=NOW)[0]


def answer(connection: Connection, photo_id: int, given: Result) -> None:
    """Add a result."""
    add_result(connection, photo_id, asked(given.prompt), given)


def photo(
    connection: Connection,
    path: str,
    *,
    description: str | None = None,
    objects: list[str] | None = None,
    text: str | None = None,
    language: str | None = None,
    translation: str | None = None,
    taken_at: str | None = None,
    size: tuple[int, int] = (400, 300),
    **own: str,
) -> int:
    """Plant a photo that is done, with these answers."""
    photo_id = plant(connection, path)
    facts = PictureFacts("JPEG", *size, taken_at=taken_at, camera="Canon EOS R")
    record_facts(connection, photo_id, facts, store_gps=False)
    names = objects or []
    answer(connection, photo_id, result(OBJECTS, ", ".join(names), content=names))
    answer(connection, photo_id, result(DESCRIPTION, description or "A picture."))
    there = Status.OK if text else Status.EMPTY
    answer(connection, photo_id, result(OCR, text, status=there, language=language))
    done = Status.OK if translation else Status.SKIPPED
    answer(connection, photo_id, result(TRANSLATION, translation, status=done, language="en"))
    for name, value in own.items():
        answer(connection, photo_id, result(PromptName(name), value))
    return photo_id
