"""Text for people: harmless for a terminal or a log, wherever it comes from, and with its numbers."""

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_UNSAFE = (
    (0x00, 0x1F),  # control characters; ESC begins the sequences that command a terminal
    (0x7F, 0x9F),  # DEL, and the control characters of eight-bit terminals
    (0x061C, 0x061C),  # bidi: marks, embeddings, overrides and isolates show one name as another
    (0x200E, 0x200F),
    (0x2028, 0x202E),  # line and paragraph separators, then bidi again
    (0x2066, 0x2069),
    (0xD800, 0xDFFF),  # surrogates: bytes of file names that are not UTF-8; no terminal can encode them
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFF9, 0xFFFB),  # interlinear annotations hide text
    (0xE0000, 0xE007F),  # tags: a second, invisible alphabet
)


def printable(text: str) -> str:
    r"""Escape what could command or mislead a terminal: `\x1b`, `\n`, `\u202e`; leave all other characters.

    A byte that is not UTF-8 (a surrogate from `os.fsdecode`) shows as that byte: `\xff`.
    """
    if text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def counted(count: int, one: str, many: str = "") -> str:
    """Write a number with its noun: `1 photo`, `1,284 photos`."""
    return f"1 {one}" if count == 1 else f"{count:,} {many or one + 's'}"


def _escaped(character: str) -> str:
    code = ord(character)
    if not any(first <= code <= last for first, last in _UNSAFE):
        return character
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004  # the range of os.fsdecode
        return f"\\x{code - 0xDC00:02x}"
    return _SHORT.get(character) or character.encode("unicode_escape", "surrogatepass").decode()
