"""Every entry that there can be, and more: control characters, lone surrogates, NaN."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from captiond.model import Answer, Entry, Json, ModelIdentity, PictureFacts, Result, Source, Status

LETTERS = st.text(st.characters(), max_size=30)  # with control characters and lone surrogates
MAYBE = st.none() | LETTERS
NUMBERS = st.none() | st.floats(0, 1e6)
TOKENS = st.none() | st.integers(0, 10**6)
STRUCTURES = st.recursive(
    st.lists(st.none() | st.booleans() | st.integers() | st.floats() | LETTERS, max_size=3),
    lambda inner: st.dictionaries(LETTERS, inner, max_size=3),
    max_leaves=5,
)
MODELS = st.none() | st.builds(ModelIdentity, LETTERS, LETTERS, MAYBE, MAYBE, MAYBE, MAYBE)


def answers(content: st.SearchStrategy[Json]) -> st.SearchStrategy[Answer]:
    return st.builds(Answer, st.sampled_from(Status), MAYBE, content, MAYBE, MAYBE, MAYBE)


def results(name: st.SearchStrategy[str], content: st.SearchStrategy[Json]) -> st.SearchStrategy[Result]:
    return st.builds(
        Result,
        name,
        LETTERS,
        st.sampled_from(Source),
        answers(content),
        st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis adds the zone
        st.none() | st.just("ocr"),
        MODELS,
        MAYBE,
        NUMBERS,
        NUMBERS,
        TOKENS,
        TOKENS,
    )


RESULTS = st.one_of(
    results(st.just("objects"), st.none() | st.lists(LETTERS, max_size=3)),
    results(st.sampled_from(["description", "alt_text", "ocr", "translation"]), st.none()),
    results(st.from_regex("[a-z][a-z0-9_]{0,8}", fullmatch=True), st.none() | STRUCTURES),
)
FACTS = st.builds(
    PictureFacts,
    LETTERS.filter(bool),
    st.integers(0, 10**5),
    st.integers(0, 10**5),
    MAYBE,
    MAYBE,
    st.none() | st.floats(-90, 90),
)
ENTRIES = st.builds(
    Entry,
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.integers(0, 2**40),
    st.none() | FACTS,
    st.sampled_from(["queued", "partial", "done", "failed", "unreadable"]),
    MAYBE,
    st.lists(RESULTS, max_size=5, unique_by=lambda result: result.prompt).map(tuple),
)
