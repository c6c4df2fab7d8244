"""What a model without a mind says: honest words about the pixels, for the kinds of request there are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .looks import Look
from .translation import language_of, target_of, translate

MATERIAL = re.compile(r"<<<\s*(.*?)\s*>>>", re.DOTALL)
SENTINEL = re.compile(r"(?:only|just|with|say|write)\W+([A-Z][A-Z_]{3,})\b")
READ = re.compile(
    r"\b(?:copy|read|transcribe|extract)\b[^.]*\b(?:text|words|writing)\b|\bOCR\b|^(?:all )?text\b",
    re.IGNORECASE,
)
LIST = re.compile(
    r"\b(?:list|name|enumerate)\b[^.]*\b(?:things?|objects?|items?|animals?)\b|\bwhat objects\b",
    re.IGNORECASE,
)
SHORT = re.compile(r"\balt[ -]?text\b|\bshorten\b|\bone short\b", re.IGNORECASE)
COLOUR = re.compile(r"\bwh(?:at|ich) colou?rs?\b|\bcolou?r of\b", re.IGNORECASE)
TRANSLATE = re.compile(r"\btranslat", re.IGNORECASE)
BRIGHT, DARK, STRONG, SOFT = 0.62, 0.34, 0.25, 0.08
ALT_TEXT_LENGTH = 125


@dataclass(frozen=True, slots=True)
class Saying:
    """All that can be said to one prompt about one picture (or none)."""

    prompt: str
    look: Look | None

    @property
    def brightness(self) -> float:
        """Give the level of light, the middle where there is no picture."""
        return self.look.brightness if self.look else 0.5

    @property
    def text(self) -> str | None:
        """Give the text in the picture."""
        return self.look.text if self.look else None

    @property
    def material(self) -> str | None:
        """Give the text between `<<<` and `>>>`."""
        found = MATERIAL.search(self.prompt)
        return found.group(1) if found else None

    def words(self) -> str:
        """Answer in free text."""
        asked = MATERIAL.sub("", self.prompt)
        if self.material is not None:
            return (
                self._translation(self.material)
                if TRANSLATE.search(asked)
                else _first_sentence(self.material)
            )
        if READ.search(asked) and self.look:
            return (
                self._translation(self.text)
                if TRANSLATE.search(asked[:60]) and self.text
                else self._reading()
            )
        if LIST.search(asked) and self.look:
            return ", ".join(self.things())
        if COLOUR.search(asked) and self.look:
            return self.look.colours[0][0].capitalize() + "."
        return _first_sentence(self.description()) if SHORT.search(asked) else self.description()

    def _reading(self) -> str:
        return self.text if self.text is not None else self._sentinel() or "There is no text in this picture."

    def _sentinel(self) -> str | None:
        found = SENTINEL.search(self.prompt)
        return found.group(1) if found else None

    def _translation(self, text: str) -> str:
        return translate(text, target_of(self.prompt)) or self._sentinel() or text

    def description(self) -> str:
        """Say in two sentences what can be seen."""
        look = self.look
        if look is None:
            return "There is no picture with this question, so nothing can be said about it."
        light = "bright" if look.brightness > BRIGHT else "dark" if look.brightness < DARK else "softly lit"
        where = f"{look.top} at the top and {look.bottom} below" if look.top != look.bottom else look.top
        name, share = look.colours[0]
        contrast = "Strong" if look.contrast > STRONG else "Hardly any" if look.contrast < SOFT else "Some"
        first = f"A {light} {look.shape} picture, mostly {where}."
        second = (
            f"About {round(share * 100)} percent of it is {name}; the light is strongest {look.brightest}."
        )
        third = f" {contrast} contrast at a brightness of {round(look.brightness * 100)} percent."
        written = f' A sign reads "{look.text}".' if look.text else ""
        return f"{first} {second}{third}{written}"

    def things(self) -> list[str]:
        """List what can be made out."""
        if self.look is None:
            return []
        areas = [f"{name} area" for name, share in self.look.colours if share > 0.03]  # noqa: PLR2004 - specks do not count
        bright = [] if self.look.brightest == "everywhere" else ["light source"]
        return [*areas, *bright, *(["sign"] if self.look.text else [])]

    def list_for(self, name: str) -> Sequence[str]:
        """Give the words of a list that stands in the property `name`."""
        if re.search(r"line|text|word", name, re.IGNORECASE) or (not name and READ.search(self.prompt)):
            return (self.text or "").splitlines()
        if re.search(r"colou?r", name, re.IGNORECASE):
            return [colour for colour, _ in self.look.colours] if self.look else []
        return self.things()

    def word_for(self, name: str) -> str | None:
        """Give the words for a property by its name; None where there is nothing to say."""
        if re.search(r"lang", name, re.IGNORECASE):
            source = self.material or self.text
            return language_of(source) if source else None
        if re.search(r"transl|english|german|french|spanish", name, re.IGNORECASE):
            source = self.material or self.text
            return self._translation(source) if source else None
        if re.search(r"text|ocr|writing|transcri", name, re.IGNORECASE) and not re.search(
            r"alt", name, re.IGNORECASE
        ):
            return self.text
        if re.search(r"alt|title|caption", name, re.IGNORECASE):
            return _first_sentence(self.description())
        if re.search(r"colou?r", name, re.IGNORECASE):
            return self.look.colours[0][0] if self.look else None
        return self.words() if not name else self.description()


def _first_sentence(text: str) -> str:
    sentence = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    return sentence[:ALT_TEXT_LENGTH]
