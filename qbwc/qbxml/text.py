"""What text QuickBooks keeps, and how text is written into XML and read from it.

QuickBooks stores Windows Latin text. A character outside ISO-8859-1 sent raw makes it refuse the whole message set
(0x80040400); sent as a character reference it is accepted and stored as "?". So text is folded before it leaves:
what Latin-1 holds is kept, what has a look-alike becomes the look-alike, the rest is dropped, and the person is told
which characters changed. What goes out is then pure ASCII with decimal character references, the one form every
request processor read alike.

Lengths in qbXML count characters after unescaping: fold, then fit, then escape.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LOOK_ALIKES = {
    **dict.fromkeys("“”„‟″‶〝〞", '"'),
    **dict.fromkeys("‘’‚‛′‵ʼʹʻʽˈ", "'"),
    **dict.fromkeys("‐‑‒–—―−⁃﹘﹣", "-"),
    **dict.fromkeys("⁄∕", "/"),
    **dict.fromkeys("•‣∙⋅●▪", "·"),
    "‹": "<",
    "›": ">",
    "…": "...",
    "⋯": "...",
    "€": "EUR",
    "™": "(TM)",
    "℠": "(SM)",
    "№": "No",
    "‰": "o/oo",
    "†": "+",
    "ˆ": "^",
    "˜": "~",
    "∼": "~",
    "≈": "~",
    "≠": "!=",
    "≤": "<=",
    "≥": ">=",
    "→": "->",
    "←": "<-",
    "⇒": "=>",
    "Œ": "OE",
    "œ": "oe",
    "Ł": "L",
    "ł": "l",
    "Đ": "D",
    "đ": "d",
    "Ħ": "H",
    "ħ": "h",
    "Ŧ": "T",
    "ŧ": "t",
    "Ŋ": "N",
    "ŋ": "n",
    "ı": "i",
    "ĸ": "k",
    "ƒ": "f",
    "ẞ": "SS",
    "ə": "e",
    "Ə": "E",
    "μ": "µ",
}
_LINE_BREAKS = frozenset("\n\x0b\x0c\u2028\u2029")
_OVERLAY = "\u0338"  # turns a sign into its contrary: "≮" must not become "<"
_XML_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The same in UTF-8, as characters and as references to them.
_CONTROLS = bytes({*range(0x20)} - {*b"\t\n\r"})
_NO_CHARACTERS = re.compile(rb"\xef\xbf[\xbe\xbf]|\xed[\xa0-\xbf][\x80-\xbf]")
_REFERENCES = re.compile(
    rb"&#(?:x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]|[dD][89a-fA-F][0-9a-fA-F]{2}|[fF]{3}[efEF])"
    rb"|0*(?:[0-8]|1[124-9]|2\d|3[01]|5529[6-9]|55[3-9]\d\d|56\d{3}|57[0-2]\d\d|573[0-3]\d|5734[0-3]|6553[45])"
    # beyond the last character there is
    rb"|x0*(?:1[1-9a-fA-F]|[2-9a-fA-F][0-9a-fA-F]|[1-9a-fA-F][0-9a-fA-F]{2,})[0-9a-fA-F]{4}"
    rb"|0*(?:111411[2-9]|11141[2-9]\d|1114[2-9]\d\d|111[5-9]\d{3}|11[2-9]\d{4}|1[2-9]\d{5}|[2-9]\d{6}|[1-9]\d{7,}));"
)
_LONGEST_REFERENCE = 16
#: A whole tag in UTF-8; in a value a ">" may stand as it is.
TAG = re.compile(rb"""<(?:[^<>"']|"[^"<]*"|'[^'<]*')*+>""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """Folded text, and the visible characters that changed, each once: (original, replacement, "" when dropped)."""

    text: str
    changes: tuple[tuple[str, str], ...]


def fold(text: str) -> Folded:
    """Turn any text into text that QuickBooks stores unchanged: Latin-1 without controls, newlines kept.

    Line ends become ``\\n`` and odd blanks an ordinary one; a field of a single line is the caller's business.
    Folding twice changes nothing more. Controls, blanks and other invisible characters are not listed in ``changes``.
    """
    if text.isascii() and text.isprintable():
        return Folded(text=text, changes=())
    kept: list[str] = []
    changes: dict[str, str] = {}
    for char in unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")):
        new = _keep(char)
        if "/" in new and new[0].isdigit() and kept and kept[-1][-1].isdigit():
            new = f" {new}"  # "1⅓" is one and a third, not eleven thirds
        if new:
            kept.append(new)
        if new != char and char.isprintable():
            changes.setdefault(char, new)
    return Folded(text="".join(kept), changes=tuple(changes.items()))


def changes_in(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """What folding changes in any of these texts, each character once: (original, replacement)."""
    found: dict[str, str] = {}
    for text in texts:
        found.update(fold(text).changes)
    return tuple(found.items())


def _keep(char: str) -> str:
    """What one character becomes: itself, its look-alike, its base letters, or nothing."""
    code = ord(char)
    if 0x20 <= code < 0x7F or 0xA0 <= code <= 0xFF:
        return char
    if char in _LINE_BREAKS:
        return "\n"
    if char in _LOOK_ALIKES:
        return _LOOK_ALIKES[char]
    if char == "\t" or unicodedata.category(char) == "Zs":
        return " "
    apart = unicodedata.normalize("NFKD", char)
    if apart == char or _OVERLAY in apart:
        return ""
    letters = "".join(_keep(part) for part in apart if not unicodedata.combining(part))
    raised = unicodedata.decomposition(char).startswith("<super>") and letters.isdigit()
    return f"^{letters}" if raised else letters


def clean(text: str) -> str:
    """Take out what XML 1.0 cannot carry: control characters, lone surrogates, U+FFFE and U+FFFF."""
    return _XML_ILLEGAL.sub("", text)


def legible(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A document in UTF-8, piece by piece, without what no XML parser takes, whether raw or as references.

    QuickBooks lets old records through that hold some. A piece that is clean already goes on as the same object;
    none may end inside a character.
    """
    kept = b""
    for piece in pieces:
        whole = kept + piece if kept else piece
        # A reference that is cut in two is judged with the next piece.
        cut = whole.rfind(b"&", max(0, len(whole) - _LONGEST_REFERENCE))
        kept = b"" if cut < 0 or b";" in whole[cut:] else whole[cut:]
        yield _legible(whole[:cut] if kept else whole)
    if kept:
        yield _legible(kept)


def is_plain(data: bytes) -> bool:
    """Whether a document is ASCII with nothing in it that `legible` would take out."""
    return data.isascii() and b"&#" not in data and len(data.translate(None, _CONTROLS)) == len(data)


def _legible(data: bytes) -> bytes:
    if len(data.translate(None, _CONTROLS)) != len(data):
        data = data.translate(None, _CONTROLS)
    if not data.isascii():
        data = _NO_CHARACTERS.sub(b"", data)
    return _REFERENCES.sub(b"", data) if b"&#" in data else data


def escape(text: str) -> str:
    """Write text as the content of an XML element, in pure ASCII.

    ``&``, ``<`` and ``>`` become entities and all that is not ASCII a decimal reference; a carriage return too,
    because a parser would turn it into a newline. What XML cannot carry is taken out.
    """
    legal = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return legal.encode("ascii", "xmlcharrefreplace").decode("ascii")


def escape_attribute(text: str) -> str:
    """Write text as the value of an XML attribute, in pure ASCII, for either kind of quotes."""
    escaped = escape(text).replace('"', "&quot;").replace("'", "&#39;")
    return escaped.replace("\t", "&#9;").replace("\n", "&#10;")


def fit(text: str, limit: int) -> str:
    """Cut text to at most ``limit`` characters and trim the blanks at its end.

    A letter is never parted from its combining marks: what does not fit whole is left out whole.
    Raises ValueError if ``limit`` is negative.
    """
    if limit < 0:
        raise ValueError(f"A limit of {limit} characters cannot be kept.")
    end = min(limit, len(text))
    while 0 < end < len(text) and _joins(text, end):
        end -= 1
    return text[:end].rstrip()


def _joins(text: str, at: int) -> bool:
    """Whether the character at ``at`` belongs to the one before it."""
    return unicodedata.category(text[at]).startswith("M") or "\u200d" in (text[at], text[at - 1])
