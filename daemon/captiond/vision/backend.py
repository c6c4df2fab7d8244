"""What a model server must offer, in words; `ollama.py` is the one that exists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from captiond.errors import ModelMissing
from captiond.model import Fit, Json, Reply


class ModelNotPulled(ModelMissing):
    """The server has not got the model yet; a pull may fetch it."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request: the picture (an upright JPEG, or None for a question about text alone) and the words.

    `schema` is a JSON Schema that the reply must follow, or None for free text.
    `options` change how the model samples; they never change how it is loaded.
    """

    text: str
    image: bytes | None = None
    schema: Json = None
    num_predict: int = 300
    options: Mapping[str, Json] = field(default_factory=dict)
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at the server found: all that is worth saying about it at start.

    `model` is the main one; `fits` are the pixels that each model can use. `lacking` has the sentence why a
    model of single prompts cannot be used.
    """

    server_version: str
    model: str
    digest: str
    fits: Mapping[str, Fit]
    gpu_share: float | None
    warnings: tuple[str, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)

    def fit_for(self, model: str | None) -> Fit:
        """Give the pixels that a model can use; one that is not known yet gets those of the main one."""
        return self.fits.get(model or self.model, self.fits[self.model])


PullProgress = Callable[[str, int, int], None]
"""Called with what is being done, bytes so far, and bytes in all (0 where unknown)."""


class VisionBackend(Protocol):
    """A server that answers questions about pictures.

    Every method raises only errors of `errors.py`: `ServerAway` and `ModelMissing` (Outage) when nothing is
    wrong with the question, `ServerStumbled` when the server failed on it, `ServerRefused` when it can never
    work, `UnusableReply` when a reply came but did not end well. No error of the vendor's library gets out.
    Cancelling a call MUST free the server at once.
    """

    @property
    def name(self) -> str:
        """Name the server as people know it, by its address."""

    async def inspect(self, more: Sequence[str] = ()) -> Inspection:
        """Look whether the server is there and its model is there and can see; from now on at `more` models.

        Raise nothing but Outage and Fatal: there is no question yet that could be to blame.
        """

    async def pull(self, progress: PullProgress) -> None:
        """Fetch the models that `inspect` missed; raise `ModelMissing` where that fails for the main one."""

    async def ask(self, question: Question) -> Reply:
        """Ask, and return the reply only when it is complete."""

    async def close(self) -> None:
        """Let go of all connections."""
