"""What a person changed in a sidecar: an answer that no longer fits its digest, or its summary.

A sidecar from before there were digests only tells by its summary.
"""

from collections.abc import Iterator
from dataclasses import replace

from captiond.model import Answer, Json, PromptName, Status

from .document import LANGUAGE_KEYS, SUMMARY_KEYS, SidecarUnreadable, answer_digest, decoded
from .reading import answer_from

SAID_NOTHING = "a person says that there is nothing"


def edits_in(content: bytes) -> tuple[dict[PromptName, Answer], frozenset[PromptName]]:
    """Give the answers as a person wants them, and the prompts whose first answer is thereby lost.

    Raises SidecarUnreadable.
    """
    document = decoded(content)
    try:
        results, summary = document["results"], document["summary"]
        overwritten = frozenset(
            PromptName(prompt)
            for prompt, fields in results.items()
            if "digest" in fields and fields["digest"] != answer_digest(answer_from(fields))
        )
        edits = {prompt: _whole(answer_from(results[prompt])) for prompt in overwritten}
        summarised = {prompt: edit for prompt, edit in _summarised(results, summary) if prompt not in edits}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SidecarUnreadable(f"This sidecar is damaged: {error!r}.") from error
    return edits | summarised, overwritten


def _summarised(results: dict[str, Json], summary: dict[str, Json]) -> Iterator[tuple[PromptName, Answer]]:
    """Yield what the summary says otherwise than the results do."""
    for prompt, key in SUMMARY_KEYS.items():
        language = summary.get(LANGUAGE_KEYS.get(prompt, ""))
        if key in summary:
            yield from _changed(prompt, summary[key], language, results.get(prompt))
    for prompt, value in summary.get("answers", {}).items():
        yield from _changed(prompt, value, None, results.get(prompt))


def _changed(
    prompt: str, value: Json, language: Json, fields: dict[str, Json] | None
) -> Iterator[tuple[PromptName, Answer]]:
    answer = answer_from(fields) if fields else Answer(Status.SKIPPED)
    told = answer.value if answer.content is None else answer.content
    if prompt == "objects":
        told = answer.content if isinstance(answer.content, list) else []
    elif prompt in SUMMARY_KEYS:
        told = answer.value
    if value == told and (language is None or language == answer.language):
        return
    if language is not None and not isinstance(language, str):
        raise TypeError(f"the language of {prompt} is no text")
    new = replace(answer, value=value, content=None, language=language or answer.language)
    if not isinstance(value, str | None):
        new = replace(new, value=None, content=value)
    yield PromptName(prompt), _whole(new)


def _whole(answer: Answer) -> Answer:
    """Have the words and the status of an answer follow what a person wrote."""
    value, content = answer.value, answer.content
    if isinstance(content, list) and all(isinstance(name, str) for name in content):
        value = ", ".join(content)
    if not value and not content:
        return Answer(Status.EMPTY, reason=SAID_NOTHING)
    return replace(answer, status=Status.OK, value=value, reason=None)
