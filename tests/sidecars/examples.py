"""A photo with its entry, two sidecars to write, and what is asked of them again and again."""

import dataclasses
import hashlib
import json
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from captiond.model import (
    Answer,
    Digest,
    Entry,
    FileStamp,
    InboxFile,
    Json,
    ModelIdentity,
    PictureFacts,
    PromptName,
    Result,
    Source,
    Status,
)
from captiond.sidecars import render

INBOX = Path("/srv/photos")
OLD = json.dumps({"schema": "urn:captiond:sidecar:v1", "words": "old " * 4000}).encode()
NEW = json.dumps({"schema": "urn:captiond:sidecar:v1", "words": "new " * 5000}).encode()
LLAVA = ModelIdentity("llava:13b", "sha256:0d0eb4d7f485", "llama", "13B", "Q4_0", "ollama 0.32.15")
MORNING = datetime(2026, 5, 1, 10, 4, 1, tzinfo=UTC)


def photo(name: str = "2024/IMG_2041.jpg") -> InboxFile:
    return InboxFile(INBOX, INBOX / name, FileStamp(1, 2, 3, 4, 5))


def answered(prompt: str, answer: Answer, **changes: Json) -> Result:
    result = Result(PromptName(prompt), "5b1e0c97ad42", Source.MODEL, answer, MORNING, None, LLAVA, "stop")
    return dataclasses.replace(result, seconds=2.31, prompt_tokens=2954, output_tokens=31, **changes)


ELEPHANT = Entry(
    digest=Digest("87" * 32),
    size_bytes=3412876,
    facts=PictureFacts("JPEG", 4000, 3000, "2024-07-14T16:21:09+02:00", "Pixel 8"),
    state="done",
    reason=None,
    results=(
        answered("description", Answer(Status.OK, "An elephant beside a yellow road sign.", language="en")),
        answered("objects", Answer(Status.OK, "elephant, road sign", ["elephant", "road sign"])),
        answered("ocr", Answer(Status.OK, "Attention !\nÉléphants en liberté", language="fr")),
        answered(
            "translation",
            Answer(Status.OK, "Caution!\nElephants roaming free", language="en"),
            from_prompt=PromptName("ocr"),
        ),
        answered("mood", Answer(Status.OK, "calm"), source=Source.HUMAN, model=None, finish=None),
    ),
)


def rendered(entry: Entry = ELEPHANT, name: str = "2024/IMG_2041.jpg") -> Json:
    return json.loads(render(entry, photo(name), "0.4.0"))


def schema() -> Json:
    return json.loads(files("captiond.sidecars").joinpath("sidecar.schema.json").read_bytes())


def closed(part: Json) -> Json:
    """Forbid every key that the schema does not describe."""
    if isinstance(part, list):
        return [closed(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    described = {key: closed(inner) for key, inner in part.items()}
    if "properties" in part and "type" in part:
        described.setdefault("additionalProperties", False)
    return described


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
