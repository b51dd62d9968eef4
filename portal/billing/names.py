"""Names of offers and organizations, read as words that can be compared (pure).

A name becomes a `Form`: its letters without case, accents and punctuation, and its words, each in a role. The role says
what it means when one of two names has the word and the other has not: "Basic" and "Standard" tell two products apart,
"inc." tells nothing. Abbreviations and the French and English words for one thing become one token. Digits are never
corrected: a number is equal or it is another one.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from rapidfuzz.distance import OSA


class Role(StrEnum):
    """What a word of a name does."""

    WORD = "word"
    TRADE = "trade"
    SOFT = "soft"
    INITIAL = "initial"
    PLACE = "place"
    NUMBER = "number"
    GRADE = "grade"
    SEGMENT = "segment"
    SPECIAL = "special"
    TERM = "term"
    UNIT = "unit"
    MAKER = "maker"
    FAMILY = "family"


WEIGHTS: Mapping[Role, float] = {
    Role.WORD: 1.0,
    Role.TRADE: 0.4,
    Role.SOFT: 0.1,
    Role.INITIAL: 0.1,
    Role.PLACE: 0.6,
    Role.NUMBER: 1.0,
    Role.GRADE: 1.0,
    Role.SEGMENT: 0.4,
    Role.SPECIAL: 0.5,
    Role.TERM: 0.5,
    Role.UNIT: 0.7,
    Role.MAKER: 0.3,
    Role.FAMILY: 0.8,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word as compared, as written, and its role. `is_corrected`: the vocabulary took it for a slip of the pen."""

    text: str
    surface: str
    role: Role
    is_corrected: bool = False

    @property
    def weight(self) -> float:
        """How much of a name the word is. The number that a company is registered under is its name."""
        return 3.0 if self.role is Role.NUMBER and is_registered(self.text) else WEIGHTS[self.role]


@dataclass(frozen=True, kw_only=True)
class Form:
    """A name as it is compared. `folded` keeps legal suffixes and articles, `normal` does not."""

    text: str
    folded: str
    normal: str
    legal: frozenset[str]
    tokens: tuple[Token, ...]
    is_company: bool

    @cached_property
    def by_text(self) -> dict[str, Token]:
        """The tokens by what is compared, in their order."""
        return {token.text: token for token in self.tokens}

    @cached_property
    def weight(self) -> float:
        """The sum of the words' weights."""
        return sum(token.weight for token in self.tokens)

    @cached_property
    def pairs(self) -> dict[str, tuple[str, str]]:
        """Neighbours written as one word: "north wind" is also "northwind"."""
        texts = [token.text for token in self.tokens]
        return {
            one + two: (one, two)
            for one, two in itertools.pairwise(texts)
            if len(one) + len(two) >= 6 and one.isalpha() and two.isalpha()
        }


Piece = tuple[str, str]
"""A word as folded and as written."""

_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th"})
_QUOTES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "®": " ", "™": " ", "©": " ", "℠": " "})
_WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[&+]")
_ELIDED = frozenset("ldjmnstc") | {"qu"}
_REGISTERED = re.compile(r"(?<![^\W_])(\d{4})[\s\-‐‑–—.]{1,3}(\d{4})(?![^\W_])")
_DOTTED = re.compile(
    r"(?<![^\W_])(?:s\. ?e\. ?n\. ?c\. ?r\. ?l|s\. ?e\. ?n\. ?c|s\. ?r\. ?l|s\. ?e\. ?c|l\. ?l\. ?[pc])\b", re.I
)


def fold(text: str) -> str:
    """Letters and digits without case and accents. Never raises."""
    folded = text.casefold()
    if folded.isascii():
        return folded
    letters = unicodedata.normalize("NFKD", folded.translate(_LETTERS)).casefold()
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in letters
        if not unicodedata.combining(letter)
    )


def split(text: str) -> list[Piece]:
    """The words of a text. "&" is a word of its own, "l'" and "d'" are taken off, single letters in a row are one."""
    plain = unicodedata.normalize("NFKC", text.translate(_QUOTES)).translate(_QUOTES)
    if not plain.isascii():
        plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    pieces: list[Piece] = []
    run = 0
    for word in _WORDS.findall(plain):
        first, apostrophe, rest = word.partition("'")
        if apostrophe and fold(first) in _ELIDED and len(rest) > 1:
            word = rest
        folded = fold(word).replace("'", "")
        if not folded:
            continue
        is_letter = len(folded) == 1 and folded.isalpha()
        if is_letter and run:
            pieces[-1] = (pieces[-1][0] + folded, pieces[-1][1] + word)
        else:
            pieces.append((folded, word))
        run = run + 1 if is_letter else 0
    return pieces


def is_slip(one: str, two: str) -> bool:
    """Whether two words are one letter apart, or two in long words; never where there are digits."""
    shortest = min(len(one), len(two))
    if shortest < 5 or one[0] != two[0] or not (one.isalpha() and two.isalpha()):
        return False
    most = 2 if shortest >= 10 else 1
    return OSA.distance(one, two, score_cutoff=most) <= most


def deletions(word: str) -> set[str]:
    """The word, and the word without each of its letters: words one slip apart have one of these in common."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """How names of one kind are read.

    `phrases` turns words into tokens (an empty tuple drops them), `roles` says what a token does (WORD when it is not
    there), `legal` are suffixes and `articles` what may stand before. `longest` is the most characters that QuickBooks
    keeps of a name: one of that length may have lost its end. `implied`: product words that name their maker.
    """

    phrases: Mapping[tuple[str, ...], tuple[str, ...]]
    roles: Mapping[str, Role]
    stop: frozenset[str]
    legal: Mapping[str, str] = field(default_factory=dict)
    articles: frozenset[str] = frozenset()
    longest: int
    implied: Mapping[str, str] = field(default_factory=dict)
    is_company: bool

    @cached_property
    def _longest_phrase(self) -> int:
        return max(len(phrase) for phrase in self.phrases)

    @cached_property
    def _slips(self) -> dict[str, set[str]]:
        known = {phrase[0] for phrase in self.phrases if len(phrase) == 1} | set(self.roles)
        table: dict[str, set[str]] = {}
        for word in known:
            if len(word) >= 7 and word.isalpha():
                for rest in deletions(word):
                    table.setdefault(rest, set()).add(word)
        return table

    def read(self, text: str, *, is_cut: bool = False) -> Form:
        """A name's form. Any text will do. The last word of a cut name is no legal suffix: it may have gone on."""
        original = text
        if self.is_company:
            text = _REGISTERED.sub(r"\1\2", _DOTTED.sub(lambda found: f", {re.sub('[. ]', '', found[0])} ", text))
        pieces = split(text)
        folded = " ".join(piece for piece, _ in pieces)
        if self.is_company:
            pieces = [("and" if piece in ("&", "+", "et") else piece, word) for piece, word in pieces]
        else:
            pieces = [one for piece in pieces for one in _parted(piece)]
        kept, legal = (pieces, frozenset[str]()) if is_cut else self._without_legal(pieces)
        normal = _joined(piece for piece, _ in kept if piece not in ("and", "&"))
        return Form(
            text=original,
            folded=folded,
            normal=normal,
            legal=legal,
            tokens=self._tokens(kept),
            is_company=self.is_company,
        )

    def _without_legal(self, pieces: list[Piece]) -> tuple[list[Piece], frozenset[str]]:
        """Without articles in front and legal suffixes behind, unless nothing would be left."""
        begin, end = 0, len(pieces)
        legal: set[str] = set()
        while begin < end - 1 and pieces[begin][0] in self.articles:
            begin += 1
        while end - 1 > begin and (pieces[end - 1][0] in self.legal or (legal and pieces[end - 1][0] == "and")):
            end -= 1
            legal.add(self.legal.get(pieces[end][0], ""))
        # "9123-4567 Québec inc.": the province is part of the legal form. "Plomberie Québec inc." keeps its own.
        if end - begin == 2 and is_registered(pieces[begin][0]) and pieces[end - 1][0] in _PROVINCES:
            end -= 1
        kept = [piece for piece in pieces[begin:end] if not (self.is_company and piece[0] in _BUSINESS_AS)]
        return (kept or pieces), frozenset(legal - {""})

    def _tokens(self, pieces: list[Piece]) -> tuple[Token, ...]:
        tokens: list[Token] = []
        numbers: dict[str, int] = {}
        at = 0
        while at < len(pieces):
            length, texts, is_corrected = self._phrase(pieces, at)
            surface = " ".join(word for _, word in pieces[at : at + length])
            for text in texts:
                role = self._role(text)
                if role is Role.NUMBER:
                    numbers[text] = numbers.get(text, 0) + 1
                    text = text if numbers[text] == 1 else f"{text}#{numbers[text]}"
                tokens.append(Token(text=text, surface=surface, role=role, is_corrected=is_corrected))
            at += length
        tokens = list({token.text: token for token in reversed(tokens)}.values())[::-1]
        makers = {self.implied[token.text] for token in tokens if token.text in self.implied}
        for maker in sorted(makers - {token.text for token in tokens}):
            tokens.append(Token(text=maker, surface=maker.title(), role=Role.MAKER))
        if any(is_registered(token.text) for token in tokens) and self.is_company:
            tokens = [token for token in tokens if token.text not in _PROVINCES and token.text not in self.legal]
        return tuple(tokens)

    def _phrase(self, pieces: list[Piece], at: int) -> tuple[int, tuple[str, ...], bool]:
        """How many words from here are one phrase, and its tokens."""
        for length in range(min(self._longest_phrase, len(pieces) - at), 0, -1):
            texts = self.phrases.get(tuple(piece for piece, _ in pieces[at : at + length]))
            if texts is not None:
                return length, texts, False
        word = pieces[at][0]
        if word == "to" and at and pieces[at - 1][0].isdecimal() and not self.is_company:
            return 1, ("tb",), False
        if word in self.stop:
            return 1, (), False
        if self.is_company and word[-1] in "sx" and word[:-1] in self.roles:
            return 1, (word[:-1],), False
        if word not in self.roles and len(word) >= 6 and word.isalpha():
            near = {known for rest in deletions(word) for known in self._slips.get(rest, ()) if is_slip(word, known)}
            if len(near) == 1:
                known = near.pop()
                return 1, self.phrases.get((known,), (known,)), True
        return 1, (word,), False

    def _role(self, text: str) -> Role:
        found = self.roles.get(text)
        if found is not None:
            return found
        if not self.is_company and _GRADE.fullmatch(text):
            return Role.GRADE
        if any(letter.isdigit() for letter in text):
            return Role.NUMBER
        return Role.INITIAL if len(text) == 1 else Role.WORD


_GRADE = re.compile(r"[aefgp]\d{1,2}")
_PARTED = re.compile(r"(\d+)(gb|go|tb|to|mb|mo|an|ans|mois|yr|year|m)|(365)([a-z]\w*)|(plan|p)(\d)")
_PROVINCES = frozenset({"quebec", "ontario", "canada", "alberta", "bc", "manitoba", "qc", "on", "ab"})
_BUSINESS_AS = frozenset({"dba", "fas", "faisant", "affaire", "affaires"})


def is_registered(text: str) -> bool:
    """Whether a word is a number that a company may be registered under."""
    return text.isdecimal() and 6 <= len(text) <= 10


def _parted(piece: Piece) -> list[Piece]:
    """ "25GB" as "25 GB", "365E3" as "365 E3". "+" behind a name is a word of it."""
    if piece[0] == "+":
        return [("plus", piece[1])]
    found = _PARTED.fullmatch(piece[0])
    if found is None or found[5] == "p":
        return [piece]
    return [(part, piece[1]) for part in found.groups() if part]


def _joined(words: Iterable[str]) -> str:
    """Words without the white space between them; two numbers stay two numbers."""
    text = ""
    for word in words:
        text += f" {word}" if text and text[-1].isdigit() and word[0].isdigit() else word
    return text
