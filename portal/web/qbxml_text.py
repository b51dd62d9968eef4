"""qbXML as a page shows it: escaped, its tags and values told apart, and long texts folded."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

SHOWN = 200
MOST = 1000
"""Lines on a page: the first ones at once, the next ones folded, and the rest only in the file."""

_TAG = re.compile(r"<(?P<open>[/?!]?)(?P<name>[\w:.-]+)(?P<rest>[^<>]*)>")
_ATTRIBUTE = re.compile(r"([\w:.-]+)=(\"[^\"]*\"|'[^']*')")


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """A text as markup: its first lines, the folded ones, and how many lines are folded and left out."""

    shown: Markup
    folded: Markup
    folded_lines: int
    left_out: int


def paint(text: str | None) -> Painted | None:
    """An indented qbXML text with its tags, attributes and values in spans of their own; None for no text."""
    if text is None:
        return None
    lines = text.rstrip("\n").split("\n")
    shown, folded = lines[:SHOWN], lines[SHOWN:MOST]
    return Painted(
        shown=_painted(shown),
        folded=_painted(folded),
        folded_lines=len(folded),
        left_out=max(0, len(lines) - MOST),
    )


def _painted(lines: list[str]) -> Markup:
    return Markup("\n").join(map(_line, lines))


def _line(line: str) -> Markup:
    parts: list[Markup] = []
    end = 0
    for found in _TAG.finditer(line):
        parts += [escape(line[end : found.start()]), _tag(found)]
        end = found.end()
    parts.append(escape(line[end:]))
    return Markup("").join(parts)


def _tag(found: re.Match[str]) -> Markup:
    rest, parts, end = found["rest"], [], 0
    for one in _ATTRIBUTE.finditer(rest):
        value = Markup('<span class="x-attr">{}</span>=<span class="x-value">{}</span>').format(one[1], one[2])
        parts += [escape(rest[end : one.start()]), value]
        end = one.end()
    parts.append(escape(rest[end:]))
    head = Markup('&lt;{}<span class="x-tag">{}</span>').format(found["open"], found["name"])
    return head + Markup("").join(parts) + Markup("&gt;")
