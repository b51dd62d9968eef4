"""The little language in which the element tables are written, and the matcher that reads requests with it.

A table is one line of words. `Name` is an optional element, `Name!` must be there, `Name*` may repeat and `Name+` must
be there and may repeat. `:type` gives its type (`str41`, `bool`, `date`, `ref31`, or the values of an enumeration
separated by commas), `@12.0` the qbXML version that brought it, `-US` (or `-CA/UK`) the editions that lack it, and
`( ... )` its children. `[ a b | c ]` is a choice, with the same marks after the bracket. `$name` inserts another table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from lxml import etree

Version: TypeAlias = tuple[int, int]

_WORD = re.compile(
    r"(?P<tag>\w+)(?P<mark>[!*+]?)(?::(?P<kind>[\w,]+))?(?:@(?P<since>\d+\.\d+))?(?:-(?P<absent>[A-Z/]+))?(?P<open>\(?)"
)


class ShapeError(ValueError):
    """A document does not have the shape its table prescribes; the text names the element."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a table: how often it may stand, what it holds, since when and where it exists."""

    tag: str
    kind: str = "str"
    least: int = 0
    many: bool = False
    since: Version = (1, 0)
    absent: frozenset[str] = frozenset()
    content: Content | None = None

    def starts(self) -> frozenset[str]:
        return frozenset((self.tag,))

    def may_be_empty(self) -> bool:
        return self.least == 0

    def take(self, children: Sequence[etree._Element], at: int, version: Version) -> int | None:
        if at >= len(children) or children[at].tag != self.tag:
            return None
        if version < self.since:
            since = ".".join(map(str, self.since))
            raise ShapeError(f"{self.tag} exists only since qbXML {since}")
        inside = [child for child in children[at] if isinstance(child.tag, str)]
        if self.content is not None:
            self.content.match(children[at].tag, inside, version)
        elif inside:
            raise ShapeError(f"{self.tag} holds text, not {inside[0].tag}")
        return at + 1


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several sequences."""

    options: tuple[tuple[Element | Choice, ...], ...]
    least: int = 0
    many: bool = False

    def starts(self) -> frozenset[str]:
        return frozenset(tag for option in self.options for tag in _starts(option))

    def may_be_empty(self) -> bool:
        return self.least == 0 or any(all(part.may_be_empty() for part in option) for option in self.options)

    def take(self, children: Sequence[etree._Element], at: int, version: Version) -> int | None:
        if at >= len(children):
            return None
        for option in self.options:
            if children[at].tag in _starts(option):
                return _match(option, children, at, version)
        return None


@dataclass(frozen=True, slots=True)
class Content:
    """The children an element may have, in their order."""

    parts: tuple[Element | Choice, ...]
    elements: Mapping[str, Element] = field(default_factory=dict)

    def match(self, owner: str, children: Sequence[etree._Element], version: Version) -> None:
        """Raise ShapeError unless `children` follow this table from the first to the last."""
        for child in children:
            if child.tag not in self.elements:
                raise ShapeError(f"{child.tag} is no child of {owner}")
        at = _match(self.parts, children, 0, version)
        if at < len(children):
            raise ShapeError(f"{children[at].tag} is out of order in {owner}")


def compile_table(text: str, shared: Mapping[str, str] | None = None) -> Content:
    """Read one table; `shared` holds the texts that `$name` inserts."""
    while "$" in text:
        text = re.sub(r"\$(\w+)", lambda found: (shared or {})[found[1]], text)
    words = iter(text.replace("(", "( ").split())
    return _content(_sequence(words, ""))


def _content(parts: tuple[Element | Choice, ...]) -> Content:
    return Content(parts, {element.tag: element for element in _flatten(parts)})


def _flatten(parts: tuple[Element | Choice, ...]) -> Iterator[Element]:
    for part in parts:
        if isinstance(part, Element):
            yield part
        else:
            for option in part.options:
                yield from _flatten(option)


def _sequence(words: Iterator[str], end: str) -> tuple[Element | Choice, ...]:
    parts: list[Element | Choice] = []
    for word in words:
        if word == end:
            return tuple(parts)
        parts.append(_choice(words) if word == "[" else _element(word, words))
    if end:
        raise ValueError(f"a table lacks {end!r}")
    return tuple(parts)


def _element(word: str, words: Iterator[str]) -> Element:
    found = _WORD.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is no word of the table language")
    content = _content(_sequence(words, ")")) if found["open"] else None
    major, minor = (found["since"] or "1.0").split(".")
    return Element(
        tag=found["tag"],
        kind=found["kind"] or "str",
        least=1 if found["mark"] in ("!", "+") else 0,
        many=found["mark"] in ("*", "+"),
        since=(int(major), int(minor)),
        absent=frozenset((found["absent"] or "").split("/")) - {""},
        content=_REFERENCES.get(found["kind"] or "") or content or _aggregate(found["kind"] or ""),
    )


def _choice(words: Iterator[str]) -> Choice:
    options: list[tuple[Element | Choice, ...]] = []
    current: list[Element | Choice] = []
    for word in words:
        if word[0] == "]":
            options.append(tuple(current))
            return Choice(tuple(options), least=int("!" in word), many="*" in word)
        if word == "|":
            options.append(tuple(current))
            current = []
        else:
            current.append(_choice(words) if word == "[" else _element(word, words))
    raise ValueError("a table lacks ']'")


_REFERENCES: dict[str, Content] = {}
_BLOCK = "Addr1:str41 Addr2:str41 Addr3:str41 Addr4:str41@2.0 Addr5:str41@6.0"
_AGGREGATES = {
    "addr": f"{_BLOCK} City:str31 State:str21 PostalCode:str13 Country:str31 Note:str41@6.0",
    "block": _BLOCK,
    "dataext": "OwnerID:guid DataExtName!:str31 DataExtType!:str DataExtValue!:str",
}


def _aggregate(kind: str) -> Content | None:
    if kind.startswith("ref"):
        _REFERENCES[kind] = compile_table(f"ListID:id FullName:str{kind[3:]}")
        return _REFERENCES[kind]
    return compile_table(_AGGREGATES[kind]) if kind in _AGGREGATES else None


def _starts(parts: tuple[Element | Choice, ...]) -> frozenset[str]:
    tags: set[str] = set()
    for part in parts:
        tags |= part.starts()
        if not part.may_be_empty():
            break
    return frozenset(tags)


def _match(parts: tuple[Element | Choice, ...], children: Sequence[etree._Element], at: int, version: Version) -> int:
    for part in parts:
        count = 0
        while (after := part.take(children, at, version)) is not None:
            at, count = after, count + 1
            if not part.many:
                break
        if count == 0 and not part.may_be_empty():
            names = " or ".join(sorted(part.starts()))
            before = f" before {children[at].tag}" if at < len(children) else ""
            raise ShapeError(f"{names} is missing{before}")
    return at
