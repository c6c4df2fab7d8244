"""The sentence of the moment, for people and for the service manager."""

import pytest
from sqlalchemy import event

import daemon_parts
from captiond.catalogue.inboxes import standings
from captiond.catalogue.pausing import pause, resume
from captiond.simulator import Fault
from conftest import MakePhoto
from daemon_parts import Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts


def kept(parts: Parts) -> str:
    ((sentence,),) = parts.rows("SELECT sentence FROM status WHERE subject = 'daemon'")
    return str(sentence)


async def test_it_says_that_it_watches(parts: Parts) -> None:
    async with parts.running(parts.service()):
        await parts.until(lambda: parts.sentences)
    assert parts.sentences[0].startswith("Watching; 0 photos done")
    assert kept(parts) == parts.sentences[0]


async def test_it_beats_every_five_seconds(parts: Parts) -> None:
    async with parts.running(parts.service()):
        await parts.clock.sleep(60)
    assert 12 <= len(parts.sentences) <= 13


async def test_it_says_how_far_the_work_is(parts: Parts, make_photo: MakePhoto) -> None:
    parts.server.faults.set(Fault("hang", image="", prompt="Describe this picture", nth=2))
    for number in range(3):
        make_photo(f"{number}.jpg", f"rgb({number * 50}, 90, 30)")
    await parts.clock.sleep(3)
    async with parts.running(parts.service()):
        await parts.until(lambda: "1 of 3 photos done, 2 waiting" in parts.sentences)


async def test_it_says_what_photos_wait_for(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.server.stop()
    make_photo("a.jpg", "red")
    make_photo("b.jpg", "blue")
    async with parts.running(parts.service()):
        await parts.until(lambda: parts.rows("SELECT 1 FROM photos"))
        await parts.clock.sleep(6)
    assert parts.sentences[-1].startswith(f"2 photos wait: No Ollama answers at {parts.server.url}")
    assert kept(parts) == parts.sentences[-1]


async def test_it_says_that_somebody_paused(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.catalogue.write(pause, parts.clock.now())
    make_photo()
    async with parts.running(parts.service()):
        await parts.until(lambda: "Paused; 1 photo waits until `captiond resume`" in parts.sentences)
        await parts.catalogue.write(resume, parts.clock.now())
        await parts.until(lambda: "Watching; 1 photo done" in parts.sentences)


async def test_without_photos_a_server_that_is_away_is_no_news(parts: Parts) -> None:
    await parts.server.stop()
    async with parts.running(parts.service()):
        await parts.clock.sleep(20)
    assert parts.sentences[-1].startswith("Watching")


async def test_it_says_that_an_inbox_is_away(parts: Parts) -> None:
    parts.inbox.rmdir()
    async with parts.running(parts.service()):
        await parts.clock.sleep(6)
    assert "is not there; is its disk mounted?" in parts.sentences[-1]


async def test_a_disk_that_takes_nothing_does_not_stop_it(parts: Parts) -> None:
    async with parts.running(parts.service()):
        await parts.clock.sleep(1)
        async with parts.no_room_for("status"):
            before = len(parts.sentences)
            await parts.clock.sleep(100)
            assert len(parts.sentences) >= before + 20


async def test_one_photo_is_one_photo(parts: Parts, make_photo: MakePhoto) -> None:
    await parts.server.stop()
    make_photo()
    async with parts.running(parts.service()):
        await parts.until(lambda: parts.rows("SELECT 1 FROM photos"))
        await parts.clock.sleep(6)
    assert not parts.sentences[-1].startswith("1 photos")


async def test_it_keeps_how_the_inboxes_stand(parts: Parts, make_photo: MakePhoto) -> None:
    path = make_photo("a.jpg")
    await parts.clock.sleep(11)
    async with parts.running(parts.service()):
        await parts.clock.sleep(6)
        (standing,) = await parts.catalogue.read(standings)
        assert (standing.inbox, standing.state, standing.files) == (str(parts.inbox), "watching", 1)
        with path.open("ab"):
            path.chmod(0o644)
            await parts.clock.sleep(130)
            (standing,) = await parts.catalogue.read(standings)
            assert [(one.path, one.gate) for one in standing.waiting] == [(str(path), "writer")]


async def test_a_scan_that_finds_nothing_new_does_not_wake_the_disk(parts: Parts) -> None:
    written = set()
    async with parts.running(parts.service(scan_seconds=7.0)):
        for _ in range(60):
            await parts.clock.sleep(5)
            written |= set(parts.rows("SELECT at FROM status WHERE subject = 'inboxes'"))
    assert 5 <= len(written) <= 6, "once a minute"


async def test_its_own_writing_makes_it_count_nothing_anew(parts: Parts) -> None:
    counted = 0

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal counted
        counted += "GROUP BY files.state" in statement

    event.listen(parts.catalogue._reader, "before_cursor_execute", count)
    async with parts.running(parts.service()):
        await parts.until(lambda: parts.sentences)
        before, written = counted, parts.catalogue.writes
        await parts.clock.sleep(300)
    assert parts.catalogue.writes > written
    assert counted == before == 1
