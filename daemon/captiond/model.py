"""The nouns of captiond, frozen: one type for each step of a photo's way; no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple, NewType

Json = Any
"""What `json.loads` returns."""

Digest = NewType("Digest", str)
"""SHA-256 of a photo's bytes, 64 lower-case hex digits: its identity."""

PromptName = NewType("PromptName", str)
"""The name of a prompt, as in the configuration: `objects`, `mood` …"""


class FileStamp(NamedTuple):
    """What `stat` says of a file; equal stamps mean that nobody touched it in between.

    A tuple, for of a million files a scan makes two of each, and compares them.
    """

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class InboxFile:
    """A path in an inbox with its stamp; not trusted yet.

    Paths may hold bytes that are not UTF-8, as surrogates (`os.fsencode` gives them back). A `young` one has
    stood still for so short a time that its reader must find that nobody writes to it.
    """

    inbox: Path
    path: Path
    stamp: FileStamp
    young: bool = False


@dataclass(frozen=True, slots=True)
class HashedFile:
    """A file whose bytes were read once, unchanged meanwhile; their digest is kept, they are not."""

    file: InboxFile
    digest: Digest


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes of a file, read once and unchanged while they were read."""

    file: InboxFile
    digest: Digest
    content: bytes


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What the picture says about itself; width and height in pixels, upright."""

    format: str
    width: int
    height: int
    taken_at: str | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An upright small JPEG for the model, and the facts of the picture it came from."""

    jpeg: bytes
    width: int
    height: int
    facts: PictureFacts


@dataclass(frozen=True, slots=True)
class Fit:
    """The pixels a model can use: a picture is shrunk into the box that loses least, never enlarged.

    `boxes` are (width, height) pairs: one for most models, the grids of LLaVA 1.6 where its projector has
    them.
    """

    boxes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture, as large as a model can use: an upright JPEG; its row and column, from 0."""

    jpeg: bytes
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class Tiles:
    """Parts of a picture that overlap, row by row; none where the whole picture shows as much.

    `across` and `down` are the shares of a tile (0 to 1) that the next one beside or below it shows, too.
    """

    tiles: tuple[Tile, ...]
    across: float = 0.0
    down: float = 0.0


class Status(StrEnum):
    """How a result came out."""

    OK = "ok"
    """There is an answer."""
    EMPTY = "empty"
    """The answer is that there is nothing: no text in the picture, say."""
    SKIPPED = "skipped"
    """Not asked, for the reason given."""
    REJECTED = "rejected"
    """The reply was no answer; kept with its reason, never shown as one."""


class Source(StrEnum):
    """Who gave a result, lowest rank first."""

    MODEL = "model"
    IMPORT = "import"
    HUMAN = "human"


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model answered; the digest pins it where a tag may move."""

    name: str
    digest: str
    family: str | None = None
    parameters: str | None = None
    quantization: str | None = None
    server: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The raw text that came back, complete, with what it cost.

    `reading_seconds` is what the server took before its first word: picture and question, without the load.
    """

    text: str
    finish: str
    model: ModelIdentity
    thinking: str = ""
    seconds: float = 0.0
    load_seconds: float = 0.0
    reading_seconds: float = 0.0
    prompt_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class KeptReply:
    """A reply on its way into an answer of many; `broken` says why, where it did not come whole."""

    reply: Reply
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply understood and accepted: `value` for people, `content` where it has structure.

    `raw` is the untouched reply, only where cleaning changed it.
    """

    status: Status
    value: str | None = None
    content: Json = None
    language: str | None = None
    reason: str | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """An answer, who gave it, when, and from which version of the prompt."""

    prompt: PromptName
    prompt_version: str
    source: Source
    answer: Answer
    created_at: datetime
    from_prompt: PromptName | None = None
    model: ModelIdentity | None = None
    finish: str | None = None
    seconds: float | None = None
    load_seconds: float | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A prompt that a photo still has to be asked; `tries` counts the charged ones.

    `model` is the one that a person wants for it, None: the prompt's own. `kept` has what came back already,
    by the digests of its questions, where an answer of many replies was begun.
    """

    prompt: PromptName
    tries: int
    model: str | None = None
    kept: Mapping[str, KeptReply] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lease:
    """A photo in this daemon's hands: where its bytes lie and what it is to be asked."""

    photo_id: int
    digest: Digest
    files: tuple[InboxFile, ...]
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class SidecarPlace:
    """Where sidecars go; `folder` is the root of a tree that mirrors one inbox."""

    kind: Literal["beside", "tree", "off"]
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """All that the catalogue knows of a photo that a sidecar tells; results are the current ones."""

    digest: Digest
    size_bytes: int
    facts: PictureFacts | None
    state: str
    reason: str | None
    results: tuple[Result, ...]
