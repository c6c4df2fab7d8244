"""A prompt: a named question that is kept, and the fingerprint that tells its versions apart."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from captiond.model import Json, PromptName


class Kind(StrEnum):
    """The shape an answer has."""

    TEXT = "text"
    LIST = "list"
    CHOICE = "choice"
    JSON = "json"


AUTO, OFF = "auto", "off"
"""Whether a picture is read from tiles, too: where that will help, or never."""

Wanted = bool | tuple[str, ...]
"""What a condition wants: that there is an answer, that there is none, or one of these patterns."""


View = tuple[str | None, int | None]
"""The model that is shown a picture, None for the main one, and the longest side if the prompt says that."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with all that decides its answer.

    `from_prompt`: asked about that prompt's answer, without the picture; its value fills `{text}`.
    `empty`: the word by which the model says that there is nothing. `target`: language to translate into
    (BCP 47). `max_chars`: longest answer kept. `num_predict`: longest reply, in tokens. `when`: conditions
    of asking it at all, by the name of a prompt, `folder` or `name`; they do not decide the answer.
    `tiles`: AUTO, OFF, or the most tiles that a picture with more pixels than the model sees is read from.
    `witness`: who else reads the text; what it reads is a hint for the model, and a measure of its answer.
    `synonyms`: names that a list keeps, each with the other names that it stands for.
    `not_in`: the inboxes whose photos it is not asked about.
    `max_side_pixels`: the longest side of the picture that is shown, where that is not for the model to say.
    """

    name: PromptName
    kind: Kind
    text: str
    from_prompt: PromptName | None = None
    choices: tuple[str, ...] = ()
    schema: Json = None
    empty: str | None = None
    target: str | None = None
    max_chars: int | None = None
    num_predict: int = 300
    options: Mapping[str, Json] = field(default_factory=dict)
    model: str | None = None
    when: Mapping[str, Wanted] = field(default_factory=dict)
    tiles: str | int = OFF
    max_side_pixels: int | None = None
    not_in: tuple[str, ...] = ()
    synonyms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    witness: str | None = None

    @property
    def view(self) -> "View":
        """Tell prompts apart that are shown another picture."""
        return self.model, self.max_side_pixels


def fingerprint(prompt: Prompt, *, model: str, preparation_version: int, express: bool = False) -> str:
    """Name this version of a prompt: 12 hex digits over all that decides its answer (DESIGN.md, 6).

    `express`: it is asked together with others.
    """
    deciding = {
        "kind": prompt.kind,
        "text": prompt.text,
        "from": prompt.from_prompt,
        "choices": prompt.choices,
        "schema": prompt.schema,
        "empty": prompt.empty,
        "target": prompt.target,
        "max_chars": prompt.max_chars,
        "num_predict": prompt.num_predict,
        "options": dict(prompt.options),
        "model": prompt.model or model,
        "preparation": preparation_version,
    }
    if prompt.tiles != OFF:
        deciding["tiles"] = prompt.tiles
    if prompt.max_side_pixels is not None:
        deciding["max_side_pixels"] = prompt.max_side_pixels
    if prompt.witness is not None:
        deciding["witness"] = prompt.witness
    if prompt.synonyms:
        deciding["synonyms"] = dict(prompt.synonyms)
    if express:
        deciding["express"] = True
    canonical = json.dumps(deciding, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
