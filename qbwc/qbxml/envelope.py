"""Message sets: version, onError, requestID, message-set ids, iterators, status attributes.

Requests leave as one line of ASCII; answers are read as a stream, so that memory does not grow with their length.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lxml import etree

from qbwc.errors import DecodeError, EncodeError
from qbwc.qbxml.codec import decode, encode
from qbwc.qbxml.status import is_written
from qbwc.qbxml.text import escape_attribute

VERSION = "13.0"
MESSAGE_SET_ID_LIMIT = 23
REQUEST_ID_LIMIT = 50
_DECLARED_ENCODING = re.compile(r"^\s*<\?xml[^>]*\?>")
# What XML 1.0 forbids, as characters and as references to them; QuickBooks lets old records through that hold some.
_ILLEGAL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"
    r"|&#(?:x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]|[dD][89a-fA-F][0-9a-fA-F]{2}|[fF]{3}[efEF])"
    r"|0*(?:[0-8]|1[124-9]|2\d|3[01]));"
)


def legible(text: str) -> str:
    """A document without the characters that no XML parser takes, whether raw or as references."""
    return _ILLEGAL.sub("", text)


class Request(Protocol):
    """A dataclass named ``…Rq``; the answer to it is the element ``…Rs``."""


def render_request(request: Request, request_id: str) -> str:
    """One request element with its requestID (at most 50 characters)."""
    if len(request_id) > REQUEST_ID_LIMIT:
        raise EncodeError(
            type(request).__name__, f"requestID {request_id!r} is longer than {REQUEST_ID_LIMIT} characters"
        )
    return encode(request, attributes=[("requestID", request_id)])


def render_set(
    requests: Sequence[str],
    *,
    new_message_set_id: str | None = None,
    old_message_set_id: str | None = None,
    on_error: str = "continueOnError",
    version: str = VERSION,
) -> str:
    """A whole qbXML document around rendered requests, ready for QuickBooks.

    `new_message_set_id` makes QuickBooks keep the answer for error recovery; `old_message_set_id` clears a kept one
    (Web Connector guide, error recovery). Ids longer than 23 characters are refused by QuickBooks (9004).
    """
    attributes = []
    for name, value in (("newMessageSetID", new_message_set_id), ("oldMessageSetID", old_message_set_id)):
        if value is None:
            continue
        if len(value) > MESSAGE_SET_ID_LIMIT:
            raise EncodeError("QBXMLMsgsRq", f"{name} {value!r} is longer than {MESSAGE_SET_ID_LIMIT} characters")
        attributes.append(f' {name}="{escape_attribute(value)}"')
    return (
        f'<?xml version="1.0" encoding="utf-8"?><?qbxml version="{version}"?>'
        f'<QBXML><QBXMLMsgsRq onError="{on_error}"{"".join(attributes)}>{"".join(requests)}</QBXMLMsgsRq></QBXML>'
    )


@dataclass(slots=True, kw_only=True)
class Answer:
    """What QuickBooks said to one request. `objects` streams the returned objects and can be read once."""

    tag: str
    request_id: str
    status_code: str
    severity: str
    message: str
    ret_count: int | None = None
    iterator_remaining: int | None = None
    iterator_id: str | None = None
    objects: Iterator[Any] = field(default_factory=lambda: iter(()))

    @property
    def is_written(self) -> bool:
        """Info and Warn mean done, Error means that nothing was written for this request."""
        return is_written(self.severity)


class AnswerSet:
    """The answers of one message set, read one after the other from the text that QuickBooks sent.

    Iterate over it; each answer's objects must be read before the next answer is asked for (what is left unread
    is passed over). `message_set_status` is known from the first answer on. Raises DecodeError.
    """

    def __init__(self, text: str, objects: dict[str, type], answer_tags: frozenset[str]) -> None:
        text = legible(_DECLARED_ENCODING.sub("", text.lstrip("\ufeff"), count=1))
        if "<!DOCTYPE" in text:
            raise DecodeError("the answer holds a document type declaration")
        self.message_set_status: str | None = None
        self._objects = objects
        self._answer_tags = answer_tags
        tags = ["QBXML", "QBXMLMsgsRs", *answer_tags, *objects]
        self._events = etree.iterparse(
            io.BytesIO(text.encode("utf-8", "replace")),
            events=("start", "end"),
            tag=tags,
            resolve_entities=False,
            no_network=True,
            huge_tree=True,
        )

    def __iter__(self) -> Iterator[Answer]:
        seen_root = False
        for event, element in self._next_events():
            if event != "start":
                continue
            if element.tag == "QBXMLMsgsRs":
                seen_root = True
                self.message_set_status = element.get("messageSetStatusCode")
            elif element.tag in self._answer_tags and seen_root:
                answer = _answer(element)
                answer.objects = self._read_objects(element)
                yield answer
                for _ in answer.objects:
                    pass
        if not seen_root:
            raise DecodeError("the answer is not qbXML: QBXMLMsgsRs is missing")

    def _read_objects(self, parent: etree._Element) -> Iterator[Any]:
        for event, element in self._next_events():
            if event != "end":
                continue
            if element is parent:
                parent.clear()
                return
            cls = self._objects.get(str(element.tag))
            if cls is None or element.getparent() is not parent:
                continue
            value: Any = decode(cls, element)
            element.clear()
            while element.getprevious() is not None:
                del parent[0]
            yield value

    def _next_events(self) -> Iterator[tuple[str, etree._Element]]:
        while True:
            try:
                event, element = next(self._events)
            except StopIteration:
                return
            except etree.XMLSyntaxError as error:
                raise DecodeError(f"the answer is not well-formed XML: {error.msg}") from None
            yield event, element


def _answer(element: etree._Element) -> Answer:
    remaining, count = element.get("iteratorRemainingCount"), element.get("retCount")
    return Answer(
        tag=str(element.tag),
        request_id=element.get("requestID", ""),
        status_code=element.get("statusCode", ""),
        severity=element.get("statusSeverity", ""),
        message=element.get("statusMessage", ""),
        ret_count=int(count) if count and count.isdigit() else None,
        iterator_remaining=int(remaining) if remaining and remaining.isdigit() else None,
        iterator_id=element.get("iteratorID"),
    )
