"""Is a reply usable at all? Cut off, empty, flooded, looping, echoing replies are not (pure)."""

import re
import unicodedata
import zlib

from captiond.errors import UnusableReply
from captiond.model import Reply

from .near_loops import FREE, VERBATIM, near_loop

LONGEST_PERIOD = 1000
STREAM_LONGEST_PERIOD = 200
"""A stretch of up to so many characters is recognised when it comes again and again."""
TIMES = 6
"""A refrain comes three or four times in a row, a loop does not stop."""
LOOP_CHARS = 60
STREAM_LOOP_CHARS = 300
GLANCE_CHARS = 8
"""Most stretches differ so soon; the rest is compared as a whole."""
FLOOD_CHARS = 12
"""A text that is one character all over: five stars are a hotel, twelve are a broken model."""
FLOOD_MARKS = frozenset("#@�")
FLOOD_MARKS_CHARS = 5
RUN_CHARS = 150
"""One character at the end of a text; shorter ones are lines to sign on, and dot leaders."""
STREAM_RUN_CHARS = 300
LOOP_LINES = 8
STREAM_LOOP_LINES = 24
SQUEEZE_CHARS = 600
SQUEEZE_RATIO = 6
STREAM_STEP_CHARS = 100
"""A reply is looked at after every so many characters, wherever its server cuts it into pieces."""
STREAM_TAIL_CHARS = 12_000
ECHO_CHARS = 25
"""So many characters of a prompt in a row are no accident; examples in it may be the answer."""
ECHO_CLAUSE_CHARS = 50

THINKING = re.compile(r"\A\s*<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
JSON_START = re.compile(r"\s*(?:```\w*\s*)?[{\[]")
"""Objects in a list have the same fields again and again."""
LINE_NUMBER = re.compile(r"^\d+[.)]\s*")
LAST_STOPS = " .,;!?…。"
MARKER = r"<\|[a-z_ ]{2,20}\|>|\[img-\d+\]|\[/?INST\]"
MARKER_AT_END = rf"(?:{MARKER}|</?s>|<unk>)"
"""A page's source may hold <s>, but not at its ends."""
MARKERS = re.compile(
    rf"\A(?:\s*{MARKER_AT_END})+|(?:{MARKER_AT_END}\s*)+\Z|{MARKER}",
    re.IGNORECASE,
)


def storable(text: str) -> str:
    """Replace what no database and no terminal takes: lone surrogates; drop control characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) != "Cc")


def complete_text(reply: Reply) -> str:
    """Give a reply's text without thinking and markers, or raise UnusableReply where it is no whole text."""
    raw = storable(reply.text)
    text = MARKERS.sub("", THINKING.sub("", raw)).strip()
    reason = unfinished(reply) or (flood(text) if text else nothing_said(reply))
    reason = reason or stopped_on_its_way(reply.text)
    if reason:
        raise UnusableReply(reason, raw)
    return text


def unfinished(reply: Reply) -> str | None:
    """Say how a reply ended, where that was not by itself."""
    if reply.finish == "stop":
        return None
    if reply.finish == "length":
        tokens = f" after {reply.output_tokens} tokens" if reply.output_tokens else ""
        return f"the reply was cut off{tokens}"
    return f"the reply did not end by itself ({storable(reply.finish) or 'no reason given'})"


def nothing_said(reply: Reply) -> str:
    """Say why there is no text: the model may have spent it all on thinking."""
    if reply.thinking.strip() or THINKING.match(reply.text):
        return "the reply is only thinking, without an answer"
    return "the reply is empty"


def flood(text: str) -> str | None:
    """Say so where a text is one character all over, as broken models write: #####, @@@@@, GGGGG."""
    bare = "".join(text.split())
    if len(set(bare)) != 1:
        return None
    enough = FLOOD_MARKS_CHARS if bare[0] in FLOOD_MARKS else FLOOD_CHARS
    return f"the reply is nothing but “{bare[0]}”" if len(bare) >= enough else None


def loop(text: str, *, verbatim: bool = False) -> str | None:
    """Say so where a whole text repeats itself to its end; lists of prices, tables and refrains do not.

    `verbatim`: it was copied from a picture, which may hold the like of many lines.
    """
    text = text.rstrip()
    found = (
        run(text, RUN_CHARS)
        or period(text.rstrip(LAST_STOPS), LOOP_CHARS)
        or same_lines(text, LOOP_LINES)
        or near_loop(text, VERBATIM if verbatim else FREE)
    )
    if found:
        return repeating(found)
    alike = not verbatim and squeezes(text)
    return "the reply repeats itself (the same again and again)" if alike else None


def streaming_stop(text_so_far: str) -> str | None:
    """Give a reason to stop a generation that will not come to an end by itself, or None to go on.

    Looks at the end only, so it may be called often; more patient than `loop`, as the text may yet go on.
    """
    text = text_so_far[: len(text_so_far) // STREAM_STEP_CHARS * STREAM_STEP_CHARS]
    tail = text[-STREAM_TAIL_CHARS:]
    if len(tail) - len(tail.rstrip()) >= STREAM_LOOP_CHARS:
        return "the reply is an endless blank"
    found = (
        run(tail, STREAM_RUN_CHARS)
        or period(tail, STREAM_LOOP_CHARS, STREAM_LONGEST_PERIOD)
        or same_lines(tail, STREAM_LOOP_LINES)
        or (None if JSON_START.match(text) else near_loop(tail, VERBATIM))
    )
    return repeating(found) if found else None


def stopped_on_its_way(text: str) -> str | None:
    """Say why a text would have been stopped had it been looked at all the time.

    So it does not depend on the size of a server's pieces whether a reply is refused.
    """
    ends = range(STREAM_STEP_CHARS, len(text) + 1, STREAM_STEP_CHARS)
    return next(filter(None, (streaming_stop(text[:end]) for end in ends)), None)


def repeating(found: str) -> str:
    """Say what comes again and again."""
    return f"the reply repeats itself (“{shown(storable(found))}”)"


def run(text: str, length: int) -> str | None:
    """Find one character `length` times at the end."""
    tail = text[-length:]
    same = len(tail) == length and len(set(tail)) == 1
    return tail[0] * 3 if same else None


def period(text: str, length: int, longest: int = LONGEST_PERIOD) -> str | None:
    """Find a stretch of text that comes again and again up to the end, over at least `length` characters."""
    for stretch in range(2, longest + 1):
        covered = max(length, stretch * TIMES)
        if covered > len(text):
            return None
        if not text.endswith(text[-stretch - GLANCE_CHARS : -stretch]):
            continue
        tail = text[-covered:]
        if tail[stretch:] == tail[:-stretch] and len(set(tail)) > 1:
            return tail[-stretch:]
    return None


def same_lines(text: str, count: int) -> str | None:
    """Find that the last `count` lines are only one or two different ones, whatever their numbers.

    Lines without a letter are a column of a table.
    """
    lines = [LINE_NUMBER.sub("", line.strip()) for line in text.split("\n") if line.strip()]
    last = set(lines[-count:])
    if len(lines) < count or len(last) > 2:  # noqa: PLR2004 (one or two, as the docstring says)
        return None
    spoken = all(not line or any(map(str.isalpha, line)) for line in last)
    return lines[-1] if spoken else None


def squeezes(text: str) -> bool:
    """Tell whether a text is so alike all over that it packs to a sixth; rows of dots do not count."""
    dense = re.sub(r"(\W)\1+", r"\1", text).encode()
    return len(dense) > SQUEEZE_CHARS and len(dense) > SQUEEZE_RATIO * len(zlib.compress(dense, 9))


def shown(stretch: str) -> str:
    """Give the beginning of a stretch on one line, for a reason that people read."""
    words = " ".join(stretch.split())
    return words if len(words) <= 40 else words[:39] + "…"  # noqa: PLR2004 (what fits into a sentence)


def echo(text: str, question: str) -> str | None:
    """Say so where a reply gives the question back: is a part of it, or holds a sentence of it."""
    said, asked = flat(text), flat(question)
    sentences = (flat(sentence) for sentence in re.split(r"[.!?:\n]", question))
    clauses = (flat(clause) for clause in re.split(r"[.!?:,;\n]", question))
    parroted = len(said) >= ECHO_CHARS and said in asked
    if (
        parroted
        or any(sentence in said for sentence in sentences if len(sentence) >= ECHO_CHARS)
        or any(clause in said for clause in clauses if len(clause) >= ECHO_CLAUSE_CHARS)
    ):
        return "the reply repeats the question"
    return None


def flat(text: str) -> str:
    """Give a text without case, punctuation and line breaks, to compare it."""
    return " ".join(re.findall(r"\w+", text.casefold()))
