"""The words that are really sent: a prompt's text with its variables filled in (pure)."""

import re

from .languages import name_of
from .prompt import Prompt

VARIABLES = ("text", "target", "target_name", "choices")
VARIABLE = re.compile(r"\{([A-Za-z_]\w*)\}")
"""Only a name in braces is a variable; other braces, as of JSON, stay as they are."""
MATERIAL = "{text}"
MARKED_MATERIAL = "\n<<<\n{text}\n>>>"


def filled(prompt: Prompt, about: str | None = None) -> str:
    """Fill a prompt's variables; `about` is the answer that a `from` prompt is asked about."""
    text = prompt.text
    if prompt.from_prompt and MATERIAL not in text:
        text += MARKED_MATERIAL
    values = {
        "text": harmless(about or ""),
        "target": prompt.target or "",
        "target_name": name_of(prompt.target or ""),
        "choices": ", ".join(prompt.choices),
    }
    return VARIABLE.sub(lambda found: values.get(found.group(1), found.group()), text).strip()


def unknown_variables(text: str) -> list[str]:
    """Give the names in braces that are no variables, in the order they stand."""
    return [name for name in VARIABLE.findall(text) if name not in VARIABLES]


def harmless(material: str) -> str:
    """Break up marks in untrusted material, so that it cannot end itself and go on as instructions."""
    return re.sub(r"<{3,}|>{3,}", lambda marks: " ".join(marks.group()), material)
