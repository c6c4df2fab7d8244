import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captiond.errors import DamagedPicture, NotAPicture, PictureTooLarge, Rejected, UnsupportedPicture
from captiond.imaging.bars import Bars
from captiond.imaging.limits import Limits
from captiond.imaging.tiling import Cutting
from captiond.imaging.wire import (
    PREFIX,
    Nonsense,
    accepted,
    accepted_tiles,
    header_length,
    packed,
    read_bars,
    read_reply,
    read_request,
    read_tiles,
    rejected,
    reply_bytes,
    request,
)
from captiond.model import Fit, Json, PictureFacts, PreparedImage, Tile, Tiles


def sent(header: Json) -> Json:
    """Send a header as the pipe does."""
    message = packed(header)
    assert header_length(message[: PREFIX.size]) == len(message) - PREFIX.size
    return json.loads(message[PREFIX.size :])


def test_a_request_arrives_as_it_was() -> None:
    fit, limits = Fit(((672, 672), (336, 1008))), Limits(formats=("JPEG", "BMP"), heif=True)
    assert read_request(sent(request(7, fit, limits))) == (7, fit, limits, None)


def test_an_order_of_tiles_arrives_as_it_was() -> None:
    fit, cutting = Fit(((336, 336),)), Cutting(12, only_small_text=True)
    assert read_request(sent(request(7, fit, Limits(), cutting))) == (7, fit, Limits(), cutting)


def test_tiles_arrive_as_they_were() -> None:
    tiles = Tiles((Tile(b"one", 0, 0), Tile(b"three", 2, 1)), across=0.15, down=0.4)
    header = sent(accepted_tiles(tiles))
    assert (reply_bytes(header), read_tiles(header, b"onethree")) == (8, tiles)
    assert read_tiles(sent(accepted_tiles(Tiles(()))), b"") == Tiles(())


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"tiles": [[0, 0, 9]]},
        {"tiles": [[0, 0, 0]]},
        {"tiles": [[0, 0, 3], [0, 1, 1]]},
        {"tiles": [[0, 0]]},
        {"tiles": [[0, 0, 3]], "across": 1.5},
        {"tiles": [[0, 0, 3]], "down": float("nan")},
        {"tiles": 7},
    ],
)
def test_tiles_that_cannot_be_are_nonsense(told: Json) -> None:
    with pytest.raises(Nonsense):
        read_tiles(sent({"ok": {"across": 0.1, "down": 0.1, **told}}), b"one")


def test_more_tiles_than_were_ever_ordered_are_nonsense() -> None:
    told = {"ok": {"across": 0.1, "down": 0.1, "tiles": [[0, 0, 1]] * 65}}
    with pytest.raises(Nonsense):
        read_tiles(sent(told), bytes(65))


def test_what_holds_the_decode_process_arrives_as_it_was() -> None:
    bars = Bars(5, seccomp=True, gaps=("Landlock 5 is old: it does not know signals",))
    assert read_bars(sent({"bars": asdict(bars)})) == bars


@pytest.mark.parametrize(
    "header", [[], {}, {"bars": 7}, {"bars": {"landlock_abi": "x", "seccomp": 1, "gaps": []}}]
)
def test_a_process_that_does_not_say_what_holds_it_is_not_ready(header: Json) -> None:
    with pytest.raises(Nonsense):
        read_bars(header)


def test_a_prepared_picture_arrives_as_it_was() -> None:
    facts = PictureFacts("JPEG", 4000, 3000, "2024-07-14T16:21:09", "Kamera Süd", -1.5, 2.25)
    image = PreparedImage(b"jpeg", 672, 504, facts)
    header = sent(accepted(image))
    assert (reply_bytes(header), read_reply(header, b"jpeg")) == (4, image)


@pytest.mark.parametrize(
    "error",
    [NotAPicture("a"), DamagedPicture("b"), PictureTooLarge("60,000 × 1"), UnsupportedPicture("d", "PSD")],
)
def test_a_rejection_arrives_as_it_was(error: Rejected) -> None:
    arrived = read_reply(sent(rejected(error)), b"")
    assert (type(arrived), str(arrived)) == (type(error), str(error))
    assert getattr(arrived, "image_format", None) == getattr(error, "image_format", None)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["size", "ok", "rejected", "sentence", "facts", "width"]), inner)
    ),
    max_leaves=8,
)


def understood(header: Json) -> PreparedImage | Rejected:
    reply_bytes(header)
    return read_reply(header, b"")


@given(_JSON)
def test_any_other_header_is_nonsense(header: Json) -> None:
    with pytest.raises(Nonsense):
        understood(header)
