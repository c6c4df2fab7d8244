"""How messages become one prompt, how many tokens it has, and how much of it two prompts share."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .models import Model, Projector
from .pictures import TILE_TOKENS, Picture
from .settings import SimulatorSettings
from .show import CHARACTERS

WORD_TOKEN_LENGTH = 4
FIRST_CHARACTER = 259
LINE_BREAK = 362

Part = str | Picture


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str = ""
    images: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Counting:
    """How a server counts: in the recorded model every character is a token, in a real one about four are."""

    characters: bool
    old: bool
    projector: Projector | None

    @classmethod
    def of(cls, settings: SimulatorSettings, model: Model) -> "Counting":
        """Take the counting of a server for one of its models."""
        return cls(settings.tokens == "characters", settings.old, model.projector)

    def text(self, text: str) -> int:
        """Count the tokens of a text."""
        return len(text.encode()) if self.characters else math.ceil(len(text) / WORD_TOKEN_LENGTH)

    def part(self, part: Part) -> int:
        """Count a part: each text has a blank in front, and the old generation counts the image's mark."""
        if isinstance(part, str):
            return 1 + self.text(part)
        return part.tiles(self.projector) * TILE_TOKENS + self.old


@dataclass(frozen=True, slots=True)
class Prompt:
    """The text and the images in the order in which the model gets them."""

    parts: tuple[Part, ...]
    counting: Counting
    tokens: int = field(init=False)

    def __post_init__(self) -> None:
        """Count once; the one is the token that begins every prompt."""
        object.__setattr__(self, "tokens", 1 + sum(self.counting.part(part) for part in self.parts))

    @property
    def images(self) -> list[Picture]:
        """Give the images in their order."""
        return [part for part in self.parts if isinstance(part, Picture)]

    def shared(self, cached: "Prompt") -> "Shared":
        """Measure what this prompt and a cached one begin with."""
        tokens, images, behind_image = 1, 0, False
        for mine, theirs in zip(self.parts, cached.parts, strict=False):
            if isinstance(mine, str) and isinstance(theirs, str):
                tokens += self._shared_text(mine, theirs)
            elif mine == theirs:
                tokens += self.counting.part(mine)
                images += 1
            if mine != theirs:
                both = isinstance(mine, Picture) and isinstance(theirs, Picture)
                tokens += both and self.counting.old
                return Shared(tokens, images, behind_image and isinstance(theirs, Picture))
            behind_image = isinstance(mine, Picture)
        return Shared(tokens, images, False)

    def _shared_text(self, mine: str, theirs: str) -> int:
        if mine == theirs:
            return self.counting.part(mine)
        same = next((at for at, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), None)
        length = min(len(mine), len(theirs)) if same is None else same
        return 1 + (self.counting.text(mine[:length]) if length else 0)


@dataclass(frozen=True, slots=True)
class Shared:
    """The common beginning of two prompts; with `chunk_lost` the new generation stumbles over two images."""

    tokens: int
    images: int
    chunk_lost: bool


def chat_parts(model: Model, messages: list[Message], *, old: bool) -> Iterator[Part]:
    """Build the prompt of a conversation as the model's template does."""
    if model.template == "go":
        yield from _joined(_go_turns(model.system, _collated(messages), model))
    elif old:
        last = [message for message in _collated(messages) if message.role == "user"][-1:]
        yield from _joined([*_image_first(one, model)] for one in last)
    else:
        yield from _joined([*(_native_turn(message) for message in messages), ["ASSISTANT:"]])


def _native_turn(message: Message) -> list[Part]:
    return [f"{message.role.upper()}: {message.content}", *message.images, "\n"]


def generate_parts(model: Model, message: Message, system: str | None, *, old: bool) -> Iterator[Part]:
    """Build the prompt of `/api/generate`."""
    spoken = [Message("system", system)] if system else []
    if model.template == "jinja" and not old:
        asked = _image_first(Message("user", _marked(message), message.images), model)
        yield from _joined([["USER: ", *asked, "\nASSISTANT:"]])
        return
    yield from chat_parts(model, [*spoken, message], old=old)


def _collated(messages: list[Message]) -> list[Message]:
    """Join neighbours of the same role, as Go templates get them."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            before = joined.pop()
            images = (*before.images, *message.images)
            text = f"{_marked(before)}\n\n{_marked(message)}"
            joined.append(Message(message.role, text, images))
        else:
            joined.append(Message(message.role, _marked(message), message.images))
    return joined


MARK = "\x00"
"""Stands for an image inside a text until the parts are taken apart."""


def _marked(message: Message) -> str:
    missing = len(message.images) - message.content.count(MARK)
    return MARK * missing + message.content


def _go_turns(system: str, messages: list[Message], model: Model) -> Iterator[list[Part]]:
    prompt: Message | None = None
    response = ""
    for message in messages:
        if message.role == "system":
            system = message.content
        elif message.role == "user":
            if response:
                yield _go_turn(system, prompt, response, model)
                system, response = "", ""
            prompt = message
        elif message.role == "assistant":
            response = message.content
    yield _go_turn(system, prompt, response, model)


def _go_turn(system: str, prompt: Message | None, response: str, model: Model) -> list[Part]:
    asked = _image_first(prompt, model) if prompt else []
    return [f"{system}\nUSER: ", *asked, f"\nASSISTANT:{response}"]


def _image_first(message: Message, model: Model) -> list[Part]:
    """Put the images where their marks are; a model that cannot see gets the marks as text."""
    texts = message.content.split(MARK)
    parts: list[Part] = [texts[0]]
    for number, (image, text) in enumerate(zip(message.images, texts[1:], strict=True)):
        parts += [image if model.projector else f"[img-{number}]", text]
    return parts


def _joined(turns: Iterator[list[Part]] | list[list[Part]]) -> Iterator[Part]:
    """Run the texts between two images together."""
    text = ""
    for part in (part for turn in turns for part in turn):
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        yield part
        text = ""
    if text:
        yield text


def rendered(parts: tuple[Part, ...], mark: Callable[[int], str]) -> str:
    """Write a prompt as one text, with a mark for each image."""
    numbers = iter(range(len(parts)))
    return "".join(part if isinstance(part, str) else mark(next(numbers)) for part in parts)


def context_tokens(text: str) -> list[int]:
    """Number the tokens of a text as the recorded model does, for `context` in `/api/generate`."""
    numbers = {sign: FIRST_CHARACTER + at for at, sign in enumerate(CHARACTERS)} | {
        " ": FIRST_CHARACTER,
        "\n": LINE_BREAK,
    }
    found = [FIRST_CHARACTER]
    for sign in text:
        found += [numbers[sign]] if sign in numbers else [byte + 3 for byte in sign.encode()]
    return found
