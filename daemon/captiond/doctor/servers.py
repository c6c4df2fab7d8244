"""A model server looked at: is it there, does it see, does it remember a picture, how quick is it?"""

from collections.abc import Sequence
from dataclasses import dataclass

from captiond.errors import CaptiondError, ModelMissing, TryAgain
from captiond.imaging.canary import CANARY_JPEG, RED_AND_BLUE_JPEG
from captiond.model import Reply
from captiond.prompts.prompt import Prompt
from captiond.vision import sight
from captiond.vision.backend import Inspection, ModelNotPulled, Question, VisionBackend
from captiond.vision.questions import question_for

from .finding import Finding, Level

SHORTEST_TELLING_SECONDS = 0.1
"""A picture that is read quicker than this tells nothing about whether it is remembered."""
REMEMBERED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found at one server; `photo_seconds` is what all prompts about a small picture took."""

    findings: tuple[Finding, ...]
    photo_seconds: float | None = None


async def examine(backend: VisionBackend, prompts: Sequence[Prompt], *, pull: bool) -> Examination:
    """Look at a server, ask it about two test pictures, and look again, when its model is loaded."""
    try:
        await backend.inspect()
    except ModelNotPulled as missing:
        return Examination((_not_pulled(missing, pull=pull),))
    except CaptiondError as trouble:
        return Examination((Finding(Level.FAIL, "server", str(trouble)),))
    try:
        seen = await _sight(backend)
        seconds, unanswered = await _ask_all(backend, prompts)
        # Only now is the model loaded, and the server tells where.
        inspection = await backend.inspect()
    except CaptiondError as error:
        return Examination((Finding(Level.FAIL, "server", f"The test picture was not answered. {error}"),))
    return Examination((*_standing(backend.name, inspection), *seen, *unanswered), seconds)


async def _sight(backend: VisionBackend) -> list[Finding]:
    """Ask the same about two different pictures, and something else about the second."""
    red, blue = RED_AND_BLUE_JPEG
    one = await backend.ask(sight.question(red))
    other = await backend.ask(sight.question(blue))
    again = await backend.ask(Question("Is it light or dark? One word.", blue, num_predict=sight.TOKENS))
    return [_tells_apart(one, other), *_remembers(other, again)]


def _tells_apart(one: Reply, other: Reply) -> Finding:
    said, also_said = (" ".join(reply.text.split()) for reply in (one, other))
    if sight.is_same(one, other):
        return Finding(
            Level.FAIL,
            "sight",
            f"A red and a blue test picture got the same answer, “{said}”: the model does not see them.",
            "Fetch the model anew (`ollama pull`), update Ollama, or choose another vision model.",
        )
    return Finding(Level.OK, "sight", f"Two test pictures are told apart: “{said}” and “{also_said}”.")


def _remembers(first: Reply, second: Reply) -> list[Finding]:
    """Judge by the time before the first word whether the server encoded the same picture twice."""
    if first.reading_seconds < SHORTEST_TELLING_SECONDS:
        return []
    share = second.reading_seconds / first.reading_seconds
    if share <= REMEMBERED_SHARE:
        return [Finding(Level.OK, "memory", "A picture is encoded once for all questions about it.")]
    return [
        Finding(
            Level.WARN,
            "memory",
            f"A second question about the same picture took {share:.0%} of the first one's reading time: "
            "the picture seems to be encoded anew for every question.",
            "Let nobody else use this server meanwhile, or update Ollama.",
        )
    ]


async def _ask_all(backend: VisionBackend, prompts: Sequence[Prompt]) -> tuple[float, list[Finding]]:
    """Ask every prompt that is about the picture; give the seconds without loading, and what went wrong."""
    seconds, unanswered = 0.0, []
    for prompt in prompts:
        if prompt.from_prompt is not None:
            continue
        try:
            reply = await backend.ask(question_for(prompt, CANARY_JPEG))
        except TryAgain as error:
            sentence = f'The prompt "{prompt.name}" got no usable reply about the test picture. {error}'
            unanswered.append(Finding(Level.WARN, "prompts", sentence))
            continue
        except ModelMissing as missing:
            if prompt.model is None:
                raise
            # That prompt alone waits for its model.
            unanswered.append(Finding(Level.WARN, "prompts", f'The prompt "{prompt.name}": {missing}'))
            continue
        seconds += reply.seconds - reply.load_seconds
    return seconds, unanswered


def _standing(name: str, inspection: Inspection) -> list[Finding]:
    where = {None: "", 1.0: ", on the GPU"}.get(inspection.gpu_share, "")
    sentence = f"{name} answers (Ollama {inspection.server_version}); {inspection.model} can see{where}."
    warnings = [Finding(Level.WARN, "server", warning) for warning in inspection.warnings]
    return [Finding(Level.OK, "server", sentence), *warnings]


def _not_pulled(missing: ModelNotPulled, *, pull: bool) -> Finding:
    if pull:
        return Finding(Level.WARN, "server", f"{missing} `captiond run` fetches it too, as it starts.")
    return Finding(Level.FAIL, "server", str(missing))
