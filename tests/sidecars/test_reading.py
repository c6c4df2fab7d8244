import dataclasses
import json

import pytest
from hypothesis import given, settings

from captiond.model import Answer, Entry, Json, PromptName, Status
from captiond.sidecars import render
from captiond.sidecars.document import SidecarUnreadable
from captiond.sidecars.reading import parse
from sidecars.entries import ENTRIES
from sidecars.examples import ELEPHANT, answered, photo, rendered


class TestReadingBack:
    def test_gives_the_entry(self) -> None:
        assert parse(render(ELEPHANT, photo(), "0.4.0")) == ELEPHANT

    def test_tells_structure_that_is_a_text_from_words(self) -> None:
        of_structure = answered("mood", Answer(Status.OK, "calm", content="calm"))
        entry = dataclasses.replace(ELEPHANT, results=(of_structure,))

        assert parse(render(entry, photo(), "0.4.0")) == entry

    @given(ENTRIES)
    @settings(max_examples=60, deadline=None)
    def test_loses_nothing_that_was_written(self, entry: Entry) -> None:
        content = render(entry, photo(), "0.4.0")

        assert render(parse(content), photo(), "0.4.0") == content

    def test_takes_an_edit_made_by_hand(self) -> None:
        document = rendered()
        document["results"]["description"] |= {"value": "Two elephants.", "source": "human"}

        read = {result.prompt: result for result in parse(json.dumps(document).encode()).results}

        assert read[PromptName("description")].answer.value == "Two elephants."

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff\xfe",
            b"[]",
            b"{}",
            b"[" * 100_000,
            b'{"schema": "urn:captiond:sidecar:v2"}',
            b'{"schema": "urn:captiond:sidecar:v1"}',
        ],
    )
    def test_refuses_what_is_no_sidecar(self, content: bytes) -> None:
        with pytest.raises(SidecarUnreadable):
            parse(content)

    @pytest.mark.parametrize(
        ("place", "wrong"),
        [
            (("image", "sha256"), "zz"),
            (("image", "width"), "wide"),
            (("image",), []),
            (("results",), []),
            (("results", "ocr"), 7),
            (("results", "ocr", "status"), "fine"),
            (("results", "ocr", "language"), ["fr"]),
            (("results", "ocr", "created_at"), "2026-05-01T10:04:01"),
            (("results", "ocr", "model"), {"name": "llava"}),
            (("results", "ocr", "model"), {"name": "llava", "digest": 7}),
            (("results", "ocr", "timing"), {"seconds": "two"}),
        ],
    )
    def test_refuses_a_damaged_sidecar(self, place: tuple[str, ...], wrong: Json) -> None:
        document = rendered()
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = wrong

        with pytest.raises(SidecarUnreadable):
            parse(json.dumps(document).encode())
