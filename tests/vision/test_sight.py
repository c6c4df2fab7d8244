"""A model that may have stopped to see is shown two test pictures, and the doubt is told once."""

import pytest

from captiond.errors import UnusableReply
from captiond.model import Answer, Digest, ModelIdentity, Reply, Status
from captiond.prompts.builtin import DESCRIPTION
from captiond.vision.backend import Question
from captiond.vision.sight import Sight

pytestmark = pytest.mark.anyio

RED, BLUE = b"red", b"blue"
MODEL = ModelIdentity("llava:13b", "sha256:0d0e")
DOG = Answer(Status.OK, value="A brown dog runs along a beach with a stick in its mouth.")
CAT = Answer(Status.OK, value="A grey cat sleeps on a windowsill between two flower pots.")


async def seeing(question: Question) -> Reply:
    return Reply(f"{(question.image or b'').decode().title()}.", "stop", MODEL)


async def blind(_: Question) -> Reply:
    return Reply("White", "stop", MODEL)


async def silent(_: Question) -> Reply:
    raise UnusableReply("the reply is empty", "")


async def doubts(sight: Sight, answers: list[Answer]) -> list[str | None]:
    return [await sight.heed(DESCRIPTION, Digest(str(number)), one) for number, one in enumerate(answers)]


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (seeing, "two test pictures are told apart, so look whether these photos are alike"),
        (blind, "two test pictures got the same answer, too: the model does not see"),
        (silent, "two test pictures got no answer at all"),
    ],
)
async def test_the_doubt_says_what_two_test_pictures_told(ask: object, told: str) -> None:
    sight = Sight(ask, (RED, BLUE))  # type: ignore[arg-type]
    said = await doubts(sight, [DOG] * 7)
    assert [bool(one) for one in said] == [False] * 4 + [True, False, False]
    assert sight.doubt == said[4]
    assert str(said[4]).endswith(f"; {told}")


async def test_the_doubt_ends_with_another_answer() -> None:
    sight = Sight(blind, (RED, BLUE))
    await doubts(sight, [DOG] * 5)
    assert sight.doubt
    await doubts(sight, [CAT])
    assert sight.doubt is None


async def test_without_test_pictures_it_only_asks() -> None:
    sight = Sight(blind)
    await doubts(sight, [DOG] * 5)
    assert str(sight.doubt).endswith("; does the model see them?")
