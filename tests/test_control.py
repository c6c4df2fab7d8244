"""The control socket: what goes over it, who may speak, and what becomes of those who speak badly."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from captiond import control
from captiond.control import LONGEST_LINE_BYTES, NobodyListens, OrderFailed, ask, listening, socket_path
from captiond.errors import DiskFull
from captiond.model import Json

pytestmark = pytest.mark.anyio


class Obeyed(list[tuple[str, Mapping[str, Json]]]):
    """The orders that came; it does as their names say."""

    async def __call__(self, order: str, about: Mapping[str, Json]) -> Json:
        self.append((order, about))
        match order:
            case "fail":
                raise DiskFull("the disk is full")
            case "misunderstand":
                raise ValueError("what?")
            case "linger":
                await asyncio.sleep(0.3)
        return {"done": len(self)}


@pytest.fixture
def obeyed() -> Obeyed:
    return Obeyed()


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.db"
    path.touch()
    return path


@pytest.fixture
async def daemon(catalogue: Path, obeyed: Obeyed) -> AsyncIterator[None]:
    async with listening(catalogue, obeyed):
        yield


async def asked(catalogue: Path, order: str, **about: Json) -> Json:
    return await asyncio.to_thread(ask, catalogue, order, about)


async def said(catalogue: Path, line: bytes) -> dict[str, Json]:
    """Send these very bytes, and read what comes back."""
    reader, writer = await asyncio.open_unix_connection(str(socket_path(catalogue)))
    writer.write(line)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    read: dict[str, Json] = json.loads(answer)
    return read


async def test_an_order_is_carried_out_and_answered(catalogue: Path, obeyed: Obeyed, daemon: None) -> None:
    assert await asked(catalogue, "retry", photos=["é\n\x00"], failed=True) == {"done": 1}
    assert obeyed == [("retry", {"photos": ["é\n\x00"], "failed": True})]


async def test_orders_come_one_after_the_other_and_all_at_once(catalogue: Path, daemon: None) -> None:
    for number in range(3):
        assert await asked(catalogue, "retry") == {"done": number + 1}
    together = await asyncio.gather(*(asked(catalogue, "retry") for _ in range(8)))
    assert sorted(each["done"] for each in together) == list(range(4, 12))


async def test_what_went_wrong_comes_back_as_its_sentence(catalogue: Path, daemon: None) -> None:
    with pytest.raises(OrderFailed, match="the disk is full"):
        await asked(catalogue, "fail")


async def test_an_order_that_makes_no_sense_is_told_so(catalogue: Path, daemon: None) -> None:
    with pytest.raises(OrderFailed, match="another version"):
        await asked(catalogue, "misunderstand")


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def nothing_listens(catalogue: Path) -> None:
    with pytest.raises(NobodyListens):
        ask(catalogue, "retry", {})


async def test_without_a_daemon_nobody_listens(catalogue: Path, obeyed: Obeyed, tmp_path: Path) -> None:
    nothing_listens(catalogue)
    nothing_listens(tmp_path / "no" / "such" / "catalogue.db")
    async with listening(catalogue, obeyed):
        pass
    nothing_listens(catalogue)
    assert names_in(tmp_path) == ["catalogue.db"], "nothing is left behind"


async def test_a_socket_that_a_killed_daemon_left_is_nobody_and_is_replaced(
    catalogue: Path, obeyed: Obeyed
) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(socket_path(catalogue)))
    nothing_listens(catalogue)
    async with listening(catalogue, obeyed):
        assert await asked(catalogue, "retry") == {"done": 1}


@pytest.mark.parametrize("kind", ["file", "folder", "symlink"])
async def test_what_is_no_socket_is_never_removed(
    catalogue: Path, obeyed: Obeyed, kind: str, tmp_path: Path
) -> None:
    place = socket_path(catalogue)
    match kind:
        case "file":
            place.write_text("somebody's")
        case "folder":
            place.mkdir()
        case _:
            place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        async with listening(catalogue, obeyed):
            pass
    assert place.is_symlink() or place.exists()


async def test_the_socket_is_for_its_owner_alone(catalogue: Path, daemon: None) -> None:
    before = os.umask(0)
    os.umask(before)
    assert stat.S_IMODE(socket_path(catalogue).stat().st_mode) == 0o600 & ~before


async def test_a_stranger_is_not_heard(
    catalogue: Path, obeyed: Obeyed, daemon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setattr(control, "ROOT", 4712)
    answer = await said(catalogue, b'{"order": "retry", "about": {}}\n')
    assert "own user" in answer["failed"]
    assert obeyed == []


async def test_nothing_is_said_to_a_strangers_socket(
    catalogue: Path, obeyed: Obeyed, daemon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_user_of", lambda _line: 4711)
    with pytest.raises(OrderFailed, match="stranger"):
        await asked(catalogue, "retry")
    assert obeyed == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"hello\n",
        b"[]\n",
        b"{}\n",
        b'{"order": 1, "about": {}}\n',
        b'{"order": "retry", "about": []}\n',
        b'{"order": "retry", "about": {}}',
        b'{"order": "retry", "about": {"a": "\xff"}}\n',
        b"[" * 200_000 + b"\n",
        b'{"order": "' + b"x" * LONGEST_LINE_BYTES + b'"}\n',
    ],
    ids=lambda line: line[:20].decode(errors="replace") + f"({len(line)})",
)
async def test_whatever_comes_over_the_line_is_answered_and_nothing_breaks(
    catalogue: Path, obeyed: Obeyed, daemon: None, line: bytes
) -> None:
    assert "does not understand" in (await said(catalogue, line))["failed"]
    assert obeyed == []
    assert await asked(catalogue, "retry") == {"done": 1}


async def test_who_says_nothing_is_hung_up_on(
    catalogue: Path, daemon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "LINE_SECONDS", 0.05)
    reader, writer = await asyncio.open_unix_connection(str(socket_path(catalogue)))
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_many_silent_lines_keep_nobody_out_for_long(catalogue: Path, daemon: None) -> None:
    lines = [await asyncio.open_unix_connection(str(socket_path(catalogue))) for _ in range(16)]
    with pytest.raises(OrderFailed, match="too many"):
        await asked(catalogue, "retry")
    for _, writer in lines:
        writer.close()
    await asyncio.sleep(0.05)
    assert await asked(catalogue, "retry") == {"done": 1}


async def test_an_order_in_hand_is_finished_when_captiond_ends(catalogue: Path, obeyed: Obeyed) -> None:
    async with listening(catalogue, obeyed):
        asking = asyncio.create_task(asked(catalogue, "linger"))
        while not obeyed:  # noqa: ASYNC110 - it is told by another thread's order
            await asyncio.sleep(0.005)
    assert await asking == {"done": 1}


async def test_a_silent_line_does_not_hold_up_the_end(catalogue: Path, obeyed: Obeyed) -> None:
    async with asyncio.timeout(4):
        async with listening(catalogue, obeyed):
            reader, writer = await asyncio.open_unix_connection(str(socket_path(catalogue)))
            await asyncio.sleep(0.05)
        assert await reader.read() == b""
    writer.close()


async def test_a_daemon_that_ends_before_it_answers_is_told(catalogue: Path) -> None:
    @asynccontextmanager
    async def dying() -> AsyncIterator[None]:
        async def hang_up(_: object, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_unix_server(hang_up, str(socket_path(catalogue))):
            yield

    async with dying():
        with pytest.raises(OrderFailed, match=r"ended before|cannot be spoken to"):
            await asked(catalogue, "retry")


@pytest.mark.parametrize("name", ["catalogue.db", "ü" * 60 + ".db", "n" * 240])
async def test_a_path_too_long_for_a_socket_works_all_the_same(
    tmp_path: Path, obeyed: Obeyed, name: str
) -> None:
    catalogue = tmp_path.joinpath(*["a very long name of a folder" * 4] * 3, name)
    catalogue.parent.mkdir(parents=True)
    catalogue.touch()
    async with listening(catalogue, obeyed):
        assert await asked(catalogue, "retry") == {"done": 1}
        assert socket_path(catalogue).is_socket()


async def test_a_link_to_the_catalogue_leads_to_the_same_socket(
    catalogue: Path, daemon: None, tmp_path: Path
) -> None:
    (tmp_path / "linked").mkdir()
    link = tmp_path / "linked" / "other.db"
    link.symlink_to(catalogue)
    assert await asked(link, "retry") == {"done": 1}
