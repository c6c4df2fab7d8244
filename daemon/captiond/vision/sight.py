"""Does a model still see? Doubted when different photos get the same answer; then two test pictures tell."""

from collections.abc import Awaitable, Callable

from captiond.errors import Rejected, TryAgain
from captiond.model import Answer, Digest, Reply
from captiond.prompts.prompt import Prompt
from captiond.prompts.sameness import Sameness

from .backend import Question

WORDS = "Which colour fills this picture? Answer with one word."
TOKENS = 16


class Sight:
    """What is known of the sight of one server's models; `doubt` is the sentence, None where there is none.

    `ask` asks the server; `pictures` are two that nobody who sees takes for the same.
    """

    def __init__(
        self, ask: Callable[[Question], Awaitable[Reply]], pictures: tuple[bytes, bytes] | None = None
    ) -> None:
        self.doubt: str | None = None
        self._ask = ask
        self._pictures = pictures
        self._sameness = Sameness()

    async def heed(self, prompt: Prompt, photo: Digest, answer: Answer) -> str | None:
        """Take an accepted answer; gives the sentence of a doubt once, when it begins. Raises Outage."""
        noticed = self._sameness.told(prompt, photo, answer)
        if noticed is not None:
            self.doubt = f"{noticed}; {await self._test(prompt.model)}"
            return self.doubt
        if not self._sameness.is_noticed:
            self.doubt = None
        return None

    async def _test(self, model: str | None) -> str:
        if self._pictures is None:
            return "does the model see them?"
        try:
            one, other = [await self._ask(question(jpeg, model)) for jpeg in self._pictures]
        except (TryAgain, Rejected):
            return "two test pictures got no answer at all"
        if is_same(one, other):
            return "two test pictures got the same answer, too: the model does not see"
        return "two test pictures are told apart, so look whether these photos are alike"


def question(jpeg: bytes, model: str | None = None) -> Question:
    """Ask about a test picture of one colour."""
    return Question(WORDS, jpeg, num_predict=TOKENS, model=model)


def is_same(one: Reply, other: Reply) -> bool:
    """Tell whether two replies are one answer."""
    said, also_said = (" ".join(reply.text.split()).casefold().strip(".") for reply in (one, other))
    return said == also_said
