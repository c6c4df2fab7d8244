"""A page of small text that one view cannot carry is read from tiles, and stands in the sidecar once."""

from pathlib import Path

from acceptance.conftest import Command, Sidecar, SimulatedServer
from small_print import MERGED, page


def test_a_page_is_read_from_tiles(
    captiond: Command, inbox: Path, sidecar_of: Sidecar, server: SimulatedServer
) -> None:
    captiond.settings["CAPTIOND_INBOX__QUIET_SECONDS"] = "0.2"
    page().save(inbox / "page.png")
    assert captiond("run", "--once", inbox).returncode == 0
    document = sidecar_of(inbox / "page.png")
    assert document["summary"]["text"] == MERGED
    assert document["results"]["ocr"]["reason"] == "read from 2 tiles"
    assert server.counters["image_encodes"] == 3, "the whole once for all prompts, and each tile"
    shown = captiond("show", inbox / "page.png").stdout
    assert all(line in shown for line in MERGED.splitlines())
