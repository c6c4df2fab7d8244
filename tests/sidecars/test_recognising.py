"""A sidecar of ours is recognised wherever it lies, unless there is something in it that only it knows."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given

from captiond.model import Digest, Entry, Json
from captiond.sidecars import Conflict, Written, render, says_nothing_new, write
from sidecars.entries import ENTRIES
from sidecars.examples import ELEPHANT, NEW, OLD, digest, photo

OURS = render(ELEPHANT, photo(), "0.3.0")
LATER = dataclasses.replace(ELEPHANT, results=ELEPHANT.results[:1])
"""The photo when all answers but one are others by now."""


def changed(**changes: Json) -> bytes:
    return json.dumps(json.loads(OURS) | changes, ensure_ascii=False, indent=2).encode() + b"\n"


def test_ours_is_recognised_when_the_answers_are_others_by_now() -> None:
    assert says_nothing_new(OURS, LATER, ELEPHANT.results)


@pytest.mark.parametrize("name", ["other name.jpg", "caf\udce9.jpg", "tab\t.jpg"])
def test_ours_is_recognised_under_any_name_of_the_picture(name: str) -> None:
    assert says_nothing_new(render(ELEPHANT, photo(name), "0.3.0"), LATER, ELEPHANT.results)


def test_ours_is_recognised_when_it_was_written_half_way() -> None:
    half = dataclasses.replace(ELEPHANT, state="partial", results=ELEPHANT.results[:2])
    assert says_nothing_new(render(half, photo(), "0.3.0"), ELEPHANT, ELEPHANT.results)


def test_an_answer_that_the_catalogue_never_had_is_new() -> None:
    assert not says_nothing_new(OURS, ELEPHANT, ELEPHANT.results[1:])


@pytest.mark.parametrize(
    "edited",
    [
        OURS.replace(b"yellow", b"red"),
        OURS.replace(b"Pixel 8", b"Pixel 9"),
        OURS.replace(b'"state": "done"', b'"state": "mine"'),
        OURS.replace(b"  ", b" "),
        OURS + b"\n",
        changed(notes="my own"),
        changed(reason="because"),
        changed(generator={}),
        changed(image={**json.loads(OURS)["image"], "file": ["a"]}),
        changed(image={**json.loads(OURS)["image"], "file_base64": "?"}),
        b"",
        b"{}",
    ],
)
def test_whatever_a_person_changed_is_new(edited: bytes) -> None:
    assert edited != OURS
    assert not says_nothing_new(edited, ELEPHANT, ELEPHANT.results)


def test_the_sidecar_of_another_photo_is_new() -> None:
    other = dataclasses.replace(ELEPHANT, digest=Digest("88" * 32))
    assert not says_nothing_new(OURS, other, ELEPHANT.results)


@given(ENTRIES)
def test_every_sidecar_that_is_written_is_recognised(entry: Entry) -> None:
    plain = dataclasses.replace(entry, state="done", reason=None)
    assert says_nothing_new(render(plain, photo(), "1"), plain, plain.results)


def test_what_is_recognised_is_replaced(path: Path) -> None:
    path.write_bytes(OLD)
    assert isinstance(write(path, NEW, known_sha256=None, is_ours=lambda _: False), Conflict)
    assert write(path, NEW, known_sha256=None, is_ours=OLD.__eq__) == Written(digest(NEW))
