"""The control socket: how a command speaks to the captiond that runs, since only that one may write.

It lies beside the catalogue, for the daemon's own user and root alone. One line of JSON goes in and one comes
out: `{"order": "retry", "about": {…}}`, then `{"did": {…}}` or `{"failed": "a sentence for people"}`.
"""

import asyncio
import errno
import json
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from .errors import CaptiondError
from .model import Json

LONGEST_LINE_BYTES = 1_000_000
LINE_SECONDS = 5.0
"""A whole line is there by then, or the connection ends."""
ANSWER_SECONDS = 60.0
"""A command waits so long for what it asked; the catalogue's disk may be slow."""
FAREWELL_SECONDS = 1.0
MOST_AT_ONCE = 16
LONGEST_NAME_BYTES = 64
ROOT = 0

Obey = Callable[[str, Mapping[str, Json]], Awaitable[Json]]
"""Carries out an order by its name and what it is about; gives what it did. Raises CaptiondError."""


class NobodyListens(CaptiondError):
    """No captiond takes orders for this catalogue."""


class OrderFailed(CaptiondError):
    """The captiond that runs could not carry out an order, or did not answer."""


def socket_path(catalogue: Path) -> Path:
    """Name the control socket of a catalogue; a catalogue's very long name is cut short in it."""
    real = catalogue.resolve()
    name = real.name
    if len(os.fsencode(name)) > LONGEST_NAME_BYTES:
        name = sha256(os.fsencode(name)).hexdigest()[:16]
    return real.with_name(f"{name}.socket")


def ask(catalogue: Path, order: str, about: Mapping[str, Json], *, seconds: float = ANSWER_SECONDS) -> Json:
    """Have the captiond that runs with this catalogue carry out an order in time; gives what it did.

    Raises NobodyListens where none takes orders, and OrderFailed.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(seconds)
        try:
            _connect(line, catalogue)
            line.sendall(_line({"order": order, "about": about}))
            with line.makefile("rb") as answers:
                answer = answers.readline(LONGEST_LINE_BYTES)
        except TimeoutError as error:
            raise OrderFailed("captiond runs, but did not answer in time; its log may tell why") from error
        except OSError as error:
            raise OrderFailed(f"captiond runs, but cannot be spoken to: {error.strerror}") from error
    return _did(answer)


@asynccontextmanager
async def listening(catalogue: Path, obey: Obey) -> AsyncIterator[None]:
    """Take orders for as long as the block lasts; the caller holds the catalogue's lock.

    Raises OSError where no socket can be made.
    """
    with _address(catalogue) as address:
        talks = _Talks(obey)
        ear = _bound(address)
        try:
            server = await asyncio.start_unix_server(talks.hold, sock=ear, limit=LONGEST_LINE_BYTES)
            try:
                yield
            finally:
                server.close()
                await talks.end()
        finally:
            ear.close()
            with suppress(OSError):
                address.unlink()


class _Talks:
    """The connections that are open now: one order each."""

    def __init__(self, obey: Obey) -> None:
        self._obey = obey
        self._open: set[asyncio.Task[None]] = set()

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear one order, carry it out and answer, whatever comes over the line."""
        talk = asyncio.current_task()
        assert talk is not None
        self._open.add(talk)
        try:
            answer = await self._answer(reader, writer)
            async with asyncio.timeout(LINE_SECONDS):
                writer.write(_line(answer))
                await writer.drain()
        except (OSError, TimeoutError):
            pass  # whoever asked is gone
        finally:
            self._open.discard(talk)
            writer.close()

    async def end(self) -> None:
        """Let an order that is being carried out be answered, and hang up on the others."""
        for talk in self._open:
            asyncio.get_running_loop().call_later(FAREWELL_SECONDS, talk.cancel)
        if self._open:
            await asyncio.wait(self._open)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Mapping[str, Json]:
        # The line is read first in any case: who is hung up on with words unread hears no answer.
        async with asyncio.timeout(LINE_SECONDS):
            line = await _read(reader)
        if len(self._open) > MOST_AT_ONCE:
            return {"failed": "too many orders at once; try again"}
        if _user_of(writer.get_extra_info("socket")) not in {ROOT, os.geteuid()}:
            return {"failed": "captiond takes orders only from its own user, and from root"}
        try:
            order, about = _understood(line)
            return {"did": await self._obey(order, about)}
        except CaptiondError as error:
            return {"failed": str(error)}
        except ValueError:
            return {"failed": "captiond does not understand this order; is it another version?"}


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Read a line; one that is too long is none."""
    try:
        return await reader.readline()
    except ValueError:
        return b""


def _understood(line: bytes) -> tuple[str, Mapping[str, Json]]:
    """Read an order; raises ValueError where it is none."""
    match _object(line):
        case {"order": str(order), "about": dict(about)}:
            return order, about
    raise ValueError


def _did(answer: bytes) -> Json:
    if not answer:
        raise OrderFailed("captiond ended before it answered; `captiond status` tells how things stand")
    try:
        told = _object(answer)
    except ValueError as error:
        raise OrderFailed("what answers at the control socket is no captiond") from error
    if "did" not in told:
        raise OrderFailed(str(told.get("failed")))
    return told["did"]


def _object(line: bytes) -> dict[str, Json]:
    try:
        read = json.loads(line)
    except RecursionError as error:
        raise ValueError from error
    if not isinstance(read, dict) or not line.endswith(b"\n"):
        raise ValueError
    return read


def _line(told: Mapping[str, Json]) -> bytes:
    return json.dumps(told).encode() + b"\n"


def _connect(line: socket.socket, catalogue: Path) -> None:
    """Find the captiond that listens; whoever else put a socket there is not told anything."""
    try:
        with _address(catalogue) as address:
            line.connect(str(address))
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
        raise NobodyListens(f"no captiond takes orders for {catalogue}") from error
    if _user_of(line) not in {ROOT, os.geteuid(), catalogue.stat().st_uid}:
        raise OrderFailed("the control socket belongs to a stranger; nothing was sent to it")


@contextmanager
def _address(catalogue: Path) -> Iterator[Path]:
    """Give the socket's address through the folder's descriptor: the kernel takes no more than 107 bytes."""
    path = socket_path(catalogue)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{folder}") / path.name
    finally:
        os.close(folder)


def _bound(address: Path) -> socket.socket:
    """Make the socket in place of one that an ended captiond left; nothing else is ever removed."""
    ear = socket.socket(socket.AF_UNIX)
    try:
        with suppress(FileNotFoundError):
            if not stat.S_ISSOCK(address.lstat().st_mode):
                raise FileExistsError(errno.EEXIST, "something else is in its place")
            address.unlink()
        # Before it has a name, so that it is never open to others.
        os.fchmod(ear.fileno(), 0o600)
        ear.bind(str(address))
    except OSError:
        ear.close()
        raise
    return ear


def _user_of(line: socket.socket) -> int:
    """Tell which user is at the other end, as the kernel knows."""
    credentials = struct.Struct("iII")
    peer = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    _process, user, _group = credentials.unpack(peer)
    return int(user)
