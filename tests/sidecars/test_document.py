import json

import pytest

from captiond.model import Json
from captiond.sidecars.document import SCHEMA, SidecarUnreadable, decoded, encoded


def not_strict(name: str) -> Json:
    raise AssertionError(f"{name} is not JSON")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_has_not_is_null(number: float) -> None:
    content = encoded({"schema": SCHEMA, "results": [{"value": (number, 1.5)}]})

    assert json.loads(content, parse_constant=not_strict)["results"] == [{"value": [None, 1.5]}]


def test_half_a_letter_in_a_key_is_written_as_a_replacement() -> None:
    content = encoded({"schema": SCHEMA, "answers": {"half \ud83d": 1}})

    assert json.loads(content.decode())["answers"] == {"half \ufffd": 1}


def test_what_was_written_is_read_back() -> None:
    document = {"schema": SCHEMA, "words": "Éléphants\n\x00\u2028", "deep": [{"a": [1, None, True]}]}

    assert decoded(encoded(document)) == document


def test_another_number_after_the_v_is_another_schema() -> None:
    with pytest.raises(SidecarUnreadable, match="its schema is not urn:captiond:sidecar:v1"):
        decoded(b'{"schema": "urn:captiond:sidecar:v10"}')
