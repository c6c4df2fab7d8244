"""A photo's entry as a JSON file beside the picture, written whole or not at all, and read back again.

A new key is described in `sidecar.schema.json` too; version 1 only ever gains keys, readers ignore unknown
ones. Coordinates are never written: a sidecar travels with the picture to people the catalogue does not.
"""

import base64
import contextlib
import errno
import hashlib
import json
import math
import os
import re
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from captiond.clock import iso
from captiond.errors import CaptiondError, DiskFull, Outage
from captiond.model import (
    Answer,
    Digest,
    Entry,
    InboxFile,
    Json,
    ModelIdentity,
    PictureFacts,
    PromptName,
    Result,
    SidecarPlace,
    Source,
    Status,
)
from captiond.printable import printable

SUFFIX = ".captiond.json"
SCHEMA = "urn:captiond:sidecar:v1"
LONGEST_NAME_BYTES = 255
LARGEST_BYTES = 16 * 1024 * 1024
"""A file larger than this is none of ours."""

UNFINISHED = re.compile(r"\.captiond-[0-9a-f]{16}\.part")
SUMMARY = {
    "description": "description",
    "alt_text": "alt_text",
    "objects": "objects",
    "ocr": "text",
    "translation": "translation",
}
"""The built-in prompts in the order of the file, with the key that quick readers find their answer under."""

MODEL_KEYS = ("family", "parameters", "quantization", "server")
LANGUAGE = {"ocr": "text_language", "translation": "translation_language"}


class SidecarUnwritable(CaptiondError):
    """This folder takes no sidecar: no permission, or it is gone; another place may."""


class SidecarUnreadable(CaptiondError):
    """The file is no sidecar of captiond's, or is damaged."""


def render(entry: Entry, file: InboxFile, generator_version: str) -> bytes:
    """Write what the catalogue knows of a photo as the sidecar of `file`; equal entries give equal bytes."""
    results = sorted(
        (result for result in entry.results if result.answer.status is not Status.REJECTED),
        key=_place_in_file,
    )
    document = {
        "schema": SCHEMA,
        "generator": {"name": "captiond", "version": generator_version},
        "image": _image(entry, file),
        "state": entry.state,
        **_known(reason=entry.reason),
        "summary": _summary(results),
        "results": {result.prompt: _result(result) for result in results},
    }
    text = json.dumps(_portable(document), ensure_ascii=False, indent=2)
    return text.encode() + b"\n"


def parse(content: bytes) -> Entry:
    """Read a sidecar back; raises SidecarUnreadable.

    What a sidecar does not hold is not in the entry: coordinates, and raw replies.
    """
    document = _document(content)
    if document.get("schema") != SCHEMA:
        raise SidecarUnreadable(f"This is not a sidecar of captiond's: its schema is not {SCHEMA}.")
    try:
        return _parsed_entry(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SidecarUnreadable(f"This sidecar is damaged: {error!r}.") from error


def _place_in_file(result: Result) -> tuple[int, str]:
    built_in = list(SUMMARY)
    return (built_in.index(result.prompt) if result.prompt in SUMMARY else len(built_in), result.prompt)


def _image(entry: Entry, file: InboxFile) -> dict[str, Json]:
    name = os.fsencode(file.path.name)
    readable = name.decode("utf-8", "backslashreplace")
    facts = entry.facts
    return _known(
        file=readable,
        file_base64=None if readable.encode() == name else base64.b64encode(name).decode(),
        sha256=entry.digest,
        bytes=entry.size_bytes,
        format=facts and facts.format,
        width=facts and facts.width,
        height=facts and facts.height,
        taken_at=facts and facts.taken_at,
        camera=facts and facts.camera,
    )


def _summary(results: list[Result]) -> dict[str, Json]:
    """Give quick readers the answers alone; null where the answer is that there is nothing."""
    summary: dict[str, Json] = {}
    own: dict[str, Json] = {}
    for result in results:
        answer = result.answer
        if answer.status is Status.SKIPPED:
            continue
        if result.prompt == "objects":
            summary["objects"] = answer.content if isinstance(answer.content, list) else []
        elif result.prompt in SUMMARY:
            summary[SUMMARY[result.prompt]] = answer.value
        else:
            own[result.prompt] = answer.value if answer.content is None else answer.content
        if result.prompt in LANGUAGE:
            summary |= _known(**{LANGUAGE[result.prompt]: answer.language})
    return summary | ({"answers": own} if own else {})


def _result(result: Result) -> dict[str, Json]:
    answer, model = result.answer, result.model
    asked_about = result.from_prompt or ("image" if result.source is Source.MODEL else None)
    timing = _known(
        seconds=_to_the_millisecond(result.seconds),
        load_seconds=_to_the_millisecond(result.load_seconds),
        prompt_tokens=result.prompt_tokens,
        output_tokens=result.output_tokens,
    )
    return _known(
        status=answer.status,
        source=result.source,
        **{"from": asked_about},
        value=answer.value if answer.content is None else answer.content,
        words=None if answer.content is None else answer.value,
        language=answer.language,
        reason=answer.reason,
        prompt_version=result.prompt_version or None,
        model=model
        and _known(name=model.name, digest=model.digest, **{key: getattr(model, key) for key in MODEL_KEYS}),
        finish=result.finish,
        created_at=iso(result.created_at),
        timing=timing or None,
    )


def _known(**values: Json) -> dict[str, Json]:
    return {key: value for key, value in values.items() if value is not None}


def _to_the_millisecond(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _portable(value: Json) -> Json:
    """Replace what Python has and strict JSON in UTF-8 has not: lone surrogates, NaN and infinities."""
    match value:
        case str():
            return re.sub("[\ud800-\udfff]", "\ufffd", value)
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {_portable(key): _portable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_portable(inner) for inner in value]
        case _:
            return value


def _document(content: bytes) -> dict[str, Json]:
    try:
        document = _portable(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise SidecarUnreadable("This is not a sidecar of captiond's: it is not JSON.") from error
    return document if isinstance(document, dict) else {}


def _parsed_entry(document: dict[str, Json]) -> Entry:
    image = document["image"]
    if not re.fullmatch("[0-9a-f]{64}", image["sha256"]):
        raise ValueError(image["sha256"])
    facts = PictureFacts(
        _text(image, "format") or "",
        _number(image, "width") or 0,
        _number(image, "height") or 0,
        _text(image, "taken_at"),
        _text(image, "camera"),
    )
    return Entry(
        digest=Digest(image["sha256"]),
        size_bytes=int(image["bytes"]),
        facts=facts if facts.format else None,
        state=str(document["state"]),
        reason=_text(document, "reason"),
        results=tuple(_parsed_result(name, fields) for name, fields in document["results"].items()),
    )


def _parsed_result(prompt: str, fields: dict[str, Json]) -> Result:
    asked_about, model, timing = _text(fields, "from"), fields.get("model"), fields.get("timing", {})
    return Result(
        prompt=PromptName(prompt),
        prompt_version=_text(fields, "prompt_version") or "",
        source=Source(fields["source"]),
        answer=_parsed_answer(fields),
        created_at=datetime.strptime(fields["created_at"], "%Y-%m-%dT%H:%M:%S%z"),
        from_prompt=None if asked_about in (None, "image") else PromptName(asked_about),
        model=model
        and ModelIdentity(model["name"], model["digest"], *(_text(model, key) for key in MODEL_KEYS)),
        finish=_text(fields, "finish"),
        seconds=_number(timing, "seconds"),
        load_seconds=_number(timing, "load_seconds"),
        prompt_tokens=_number(timing, "prompt_tokens"),
        output_tokens=_number(timing, "output_tokens"),
    )


def _parsed_answer(fields: dict[str, Json]) -> Answer:
    value = fields.get("value")
    structured = "words" in fields or not isinstance(value, str)
    return Answer(
        status=Status(fields["status"]),
        value=_text(fields, "words") if structured else value,
        content=value if structured else None,
        language=_text(fields, "language"),
        reason=_text(fields, "reason"),
    )


def _text(fields: dict[str, Json], key: str) -> str | None:
    value = fields.get(key)
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{key} is no text")


def _number(fields: dict[str, Json], key: str) -> Any:
    value = fields.get(key)
    if value is None or isinstance(value, int | float):
        return value
    raise TypeError(f"{key} is no number")


@dataclass(frozen=True, slots=True)
class Written:
    """The new bytes are on the disk under the sidecar's name."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The file held these very bytes already."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something else has the sidecar's name and was left as it is; `reason` is the sentence for people."""

    reason: str


def sidecar_path(file: InboxFile, place: SidecarPlace, *, fallback: Path | None = None) -> Path | None:
    """Name the sidecar of `file`, or None where it has none.

    A name that would pass 255 bytes is never cut: beside the picture there is no sidecar then, unless
    `fallback` is a tree for such names. In a tree it is called by the SHA-256 of the picture's name.
    """
    if place.kind == "off":
        return None
    fits = len(os.fsencode(file.path.name)) + len(SUFFIX) <= LONGEST_NAME_BYTES
    if place.kind == "beside" and fits:
        return file.path.with_name(file.path.name + SUFFIX)
    tree = place.folder if place.kind == "tree" else fallback
    if tree is None:
        return None
    stem = file.path.name if fits else hashlib.sha256(os.fsencode(file.path.name)).hexdigest()
    return tree / file.path.relative_to(file.inbox).parent / (stem + SUFFIX)


def write(
    path: Path, content: bytes, *, known_sha256: str | None, tree: Path | None = None
) -> Written | Unchanged | Conflict:
    """Put `content` under `path`, so that a reader or a crash sees the old file or the new one, whole.

    `known_sha256` is of the sidecar that was written here last; anything else under the name is somebody
    else's, or was edited, and stays. A new file has mode 0600, as the catalogue has; a replaced one keeps its
    mode. Folders below `tree`, which must be there, are made. Raises DiskFull, Outage and SidecarUnwritable.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    with _translated(path):
        if tree is not None and path.is_relative_to(tree):
            _make_folders(tree, path.parent)
        with _open_folder(path.parent) as folder:
            return _put(folder, path, content, sha256, known_sha256)


def remove_leftovers(folder: Path) -> int:
    """Remove the unfinished sidecars that a crash left in `folder`, and say how many."""
    with _translated(folder / "*"):
        leftovers = [Path(entry.path) for entry in os.scandir(folder) if UNFINISHED.fullmatch(entry.name)]
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
    return len(leftovers)


def _put(
    folder: int, path: Path, content: bytes, sha256: str, known_sha256: str | None
) -> Written | Unchanged | Conflict:
    verdict = _verdict(folder, path, sha256, known_sha256)
    if verdict is None:
        return _replace(folder, path, content, sha256, known_sha256)
    if isinstance(verdict, Unchanged) and sha256 != known_sha256:
        # Perhaps a crash came between the rename and its fsync.
        _sync_folder(folder)
    return verdict


def _verdict(folder: int, path: Path, sha256: str, known_sha256: str | None) -> Unchanged | Conflict | None:
    """Say whether the file under the sidecar's name may stay, must stay, or (None) may be replaced."""
    present = _present(folder, path)
    if present is None or isinstance(present, Conflict):
        return present
    present_sha256 = hashlib.sha256(present).hexdigest()
    if present_sha256 == sha256:
        return Unchanged(sha256)
    if present_sha256 == known_sha256:
        return None
    return Conflict(_why_it_stays(path, present, known_sha256))


def _why_it_stays(path: Path, present: bytes, known_sha256: str | None) -> str:
    name = printable(str(path))
    try:
        ours = str(_document(present).get("schema")) == SCHEMA
    except SidecarUnreadable:
        ours = False
    if not ours:
        return f"{name} is not a sidecar of this captiond's, so it is left as it is; move it away."
    if known_sha256 is None:
        return (
            f"{name} was written for another catalogue, so it is left as it is; "
            "take it in with `captiond import`, or remove it."
        )
    return (
        f"{name} was edited by hand, so it is left as it is; "
        "take the edit in with `captiond import`, or remove the file."
    )


def _present(folder: int, path: Path) -> bytes | Conflict | None:
    """Read the file under the sidecar's name; None where there is none."""
    try:
        descriptor = os.open(
            path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EACCES):
            raise
        # Raises where it is the folder that may not be searched.
        os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        return Conflict(
            f"{printable(str(path))} cannot be read as a file ({error.strerror}), so it is left as it is."
        )
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_BYTES:
            return Conflict(f"{printable(str(path))} is no sidecar, so it is left as it is; move it away.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _replace(
    folder: int, path: Path, content: bytes, sha256: str, known_sha256: str | None
) -> Written | Unchanged | Conflict:
    unfinished = f".captiond-{secrets.token_hex(8)}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(unfinished, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _keep_mode(folder, path, descriptor)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        # Somebody may have saved the file while we wrote; the moment left is that of one system call.
        verdict = _verdict(folder, path, sha256, known_sha256)
        if verdict is not None:
            return verdict
        os.rename(unfinished, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(unfinished, dir_fd=folder)
    _sync_folder(folder)
    return Written(sha256)


def _keep_mode(folder: int, path: Path, descriptor: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        present = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        os.fchmod(descriptor, stat.S_IMODE(present.st_mode) & 0o666)


def _make_folders(tree: Path, folder: Path) -> None:
    current = tree
    for name in folder.relative_to(tree).parts:
        current /= name
        with contextlib.suppress(FileExistsError):
            current.mkdir(0o700)
            with _open_folder(current.parent) as parent:
                _sync_folder(parent)


@contextlib.contextmanager
def _open_folder(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sync_folder(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        # Some file systems cannot sync a folder and say so; there is nothing more to do on them.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing `path` into our errors."""
    try:
        yield
    except OSError as error:
        sentence = f"{printable(str(path.parent))} takes no sidecar: {error.strerror}."
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise DiskFull(sentence) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise SidecarUnwritable(
                f'{sentence} Choose another place with `sidecars = "tree:FOLDER"`.'
            ) from error
        raise Outage(sentence) from error
