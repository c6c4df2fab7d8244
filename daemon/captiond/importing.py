"""Sidecars taken over into the catalogue, without a model call: all of a lost one, or a person's edits."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from . import __version__
from .catalogue import queries
from .catalogue.database import writing
from .catalogue.importing import date_back, note_taken_over, take_over
from .catalogue.locking import locked
from .catalogue.results import add_prompt_columns
from .catalogue.store import Connection
from .choices import Choices
from .gathering import SidecarFound
from .imaging.limits import PREPARATION_VERSION
from .model import Answer, Entry, InboxFile, Json, PromptName, Result, Source
from .prompts.prompt import Kind, Prompt, fingerprint
from .sidecars import SidecarUnreadable, edits_in, load, parse, render
from .sidecars.document import decoded

AT_ONCE = 500
"""So many sidecars are one transaction: what was taken over stays, wherever it ends."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of some sidecars: how many were read, and what is new in the catalogue; `edits` by people."""

    sidecars: int = 0
    photos: int = 0
    results: int = 0
    edits: int = 0
    refused: int = 0

    def __add__(self, other: "Imported") -> "Imported":
        return Imported(
            self.sidecars + other.sidecars,
            self.photos + other.photos,
            self.results + other.results,
            self.edits + other.edits,
            self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True)
class _Said:
    """A sidecar understood: the picture that it is about, its bytes, and its entry as it was and is now."""

    file: InboxFile
    content: bytes
    entry: Entry
    edits: tuple[PromptName, ...]


def import_all(
    catalogue: Path,
    found: Iterable[SidecarFound | Path],
    choices: Choices,
    now: datetime,
    refused: Callable[[Path, str], None],
) -> Imported:
    """Take over what sidecars say, under the catalogue's lock; `refused` is told which not, and why.

    Raises CatalogueInUse while captiond runs, Fatal and DiskFull.
    """
    told, rest = Imported(), iter(found)
    with locked(catalogue):
        while some := list(islice(rest, AT_ONCE)):
            with writing(catalogue, now) as connection:
                add_prompt_columns(connection, choices.names)
                for one in some:
                    told += _import(connection, one, choices, now, refused)
                date_back(connection)
    return told


def _import(
    connection: Connection,
    found: SidecarFound | Path,
    choices: Choices,
    now: datetime,
    refused: Callable[[Path, str], None],
) -> Imported:
    if isinstance(found, Path):
        refused(found, "It lies in no inbox: name the inbox's folder, not the sidecar.")
        return Imported(refused=1)
    try:
        said = _understood(found, now)
    except (SidecarUnreadable, OSError) as error:
        sentence = error.strerror if isinstance(error, OSError) else str(error)
        refused(found.path, f"It was left out. {sentence}")
        return Imported(refused=1)
    wording = _Wordings(choices).of
    taken = take_over(connection, said.entry, said.file, wording=wording, asked=choices.names, now=now)
    known = queries.entry(connection, taken.photo_id)
    says_all = render(known, said.file, __version__) == said.content
    sha256 = hashlib.sha256(said.content).hexdigest()
    note_taken_over(connection, said.file, sha256, says_all=says_all)
    edits = len(said.edits) if taken.results else 0
    return Imported(1, int(taken.is_new), taken.results, edits)


def _understood(found: SidecarFound, now: datetime) -> _Said:
    content, changed_at = load(found.path, top=found.top)
    entry = parse(content)
    edits, overwritten = edits_in(content)
    moment = min(datetime.fromtimestamp(int(changed_at), UTC), now)
    kept = tuple(result for result in entry.results if result.prompt not in overwritten)
    corrections = tuple(_correction(entry, prompt, answer, moment) for prompt, answer in edits.items())
    file = found.picture(_image(content))
    return _Said(file, content, replace(entry, results=kept + corrections), tuple(edits))


def _correction(entry: Entry, prompt: PromptName, answer: Answer, moment: datetime) -> Result:
    """Make what a person wrote over an answer a result of his own, of the same version of the prompt."""
    versions = [result.prompt_version for result in entry.results if result.prompt == prompt]
    return Result(prompt, next(iter(versions), ""), Source.HUMAN, answer, moment)


def _image(content: bytes) -> Json:
    return decoded(content)["image"]


class _Wordings:
    """The prompts that are configured, by their versions; of others only the name and the kind are known."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def of(self, result: Result) -> Prompt:
        for prompt in self._choices.prompts:
            if prompt.name == result.prompt and result.prompt_version in self._versions(prompt, result):
                return prompt
        structured = result.answer.content is not None
        kind = Kind.JSON if structured else Kind.TEXT
        return Prompt(result.prompt, Kind.LIST if isinstance(result.answer.content, list) else kind, "")

    def _versions(self, prompt: Prompt, result: Result) -> Iterator[str]:
        yield self._choices.versions[prompt.name]
        if result.model is not None:
            yield fingerprint(prompt, model=result.model.name, preparation_version=PREPARATION_VERSION)
