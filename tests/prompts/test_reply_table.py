"""What is made of some hundred replies that read as real ones do; they are in reply_table.toml."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from captiond.errors import UnusableReply
from captiond.model import Json, PromptName, Status
from captiond.prompts.answers import understand
from captiond.prompts.builtin import BUILTIN
from captiond.prompts.checks import streaming_stop
from captiond.prompts.prompt import Kind, Prompt
from prompts.replying import reply_of

TABLE = tomllib.loads(Path(__file__).with_name("reply_table.toml").read_text(encoding="utf-8"))
PEOPLE = Prompt(
    name=PromptName("people"),
    kind=Kind.JSON,
    text="How many people are there?",
    schema={
        "type": "object",
        "required": ["people"],
        "properties": {
            "people": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    },
)
GOALS = Prompt(name=PromptName("goals"), kind=Kind.JSON, text="Read the table.", schema={"type": "object"})
PROMPTS = {prompt.name: prompt for prompt in (*BUILTIN, PEOPLE, GOALS)}

Row = Mapping[str, Json]


def said(row: Row) -> str:
    """Give a row's whole reply."""
    words: Sequence[str] = row.get("words", [""])
    again = (
        row.get("again", "").replace("{n}", str(count)).replace("{word}", words[count % len(words)])
        for count in range(1, row.get("times", 0) + 1)
    )
    return "".join([row["says"], *again, row.get("then", "")])


def named(row: Row) -> str:
    return ascii(row["says"].strip()[:30])[1:-1] + ("…" if "again" in row else "")


def rows(*keys: str, without: Sequence[str] = ()) -> list[object]:
    """Give the rows that have all these keys, and none of those, each with its prompt."""
    return [
        pytest.param(PROMPTS[PromptName(name)], row, id=f"{name}: {named(row)}")
        for name, of_prompt in TABLE.items()
        for row in of_prompt
        if all(key in row for key in keys) and not any(key in row for key in without)
    ]


def test_the_table_is_long() -> None:
    assert len(rows()) >= 500
    assert len(rows("refused")) >= 120


@pytest.mark.parametrize(("prompt", "row"), rows(without=["refused", "empty"]))
def test_a_good_reply_comes_through(prompt: Prompt, row: Row) -> None:
    text = said(row)
    answer = understand(prompt, reply_of(text), row.get("about"))
    assert answer.status is Status.OK
    if prompt is not GOALS:
        assert answer.value == row.get("value", text.strip())


@pytest.mark.parametrize(("prompt", "row"), rows(without=["refused"]))
def test_a_good_reply_is_not_stopped_while_it_is_written(prompt: Prompt, row: Row) -> None:
    text = said(row)
    assert [end for end in range(1, len(text) + 1) if streaming_stop(text[:end])] == []


@pytest.mark.parametrize(("prompt", "row"), rows("empty"))
def test_nothing_is_an_answer(prompt: Prompt, row: Row) -> None:
    answer = understand(prompt, reply_of(said(row)), row.get("about"))
    assert (answer.status, answer.value) == (Status.EMPTY, None)
    assert row["empty"] in (answer.reason or "")


@pytest.mark.parametrize(("prompt", "row"), rows("refused"))
def test_a_bad_reply_is_refused(prompt: Prompt, row: Row) -> None:
    reply = reply_of(said(row), row.get("finish", "stop"), row.get("thinking", ""))
    with pytest.raises(UnusableReply) as refused:
        understand(prompt, reply, row.get("about"))
    assert row["refused"] in str(refused.value)


@pytest.mark.parametrize(("prompt", "row"), rows("stopped"))
def test_an_endless_reply_is_stopped_while_it_is_written(prompt: Prompt, row: Row) -> None:
    assert streaming_stop(said(row)[:-100])
