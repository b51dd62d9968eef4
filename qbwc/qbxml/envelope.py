"""Message sets: version, onError, requestID, message-set ids, iterators, status attributes.

Requests leave as one line of ASCII; answers are read as a stream, so that memory does not grow with their length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lxml import etree

from qbwc.errors import DecodeError, EncodeError
from qbwc.qbxml.codec import decode, encode
from qbwc.qbxml.status import is_written
from qbwc.qbxml.text import TAG, escape_attribute, legible

VERSION = "13.0"
MESSAGE_SET_ID_LIMIT = 23
REQUEST_ID_LIMIT = 50
PIECE = 32 * 1024  # characters that are parsed at a time
# What no answer of QuickBooks comes near. Within them memory stays bounded, whatever somebody sends.
LONGEST_TAG = 64 * 1024  # bytes, a statusMessage included
LONGEST_PROLOG = 1024 * 1024  # bytes until QBXML begins
LARGEST_OBJECT = 1_000_000  # "<" and "=": an invoice of twenty thousand lines
# The declaration goes too: what it says of the encoding is no longer true of text.
_BEGINNING = re.compile(r"[\ufeff\s]*(?:<\?xml\s[^>]{0,200}\?>)?")
_COUNT = re.compile("[0-9]{1,9}")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """An object of an answer that could not be read: its element, its ListID or TxnID ("" when it has none), why."""

    tag: str
    object_id: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Answer:
    """What QuickBooks said to one request. `objects` streams the returned objects and can be read once.

    `unread` names the objects that were passed over because a value in them is malformed or missing; it is complete
    once `objects` is read to the end.
    """

    tag: str
    request_id: str
    status_code: str
    severity: str
    message: str
    ret_count: int | None = None
    iterator_remaining: int | None = None
    iterator_id: str | None = None
    objects: Iterator[Any] = field(default_factory=lambda: iter(()))
    unread: list[Unread] = field(default_factory=list)

    @property
    def is_written(self) -> bool:
        """Info and Warn mean done, Error means that nothing was written for this request."""
        return is_written(self.severity)


class AnswerSet:
    """The answers of one message set, read one after the other from the text that QuickBooks sent.

    Iterate over it; each answer's objects must be read before the next answer is asked for (what is left unread
    is passed over). `message_set_status` is known from the first answer on. Raises DecodeError for text that is not
    well-formed or not qbXML: after a break nothing can be trusted. One malformed object is only noted on its answer.
    """

    def __init__(self, text: str, objects: dict[str, type], answer_tags: frozenset[str]) -> None:
        self.message_set_status: str | None = None
        self._objects = objects
        self._answer_tags = answer_tags
        self._source = _Source(text, frozenset(objects), ["QBXML", "QBXMLMsgsRs", *answer_tags, *objects])

    def __iter__(self) -> Iterator[Answer]:
        seen_root = False
        for event, element in self._source.events():
            if event != "start":
                continue
            if element.tag == "QBXMLMsgsRs":
                seen_root = True
                self.message_set_status = element.get("messageSetStatusCode")
            elif element.tag in self._answer_tags and seen_root:
                answer = _answer(element)
                answer.objects = self._read_objects(element, answer.unread)
                yield answer
                for _ in answer.objects:
                    pass
        if not seen_root:
            raise DecodeError("the answer is not qbXML: QBXMLMsgsRs is missing")

    def _read_objects(self, parent: etree._Element, unread: list[Unread]) -> Iterator[Any]:
        for event, element in self._source.events():
            if event != "end":
                continue
            if element is parent:
                parent.clear()
                return
            tag = str(element.tag)
            if tag not in self._objects or element.getparent() is not parent:
                continue
            try:
                value: Any = decode(self._objects[tag], element)
            except DecodeError as error:
                object_id = (element.findtext("ListID") or element.findtext("TxnID") or "").strip()
                unread.append(Unread(tag=tag, object_id=object_id, reason=str(error)))
                continue
            finally:
                element.clear()
            yield value


class _Source:
    """The events of a parser that is fed piece by piece, and whose tree is pruned between the pieces."""

    def __init__(self, text: str, objects: frozenset[str], tags: list[str]) -> None:
        self._pieces = legible(_in_utf8(text))
        self._objects = objects
        # Any: to the stubs an event may be a namespace too, which is not asked for.
        self._parser: Any = etree.XMLPullParser(
            events=("start", "end"),
            tag=tags,
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            huge_tree=True,
            remove_comments=True,
            remove_pis=True,
        )
        self._root: etree._Element | None = None
        self._tail = b""  # of the piece before
        self._tag = b""  # the beginning of a tag that has not ended yet
        self._fed = 0
        self._object: etree._Element | None = None  # one that is longer than a piece
        self._object_size = 0

    def events(self) -> Iterator[tuple[str, etree._Element]]:
        """What was parsed, until the end of the text. Raises DecodeError."""
        try:
            while True:
                for event, element in self._parser.read_events():
                    if self._root is None:
                        self._root = element.getroottree().getroot()
                    yield event, element
                self._prune()
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._check(piece)
                self._parser.feed(piece)
            self._parser.close()
            yield from self._parser.read_events()
        except etree.XMLSyntaxError as error:
            raise DecodeError(f"the answer is not well-formed XML: {(error.msg or '')[:200]}") from None

    def _check(self, piece: bytes) -> None:
        if self._root is None:
            if b"<!DOCTYPE" in self._tail + piece:
                raise DecodeError("the answer holds a document type declaration")
            self._tail = piece[-8:]
            self._fed += len(piece)
            if self._fed > LONGEST_PROLOG:
                raise DecodeError("the answer is not qbXML: QBXML does not begin")
        at = piece.rfind(b"<")
        tag = piece[at:] if at >= 0 else self._tag + piece if self._tag else b""
        self._tag = b"" if tag.startswith((b"<!", b"<?")) or TAG.match(tag) else tag
        if len(self._tag) > LONGEST_TAG:
            raise DecodeError(f"a tag of the answer is longer than {LONGEST_TAG // 1024} KB")
        if self._object is not None:
            self._object_size += piece.count(b"<") + piece.count(b"=")
            if self._object_size > LARGEST_OBJECT:
                raise DecodeError(f"one {self._object.tag} of the answer is too large to be one")

    def _prune(self) -> None:
        """Let go of all that is read already, or that nobody asks for; what may still grow is the last of its kind."""
        last, element = None, self._root
        while element is not None and len(element):
            del element[:-1]
            element = element[-1]
            if element.tag in self._objects:
                last = element
                break
        if last is not self._object:
            self._object, self._object_size = last, 0


def _in_utf8(text: str) -> Iterator[bytes]:
    beginning = _BEGINNING.match(text)
    for at in range(beginning.end() if beginning else 0, len(text), PIECE):
        yield text[at : at + PIECE].encode("utf-8", "ignore")


def _answer(element: etree._Element) -> Answer:
    return Answer(
        tag=str(element.tag),
        request_id=element.get("requestID", ""),
        status_code=element.get("statusCode", ""),
        severity=element.get("statusSeverity", ""),
        message=element.get("statusMessage", ""),
        ret_count=_count(element.get("retCount", "")),
        iterator_remaining=_count(element.get("iteratorRemainingCount", "")),
        iterator_id=element.get("iteratorID"),
    )


def _count(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text.strip()) else None
