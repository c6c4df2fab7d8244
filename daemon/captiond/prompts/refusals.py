"""How models refuse, in the languages in which they do (pure).

Signs apologise and forbid, too ("Sorry, we cannot accept cards"), so a refusal wants a verb of looking or
helping and a word for what was asked for.
"""

from .phrases import NOT, PICTURE, one_of, phrase

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
BY_NATURE = (
    r"\bas an? (?:ai|artificial|(?:large )?language model|text-based)\b[^.\n]{0,60}\bi ?"
    rf"(?:{UNABLE}|do{NOT})\b"
)
ENGLISH = (
    BY_NATURE,
    rf"\bi\s?{UNABLE} (?:\w+ )?{HELP} (?:\w+ ){{0,6}}?{ASKED_FOR}\b",
    rf"\bi\s?{UNABLE} (?:assist|help)(?: you)? with\b",
    rf"\b(?:must|have to) (?:\w+ )?decline to {HELP}\b",
    rf"\bnot (?:appropriate|possible|able) for me to {HELP}\b",
    rf"\bi do{NOT} see (?:an|any|the) {PICTURE}\b",
    rf"\bplease (?:provide|upload|share|attach)\b[^.\n]{{0,40}}\b{PICTURE}\b[^.\n]{{0,60}}\b(?:i|me)\b",
    rf"\b(?:have|has|did){NOT} (?:been )?{GIVEN}\b[^.\n]{{0,20}}\b{PICTURE}\b",
    r"\bplease (?:provide|share|send)\b[^.\n]{0,30}\btext\b[^.\n]{0,40}\btranslated?\b",
    rf"\A(?:i'm )?sorry,? but (?:the|this) (?:text|{PICTURE})\b[^.\n]{{0,30}}\b(?:provided|shared|gave)\b",
    rf"\bno {PICTURE} (?:was|is|has been) {GIVEN}\b",
)
ROMANCE_VERBS = one_of(
    "voir lire décrire transcrire traduire identifier aider analyser fournir accéder"
    " ver leer describir transcribir traducir identificar ayudar analizar proporcionar procesar"
    " vedere leggere descrivere trascrivere tradurre identificare aiutar\\w* analizzare fornire"
    " ler descrever transcrever traduzir ajudar analisar fornecer"
)
ROMANCE_NOUNS = one_of(
    "image photo texte demande imagen foto texto solicitud immagine testo richiesta imagem solicitação"
    " person\\w+"
)
GERMAN = (
    r"\b(?:ich kann|kann ich|ich konnte)\b[^.\n]{0,60}\b(?:bild|foto|text|anfrage|inhalt)\w*\b"
    r"[^.\n]{0,30}\bnicht (?:\w+ )?"
    r"(?:beschreiben|lesen|erkennen|sehen|übersetzen|transkribieren|verarbeiten|helfen)"
)
ROMANCE = (
    r"\b(?:je ne peux pas|je ne suis pas en mesure de|no puedo|non posso|non sono in grado di"
    rf"|não (?:posso|consigo)) {ROMANCE_VERBS}\b[^.\n]{{0,40}}\b{ROMANCE_NOUNS}\b"
)
DUTCH = (
    r"\bik kan\b[^.\n]{0,40}\b(?:afbeelding|foto|tekst|verzoek)\b[^.\n]{0,30}"
    r"\bniet (?:\w+ )?(?:lezen|zien|beschrijven|vertalen|herkennen)"
)
POLISH = (
    r"\bnie (?:mogę|jestem w stanie) (?:\w+ )?(?:opisać|odczytać|przeczytać|przetłumaczyć|zobaczyć)\b"
    r"[^.\n]{0,40}\b(?:obraz|zdjęci|tekst)"
)
RUSSIAN = (
    r"\bя не могу (?:\w+ )?(?:описать|прочитать|увидеть|перевести|помочь)\b"
    r"[^.\n]{0,40}\b(?:изображени|картинк|фото|текст|запрос)"
)
CHINESE = (
    r"(?:我|抱歉|对不起|對不起)[^。\n]{0,8}(?:无法|不能|無法)[^。\n]{0,6}"
    r"(?:识别|描述|查看|看到|读取|提供|翻译|处理|識別|讀取|翻譯)[^。\n]{0,15}"
    r"(?:图片|图像|照片|文字|文本|请求|圖片|圖像)"
)
JAPANESE = (
    r"申し訳(?:ありません|ございません)[^。\n]{0,10}"
    r"(?:画像|写真|文字|テキスト|リクエスト)[^。\n]{0,30}できません"
)
OTHER_LANGUAGES = (GERMAN, ROMANCE, DUTCH, POLISH, RUSSIAN, CHINESE, JAPANESE)
REFUSALS = (*ENGLISH, *OTHER_LANGUAGES)
NEEDS_MORE = (
    rf"\bi (?:\w+ )?(?:need to|{UNABLE}|do{NOT} have (?:the (?:capability|ability) to|access to))"
    rf"(?: {HELP})? (?:\w+ ){{0,3}}?{PICTURE}s?\b"
)
OF_ITSELF = (
    rf"\A(?:unable|failed|not able) to {HELP} (?:\w+ ){{0,4}}?{PICTURE}s?\b",
    rf"\Aerror: (?:could not|cannot|failed to|unable to) {HELP}\b",
    NEEDS_MORE,
    r"\A(?:sorry,? (?:but )?)?(?:i'm|i am) (?:\w+ )?an? (?:\w+ )?(?:language model|ai|text-based)\b",
    r"\Asorry,? but i (?:can't|cannot)\b",
    rf"\Athere (?:is|(?:does{NOT} )?seems? to be) (?:no|an) {PICTURE} (?:attached|provided|here)\b",
    r"\Ai (?:can't|cannot) tell what\b",
    rf"\Ait is (?:difficult|not possible|impossible) (?:for me )?to {HELP}\b",
)
"""A text from a picture may say so, a description does not."""
APOLOGY = rf"\A(?:i'm|i am) (?:very |really |so )?sorry,? (?:but )?i ?(?:{UNABLE}|do{NOT})\b"
APOLOGY_FOR = rf"{APOLOGY} (?:\w+ )?" + one_of(
    "transcribe translate assist comply fulfil+ process extract provide"
)
"""A text from a picture may apologise for something else."""
REFUSAL_WITHIN = 200
"""A refusal stands at the beginning; further on it may be a text about one."""


def refuses(text: str, *, verbatim: bool = False) -> bool:
    """Tell whether a reply is a refusal, or asks for the picture that it was given.

    `verbatim`: it should be words from a picture, which may be somebody's apology.
    """
    beginning = text[:REFUSAL_WITHIN]
    patterns = [APOLOGY_FOR, *REFUSALS] if verbatim else [APOLOGY, *OF_ITSELF, *REFUSALS]
    return any(phrase(pattern).search(beginning) for pattern in patterns)
