"""What models say around an answer, or instead of one: "no text", preambles, refusals (pure).

A sign may say nearly the same ("NO PARKING", "Note: no dogs"), so each pattern wants more than one clue.
"""

import re


def phrase(pattern: str) -> re.Pattern[str]:
    """Compile a pattern: a blank is any white space, an apostrophe either kind, and case is nothing."""
    return re.compile(pattern.replace(" ", r"\s+").replace("'", "['’]"), re.IGNORECASE)


def any_of(*patterns: str) -> str:
    """Join patterns as alternatives."""
    return f"(?:{'|'.join(patterns)})"


def one_of(words: str) -> str:
    """Join single words as alternatives."""
    return any_of(*words.split())


PICTURE = one_of("image picture photo photograph scene screenshot")
WRITING = one_of("texts? writing words? letters? lettering characters? inscriptions? captions? numbers")
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
    r"(?: (?:in|on|within|from) (?:the|this|your|it)\b(?: \w+){0,3})?"
)
AND_MORE = rf"(?:(?:,|,? or|,? and|,? nor) {SORT_OF}{WRITING})*"
UNWRITTEN = f"{SORT_OF}{WRITING}{AND_MORE}{PLACE}"
THE_PICTURE = any_of(f"(?:the|this|your) (?:provided |given )?{PICTURE}(?: you provided)?", "it")
SEE = any_of("see", "find", "detect", "read", "make out", "identify", "recogni[sz]e", "discern")
HOLD = one_of("contain have include show feature display")
NOT = "(?: not|n't)"
NO_TEXT = phrase(
    "(?:(?:sorry|unfortunately|no|answer|result|text)[,:]? )?(?:but )?"
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
        "keine? texte?(?: (?:vorhanden|sichtbar|erkennbar))?",
        "(?:il n'y a )?(?:pas de|aucun) texte(?: visible)?(?: dans l'image)?",
        "(?:no hay|sin|ning[uú]n) texto(?: visible)?(?: en la imagen)?",
        "(?:nessun|sem|geen|brak|bez|ingen) (?:testo|texto|tekstu?|textu?)",
        "(?:图片?中?|图像中?)?(?:没有|沒有|无|無)(?:任何)?文字",
        "(?:画像に)?(?:テキスト|文字)(?:は|が)?(?:ありません|なし|ない)",
    )
)
ABOUT_PICTURE = phrase(rf"(?:(?:the|this) {PICTURE}|it) (?:is|shows?|depicts?|features?|contains?|only)\b")

OPENING = r"(?:(?:sure(?: thing)?|certainly|of course|okay|ok|absolutely|yes)\s*[,!.:]* )?"
PRODUCT = r"(?:\w+ ){0,4}" + one_of(
    "text transcription transcript translation description caption copy version words writing"
    " answer reply response"
)
SURFACE = any_of(PICTURE, "sign", "label", "poster", "page", "document")
CLEARLY_AFTER = r"(?:\s*\n\s*|\s*(?=[\"“”«‘`]|'))"
"""A preamble goes only where a new line or a quotation follows: "Note: no dogs" is a sign."""
AS_FOLLOWS = r"(?: as follows)?\s*:"
PREAMBLES = (
    phrase(
        rf"{OPENING}(?:here(?:'s| is| are)|below is|(?:this|the following) is) {PRODUCT}\b[^:\n]{{0,80}}:"
        rf"{CLEARLY_AFTER}"
    ),
    phrase(
        rf"{OPENING}(?:the )?(?:\w+ )?(?:text|words|writing) (?:\w+ )?(?:in|on|from|of|within) (?:the|this)"
        rf" (?:\w+ )?{SURFACE}(?: (?:reads|says|is|states))?{AS_FOLLOWS}{CLEARLY_AFTER}"
    ),
    phrase(
        rf"{OPENING}(?:the )?(?:(?:transcribed|extracted|translated|copied|visible) text|transcription"
        rf"|translation)(?: (?:in|into|to) \w+)?(?: (?:is|reads))?{AS_FOLLOWS}{CLEARLY_AFTER}"
    ),
    phrase(rf"{OPENING}the text (?:in|on) (?:the|this) {PICTURE} (?:reads|says|is){AS_FOLLOWS}\s*"),
)
LABEL = phrase(r"[*_#\s]*(?:description|caption|alt[\s-]text|answer|summary)[*_]*\s*:[*_]*\s*(?=\S)")
OUTRO = phrase("(?:please )?let me know if you|i hope this helps|is there anything else i can")
FENCE = re.compile(r"```[\w+-]*[ \t]*\n(.*?)(?:\n?```[^`]*)?\Z", re.DOTALL)
QUOTED = re.compile(r"\"[^\"]+\"|“[^“”]+”|„[^„“”]+[“”]|«[^«»]+»|'[^']+'|‘[^‘’]+’|`[^`]+`")
SHOWS = any_of(
    one_of("shows depicts features displays captures contains portrays presents showcases"), "is of"
)
META = phrase(
    any_of(
        rf"(?:the|this) {PICTURE} (?:(?:prominently|clearly) )?{SHOWS}(?: that)? ",
        rf"in (?:the|this) {PICTURE}, (?:(?:we can see|there (?:is|are)|you can see|we see) )?",
        rf"the main subject (?:of|in) (?:the|this) {PICTURE} is ",
    )
    + r"(?=\S)"
)

UNABLE = (
    rf"(?:cannot|can not|can't|won't|could{NOT}|am unable to|'m unable to|am not able to|'m not able to"
    rf"|do{NOT} have the ability to)"
)
HELP = one_of(
    "see view open access process analy[sz]e display identify describe recogni[sz]e transcribe translate read"
    " interpret provide help assist generate fulfil+ comply answer determine discuss engage"
)
ASKED_FOR = one_of(
    f"{PICTURE}s? text request that this files? attachments? people person individuals? faces? description"
    " translation transcription content information details question"
)
GIVEN = one_of("provided? uploaded? attach(?:ed)? shared?")
REFUSALS = (
    phrase(rf"\A(?:i'm|i am) (?:very |really |so )?sorry,? (?:but )?i ?(?:{UNABLE}|do{NOT})\b"),
    phrase(rf"\bi\s?{UNABLE} (?:\w+ )?{HELP} (?:\w+ ){{0,6}}?{ASKED_FOR}\b"),
    phrase(rf"\bi\s?{UNABLE} (?:assist|help)(?: you)? with\b"),
    phrase(r"\bas an? (?:ai|artificial|(?:large )?language model|text-based)\b"),
    phrase(rf"\bi do{NOT} see (?:an|any|the) {PICTURE}\b"),
    phrase(
        rf"\bplease (?:provide|upload|share|attach)\b[^.\n]{{0,40}}\b{PICTURE}\b[^.\n]{{0,60}}\b(?:i|me)\b"
    ),
    phrase(rf"\b(?:have|has|did){NOT} (?:been )?{GIVEN}\b[^.\n]{{0,20}}\b{PICTURE}\b"),
    phrase(rf"\bno {PICTURE} (?:was|is|has been) {GIVEN}\b"),
)
REFUSAL_WITHIN = 200
"""A refusal stands at the beginning; further on it may be a text about one."""


def says_no_text(text: str) -> bool:
    """Tell whether a reply means "there is no text", in whichever of its many wordings."""
    sentences = list(filter(None, map(bare, re.split(r"(?<=[.!。])\s+|\n+", text))))
    others = [sentence for sentence in sentences if not NO_TEXT.fullmatch(sentence)]
    return len(others) < len(sentences) and all(map(ABOUT_PICTURE.match, others))


def bare(sentence: str) -> str:
    """Give a sentence without the brackets, quotes, stars and stops around it."""
    return sentence.strip(" \t\n\"'“”‘’„«»`*_()[]{}<>.!。:;,-–—")


def without_preamble(text: str) -> str:
    """Take off "Here is the text:" with closing politeness and quotes, and code fences."""
    text = text.strip()
    for preamble in PREAMBLES:
        found = preamble.match(text)
        if found and text[found.end() :].strip():
            return unquoted(unfenced(without_outro(text[found.end() :].strip())))
    return unfenced(text)


def without_outro(text: str) -> str:
    """Take off a last line that is politeness."""
    before, _, last = text.rpartition("\n")
    return before.rstrip() if before.strip() and OUTRO.match(last) else text


def unfenced(text: str) -> str:
    """Take off a code fence that opens at the very beginning."""
    fenced = FENCE.match(text)
    return fenced.group(1).strip("\n") if fenced and fenced.group(1).strip() else text


def unquoted(text: str) -> str:
    """Take off one pair of quotation marks that holds the whole text."""
    return text[1:-1].strip() if QUOTED.fullmatch(text) and text[1:-1].strip() else text


def without_meta(text: str) -> str:
    """Take "The image shows" and its like off a description, and go on with a capital letter."""
    label = LABEL.match(text)
    rest = text[label.end() :] if label else text
    meta = META.match(rest)
    rest = rest[meta.end() :] if meta else rest
    return rest[:1].upper() + rest[1:] if rest != text else text


def refuses(text: str) -> bool:
    """Tell whether a reply is a refusal, or asks for the picture that it was given."""
    return any(refusal.search(text[:REFUSAL_WITHIN]) for refusal in REFUSALS)
