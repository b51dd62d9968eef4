"""Reading a request document: its shape, then the type of every value.

Two kinds of faults are told apart, as QuickBooks does: a document whose *shape* is wrong (element order, unknown
element, missing attribute) is refused as a whole with 0x80040400; a *value* that cannot be converted is refused for
its own request with a status of 3000 to 3085, and the other requests go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from lxml import etree

from qbwc.sandbox import request_tables
from qbwc.sandbox.errors import UNKNOWN_VERSION, HresultError, Record, StatusError, parse_failure
from qbwc.sandbox.grammar import Content, Element, ShapeError, Version

LINE = re.compile(r"(\w+Line(?:Group)?)(?:Add|Mod)")
"""The tags that are lines of a transaction; group 1 is the kind, e.g. InvoiceLineGroup."""

_PROLOG = re.compile(r"\A\ufeff?\s*(?:<\?xml[^>]*\?>)?")
_QBXML = re.compile(r"<\?qbxml\s+version\s*=\s*[\"'](\w{0,2}\d+\.\d+)[\"']\s*\?>")
_AMOUNT = re.compile(r"[+-]?\d{1,13}(\.\d{2})?")
_FRACTION = re.compile(r"[+-]?\d{1,10}(\.\d{1,5})?")
_DECIMAL = re.compile(r"[+-]?\d+(\.\d+)?")
_WHOLE = re.compile(r"[+-]?\d{1,10}")
_ID = re.compile(r"[0-9A-Fa-f]{1,16}-\d{1,16}")
_GUID = re.compile(r"0|\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d(:\d\d(:\d\d([+-]\d\d:\d\d)?)?)?)?")
_ON_ERROR = ("stopOnError", "continueOnError", "rollbackOnError")
_MAY_BE_EMPTY = frozenset(("DataExtValue", "Rate", "RatePercent", "Price", "PricePercent"))
_META = ("NoMetaData", "MetaDataOnly", "MetaDataAndResponseData")
_ITERATOR = ("Start", "Continue", "Stop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of a set. `name` lacks the Rq; `error` is set when a value of it could not be converted."""

    name: str
    request_id: str | None
    attributes: dict[str, str] = field(default_factory=dict)
    body: Record = field(default_factory=dict)
    error: StatusError | None = None
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSet:
    """A request document that QuickBooks would start to execute."""

    version: Version
    on_error: str
    include_answers: bool
    new_id: str | None
    old_id: str | None
    content: bytes
    requests: tuple[Request, ...]


def read_message_set(text: str, *, supported: Iterable[str], country: str) -> MessageSet:
    """Read a request document as QuickBooks does.

    `supported` are the versions of the company's QuickBooks, `country` its edition (US, CA, UK, AU).
    Raises HresultError 0x80040400 for a wrong shape and 0x80040423 for an unknown version.
    """
    root, version = _parse(text)
    if f"{version[0]}.{version[1]}" not in supported:
        raise HresultError(
            UNKNOWN_VERSION,
            "The version of qbXML that was requested is not supported or is unknown.",
            f"qbXML {version[0]}.{version[1]}",
        )
    messages = _only_child(root)
    on_error = _attribute(messages, "onError", _ON_ERROR, required=True)
    response_data = _attribute(messages, "responseData", ("includeAll", "includeNone"))
    _no_other_attributes(messages, {"onError", "responseData", "newMessageSetID", "oldMessageSetID"})
    requests = tuple(
        _read_request(child, version, country) for child in messages if not isinstance(child, etree._Comment)
    )
    return MessageSet(
        version=version,
        on_error=on_error or "",
        include_answers=response_data != "includeNone",
        new_id=messages.get("newMessageSetID") or None,
        old_id=messages.get("oldMessageSetID") or None,
        content=b"".join(etree.tostring(child, method="c14n") for child in messages),
        requests=requests,
    )


def _parse(text: str) -> tuple[etree._Element, Version]:
    odd = next((char for char in text if ord(char) > 255 and char != "\ufeff"), None)
    if odd is not None:
        raise parse_failure(f"the character U+{ord(odd):04X} is outside Latin-1: send a character reference")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(_PROLOG.sub("", text, count=1).encode("utf-8"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise parse_failure(f"not well-formed: {error}") from None
    if "<!DOCTYPE" in text[:4096]:
        raise parse_failure("a document type declaration is not allowed")
    found = _QBXML.search(text)
    if found is None or root.tag != "QBXML":
        raise parse_failure('the processing instruction <?qbxml version="13.0"?> or the root QBXML is missing')
    number = re.sub(r"^[A-Z]{2}", "", found[1])
    major, minor = number.split(".")
    return root, (int(major), int(minor))


def _only_child(root: etree._Element) -> etree._Element:
    children = [child for child in root if isinstance(child.tag, str)]
    if len(children) != 1 or children[0].tag != "QBXMLMsgsRq":
        raise parse_failure("QBXML must hold one QBXMLMsgsRq")
    return children[0]


def _attribute(element: etree._Element, name: str, values: tuple[str, ...], *, required: bool = False) -> str | None:
    value = element.get(name)
    if value is None and required:
        raise parse_failure(f"{element.tag} lacks the attribute {name}")
    if value is not None and value not in values:
        raise parse_failure(f"{name}={value!r} of {element.tag} is none of {', '.join(values)}")
    return value


def _no_other_attributes(element: etree._Element, allowed: set[str]) -> None:
    for name in element.attrib:
        if name not in allowed:
            raise parse_failure(f"{element.tag} has no attribute {name!s}")


def _read_request(element: etree._Element, version: Version, country: str) -> Request:
    tag = str(element.tag)
    name = tag.removesuffix("Rq")
    table = request_tables.REQUESTS.get(name)
    request_id = element.get("requestID")
    if not tag.endswith("Rq") or (table is None and name not in request_tables.KNOWN_ELSEWHERE):
        raise parse_failure(f"{tag} is no request of qbXML")
    if version < request_tables.since(name):
        raise parse_failure(f"{tag} does not exist in qbXML {version[0]}.{version[1]}")
    if request_id is not None and len(request_id) > 50:
        return Request(name=name, request_id=request_id, error=StatusError(1060, "The request ID is too long."))
    if table is None:
        return Request(name=name, request_id=request_id, error=StatusError(1030, f"Unsupported request: {tag}."))
    attributes = _read_attributes(element, name)
    try:
        table.match(tag, [child for child in element if isinstance(child.tag, str)], version)
    except ShapeError as error:
        raise parse_failure(str(error)) from None
    ignored: list[str] = []
    try:
        body = _convert(element, table, country, ignored)
    except StatusError as error:
        return Request(name=name, request_id=request_id, attributes=attributes, error=error)
    return Request(name=name, request_id=request_id, attributes=attributes, body=body, ignored=tuple(ignored))


def _read_attributes(element: etree._Element, name: str) -> dict[str, str]:
    allowed = {"requestID"}
    if name.endswith("Query"):
        allowed.add("metaData")
        _attribute(element, "metaData", _META)
    if name in request_tables.ITERABLE:
        allowed |= {"iterator", "iteratorID"}
        _attribute(element, "iterator", _ITERATOR)
    _no_other_attributes(element, allowed)
    return {str(key): str(value) for key, value in element.attrib.items()}


def _convert(element: etree._Element, table: Content, country: str, ignored: list[str]) -> Record:
    record: Record = {}
    for child in element:
        if not isinstance(child.tag, str):
            continue
        rule = table.elements[child.tag]
        if country in rule.absent:
            ignored.append(child.tag)
            continue
        value = (
            _convert(child, rule.content, country, ignored)
            if rule.content is not None
            else convert_text(rule, child.text or "")
        )
        if value == "" and rule.least and child.tag not in _MAY_BE_EMPTY:
            raise StatusError(3150, f"The field {child.tag} is needed and is empty.")
        line = LINE.fullmatch(child.tag)
        if line is not None and isinstance(value, dict):
            record.setdefault("lines", []).append({"kind": line[1], **value})
        elif rule.many:
            record.setdefault(child.tag, []).append(value)
        else:
            record[child.tag] = value
    return record


def convert_text(rule: Element, text: str) -> str:
    """The value QuickBooks stores for `text`; raises StatusError when it cannot be converted.

    Characters above Latin-1, which only come as character references, are stored as question marks.
    """
    text = "".join(char if ord(char) < 256 else "?" for char in text)
    kind = rule.kind
    if kind.startswith("str"):
        if kind[3:] and len(text) > int(kind[3:]):
            raise StatusError(
                3070, f'The string "{text[:60]}" in the field "{rule.tag}" is too long: at most {kind[3:]} characters.'
            )
        return text
    stripped = text.strip()
    if kind in _CHECKS:
        code, check, what = _CHECKS[kind]
        if not (stripped == "" and kind not in ("id", "guid", "int")) and not check(stripped):
            raise StatusError(code, f'"{text[:60]}" in the field "{rule.tag}" is no {what}.')
        return {"1": "true", "0": "false"}.get(stripped, stripped) if kind == "bool" else stripped
    if kind != "word" and stripped and stripped not in kind.split(","):
        raise StatusError(3065, f'The enumerated value "{text[:60]}" in the field "{rule.tag}" is unknown.')
    return stripped


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text)) and text >= "1901"
    except ValueError:
        return False


def _is_datetime(text: str) -> bool:
    if not _DATETIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text if "T" not in text or ":" in text else f"{text}:00")
    except ValueError:
        return False
    return True


def _is_decimal(text: str) -> bool:
    try:
        return bool(_DECIMAL.fullmatch(text)) and Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_line_or_list_id(text: str) -> bool:
    return text == "-1" or bool(_ID.fullmatch(text))


_CHECKS: dict[str, tuple[int, Callable[[str], object], str]] = {
    "bool": (3010, lambda text: text in ("true", "false", "1", "0"), "boolean"),
    "date": (3020, _is_date, "date"),
    "datetime": (3020, _is_datetime, "date and time"),
    "amt": (3040, _AMOUNT.fullmatch, "amount (two decimals or none)"),
    "price": (3045, _FRACTION.fullmatch, "price (at most five decimals)"),
    "pct": (3050, _FRACTION.fullmatch, "percentage"),
    "quan": (3060, _FRACTION.fullmatch, "quantity (at most five decimals)"),
    "guid": (3065, _GUID.fullmatch, "GUID"),
    "int": (3085, _WHOLE.fullmatch, "whole number"),
    "float": (3085, _is_decimal, "number"),
    "id": (3000, _is_line_or_list_id, "object id"),
}
