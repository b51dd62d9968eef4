"""Names as people look for them, in SQL: without regard to case and accents, by words in any order.

SQLite knows neither accents nor capitals beyond ASCII, so it calls `fold`; PostgreSQL does the same by `translate`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

MOST_WORDS = 8
_KEPT = 2**16
_MARKS = re.compile("[\u0300-\u036f]+")
_LIGATURES = {"œ": "oe", "æ": "ae", "ß": "ss"}


@lru_cache(_KEPT)
def fold(text: str) -> str:
    """A text in small letters without accents. What was folded lately is kept: tables ask the same names again."""
    small = text.lower()
    if small.isascii():
        return small
    for one, both in _LIGATURES.items():
        small = small.replace(one, both)
    return _MARKS.sub("", unicodedata.normalize("NFD", small))


def words_of(search: str) -> tuple[str, ...]:
    """The words to look for, folded; the first few of a long text."""
    return tuple(fold(search).split()[:MOST_WORDS])


def folded(db: orm.Session, text: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[str]:
    """A text as `fold` makes it, in a statement of this transaction: to be sorted by, and looked into."""
    if db.get_bind().dialect.name == "sqlite":
        _teach(db)
        return sa.func.portal_fold(text, type_=sa.Text())
    small = sa.func.translate(sa.func.lower(text), *_LETTERS, type_=sa.Text())
    for one, both in _LIGATURES.items():
        small = sa.func.replace(small, one, both, type_=sa.Text())
    return small


def has_words(db: orm.Session, search: str, *texts: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[bool]:
    """Whether every word of `search` stands in one of the texts; true for a search without words."""
    words = words_of(search)
    if not words:
        return sa.true()
    if db.get_bind().dialect.name == "sqlite":
        _teach(db)
        return sa.func.portal_has_words(" ".join(words), *texts, type_=sa.Boolean()).is_(sa.true())
    where = folded(db, sa.func.concat_ws("\n", *texts))
    return sa.and_(*(sa.func.strpos(where, word) > 0 for word in words))


def _letters() -> tuple[str, str]:
    """The accented letters of both sizes and what each becomes; then the marks alone, which become nothing."""
    pairs = {}
    for number in range(0xC0, 0x250):
        letter = chr(number)
        plain = fold(letter)
        if len(plain) == 1 and plain != letter:
            pairs[letter] = plain
    pairs |= {"Œ": "œ", "Æ": "æ"}
    return "".join(pairs) + "".join(map(chr, range(0x300, 0x370))), "".join(pairs.values())


_LETTERS = _letters()


def _teach(db: orm.Session) -> None:
    """Give SQLite the functions, once for each of its connections."""
    connection = db.connection()
    if connection.info.get("portal_fold"):
        return
    raw: Any = connection.connection.dbapi_connection
    raw.create_function("portal_fold", 1, _fold_or_none, deterministic=True)
    raw.create_function("portal_has_words", -1, _has_words, deterministic=True)
    connection.info["portal_fold"] = True


def _fold_or_none(text: str | None) -> str | None:
    return None if text is None else fold(text)


def _has_words(words: str, *texts: str | None) -> int:
    place = "\n".join([fold(text) for text in texts if text])
    for word in words.split(" "):  # called for each of thousands of rows: plain, and done at the first word that lacks
        if word not in place:
            return 0
    return 1
