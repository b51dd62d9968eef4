"""What each statusCode, messageSetStatusCode and hresult means for us, and what the person can do.

Three questions, three functions: ``judge`` for the status of one answer, ``judge_message_set`` for a set that
travelled under an id, ``judge_hresult`` for a failure of the whole set or of the visit. Each always answers: a code
that nobody listed gets an honest general sentence that carries the code and QuickBooks' own text.

The severity decides whether something was written: Info and Warn say it was, Error says nothing was. It outranks the
code, because taking a write that happened for a failure means billing a client twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from qbwc.qbxml.catalogue.connector import CONNECTOR_CODES
from qbwc.qbxml.catalogue.entries import LOCKED, REFUSED, UNKNOWN_INFO, UNKNOWN_WARNING
from qbwc.qbxml.catalogue.hresults import HRESULT_CODES, UNKNOWN_HRESULT
from qbwc.qbxml.catalogue.message_sets import MESSAGE_SET_CODES, SET_DONE, UNKNOWN_SET
from qbwc.qbxml.catalogue.refusals import REFUSAL_CODES
from qbwc.qbxml.catalogue.requests import REQUEST_CODES
from qbwc.qbxml.reaction import DONE, Reaction, Section, Status, Text

__all__ = [
    "Reaction",
    "Section",
    "Status",
    "Text",
    "catalogue",
    "expand",
    "is_written",
    "judge",
    "judge_hresult",
    "judge_message_set",
]

# 3170 and 3180 are locks when their text says so, and refusals otherwise.
_LOCK_CODES = frozenset({3170, 3180})
_LOCK_TEXT = re.compile(r"could not be locked|modified by another user|acquire the lock|element is in use", re.I)


_CODE = re.compile(r"(0x|QBWC)?([0-9A-F]+)(.*)", re.I)
_HEX = re.compile(r"(?:0x)?(?:F{8})?([0-9A-F]{8})|0x([0-9A-F]{1,7})", re.I)
_SIGNED = re.compile(r"-?[0-9]{1,10}")
_CONNECTOR_CODE = re.compile(r"QBWC\s*([0-9]{1,9})\b.*", re.I | re.S)


def expand(code: str) -> frozenset[int]:
    """The numbers that a catalogue code stands for: "3172-3174", "0x8004040B,0C,411-413", "QBWC1003,1004".

    After the first number only the last digits that differ need be written. Raises ValueError for any other form.
    """
    match = _CODE.fullmatch(code)
    if match is None:
        raise ValueError(f"{code!r} is not a code of the catalogue.")
    prefix, first, _ = match.groups()
    base = 16 if (prefix or "").lower() == "0x" else 10
    numbers: set[int] = set()
    for part in code[len(prefix or "") :].split(","):
        low, _, high = part.partition("-")
        ends = [int(first[: -len(end)] + end, base) for end in (low, high or low)]
        numbers.update(range(ends[0], ends[1] + 1))
    return frozenset(numbers)


def _index(entries: Iterable[Status]) -> Mapping[int, Status]:
    """Entries by number; one that stands for a single code goes before a range that covers it."""
    widest_first = sorted(entries, key=lambda entry: len(expand(entry.code)), reverse=True)
    return {number: entry for entry in widest_first for number in expand(entry.code)}


_STATUSES = _index((*REQUEST_CODES, *REFUSAL_CODES))
_MESSAGE_SETS = _index((SET_DONE, *MESSAGE_SET_CODES))
_HRESULTS = _index(HRESULT_CODES)
_CONNECTOR = _index(CONNECTOR_CODES)


def catalogue(section: Section | None = None) -> Iterator[Status]:
    """Every entry, or those of one section, in the order of the tables; ``code`` may cover several codes."""
    for entry in (*REQUEST_CODES, *REFUSAL_CODES, SET_DONE, *MESSAGE_SET_CODES, *HRESULT_CODES, *CONNECTOR_CODES):
        if section is None or entry.section is section:
            yield entry


def is_written(severity: str) -> bool:
    """Whether a statusSeverity says that the request was carried out: Info and Warn do, Error does not."""
    return _said(severity) is True


def _said(severity: str) -> bool | None:
    """True for Info and Warn, False for Error, None when the severity is missing or unheard of."""
    return {"info": True, "warn": True, "error": False}.get(severity.strip().casefold())


def judge(status_code: int | str, severity: str, message: str) -> Status:
    """Judge the status of one answer from its statusCode, statusSeverity and statusMessage.

    A code that is not in the catalogue is judged by its severity, or by its range when that is missing too:
    below 500 done, below 1000 done with a warning, the rest refused. Never raises.
    """
    number = _number(status_code)
    if number is None:
        number, code = -1, str(status_code).strip()
    else:
        code = str(number)
    entry = _entry_for(number, severity, message)
    written = _said(severity) is not False if entry.reaction in DONE else entry.written
    return replace(entry, code=code, written=written, message=message)


def _entry_for(number: int, severity: str, message: str) -> Status:
    said = _said(severity)
    entry = _STATUSES.get(number) or _MESSAGE_SETS.get(number)
    if entry is None:
        return _unlisted(number, severity)
    if entry.section is Section.STATUS and said is True and entry.reaction not in DONE:
        return UNKNOWN_WARNING
    if said is False and entry.reaction in {Reaction.OK, Reaction.WRITTEN_WITH_WARNING}:
        return REFUSED
    if number in _LOCK_CODES and _LOCK_TEXT.search(message):
        return LOCKED
    return entry


def _unlisted(number: int, severity: str) -> Status:
    said = _said(severity)
    if said is False or (said is None and not 0 <= number < 1000):
        return REFUSED
    done = severity.strip().casefold() == "info" if said else number < 500
    return UNKNOWN_INFO if done else UNKNOWN_WARNING


def judge_message_set(code: int | str, message: str = "") -> Status:
    """Judge the messageSetStatusCode of a set; "" (the attribute is absent) counts as 0.

    ``written`` None means: look the objects up by our own stamp before anything is sent again. Never raises.
    """
    number = 0 if code == "" else _number(code)
    entry = UNKNOWN_SET if number is None else _MESSAGE_SETS.get(number, UNKNOWN_SET)
    return replace(entry, code=str(code).strip() if number is None else str(number), message=message)


def judge_hresult(hresult: str, message: str = "") -> Status:
    """Judge an hresult in any spelling: hexadecimal of either case, with or without 0x, decimal, or a QBWC code.

    "" and 0 mean no error. ``written`` None means that QuickBooks may have saved: send the same bytes with the same
    message-set id, or look the objects up first. Never raises.
    """
    text = hresult.strip()
    connector = _CONNECTOR_CODE.fullmatch(text)
    if connector is not None:
        number = int(connector[1])
        return replace(_CONNECTOR.get(number, UNKNOWN_HRESULT), code=f"QBWC{number}", message=message)
    value = _hresult_number(text)
    if value is None:
        return replace(UNKNOWN_HRESULT, code=text, message=message)
    return replace(_HRESULTS.get(value, UNKNOWN_HRESULT), code=f"0x{value:08X}", message=message)


def _hresult_number(text: str) -> int | None:
    """The 32 bits of an hresult. Eight digits without a sign are hexadecimal: as a decimal they are no failure."""
    if not text:
        return 0
    if match := _HEX.fullmatch(text):
        return int(match[1] or match[2], 16)
    if _SIGNED.fullmatch(text):
        return int(text) % (1 << 32)
    return None


def _number(code: int | str) -> int | None:
    text = str(code).strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None
