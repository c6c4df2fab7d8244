"""An answer that takes many calls: each reply is on the disk before the next question is asked.

So a crash repeats one call at most. What takes a single call is kept as a result, and costs nothing here.
"""

from collections.abc import Awaitable, Callable, Mapping

from captiond.errors import UnusableReply
from captiond.model import KeptReply, Reply
from captiond.vision.backend import Question
from captiond.vision.questions import digest_of

Keep = Callable[[str, KeptReply], Awaitable[None]]
"""Keeps what came back to a question, by its digest."""


class Piecemeal:
    """Asks the questions of one answer, but for those that `kept` has the replies to.

    `main_model` is asked what names no model.
    """

    def __init__(
        self,
        ask: Callable[[Question], Awaitable[Reply]],
        keep: Keep,
        kept: Mapping[str, KeptReply],
        *,
        main_model: str,
    ) -> None:
        self._ask = ask
        self._keep = keep
        self._kept = kept
        self._main_model = main_model
        self._latest: tuple[Question, KeptReply] | None = None

    async def ask(self, question: Question) -> Reply:
        """Give the reply that is kept, or ask; raises as asking does, for a kept one that broke off, too."""
        before = self._reply_kept(question)
        if before is not None:
            return _given(before)
        await self._keep_latest()
        try:
            reply = await self._ask(question)
        except UnusableReply as failure:
            if isinstance(failure.reply, Reply):
                self._latest = question, KeptReply(failure.reply, broken=str(failure))
            raise
        self._latest = question, KeptReply(reply)
        return reply

    def has(self, question: Question) -> bool:
        """Tell whether its reply came before a crash: what came of it was told then."""
        return self._reply_kept(question) is not None

    def _reply_kept(self, question: Question) -> KeptReply | None:
        return self._kept.get(digest_of(question, self._main_model)) if self._kept else None

    async def _keep_latest(self) -> None:
        if self._latest is not None:
            question, reply = self._latest
            await self._keep(digest_of(question, self._main_model), reply)
            self._latest = None


def _given(kept: KeptReply) -> Reply:
    if kept.broken is None:
        return kept.reply
    failure = UnusableReply(kept.broken, kept.reply.text)
    failure.reply = kept.reply
    raise failure
