"""Lists of things, as models write them: read, and cleaned for search and facets (pure)."""

import re
import unicodedata
from collections.abc import Mapping

from captiond.errors import UnusableReply
from captiond.model import Answer, Json, Status

from .checks import LOOP_LINES, echo, flood
from .loose_json import read_json, strings_in
from .phrases import PICTURE, bare, phrase, unfenced, without_meta, without_preamble
from .prompt import Prompt
from .refusals import refuses
from .schemas import LONGEST_ENTRY, MOST_ENTRIES
from .synonyms import under_one_name
from .wording import filled

REFUSED = "the model refused to answer"
MOST_WORDS = 5
"""In a reply that is no JSON, longer pieces are sentences."""
ARTICLE = re.compile(r"\A(?:an?|the|some)\s+(?=\S)")
BULLET = re.compile(r"\A(?:[-•·–—‣▪]+|\*(?!\*)|\(?\d{1,2}[.):]) ?")
COMMA = re.compile(r"[,;،؛、，；] ?")
SEPARATOR = re.compile(r"[,;،؛、，；] ?(?:and )?| (?:and|und|et|y) ")
LEAD = r"\A(?:[\w-]+ ){0,4}(?:objects|things|items|list|answer)\b[^:,\n]{0,40}:\s*(?=\S)"
THERE_IS = "\\A(?:there (?:is|are)|(?:i|we) (?:can )?see) "
INNER_BULLET = re.compile(r"[,;]?\s+(?=\d{1,2}[.)]\s)|\s+(?=[•▪] )")
VERB = re.compile(r" (?:is|are) ")
IN_PICTURE = rf",? (?:in|on) (?:the|this) {PICTURE}\.?\Z"
JSON_BEGINS = re.compile(r"[\[{]\s*[\"\[{]")
REMARK = re.compile(r"(?:[:(（：]| [-–—] ).*\Z")
GENERAL = frozenset(
    {"image", "images", "photo", "photos", "photograph", "photographs", "picture", "pictures", "background"}
    | {"foreground", "scene", "object", "objects", "thing", "things", "item", "items", "view", "snapshot"}
    | {"none", "nothing", "n/a", "null", "etc", "no objects", "others", "various objects"}
)
"""Words that name the picture, or nothing at all."""


def list_schema(_: Prompt) -> Json:
    """Ask the server for a bounded array of short strings."""
    return {
        "type": "array",
        "items": {"type": "string", "maxLength": LONGEST_ENTRY},
        "maxItems": MOST_ENTRIES,
    }


def list_closing(_: Prompt) -> str:
    """Tell the model what the schema is."""
    return f"Answer only with a JSON array of at most {MOST_ENTRIES} short strings."


def understand_list(prompt: Prompt, text: str, _about: str | None) -> Answer:
    """Read a list; an empty one is an answer, a list that says one thing over and over is not."""
    given = json_strings(text)
    if given is None:
        wrong = half_json(text) or echo(text, filled(prompt, ""))
        if wrong:
            raise UnusableReply(wrong, text)
        given = pieces(text)
    if any(map(refuses, given)):
        raise UnusableReply(REFUSED, text)
    distinct = {entry.strip().lower() for entry in given}
    if len(given) >= LOOP_LINES and len(distinct) <= 2:  # noqa: PLR2004 (as for lines of a text)
        raise UnusableReply("the reply names the same thing again and again", text)
    if distinct <= GENERAL | {""}:
        return Answer(status=Status.EMPTY, reason="there is nothing to list")
    names = under_one_name(tidy(given), prompt.synonyms, name_from)
    if not names:
        raise UnusableReply("the reply is no list of short names", text)
    return Answer(status=Status.OK, value=", ".join(names), content=names)


def half_json(text: str) -> str | None:
    """Say so where a reply begins as JSON and is no list: cut off, or of another shape."""
    return "the reply is no whole list" if JSON_BEGINS.match(unfenced(text.strip())) else None


def json_strings(text: str) -> list[str] | None:
    """Give the strings of a JSON array, or of the first array in an object; None where there is none."""
    try:
        value = read_json(text)
    except ValueError:
        return None
    if isinstance(value, dict):
        value = listed(value)
    if not isinstance(value, list):
        return strings_in(value) or None
    strings = [next(iter(strings_in(entry)), "") for entry in value]
    if len(strings) == 1:
        strings = COMMA.split(strings[0])
    return strings if any(strings) or all(entry in ("", None) for entry in value) else None


def listed(value: Mapping[str, Json]) -> list[Json]:
    """Give what an object lists: in lists, in an object, as the names of fields that count, or as values."""
    inner = list(value.values())
    if len(inner) == 1 and isinstance(inner[0], dict):
        return listed(inner[0])
    if inner and all(isinstance(one, bool | int) for one in inner):
        return [name for name, count in value.items() if count]
    if inner and all(isinstance(one, list) for one in inner):
        return [name for names in inner for name in names]
    return next((one for one in inner if isinstance(one, list)), inner)


def pieces(text: str) -> list[str]:
    """Cut a reply that is no JSON at line breaks, bullets and commas; never at blanks: names hold them."""
    text = without_preamble(text)
    if refuses(text):
        raise UnusableReply(REFUSED, text)
    text = phrase(IN_PICTURE).sub("", phrase(THERE_IS).sub("", phrase(LEAD).sub("", without_meta(text))))
    text = INNER_BULLET.sub("\n", text)
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    bulleted = [BULLET.sub("", line) for line in lines if BULLET.match(line)]
    if len(lines) > 1 and lines[0].endswith(":"):
        del lines[0]
    cut = bulleted or [piece for line in lines for piece in SEPARATOR.split(line.rstrip("."))]
    names = [short(piece) for piece in cut if short(piece)]
    if not names:
        raise UnusableReply("the reply is no list of short names", text)
    return names


def short(piece: str) -> str:
    """Take a remark off a piece ("dog: brown" is a dog), and give nothing for what is still a sentence."""
    name = REMARK.sub("", piece).strip()
    return name if len(name.split()) <= MOST_WORDS and not VERB.search(name) else ""


def tidy(strings: list[str]) -> list[str]:
    """Clean names: lower case, no article, no general words, each once, at most twelve; keep the order."""
    names = filter(None, map(name_from, strings))
    return [name for name in dict.fromkeys(names) if name not in GENERAL][:MOST_ENTRIES]


def name_from(string: str) -> str:
    """Clean one name; of one that fills the schema's length the last word may be cut, so it goes."""
    name = unicodedata.normalize("NFC", " ".join(bare(string).split()))
    name = ARTICLE.sub("", name.replace("İ", "i").lower())
    if len(string) == LONGEST_ENTRY and " " in name:
        name = name.rpartition(" ")[0]
    unusable = len(name) > LONGEST_ENTRY or flood(name) or not any(map(str.isalpha, name))
    return "" if unusable else name
