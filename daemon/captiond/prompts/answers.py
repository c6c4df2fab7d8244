"""The kinds of answer: what the server is told to keep to, and how a reply is understood (pure).

To add a kind: its name in `Kind`, and one entry in `KINDS`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from captiond.errors import UnusableReply
from captiond.model import Answer, Json, Reply, Status

from .checks import complete_text, flood, loop, storable
from .engines import READER, understand_reading
from .lists import list_closing, list_schema, understand_list
from .loose_json import read_json, readable, strings_in
from .phrases import ANSWER_IS, bare, phrase, says_no_text, without_preamble
from .prompt import Kind, Prompt
from .schemas import bounded, violation
from .texts import already, understand_text
from .wording import filled


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """What makes a kind: its schema for the server, a last line for the model, its understanding of a reply.

    `schema` gives None for free text. The server does not show the schema to the model: `closing` says it.
    `understand` takes the prompt, the whole reply and what was asked about; it raises UnusableReply.
    """

    schema: Callable[[Prompt], Json | None]
    closing: Callable[[Prompt], str]
    understand: Callable[[Prompt, str, str | None], Answer]


def schema_for(prompt: Prompt) -> Json | None:
    """Give the JSON Schema that the reply must follow, or None for free text."""
    return KINDS[prompt.kind].schema(prompt)


def wording(prompt: Prompt, about: str | None = None) -> str:
    """Give the text to send; `about` is the value of the answer that a `from` prompt is asked about."""
    return "\n".join(filter(None, [filled(prompt, about), KINDS[prompt.kind].closing(prompt)]))


def understand(prompt: Prompt, reply: Reply, about: str | None = None) -> Answer:
    """Make an answer of a reply, or raise UnusableReply with the reason and the raw text.

    `about` is what `wording` was given: a translation is compared with it.
    """
    if prompt.model == READER:
        return understand_reading(prompt, reply.text)
    text = complete_text(reply)
    raw = storable(reply.text).strip()
    nothing = reason_for_nothing(prompt, text)
    if nothing:
        return Answer(status=Status.EMPTY, reason=nothing, raw=None if raw == prompt.empty else raw)
    try:
        answer = KINDS[prompt.kind].understand(prompt, text, about)
    except UnusableReply as unusable:
        raise UnusableReply(str(unusable), raw) from None
    return answer if says_it_all(answer, raw) else replace(answer, raw=raw)


def words(answer: Answer) -> str:
    """Give the words of an answer that a search finds: its strings, without the names of fields."""
    if answer.content is None:
        return answer.value or ""
    return " ".join(strings_in(answer.content))


def says_it_all(answer: Answer, raw: str) -> bool:
    """Tell whether a raw reply holds nothing that the answer has not."""
    if answer.value == raw:
        return True
    try:
        return answer.status is Status.OK and read_json(raw) in (answer.content, answer.value)
    except ValueError:
        return False


def reason_for_nothing(prompt: Prompt, text: str) -> str | None:
    """Say what there is not, where a reply is the prompt's `empty` word or means that there is no text."""
    if prompt.empty is None:
        return None
    said = without_preamble(text).replace("\\_", "_")
    lines = [said, said.split("\n")[0]] if "_" in prompt.empty else [said]
    if any(is_word(line, prompt) for line in lines) or concludes(said, prompt.empty):
        return meaning(prompt, prompt.empty)
    about_picture = prompt.kind is Kind.TEXT and prompt.from_prompt is None
    return "there is no text" if about_picture and says_no_text(said) else None


def concludes(said: str, word: str) -> bool:
    """Tell whether a reply begins with the word, or leads up to it: "There is none. The answer is: NO_TEXT".

    Only of a word that nothing else can be.
    """
    if "_" not in word or word not in said:
        return False
    before, _, after = said.rpartition(word)
    led = phrase(ANSWER_IS).sub("", before)
    return not bare(said.partition(word)[0]) or (not bare(after) and (not bare(led) or says_no_text(led)))


def is_word(said: str, prompt: Prompt) -> bool:
    """Tell whether a reply is the `empty` word, in any spelling where it can be nothing else.

    About a picture it can be nothing else; but "Same" may be a translation, and only SAME is the word.
    """
    word = prompt.empty or ""
    if said.strip() == word or bare(said) == word:
        return True
    known = "_" in word or prompt.from_prompt is None
    return known and bare(said).replace("_", " ").casefold() == word.replace("_", " ").casefold()


def meaning(prompt: Prompt, word: str) -> str:
    """Say for people what the `empty` word means: NO_TEXT is "there is no text"."""
    if prompt.target:
        return already(prompt)
    if word.startswith("NO_"):
        return f"there is {word.lower().replace('_', ' ')}"
    return f"the model answered {word}"


def choice_schema(prompt: Prompt) -> Json:
    """Ask for one of the choices: a bare enum, whose grammar has no room for blanks and field names."""
    return {"type": "string", "enum": [*prompt.choices, *filter(None, [prompt.empty])]}


def choice_closing(prompt: Prompt) -> str:
    """Tell the model the choices, where the prompt's own text does not."""
    if "{choices}" in prompt.text:
        return ""
    return f"Answer only with one of: {', '.join(prompt.choices)}"


def understand_choice(prompt: Prompt, text: str, _: str | None) -> Answer:
    """Find the one choice that a reply is, or names."""
    said = chosen_text(text)
    for choice in prompt.choices:
        if choice.casefold() in {said.strip().casefold(), bare(said).casefold()}:
            return Answer(status=Status.OK, value=choice)
    named = choices_named(said, prompt.choices)
    if len(named) == 1:
        return Answer(status=Status.OK, value=named[0])
    found = " and ".join(named) if named else "none of the choices"
    raise UnusableReply(f"the reply names {found}", text)


def chosen_text(text: str) -> str:
    """Give the one string of a JSON reply, or the reply itself."""
    try:
        strings = strings_in(read_json(text))
    except ValueError:
        return text
    return strings[0] if len(strings) == 1 else text


def choices_named(sentence: str, choices: tuple[str, ...]) -> list[str]:
    """Give the choices that a sentence names as whole words and does not deny; longer ones go first."""
    rest, named = sentence.casefold(), []
    for choice in sorted(choices, key=len, reverse=True):
        word = re.escape(choice.casefold())
        pattern = re.compile(rf"(?<![\w-])(not |no |isn't )?(?:very |really )?{word}(?![\w-])")
        if any(not found.group(1) for found in pattern.finditer(rest)):
            named.append(choice)
        rest = pattern.sub(" ", rest)
    return named


def json_schema(prompt: Prompt) -> Json:
    """Give the user's schema with an end to every list and string."""
    return bounded(prompt.schema)


def json_closing(prompt: Prompt) -> str:
    """Tell the model the schema."""
    schema = json.dumps(prompt.schema, ensure_ascii=False, separators=(",", ":"))
    return f"Answer only with JSON that follows this schema: {schema}"


def understand_json(prompt: Prompt, text: str, _: str | None) -> Answer:
    """Read and validate JSON; what says nothing in any field is an empty answer."""
    try:
        value = read_json(text)
    except ValueError:
        raise UnusableReply("the reply is not JSON", text) from None
    wrong = violation(value, prompt.schema) or babble(value)
    if wrong:
        raise UnusableReply(wrong, text)
    told = readable(value)
    if not told:
        return Answer(status=Status.EMPTY, content=value, reason="all fields are empty")
    return Answer(status=Status.OK, value=told, content=value)


def babble(value: Json) -> str | None:
    """Say so where a string inside JSON is a flood or a loop."""
    return next((wrong for string in strings_in(value) if (wrong := flood(string) or loop(string))), None)


KINDS: Mapping[Kind, AnswerKind] = {
    Kind.TEXT: AnswerKind(lambda _: None, lambda _: "", understand_text),
    Kind.LIST: AnswerKind(list_schema, list_closing, understand_list),
    Kind.CHOICE: AnswerKind(choice_schema, choice_closing, understand_choice),
    Kind.JSON: AnswerKind(json_schema, json_closing, understand_json),
}
