"""Writers that stall, map, reserve, break off and rename: a photo is read once it is whole, and once."""

import mmap
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

import daemon_parts
from captiond.imaging.limits import Limits
from conftest import MakePhoto
from daemon_parts import Parts, UnhurriedDecoder, wired

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts

ALL = ["objects", "description", "ocr"]
"""What is asked about a picture without text."""
STALL_SECONDS = 90.0
"""Longer than any time that captiond waits for a file to stand still, and than the pause between scans."""
STATES = "SELECT path, state, reason FROM files ORDER BY path"
PHOTOS = "SELECT state, missing, count(*) FROM photos GROUP BY state, missing"
DONE_ONCE = [("done", 0, 1)]
BROKE_OFF = "the file ends before the picture does: probably not completely copied"
ZEROS = "the end of the file is empty: probably not completely copied"


@asynccontextmanager
async def watching(parts: Parts) -> AsyncIterator[None]:
    """Let the daemon run; it has looked through the inbox once."""
    async with parts.running(parts.service()):
        await parts.until(lambda: parts.said("scanned"))
        yield


async def until_done(parts: Parts, photos: int = 1) -> None:
    await parts.until(lambda: parts.rows(PHOTOS) == [("done", 0, photos)])


@pytest.fixture
def content(make_photo: MakePhoto) -> bytes:
    """The bytes of a photo, whose file is gone again."""
    path = make_photo("content.jpg", "navy", text="Fremd")
    content = path.read_bytes()
    path.unlink()
    return content


# ── somebody has the file open ──


async def test_a_writer_that_stalls_half_way_is_waited_for(parts: Parts, content: bytes) -> None:
    """Test 10."""
    path = parts.inbox / "slow.jpg"
    async with watching(parts):
        with path.open("wb", buffering=0) as file:
            file.write(content[: len(content) // 2])
            await parts.clock.sleep(STALL_SECONDS)
            assert parts.rows(STATES) == []
            file.write(content[len(content) // 2 :])
        await until_done(parts)
    assert parts.asked() == [*ALL, "translation"]
    assert not parts.said("unreadable")


async def test_a_file_that_is_reserved_in_full_and_filled_slowly_is_waited_for(
    parts: Parts, content: bytes
) -> None:
    """Test 12."""
    path = parts.inbox / "reserved.jpg"
    async with watching(parts):
        with path.open("wb", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, len(content))
            for start in range(0, len(content), 1 + len(content) // 3):
                await parts.clock.sleep(STALL_SECONDS)
                assert parts.rows(STATES) == []
                file.write(content[start : start + 1 + len(content) // 3])
        await until_done(parts)
    assert parts.asked() == [*ALL, "translation"]


async def test_a_file_that_is_mapped_for_writing_is_waited_for(parts: Parts, content: bytes) -> None:
    """Test 16."""
    path = parts.inbox / "mapped.jpg"
    async with watching(parts):
        with path.open("w+b") as file:
            file.truncate(len(content))
            mapped = mmap.mmap(file.fileno(), len(content))
        with mapped:
            mapped[:9] = content[:9]
            first = path.stat()
            await parts.clock.sleep(STALL_SECONDS)
            mapped[:] = content
            assert path.stat().st_size == first.st_size
            await parts.clock.sleep(STALL_SECONDS)
            assert parts.rows(STATES) == []
        await until_done(parts)
    assert parts.asked() == [*ALL, "translation"]


async def test_a_file_linked_in_by_its_writer_is_waited_for(parts: Parts, content: bytes) -> None:
    """Test 3: it has no name while it is written, and gets one before its writer is done."""
    descriptor = os.open(parts.inbox, os.O_TMPFILE | os.O_WRONLY, 0o600)
    async with watching(parts):
        try:
            os.write(descriptor, content[:500])
            # Only with a folder's descriptor does Python follow the link that /proc has for an open file.
            os.link(f"/proc/self/fd/{descriptor}", parts.inbox / "linked.jpg", src_dir_fd=descriptor)
            await parts.clock.sleep(STALL_SECONDS)
            assert parts.rows(STATES) == []
            os.write(descriptor, content[500:])
        finally:
            os.close(descriptor)
        await until_done(parts)
    assert parts.asked() == [*ALL, "translation"]


async def test_a_file_written_in_five_goes_is_read_in_its_last_state(parts: Parts, content: bytes) -> None:
    """Test 17: each time it is closed as if that were all."""
    path = parts.inbox / "goes.jpg"
    step = 1 + len(content) // 5
    async with watching(parts):
        for start in range(0, len(content), step):
            with path.open("ab") as file:
                file.write(content[start : start + step])
            await parts.clock.sleep(4)
        await until_done(parts)
    assert parts.asked() == [*ALL, "translation"]


# ── nobody has it open, and it is not whole ──


def drawn(name: str) -> bytes:
    """Draw a picture with no flat area in the format of this name."""
    picture = Image.effect_noise((320, 240), 20).convert("RGB")
    into = BytesIO()
    picture.save(into, name, **({"lossless": True} if name == "WEBP" else {}))
    return into.getvalue()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
async def test_a_file_whose_second_half_is_empty_is_never_asked_about(
    inbox: Path, decoder: UnhurriedDecoder, name: str
) -> None:
    """Test 13: it was reserved in full, and the copy broke off; later it is written over."""
    whole = drawn(name)
    half = 512 * (len(whole) // 1024)
    path = inbox / f"photo.{name.lower()}"
    formats = {"formats": ["JPEG", "PNG", "WEBP", "TIFF", "BMP"]}
    async with (
        UnhurriedDecoder(Limits(formats=tuple(formats["formats"]))) as willing,
        wired(inbox, willing, imaging=formats) as parts,
        watching(parts),
    ):
        path.write_bytes(whole[:half] + bytes(len(whole) - half))
        await parts.until(lambda: parts.said("unreadable") or parts.said("refused"))
        await parts.clock.sleep(200)
        assert parts.asked() == []
        assert "not completely copied" in str(parts.lines)
        path.write_bytes(whole)
        await until_done(parts)
        assert parts.asked() == ALL


async def test_a_copy_that_broke_off_and_comes_again_is_one_photo(parts: Parts, content: bytes) -> None:
    """Test 14."""
    path = parts.inbox / "copy.jpg"
    async with watching(parts):
        path.write_bytes(content[: len(content) // 2])
        await parts.until(lambda: parts.said("unreadable"))
        await parts.clock.sleep(600)
        assert parts.asked() == []
        path.write_bytes(content)
        await until_done(parts)
    assert parts.asked() == [*ALL, "translation"]


async def test_a_copy_that_broke_off_for_good_is_told_and_stops_nothing(
    parts: Parts, content: bytes, make_photo: MakePhoto
) -> None:
    """Test 15."""
    (parts.inbox / "half.jpg").write_bytes(content[: len(content) // 2])
    make_photo("good.jpg")
    async with watching(parts):
        await parts.clock.sleep(600)
    assert parts.rows("SELECT path, state, reason FROM photos ORDER BY path") == [
        ("good.jpg", "done", None),
        ("half.jpg", "unreadable", BROKE_OFF),
    ]
    assert parts.asked() == ALL
    assert len(parts.said("unreadable")) == 1, "it is decoded once, not at each scan"


# ── first another name ──


async def test_a_placeholder_that_a_download_replaces_is_one_photo(parts: Parts, content: bytes) -> None:
    """Test 18: as Firefox does it."""
    path = parts.inbox / "download.jpg"
    async with watching(parts):
        path.touch()
        part = parts.inbox / "download.jpg.part"
        part.write_bytes(content[:1000])
        await parts.clock.sleep(STALL_SECONDS)
        assert parts.rows(STATES) == [("download.jpg", "skipped", "the file is empty so far")]
        part.write_bytes(content)
        part.rename(path)
        await until_done(parts)
    assert parts.rows(STATES) == [("download.jpg", "known", None)]
    assert parts.asked() == [*ALL, "translation"]


@pytest.mark.parametrize(
    "name",
    [
        "x.jpg.crdownload",
        "~syncthing~x.jpg.tmp",
        ".syncthing.x.jpg.tmp",
        "x.jpg.filepart",
        "._x.jpg",
        ".x.jpg.Xa9b3Q",
        ".~tmp~/x.jpg",
        ".rsync-partial/x.jpg",
        "@eaDir/x.jpg",
    ],
)
async def test_an_unfinished_name_is_left_alone_until_it_is_the_photos_own(
    parts: Parts, content: bytes, name: str
) -> None:
    """Tests 7 and 19."""
    unfinished = parts.inbox / name
    async with watching(parts):
        unfinished.parent.mkdir(exist_ok=True)
        unfinished.write_bytes(content)
        await parts.clock.sleep(STALL_SECONDS)
        assert parts.rows(STATES) == []
        unfinished.rename(parts.inbox / "x.jpg")
        await until_done(parts)
    assert parts.rows(STATES) == [("x.jpg", "known", None)]
    assert parts.asked() == [*ALL, "translation"]
