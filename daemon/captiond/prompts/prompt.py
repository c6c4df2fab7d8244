"""A prompt: a named question that is kept, and the fingerprint that tells its versions apart."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from captiond.model import Json, PromptName


class Kind(StrEnum):
    """The shape an answer has."""

    TEXT = "text"
    LIST = "list"
    CHOICE = "choice"
    JSON = "json"


Wanted = bool | tuple[str, ...]
"""What a condition wants: that there is an answer, that there is none, or one of these patterns."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with all that decides its answer.

    `from_prompt`: asked about that prompt's answer, without the picture; its value fills `{text}`.
    `empty`: the word by which the model says that there is nothing. `target`: language to translate into
    (BCP 47). `max_chars`: longest answer kept. `num_predict`: longest reply, in tokens. `when`: conditions
    of asking it at all, by the name of a prompt, `folder` or `name`; they do not decide the answer.
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
    if express:
        deciding["express"] = True
    canonical = json.dumps(deciding, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
