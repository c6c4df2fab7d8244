"""What models say around an answer, or instead of one: "no text", preambles (pure).

A sign may say nearly the same ("NO PARKING", "Note: no dogs"), so each pattern wants more than one clue.
"""

import re
from functools import cache

from .denials import denies_text


@cache
def phrase(pattern: str) -> re.Pattern[str]:
    """Compile a pattern: a blank is any white space, an apostrophe either kind, and case is nothing.

    At its first use, for most commands need none of them.
    """
    return re.compile(pattern.replace(" ", r"\s+").replace("'", "['’]"), re.IGNORECASE)


def any_of(*patterns: str) -> str:
    """Join patterns as alternatives."""
    return f"(?:{'|'.join(patterns)})"


def one_of(words: str) -> str:
    """Join single words as alternatives."""
    return any_of(*words.split())


PICTURE = one_of("image picture photo photograph scene screenshot")
WRITING = one_of("texts? writing words? letters? lettering characters? inscriptions? captions? numbers")
SURFACE = any_of(PICTURE, "sign", "label", "poster", "page", "document")
SORT_OF = "(?:{} )*".format(
    one_of(
        "any visible readable legible discernible recogni[sz]able written printed handwritten clear actual"
        " other such identifiable detectable specific significant text numbers"
    )
)
STATES = one_of(
    "visible present found detected seen shown readable legible identified available read there here"
)
STATE = f"{STATES}(?: (?:or|and) {STATES})?"
PLACE = (
    rf"(?:,? (?:(?:that |which )?(?:is|are|was|were|to be|can be|could be) )?{STATE})?(?: to (?:be )?\w+)?"
    rf"(?: (?:in|on|within|from) (?:it\b|(?:the|this|your) (?:\w+ )?{SURFACE}\b(?: \w+){{0,3}}))?"
)
AND_MORE = rf"(?:(?:,|,? or|,? and|,? nor) {SORT_OF}{WRITING})*"
UNWRITTEN = f"{SORT_OF}{WRITING}{AND_MORE}{PLACE}"
THE_PICTURE = any_of(f"(?:the|this|your) (?:provided |given )?{PICTURE}(?: you provided)?", "it")
SEE = any_of("see", "find", "detect", "read", "make out", "identify", "recogni[sz]e", "discern")
HOLD = one_of("contain have include show feature display")
NOT = "(?: not|n't)"
NO_TEXT = (
    "(?:(?:sorry|i'm sorry|i am sorry|i apologi[sz]e|unfortunately|no|answer|result|text)[,:]? )?(?:but )?"
    + any_of(
        f"there(?:'s| (?:is|are|was|were|seems? to be|appears? to be)) no {UNWRITTEN}",
        f"there (?:is|are|does|do){NOT}(?: (?:seem|appear) to be)? any {UNWRITTEN}",
        f"i (?:can )?{SEE} no {UNWRITTEN}",
        f"i (?:cannot|can not|can't|(?:could|do|did){NOT}|(?:am|was) unable to) {SEE} any {UNWRITTEN}",
        f"{THE_PICTURE} (?:{HOLD}s?|has|had) no {UNWRITTEN}",
        f"{THE_PICTURE} (?:does|did){NOT} (?:(?:appear|seem) to )?{HOLD} (?:any )?{UNWRITTEN}",
        f"{THE_PICTURE} is (?:without|free of|devoid of) (?:any )?{UNWRITTEN}",
        f"(?:unable|failed) to {SEE} any {UNWRITTEN}",
        f"no {SORT_OF}(?:text|writing|lettering){AND_MORE}{PLACE}",
        f"no {SORT_OF}(?:words?|letters?|characters?){AND_MORE}(?: (?:is|are|were))? {STATE}{PLACE}",
        "without (?:any )?(?:text|writing)",
        "none|n/?a|null|nil",
    )
)
A_PICTURE = rf"\b{PICTURE}\b"
AND_THEN = r",? (?:only|just|but|as it|as the|which)\b"
ONLY_A = ",? (?:only|just) (?:an?|the) "
ABOUT_PICTURE = rf"(?:(?:the|this) {PICTURE}|it) (?:is|shows?|depicts?|features?|contains?|only)\b"

OPENING = r"(?:(?:sure(?: thing)?|certainly|of course|okay|ok|absolutely|yes)\s*[,!.:]* )?"
PRODUCT = r"(?:[\w-]+ ){0,4}" + one_of(
    "text transcription transcript translation description caption copy version words writing"
    " answer reply response"
)
CLEARLY_AFTER = r"(?:\s*\n\s*|\s*(?=[\"“”«‘`]|'))"
"""A preamble goes only where a new line or a quotation follows: "Note: no dogs" is a sign."""
AS_FOLLOWS = r"(?: as follows)?\s*:"
PREAMBLES = (
    (
        rf"{OPENING}(?:here(?:'s| is| are)|below is|(?:this|the following) is) {PRODUCT}\b[^:\n]{{0,80}}:"
        rf"{CLEARLY_AFTER}"
    ),
    (
        rf"{OPENING}(?:the )?(?:\w+ )?(?:text|words|writing) (?:\w+ )?(?:in|on|from|of|within) (?:the|this)"
        rf" (?:\w+ )?{SURFACE}(?: (?:reads|says|is|states))?{AS_FOLLOWS}{CLEARLY_AFTER}"
    ),
    (
        rf"{OPENING}(?:the )?(?:(?:transcribed|extracted|translated|copied|visible) text|transcription"
        rf"|translation)(?: (?:in|into|to) \w+)?(?: (?:is|reads))?{AS_FOLLOWS}{CLEARLY_AFTER}"
    ),
    (
        rf"{OPENING}(?:the|this) {PICTURE} (?:contains|displays|shows|has|includes)(?: \w+){{0,3}} text\b"
        rf"[^:\n]{{0,40}}:{CLEARLY_AFTER}"
    ),
    rf"{OPENING}the text (?:in|on) (?:the|this) {PICTURE}\b[^:\n]{{0,60}}:{CLEARLY_AFTER}",
    rf"(?:the|this) (?:\w+ )?{SURFACE}(?: in the {PICTURE})? (?:reads|says|states)\s*:\s*\n\s*",
    (
        r"(?:\*\*|__|#+ )(?:\w+ )?(?:text|transcription|translation|transcript)(?: (?:in|from) the \w+)?"
        r":?(?:\*\*|__)?:?\s*\n\s*"
    ),
    rf"{OPENING}the following text (?:is|was|can be|appears)\b[^:\n]{{0,60}}:{CLEARLY_AFTER}",
    (
        any_of(
            r"hier ist (?:der|die) (?:\w+ )?(?:text|abschrift|übersetzung)\b[^:\n]{0,40}",
            r"voici (?:le|la) (?:texte|transcription|traduction)\b[^:\n]{0,40}",
            r"(?:aquí (?:está|tienes)|este es) (?:el|la) (?:texto|transcripción|traducción)\b[^:\n]{0,40}",
            r"ecco (?:il|la) (?:testo|trascrizione|traduzione)\b[^:\n]{0,40}",
            r"(?:以下是)?(?:图片|图像|照片|圖片)(?:中|上)的(?:文字|文本)(?:内容|內容)?(?:是|为|為|如下)?",
            r"(?:画像|写真)(?:内|の中|に(?:写って|書かれて)いる)の?(?:テキスト|文字)は[^:：\n]{0,15}",
        )
        + rf"\s?[:：]{CLEARLY_AFTER}"
    ),
    rf"{OPENING}(?:the|this) (?:\w+ )?(?:text|sign|phrase)? ?translates (?:in)?to\s*:?\s*(?=[\"“])",
    rf"{OPENING}the text (?:in|on) (?:the|this) {PICTURE} (?:reads|says|is){AS_FOLLOWS}\s*",
)
LABEL = (
    r"[*_#\s]*(?:(?:image|picture|photo) )?(?:description|caption|alt[\s-]text|answer|summary)"
    r"[*_]*\s*:[*_]*\s*(?=\S)"
)
ANSWER_IS = (
    r"(?:(?:therefore|so|thus|hence),? )?\b(?:the |my )?(?:answer|result|response|output)(?: is| would be)?"
    r"\s*:?[\s\"“‘`*]*\Z"
)
OUTRO = "(?:please )?let me know if you|i hope this helps|is there anything else i can"
FENCE = re.compile(r"```[\w+-]*[ \t]*\n(.*?)(?:\n?```[^`]*)?\Z", re.DOTALL)
QUOTED = re.compile(r"\"[^\"]+\"|“[^“”]+”|„[^„“”]+[“”]|«[^«»]+»|'[^']+'|‘[^‘’]+’|`[^`]+`")
SAYS = (
    rf"(?:(?:the|this) (?:\w+ )?{SURFACE} (?:reads|says|states|(?:contains|shows|has) the (?:text|words?))"
    rf"|the (?:text|words?|writing)(?: (?:on|in) the (?:\w+ )?{SURFACE})? (?:reads?|says?|is|are)"
    rf"|(?:the|this) {PICTURE} (?:contains|shows|features|has|displays) an? (?:\w+ ){{1,4}}?(?:that )?"
    r"(?:reads|says|with the (?:text|words?)))"
    r"\s*[,:]?\s*[\"“]([^\"“”]+)[\"”]\.?"
)
SHOWS = any_of(
    one_of("shows depicts features displays captures contains portrays presents showcases"), "is of"
)
META = (
    any_of(
        rf"(?:the|this) {PICTURE}(?: you(?:'ve| have)? provided)?(?: \w+ly)? {SHOWS}(?: that)? ",
        rf"this is an? {PICTURE} of ",
        rf"in (?:the|this) {PICTURE}(?:,? (?:we can see|there (?:is|are)|you can see|we see)|,) ",
        rf"the main subject (?:of|in) (?:the|this) {PICTURE} is ",
    )
    + r"(?=\S)"
)


def says_no_text(text: str) -> bool:
    """Tell whether a reply means "there is no text", in whichever of its many wordings."""
    sentences = list(filter(None, map(bare, re.split(r"(?<=[.!。])\s+|\n+", text))))
    others = [sentence for sentence in sentences if not denies(sentence)]
    return len(others) < len(sentences) and all(map(phrase(ABOUT_PICTURE).match, others))


def denies(sentence: str) -> bool:
    """Tell whether a sentence says that there is no text, in the picture or "in the picture, only a lake"."""
    if phrase(NO_TEXT).fullmatch(sentence) or denies_text(sentence):
        return True
    before = phrase(AND_THEN).split(sentence)[0]
    clearly = phrase(A_PICTURE).search(before) or phrase(ONLY_A).match(sentence[len(before) :])
    return before != sentence and bool(phrase(NO_TEXT).fullmatch(before) and clearly)


def bare(sentence: str) -> str:
    """Give a sentence without the brackets, quotes, stars and stops around it."""
    return sentence.strip(" \t\n\"'“”‘’„«»`*_()[]{}<>.!。:;,-–—")


def without_preamble(text: str) -> str:
    """Take off "Here is the text:" with closing politeness and quotes, and code fences."""
    text = text.strip()
    for preamble in PREAMBLES:
        found = phrase(preamble).match(text)
        if found and text[found.end() :].strip():
            return unquoted(unfenced(without_outro(text[found.end() :].strip())))
    return unfenced(text)


def without_outro(text: str) -> str:
    """Take off a last line that is politeness."""
    before, _, last = text.rpartition("\n")
    return before.rstrip() if before.strip() and phrase(OUTRO).match(last) else text


def unfenced(text: str) -> str:
    """Take off a code fence that opens at the very beginning."""
    fenced = FENCE.match(text)
    return fenced.group(1).strip("\n") if fenced and fenced.group(1).strip() else text


def quoted_on_surface(text: str) -> str:
    """Give what a reply quotes that is nothing but: The sign reads "STOP"."""
    found = phrase(SAYS).fullmatch(text)
    return found.group(1) if found else text


def unquoted(text: str) -> str:
    """Take off one pair of quotation marks that holds the whole text."""
    return text[1:-1].strip() if QUOTED.fullmatch(text) and text[1:-1].strip() else text


def without_meta(text: str) -> str:
    """Take "The image shows" and its like off a description, and go on with a capital letter."""
    label = phrase(LABEL).match(text)
    rest = text[label.end() :] if label else text
    meta = phrase(META).match(rest)
    rest = rest[meta.end() :] if meta else rest
    return rest[:1].upper() + rest[1:] if rest != text else text
