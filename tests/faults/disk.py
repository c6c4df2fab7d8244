"""A disk that forgets: what captiond told it, as strace saw it, and what a power cut may leave of that.

What was synced is there. Of the rest anything may be: each write to a file since its last fsync, whole, in
part or not at all, in any order; and of what happened to the names in a folder since its last fsync the first
so many changes. A file that no fsync reached may be empty under its new name: that is what "rename before
fsync" looks like. Real file systems forgive more (ext4 syncs a new file's name with the file), so what stands
here stands on them; what they do to blocks that are half written is theirs.
"""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TRACED = (
    "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,ftruncate,sendto"
)
OPTIONS = ("-y", "-s", "100000", "--strings-in-hex=all", f"--trace={TRACED}")
STARTED = re.compile(r"(?P<thread>\d+) +(?P<call>\w+)\((?P<said>.*)")
RESUMED = re.compile(r"(?P<thread>\d+) +<\.\.\. \w+ resumed>(?P<said>.*)")
UNFINISHED = " <unfinished ...>"
DESCRIPTOR = re.compile(r"(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
SECTOR_BYTES = 512


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that came back well: its name, what it was told, and what it gave."""

    name: str
    paths: tuple[str, ...]
    texts: tuple[bytes, ...]
    numbers: tuple[int, ...]
    gave: str


@dataclass(slots=True)
class File:
    """What was done to one file, in order; the first `synced` of these are on the disk for good."""

    changes: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, bytes) of a write, (size, None) of a truncation."""
    synced: int = 0

    def content(self, kept: Callable[[bytes], bytes] | None) -> bytes:
        """Put the file together; `kept` says how much is left of a write that was not synced, None: all."""
        content = bytearray()
        for number, (offset, written) in enumerate(self.changes):
            if written is None:
                content = content[:offset].ljust(offset, b"\0")
                continue
            left = written if kept is None or number < self.synced else kept(written)
            if left:
                content = content.ljust(offset, b"\0")
                content[offset : offset + len(left)] = left
        return bytes(content)


Change = Callable[[dict[str, File]], None]


@dataclass(slots=True)
class Folder:
    """What happened to the names in a folder; the first `synced` changes are on the disk for good."""

    changes: list[Change] = field(default_factory=list)
    synced: int = 0


class Disk:
    """All that was told to a disk below one folder, up to some call."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._files: dict[str, File] = {}
        self._folders: dict[str, Folder] = {}

    def follow(self, call: Call) -> None:
        """Do what a call did, if it was about a file below the root."""
        path = self._path(call)
        if not path.startswith(self._root):
            return
        match call.name:
            case "openat" if "O_CREAT" in call.gave and path not in self._files:
                self._create(path)
            case "write" | "pwrite64" if path in self._files:
                self._write(self._files[path], call)
            case "ftruncate" if path in self._files:
                self._files[path].changes.append((call.numbers[-1], None))
            case "fsync" | "fdatasync":
                self._sync(path)
            case "unlink" | "unlinkat" if path in self._files:
                del self._files[path]
                self._change(path, lambda names: names.pop(path, None))
            case "rename" | "renameat" | "renameat2":
                self._rename(path, self._path(call, 1))

    def after_a_cut(self, chance: random.Random) -> dict[str, bytes]:
        """Give the files that may be there when the power comes back."""
        names: dict[str, File] = {}
        for folder in self._folders.values():
            pending = len(folder.changes) - folder.synced
            for change in folder.changes[
                : folder.synced + chance.choice((0, pending, chance.randint(0, pending)))
            ]:
                change(names)
        kept = _keeper(chance)
        return {path: file.content(kept) for path, file in names.items()}

    def _path(self, call: Call, number: int = 0) -> str:
        name = call.texts[number].decode() if number < len(call.texts) and call.name not in WRITES else ""
        folder = call.paths[min(number, len(call.paths) - 1)] if call.paths else ""
        return name if name.startswith("/") else "/".join(part for part in (folder, name) if part)

    def _create(self, path: str) -> None:
        file = self._files[path] = File()
        self._change(path, lambda names: names.__setitem__(path, file))

    def _write(self, file: File, call: Call) -> None:
        size = len(file.content(None)) if call.name == "write" else call.numbers[-1]
        file.changes.append((size, call.texts[0]))

    def _sync(self, path: str) -> None:
        if path in self._files:
            self._files[path].synced = len(self._files[path].changes)
        elif path in self._folders:
            self._folders[path].synced = len(self._folders[path].changes)

    def _rename(self, old: str, new: str) -> None:
        file = self._files[new] = self._files.pop(old)

        def change(names: dict[str, File]) -> None:
            names.pop(old, None)
            names[new] = file

        self._change(new, change)

    def _change(self, path: str, change: Change) -> None:
        self._folders.setdefault(path.rpartition("/")[0], Folder()).changes.append(change)


WRITES = ("write", "pwrite64", "sendto")


def _keeper(chance: random.Random) -> Callable[[bytes], bytes]:
    """Choose how much is left of what was not synced: nothing, all, or a part of each write by chance."""
    mood = chance.choice(("nothing", "all", "some", "some"))

    def kept(written: bytes) -> bytes:
        if mood != "some":
            return written if mood == "all" else b""
        sectors = -(-len(written) // SECTOR_BYTES)
        return written[: SECTOR_BYTES * chance.choice((0, sectors, chance.randint(0, sectors)))]

    return kept


def _from_hex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def calls_in(lines: Sequence[str]) -> Iterator[Call]:
    """Read what strace wrote with OPTIONS; a call is given when it came back, if it did so well."""
    begun: dict[str, tuple[str, str]] = {}
    for line in lines:
        started, resumed = STARTED.match(line), RESUMED.match(line)
        if started is not None:
            thread, name, said = started["thread"], started["call"], started["said"]
        elif resumed is not None and resumed["thread"] in begun:
            thread = resumed["thread"]
            name, before = begun.pop(thread)
            said = before + resumed["said"]
        else:
            continue
        if said.endswith(UNFINISHED):
            begun[thread] = (name, said.removesuffix(UNFINISHED))
            continue
        told, _, gave = said.rpartition(" = ")
        if not gave.startswith("-1"):
            yield _call(name, told.rstrip(") "), gave)


def _call(name: str, told: str, gave: str) -> Call:
    texts = tuple(_from_hex(text) for text in TEXT.findall(told))
    bare = TEXT.sub("", told)
    paths = tuple(_from_hex(path).decode() for path in DESCRIPTOR.findall(bare))
    numbers = tuple(int(part) for part in bare.split(", ") if part.strip().isdigit())
    return Call(name, paths, texts, numbers, gave if name != "openat" else bare)
