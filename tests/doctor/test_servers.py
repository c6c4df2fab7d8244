"""The doctor's questions to a server that answers as the test wants."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from captiond.doctor.servers import examine
from captiond.errors import ServerStumbled, UnusableReply
from captiond.imaging.canary import RED_AND_BLUE_JPEG
from captiond.model import Fit, ModelIdentity, PromptName, Reply
from captiond.prompts.prompt import Kind, Prompt
from captiond.vision.backend import Inspection, PullProgress, Question

MODEL = ModelIdentity("llava:13b-v1.6", "abc")
ANSWERS = {RED_AND_BLUE_JPEG[0]: "Red", RED_AND_BLUE_JPEG[1]: "Blue."}
PROMPTS = [
    Prompt(PromptName("description"), Kind.TEXT, "Describe it."),
    Prompt(PromptName("translation"), Kind.TEXT, "Translate {text}", from_prompt=PromptName("description")),
]


@dataclass
class Server:
    """Answers with the colour, or the same always; its replies take the reading times given, in turn."""

    reading_seconds: Iterator[float]
    blind: bool = False
    failing: Exception | None = None
    asked: list[Question] = field(default_factory=list)
    name = "http://127.0.0.1:1"

    async def inspect(self) -> Inspection:
        return Inspection("0.33.0", MODEL.name, "abc", {MODEL.name: Fit(((336, 336),))}, 1.0)

    async def pull(self, progress: PullProgress) -> None:
        raise AssertionError(progress)

    async def ask(self, question: Question) -> Reply:
        self.asked.append(question)
        if self.failing and "Describe" in question.text:
            raise self.failing
        text = "A dog" if self.blind or question.image is None else ANSWERS.get(question.image, "A disc")
        reading = next(self.reading_seconds, 0.0)
        return Reply(text, "stop", MODEL, seconds=2.0, load_seconds=0.5, reading_seconds=reading)

    async def close(self) -> None:
        pass


def server(*reading_seconds: float, blind: bool = False, failing: Exception | None = None) -> Server:
    return Server(iter(reading_seconds), blind=blind, failing=failing)


async def found(asked: Server) -> dict[str, str]:
    examination = await examine(asked, PROMPTS, pull=True)
    return {finding.subject: str(finding.level) for finding in examination.findings}


@pytest.mark.anyio
async def test_a_picture_that_is_read_once_is_remembered() -> None:
    assert (await found(server(0.9, 0.8, 0.1)))["memory"] == "ok"


@pytest.mark.anyio
async def test_a_picture_that_is_read_anew_for_each_question_is_a_warning() -> None:
    assert (await found(server(0.9, 0.8, 0.7)))["memory"] == "warn"


@pytest.mark.anyio
async def test_a_server_too_quick_to_tell_is_not_judged() -> None:
    assert "memory" not in await found(server(0.01, 0.01, 0.01))


@pytest.mark.anyio
async def test_the_same_answer_about_two_pictures_is_a_failure() -> None:
    assert (await found(server(blind=True)))["sight"] == "fail"


@pytest.mark.anyio
async def test_a_prompt_without_a_usable_reply_is_a_warning() -> None:
    failing = UnusableReply("the reply is empty", "")
    assert (await found(server(failing=failing)))["prompts"] == "warn"


@pytest.mark.anyio
async def test_a_server_that_fails_on_a_prompt_is_still_described() -> None:
    assert (await found(server(failing=ServerStumbled("It crashed."))))["server"] == "ok"


@pytest.mark.anyio
async def test_the_time_of_a_photo_is_that_of_the_prompts_about_the_picture_without_loading() -> None:
    examination = await examine(server(), PROMPTS, pull=True)
    assert examination.photo_seconds == pytest.approx(1.5)
