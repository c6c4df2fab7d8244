"""Words on signs in four languages: enough to translate word by word, and to say so."""

import re

LANGUAGES = {"en": "English", "fr": "French", "de": "German", "es": "Spanish"}
WORD_BY_WORD = "[word by word]"
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")

_TABLE = """
exit sortie ausgang salida|entrance entrée eingang entrada|emergency secours notausgang emergencia
open ouvert geöffnet abierto|closed fermé geschlossen cerrado|push poussez drücken empuje
pull tirez ziehen tire|danger danger gefahr peligro|caution attention achtung cuidado
forbidden interdit verboten prohibido|no pas kein ningún|smoking fumer rauchen fumar
water eau wasser agua|drinking potable trinken potable|station gare bahnhof estación
platform quai gleis andén|ticket billet fahrkarte billete|street rue straße calle
square place platz plaza|church église kirche iglesia|museum musée museum museo
hotel hôtel hotel hotel|bread pain brot pan|bakery boulangerie bäckerei panadería
butcher boucherie metzgerei carnicería|pharmacy pharmacie apotheke farmacia
hospital hôpital krankenhaus hospital|police police polizei policía
toilets toilettes toiletten aseos|men hommes herren hombres|women femmes damen mujeres
free libre frei libre|occupied occupé besetzt ocupado|private privé privat privado
property propriété grundstück propiedad|dog chien hund perro|dogs chiens hunde perros
parking stationnement parkplatz aparcamiento|road route landstraße carretera
works travaux bauarbeiten obras|one-way unique einbahnstraße único|left gauche links izquierda
right droite rechts derecha|straight tout geradeaus recto|today aujourd'hui heute hoy
tomorrow demain morgen mañana|monday lundi montag lunes|sunday dimanche sonntag domingo
welcome bienvenue willkommen bienvenidos|please svp bitte favor|thanks merci danke gracias
sale soldes ausverkauf rebajas|price prix preis precio|coffee café kaffee café|tea thé tee té
beer bière bier cerveza|wine vin wein vino|market marché markt mercado
library bibliothèque bibliothek biblioteca|school école schule escuela|beach plage strand playa
sea mer meer mar|of de von de|to à zu a|and et und y|the le das el|for pour für para
elephants éléphants elefanten elefantes|elephant éléphant elefant elefante
freedom liberté freiheit libertad|fresh frais frisch fresco|cheese fromage käse queso|in en in en
at à am en
"""


def rows() -> list[dict[str, str]]:
    """Give the words of each row by language."""
    split = (row.split() for line in _TABLE.strip().splitlines() for row in line.split("|"))
    return [dict(zip(LANGUAGES, words, strict=True)) for words in split]


def language_of(text: str) -> str:
    """Guess the language by its known words; `und` where none is known."""
    words = {word.lower() for word in WORD.findall(text)}
    hits = {code: sum(row[code] in words for row in rows()) for code in LANGUAGES}
    best = max(hits, key=lambda code: hits[code])
    return best if hits[best] else "und"


def target_of(prompt: str) -> str:
    """Find the language that a prompt wants; English where it names none."""
    wanted = re.search(r"\binto (\w+)", prompt)
    name = wanted.group(1).lower() if wanted else "english"
    return next((code for code, full in LANGUAGES.items() if name in (code, full.lower())), "en")


def translate(text: str, target: str) -> str | None:
    """Translate known words and keep the others; None where the text is in the target language already."""
    source = language_of(text)
    if source == target:
        return None
    known = {row[source]: row[target] for row in rows()} if source in LANGUAGES else {}

    def one(found: re.Match[str]) -> str:
        word = found.group()
        other = known.get(word.lower(), word)
        if word.isupper():
            return other.upper()
        return other.capitalize() if word[0].isupper() and other != word else other

    return f"{WORD.sub(one, text)} {WORD_BY_WORD}"
