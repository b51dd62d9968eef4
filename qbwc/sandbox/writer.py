"""Writing answers: records become elements in the order of their tables, in the version that was asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from qbwc.sandbox.answer_tables import ANSWERS, UNWRAPPED
from qbwc.sandbox.errors import Record
from qbwc.sandbox.grammar import Content, Version

PROLOG = '<?xml version="1.0" ?>\n'
_QUERY_ATTRIBUTES = ("retCount", "iteratorRemainingCount", "iteratorID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one request: its status, the objects that go back, and attributes of the Rs element."""

    code: int = 0
    message: str = "Status OK"
    rets: tuple[tuple[str, Record], ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    keep: frozenset[str] = frozenset()
    """IncludeRetElement: the children to keep of each Ret; empty means all."""


def severity(code: int) -> str:
    """QuickBooks' word for a range of status codes: below 500 Info, below 1000 Warn, else Error."""
    return "Info" if code < 500 else "Warn" if code < 1000 else "Error"


def write_answer(name: str, request_id: str | None, outcome: Outcome, *, version: Version, country: str) -> str:
    """The Rs element of one request."""
    attributes = {} if request_id is None else {"requestID": request_id}
    attributes |= {
        "statusCode": str(outcome.code),
        "statusSeverity": severity(outcome.code),
        "statusMessage": outcome.message,
    }
    attributes |= {key: outcome.attributes[key] for key in _QUERY_ATTRIBUTES if key in outcome.attributes}
    opening = f"<{name}Rs" + "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    if not outcome.rets:
        return f"{opening} />\n"
    parts = [f"{opening}>\n"]
    for tag, record in outcome.rets:
        inner = _children(record, ANSWERS[tag], version, country, outcome.keep)
        if tag in UNWRAPPED:
            parts.extend(inner)
        else:
            parts += [f"<{tag}>\n", *inner, f"</{tag}>\n"]
    parts.append(f"</{name}Rs>\n")
    return "".join(parts)


def write_set(answers: Iterable[str], *, set_id: str | None = None, status: int | None = None) -> str:
    """The whole answer document; `status` is the messageSetStatusCode of error recovery."""
    attributes = "" if set_id is None else f" newMessageSetID={quoteattr(set_id)}"
    attributes += "" if status is None else f' messageSetStatusCode="{status}"'
    inside = "".join(answers)
    if not inside:
        return f"{PROLOG}<QBXML>\n<QBXMLMsgsRs{attributes} />\n</QBXML>\n"
    return f"{PROLOG}<QBXML>\n<QBXMLMsgsRs{attributes}>\n{inside}</QBXMLMsgsRs>\n</QBXML>\n"


def _children(record: Record, table: Content, version: Version, country: str, keep: Collection[str] = ()) -> list[str]:
    parts: list[str] = []
    lines_done = False
    for tag, rule in table.elements.items():
        if version < rule.since or country in rule.absent:
            continue
        if tag.endswith(("LineRet", "LineGroupRet")) and "lines" in record:
            if not lines_done:
                parts += _lines(record["lines"], table, version, country, keep)
            lines_done = True
            continue
        if tag not in record or (keep and tag not in keep):
            continue
        values = record[tag] if isinstance(record[tag], list) else [record[tag]]
        for value in values:
            parts += _element(tag, value, rule.content, version, country)
    return parts


def _lines(lines: Iterable[Record], table: Content, version: Version, country: str, keep: Collection[str]) -> list[str]:
    parts: list[str] = []
    for line in lines:
        tag = f"{line['kind']}Ret"
        if tag in table.elements and (not keep or tag in keep):
            parts += _element(tag, line, table.elements[tag].content, version, country)
    return parts


def _element(tag: str, value: object, content: Content | None, version: Version, country: str) -> list[str]:
    if isinstance(value, dict):
        inner = _children(value, content, version, country) if content is not None else []
        return [f"<{tag}>\n", *inner, f"</{tag}>\n"] if inner else []
    return [f"<{tag}>{escape(str(value))}</{tag}>\n"] if value != "" else []
