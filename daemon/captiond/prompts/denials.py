"""How models say in other languages than English that there is no text (pure).

A sentence says so when it denies, names text, and has no word that such a sentence would not have.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Denial:
    """The words of one language: one of the first two kinds each, and any of the third."""

    no: frozenset[str]
    text: frozenset[str]
    other: frozenset[str]

    def is_said_by(self, words: frozenset[str]) -> bool:
        """Tell whether these are the words of such a sentence."""
        return bool(words & self.no and words & self.text) and words <= self.no | self.text | self.other


def denial(no: str, text: str, other: str) -> Denial:
    """Make one of words with blanks between them."""
    return Denial(frozenset(no.split()), frozenset(text.split()), frozenset(other.split()))


DENIALS = (
    denial(
        "kein keine keinen keinerlei",
        "text texte schrift",
        "auf in im dem diesem das dieses der bild foto ist sind gibt es befindet sich sichtbarer sichtbaren"
        " lesbarer lesbaren lesbare zu sehen erkennen finden sichtbar lesbar vorhanden enthält leider",
    ),
    denial(
        "pas aucun sans",
        "texte",
        "il n y a de dans sur cette ce l la image photo visible lisible ne contient est présent je vois",
    ),
    denial(
        "no sin ningún ningun",
        "texto",
        "hay en la esta imagen foto contiene visible legible se ve aprecia",
    ),
    denial(
        "non nessun senza",
        "testo",
        "c è ci sono nell nella in questa l la immagine foto contiene visibile leggibile presente alcun",
    ),
    denial(
        "não sem nenhum",
        "texto",
        "há existe na nesta a esta imagem foto contém visível legível",
    ),
    denial(
        "geen",
        "tekst",
        "er is in op de het deze afbeelding foto zichtbaar zichtbare leesbare te zien staat bevat aanwezig",
    ),
    denial(
        "nie brak",
        "tekstu tekst",
        "na w tym obrazie zdjęciu obraz zdjęcie ma jest żadnego widocznego czytelnego zawiera widać",
    ),
    denial(
        "нет не отсутствует",
        "текста текст",
        "на в этом изображении картинке фото изображение содержит никакого видимого",
    ),
    denial("ingen inget", "text tekst", "det finns er i på bilden billedet bildet synlig"),
    denial(
        "yok içermiyor bulunmuyor",
        "metin yazı",
        "bu görüntüde resimde fotoğrafta görselde herhangi bir hiçbir",
    ),
    denial("لا ليس بدون", "نص نصوص", "يوجد توجد هناك أي في هذه الصورة"),
    denial("אין ללא", "טקסט", "שום כל בתמונה הזו זו התמונה"),
    denial("žádný bez není", "text textu", "na v obrázku fotografii tomto je obrázek neobsahuje"),
)
WITHOUT_BLANKS = re.compile(
    "(?:在?(?:这张|这个|该|此|這張))?(?:图片|图像|照片|图|圖片|圖像)?(?:中|里|上|裡)?(?:并|並)?"
    "(?:没有|沒有|无|無|不包含|不含|未包含)(?:任何)?(?:可见|可读|可识别|可見)?的?(?:文字|文本)(?:内容|內容)?"
    "|(?:この)?(?:画像|写真)?(?:の中)?(?:に|内に)?は?(?:テキスト|文字)(?:は|が|も)?"
    "(?:含まれて(?:いません|いない)|あり?ません|見当たりません|写っていません|なし|ない)"
    "|ไม่มีข้อความ(?:ใดๆ)?(?:ใน(?:รูป)?ภาพ)?(?:นี้)?"
    r"|(?:이\s*)?(?:이미지|사진)?(?:에는|에)?\s*(?:텍스트|글자|글)(?:가|이)?\s*없(?:습니다|음)"
)


def denies_text(sentence: str) -> bool:
    """Tell whether a sentence without the stop at its end says in another language that there is no text."""
    words = frozenset(re.findall(r"[^\W\d_]+", sentence.lower()))
    return any(one.is_said_by(words) for one in DENIALS) or bool(WITHOUT_BLANKS.fullmatch(sentence.strip()))
