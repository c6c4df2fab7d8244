import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from captiond.model import Entry
from captiond.sidecars import render
from sidecars.entries import ENTRIES
from sidecars.examples import closed, photo, rendered, schema

NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: not {0, 47} & {*name} and name not in (b".", b"..")
)


class TestTheSchema:
    def test_is_a_schema(self) -> None:
        Draft202012Validator.check_schema(schema())

    def test_describes_every_key_of_a_full_sidecar(self) -> None:
        Draft202012Validator(closed(schema())).validate(rendered())

    def test_lets_readers_meet_keys_of_a_later_captiond(self) -> None:
        document = rendered() | {"later": 1}
        document["results"]["objects"]["later"] = 1

        Draft202012Validator(schema()).validate(document)

    @pytest.mark.parametrize("key", ["schema", "image", "results"])
    def test_refuses_a_sidecar_without(self, key: str) -> None:
        document = {name: value for name, value in rendered().items() if name != key}

        assert not Draft202012Validator(schema()).is_valid(document)

    @given(ENTRIES, NAMES)
    @settings(max_examples=60, deadline=None)
    def test_holds_for_every_entry(self, entry: Entry, name: bytes) -> None:
        content = render(entry, photo(os.fsdecode(name)), "0.4.0")

        Draft202012Validator(closed(schema())).validate(json.loads(content.decode("utf-8", "strict")))
