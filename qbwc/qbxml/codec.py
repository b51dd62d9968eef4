"""dataclass <-> element: field name gives tag, type gives conversion and limit, place gives order.

Reading is lenient where QuickBooks is (unknown elements are passed over, an empty element is an absent value);
writing is strict, because QuickBooks refuses a whole message set for one misplaced or malformed element.
"""

from __future__ import annotations

import dataclasses
import re
import types as pytypes
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Context, Decimal, InvalidOperation
from enum import StrEnum
from functools import cache, partial
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from lxml import etree

from qbwc.errors import DecodeError, EncodeError
from qbwc.qbxml.text import escape, escape_attribute, fold
from qbwc.qbxml.types import Attribute, ByClass, Number, NumberKind, Text

T = TypeVar("T")

_ACRONYMS = {
    "ar": "AR",
    "cogs": "COGS",
    "ein": "EIN",
    "fob": "FOB",
    "guid": "GUID",
    "id": "ID",
    "po": "PO",
    "qb": "QB",
    "qbxml": "QBXML",
    "ssn": "SSN",
    "uom": "UOM",
}
_ATTRIBUTE_ACRONYMS = {"id": "ID"}

# digits before the point, decimals after it (qbXML reference, "Types")
_NUMBER_LIMITS = {
    NumberKind.AMOUNT: (13, 2),
    NumberKind.PRICE: (10, 5),
    NumberKind.QUANTITY: (10, 5),
    NumberKind.PERCENT: (10, 5),
    NumberKind.FLOAT: (15, 15),
}
MOST_DIGITS = 40
_INTEGER = re.compile("[+-]?[0-9]{1,18}")
# QuickBooks' offset is wrong half the year; its wall-clock time is right. So the offset is dropped.
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?))?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?\Z")


def tag_of(field_name: str) -> str:
    """The element name of a field: ``ar_account_ref`` -> ``ARAccountRef``."""
    return "".join(_ACRONYMS.get(word, word[:1].upper() + word[1:]) for word in field_name.split("_"))


def _attribute_of(field_name: str) -> str:
    first, *rest = field_name.split("_")
    return first + "".join(_ATTRIBUTE_ACRONYMS.get(word, word.capitalize()) for word in rest)


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    name: str
    tag: str
    repeated: bool
    required: bool
    attribute: bool
    encode: Callable[[Any, str], str]
    decode: dict[str, Callable[[etree._Element], Any]]  # by tag: several for a ByClass field


def _make_plan(cls: Any) -> tuple[_Field, ...]:
    hints = get_type_hints(cls, include_extras=True)
    fields = []
    for field in dataclasses.fields(cls):
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        fields.append(_field_plan(field.name, hints[field.name], required))
    return tuple(fields)


# Declared as plain callables, because a cached function takes no type[Any] for mypy.
_plan: Callable[[Any], tuple[_Field, ...]] = cache(_make_plan)


def _make_readers(cls: Any) -> dict[str, tuple[str, bool, Callable[[etree._Element], Any]]]:
    readers = {}
    for field in _plan(cls):
        for tag, read in field.decode.items():
            readers[tag] = (field.name, field.repeated, read)
    return readers


_readers: Callable[[Any], dict[str, tuple[str, bool, Callable[[etree._Element], Any]]]] = cache(_make_readers)


def _field_plan(name: str, hint: Any, required: bool) -> _Field:
    markers: list[Any] = []
    hint = _unwrap(hint, markers)
    repeated = get_origin(hint) is tuple
    if repeated:
        hint = _unwrap(get_args(hint)[0], markers)
    members = _members(hint)
    if ByClass in markers:
        by_class = {member.__name__: member for member in members}
        readers: dict[str, Callable[[etree._Element], Any]] = {
            tag: partial(decode, member) for tag, member in by_class.items()
        }
        return _Field(name, "", repeated, required, False, lambda value, _tag: encode(value), readers)
    (member,) = members
    if dataclasses.is_dataclass(member):
        aggregate = cast("type[Any]", member)
        return _Field(name, tag_of(name), repeated, required, False, encode, {tag_of(name): partial(decode, aggregate)})
    if Attribute in markers:
        to_text, _ = _scalar(member, markers, escape_attribute)
        return _Field(name, _attribute_of(name), repeated, required, True, lambda value, _tag: to_text(value), {})
    to_text, from_text = _scalar(member, markers, escape)
    return _Field(
        name,
        tag_of(name),
        repeated,
        required,
        False,
        lambda value, tag: f"<{tag}>{to_text(value)}</{tag}>",
        {tag_of(name): lambda element: _read_scalar(element, from_text)},
    )


def _unwrap(hint: Any, markers: list[Any]) -> Any:
    """Strip Annotated and None from a hint, collecting the markers on the way."""
    while True:
        origin = get_origin(hint)
        if origin is Annotated:
            hint, *found = get_args(hint)
            markers.extend(found)
        elif origin in (Union, pytypes.UnionType):
            args = [arg for arg in get_args(hint) if arg is not type(None)]
            if len(args) > 1:
                return hint
            hint = args[0]
        else:
            return hint


def _members(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) in (Union, pytypes.UnionType):
        return tuple(arg for arg in get_args(hint) if arg is not type(None))
    return (hint,)


def _scalar(
    kind: Any, markers: list[Any], quote: Callable[[str], str]
) -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    """How a scalar is written and read. Raises TypeError for a type that qbXML has no form for."""
    if kind is bool:
        return lambda value: "true" if value else "false", _read_bool
    if kind is int:
        return str, _read_int
    if kind is Decimal:
        number = next(marker for marker in markers if isinstance(marker, Number))
        return lambda value: format_number(value, number.kind), _read_number
    if kind is datetime:
        return lambda value: value.replace(tzinfo=None).isoformat(timespec="seconds"), _read_datetime
    if kind is date:
        return lambda value: value.isoformat(), lambda text: date.fromisoformat(text[:10])
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return lambda value: kind(value).value, kind
    if kind is str:
        limit = next((marker.limit for marker in markers if isinstance(marker, Text)), None)
        return lambda value: quote(_fitting(value, limit)), str
    raise TypeError(f"no qbXML form for {kind!r}")


def _fitting(value: str, limit: int | None) -> str:
    kept = fold(value).text
    if limit is not None and len(kept) > limit:
        raise EncodeError("", f"{len(kept)} characters where QuickBooks keeps {limit}")
    return kept


def format_number(value: Decimal, kind: NumberKind) -> str:
    """A number as qbXML writes it: no exponent, amounts with two decimals, others with at most five.

    Raises EncodeError when a digit would be lost; rounding is the caller's decision.
    """
    digits, decimals = _NUMBER_LIMITS[kind]
    if not value.is_finite():
        raise EncodeError("", f"{value} is not a number")
    exact = value.normalize(Context(prec=max(1, len(value.as_tuple().digits))))  # the default context would round
    exponent = cast("int", exact.as_tuple().exponent)
    if -exponent > decimals:
        raise EncodeError("", f"{value} has more than {decimals} decimals")
    if exact.adjusted() >= digits:
        raise EncodeError("", f"{value} has more than {digits} digits before the decimal point")
    if kind is NumberKind.AMOUNT:
        return f"{exact:.2f}".replace("-0.00", "0.00")
    return f"{exact:f}" if exact else "0"


def _read_bool(text: str) -> bool:
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def _read_int(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _read_number(text: str) -> Decimal:
    value = Decimal(text if len(text) <= MOST_DIGITS and "_" not in text else "NaN")
    # Written out without its exponent, 1E999999 would be a text of a million digits.
    if not value.is_finite() or abs(value.adjusted()) > MOST_DIGITS:
        raise ValueError(f"{text!r} is not a number")
    return value


def _read_datetime(text: str) -> datetime:
    match = _DATETIME.match(text)
    if not match:
        raise ValueError(f"{text!r} is not a date and time")
    return datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}")


def _read_scalar(element: etree._Element, from_text: Callable[[str], Any]) -> Any:
    text = element.text
    if text is None or (from_text is not str and not text.strip()):
        return "" if from_text is str and text is None else None
    try:
        return from_text(text if from_text is str else text.strip())
    except (ValueError, InvalidOperation) as error:
        reason = f"{text.strip()!r} is not a number" if isinstance(error, InvalidOperation) else str(error)
        raise DecodeError(f"{element.tag}: {reason if len(reason) < 120 else f'{reason[:120]}…'}") from None


def encode(message: Any, tag: str = "", attributes: Iterable[tuple[str, str]] = ()) -> str:
    """A message as one ASCII element without white space between tags, in schema order.

    `tag` defaults to the class name. Raises EncodeError with the element's path.
    """
    tag = tag or type(message).__name__
    attribute_parts = [f' {name}="{escape_attribute(value)}"' for name, value in attributes]
    children: list[str] = []
    for field in _plan(type(message)):
        value = getattr(message, field.name)
        if value is None:
            continue
        if field.required and field.repeated and not value:
            raise EncodeError(f"{tag}/{field.tag or field.name}", "at least one is needed")
        try:
            if field.attribute:
                attribute_parts.append(f' {field.tag}="{field.encode(value, "")}"')
            elif field.repeated:
                children.extend(field.encode(one, field.tag) for one in value)
            else:
                children.append(field.encode(value, field.tag))
        except EncodeError as error:
            # A nested element already names itself; a scalar's error has no path of its own yet.
            raise EncodeError(f"{tag}/{error.path}" if error.path else f"{tag}/{field.tag}", error.reason) from None
    opening = tag + "".join(attribute_parts)
    if not children:
        return f"<{opening}/>"
    return f"<{opening}>{''.join(children)}</{tag}>"


def texts_of(message: Any) -> Iterator[str]:
    """Every text in a message, wherever it stands."""
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str):
                yield one
            elif dataclasses.is_dataclass(one):
                yield from texts_of(one)


def decode(cls: type[T], element: etree._Element) -> T:
    """An element as an instance of `cls`. Elements that the class does not know are passed over.

    Raises DecodeError naming the element whose value is malformed or missing.
    """
    readers = _readers(cls)
    values: dict[str, Any] = {}
    for child in element:
        reader = readers.get(child.tag)
        if reader is None:
            continue
        name, repeated, read = reader
        value = read(child)
        if repeated:
            values.setdefault(name, []).append(value)
        elif value is not None:
            values[name] = value
    for field in _plan(cls):
        if field.repeated and field.name in values:
            values[field.name] = tuple(values[field.name])
        elif field.required and field.name not in values:
            raise DecodeError(f"{element.tag}: {field.tag} is missing")
    return cls(**values)
