"""Is a reply usable at all? Cut off, empty, flooded, looping, echoing replies are not (pure)."""

import re
import unicodedata
import zlib

from captiond.errors import UnusableReply
from captiond.model import Reply

LONGEST_PERIOD = 200
"""A stretch of up to so many characters is recognised when it comes again and again."""
TIMES = 6
"""A refrain comes three or four times in a row, a loop does not stop."""
LOOP_CHARS = 60
STREAM_LOOP_CHARS = 300
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
TAIL_CHARS = LONGEST_PERIOD * TIMES + STREAM_LOOP_CHARS
ECHO_CHARS = 25
"""So many characters of a prompt in a row are no accident."""

THINKING = re.compile(r"\A\s*<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
MARKERS = re.compile(r"<\|[a-z_ ]{2,20}\|>|</?s>|<unk>|\[img-\d+\]|\[/?INST\]", re.IGNORECASE)


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


def loop(text: str) -> str | None:
    """Say so where a whole text repeats itself to its end; lists of prices, tables and refrains do not."""
    text = text.rstrip()
    found = run(text, RUN_CHARS) or period(text, LOOP_CHARS) or same_lines(text, LOOP_LINES) or squeezed(text)
    return f"the reply repeats itself ({found})" if found else None


def streaming_stop(text_so_far: str) -> str | None:
    """Give a reason to stop a generation that will not come to an end by itself, or None to go on.

    Looks at the end only, so it may be called often; more patient than `loop`, as the text may yet go on.
    """
    tail = text_so_far[-TAIL_CHARS:]
    if len(tail) - len(tail.rstrip()) >= STREAM_LOOP_CHARS:
        return "the reply is an endless blank"
    found = (
        run(tail, STREAM_RUN_CHARS) or period(tail, STREAM_LOOP_CHARS) or same_lines(tail, STREAM_LOOP_LINES)
    )
    return f"the reply repeats itself ({found})" if found else None


def run(text: str, length: int) -> str | None:
    """Find one character `length` times at the end."""
    tail = text[-length:]
    same = len(tail) == length and len(set(tail)) == 1
    return f"“{tail[0]}” {length} times" if same else None


def period(text: str, length: int) -> str | None:
    """Find a stretch of text that comes again and again up to the end, over at least `length` characters."""
    for stretch in range(2, LONGEST_PERIOD + 1):
        covered = max(length, stretch * TIMES)
        if covered > len(text):
            return None
        tail = text[-covered:]
        if tail[stretch:] == tail[:-stretch] and len(set(tail)) > 1:
            return f"“{shown(tail[-stretch:])}”"
    return None


def same_lines(text: str, count: int) -> str | None:
    """Find that the last `count` lines are only one or two different ones, whatever their numbers."""
    lines = [re.sub(r"^\d+[.)]\s*", "", line.strip()) for line in text.split("\n") if line.strip()]
    last = lines[-count:]
    if len(last) < count or len(set(last)) > 2:  # noqa: PLR2004 (one or two, as the docstring says)
        return None
    return f"“{shown(last[-1])}”"


def squeezed(text: str) -> str | None:
    """Find a text so alike all over that it packs to a sixth; rows of dots and blanks do not count."""
    dense = re.sub(r"(\W)\1+", r"\1", text).encode()
    if len(dense) <= SQUEEZE_CHARS:
        return None
    packed = len(zlib.compress(dense, 9))
    return "the same again and again" if len(dense) > SQUEEZE_RATIO * packed else None


def shown(stretch: str) -> str:
    """Give the beginning of a stretch on one line, for a reason that people read."""
    words = " ".join(stretch.split())
    return words if len(words) <= 40 else words[:39] + "…"  # noqa: PLR2004 (what fits into a sentence)


def echo(text: str, question: str) -> str | None:
    """Say so where a reply gives the question back: is a part of it, or holds a sentence of it."""
    said, asked = flat(text), flat(question)
    sentences = (flat(sentence) for sentence in re.split(r"[.!?:\n]", question))
    parroted = len(said) >= ECHO_CHARS and said in asked
    if parroted or any(sentence in said for sentence in sentences if len(sentence) >= ECHO_CHARS):
        return "the reply repeats the question"
    return None


def flat(text: str) -> str:
    """Give a text without case, punctuation and line breaks, to compare it."""
    return " ".join(re.findall(r"\w+", text.casefold()))
