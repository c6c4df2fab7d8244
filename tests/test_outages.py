"""What the whole service does about a catalogue that takes nothing."""

import pytest

import daemon_parts
from captiond.errors import CatalogueFault
from conftest import MakePhoto
from daemon_parts import Parts

pytestmark = pytest.mark.anyio
anyio_backend, decoder, parts = daemon_parts.anyio_backend, daemon_parts.decoder, daemon_parts.parts


async def test_a_single_run_does_not_wait_without_end_for_a_full_disk(
    parts: Parts, make_photo: MakePhoto
) -> None:
    make_photo()
    began = parts.clock.monotonic_seconds()
    async with parts.no_room_for("results"):
        with pytest.raises(BaseExceptionGroup) as caught:
            await parts.service().run_once()
    assert caught.group_contains(CatalogueFault, match="is full; given up after")
    assert parts.clock.monotonic_seconds() - began < 300


async def test_a_daemon_waits_for_a_full_disk_and_says_so(parts: Parts, make_photo: MakePhoto) -> None:
    service = parts.service()
    async with parts.running(service):
        async with parts.no_room_for("results"):
            make_photo(size=(1200, 900))
            await parts.until(lambda: "is full" in service.sentence)
            await parts.clock.sleep(600)
        await parts.until(lambda: parts.rows("SELECT state FROM photos") == [("done",)])
        assert "is full" not in service.sentence
