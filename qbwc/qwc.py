"""The .qwc document: the file that adds a connection to the QuickBooks Web Connector.

It names the service, the user and two GUIDs, and never a password. OwnerID belongs to the application and is the same
for everybody; FileID belongs to one connection. Both stay the same for ever: the Web Connector writes the FileID into
the company file, so a second download must give the same bytes or the person ends with two half connections.

What the Web Connector would refuse on the person's computer (Intuit's guide, error codes QBWC1000-1002, 1010, 1039) is
refused here, where somebody can still correct it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from lxml import etree

from qbwc.qbxml.text import clean, escape

DESCRIPTION_LIMIT = 80

_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_QB_TYPE = "QBFS"

_Choice = TypeVar("_Choice", bound=StrEnum)


class QwcError(ValueError):
    """The .qwc document would be refused, or is none. ``field`` names the element at fault, "" for the whole."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class PersonalData(StrEnum):
    """PersonalDataPref: whether the application asks for personal data such as social insurance numbers."""

    NOT_NEEDED = "pdpNotNeeded"
    OPTIONAL = "pdpOptional"
    REQUIRED = "pdpRequired"


class UnattendedMode(StrEnum):
    """UnattendedModePref: whether the application must be able to work while QuickBooks is closed."""

    OPTIONAL = "umpOptional"
    REQUIRED = "umpRequired"


class Style(StrEnum):
    """Style: the SOAP style of the service; left out, the Web Connector takes Document."""

    DOCUMENT = "Document"
    DOC_WRAPPED = "DocWrapped"
    RPC = "RPC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Qwc:
    """One .qwc document; making one that the Web Connector would refuse raises QwcError.

    ``auth_flags`` is a sum of 1 Simple Start, 2 Pro, 4 Premier, 8 Enterprise; None or 0 means every edition.
    ``is_read_only`` False lets the application write. ``unique_name`` lets a new file replace the old one of that name.
    ``run_every_minutes`` or ``run_every_seconds``, not both, sets the schedule; with neither the person starts updates.
    """

    app_name: str
    app_url: str
    app_support: str
    app_description: str
    user_name: str
    owner_id: str
    file_id: str
    app_id: str = ""
    display_name: str | None = None
    unique_name: str | None = None
    cert_url: str | None = None
    is_read_only: bool = False
    notify: bool = False
    personal_data: PersonalData = PersonalData.NOT_NEEDED
    unattended_mode: UnattendedMode = UnattendedMode.OPTIONAL
    auth_flags: int | None = None
    style: Style | None = None
    run_every_minutes: int | None = None
    run_every_seconds: int | None = None

    def __post_init__(self) -> None:
        for field, text in _texts(self):
            _check_text(field, text)
        _check_addresses(self)
        for field, guid in (("OwnerID", self.owner_id), ("FileID", self.file_id)):
            if not _GUID.fullmatch(guid):
                raise QwcError(
                    field, f"{field} must be a GUID in braces, like {{90A44FB7-33D9-4815-AC85-AC86A7E7D1EB}}."
                )
        if len(self.app_description) > DESCRIPTION_LIMIT:
            raise QwcError("AppDescription", f"AppDescription must not exceed {DESCRIPTION_LIMIT} characters.")
        if self.auth_flags is not None and not 0 <= self.auth_flags <= 0xF:
            raise QwcError("AuthFlags", "AuthFlags must be between 0x0 and 0xF.")
        _check_schedule(self)


def _texts(qwc: Qwc) -> Iterator[tuple[str, str]]:
    yield from (
        ("AppName", qwc.app_name),
        ("AppID", qwc.app_id),
        ("AppDescription", qwc.app_description),
        ("UserName", qwc.user_name),
    )
    if qwc.display_name is not None:
        yield "AppDisplayName", qwc.display_name
    if qwc.unique_name is not None:
        yield "AppUniqueName", qwc.unique_name


def _check_text(field: str, text: str) -> None:
    if field != "AppID" and not text:
        raise QwcError(field, f"{field} must not be empty.")
    if text != text.strip():
        raise QwcError(field, f"{field} must not begin or end with a blank.")
    if text != clean(text) or any(not char.isprintable() for char in text if char < "\xa0"):
        raise QwcError(field, f"{field} must be one line without control characters.")


def _check_addresses(qwc: Qwc) -> None:
    url = _check_url("AppURL", qwc.app_url)
    support = _check_url("AppSupport", qwc.app_support)
    if url.hostname != support.hostname:
        raise QwcError("AppSupport", "AppSupport must be on the same host as AppURL.")
    if qwc.cert_url is not None:
        _check_url("CertURL", qwc.cert_url)


def _check_url(field: str, address: str) -> SplitResult:
    """An https address with a host name; plain http and an IP are for this computer only."""
    if not address.isascii() or not address.isprintable() or " " in address:
        raise QwcError(field, f"{field} must hold only ASCII letters, digits and signs, without blanks.")
    try:
        url = urlsplit(address)
        host, _ = url.hostname, url.port  # the port is read for its check
    except ValueError:
        raise QwcError(field, f"{field} is not a web address.") from None
    if url.scheme not in {"http", "https"} or not host:
        raise QwcError(field, f"{field} must be a full address that begins with https://.")
    if "@" in url.netloc:
        raise QwcError(field, f"{field} must not hold a user name or a password.")
    if _is_loopback(host):
        return url
    if url.scheme != "https":
        raise QwcError(field, f"{field} must begin with https://; http is accepted for localhost only.")
    if _ip(host) is not None:
        raise QwcError(field, f"{field} must name its host; the Web Connector refuses an IP address.")
    return url


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}


def _check_schedule(qwc: Qwc) -> None:
    if qwc.run_every_minutes is not None and qwc.run_every_seconds is not None:
        raise QwcError("Scheduler", "Give the schedule in minutes or in seconds, not both.")
    for every in (qwc.run_every_minutes, qwc.run_every_seconds):
        if every is not None and every < 1:
            raise QwcError("Scheduler", "The schedule must be at least 1.")


def render(qwc: Qwc) -> str:
    """The document as pure ASCII text with character references; the same value gives the same bytes."""
    lines = [f"  <{name}>{escape(text)}</{name}>" for name, text in _elements(qwc)]
    every = _schedule(qwc)
    if every is not None:
        name, count = every
        lines += ["  <Scheduler>", f"    <{name}>{count}</{name}>", "  </Scheduler>"]
    lines.append(f"  <IsReadOnly>{_boolean(qwc.is_read_only)}</IsReadOnly>")
    return "\n".join(('<?xml version="1.0"?>', "<QBWCXML>", *lines, "</QBWCXML>", ""))


def _elements(qwc: Qwc) -> Iterator[tuple[str, str]]:
    """What stands before the schedule, in the customary order; what is None is left out."""
    wanted = (
        ("AppName", qwc.app_name),
        ("AppID", qwc.app_id),
        ("AppURL", qwc.app_url),
        ("AppDescription", qwc.app_description),
        ("AppSupport", qwc.app_support),
        ("UserName", qwc.user_name),
        ("OwnerID", qwc.owner_id),
        ("FileID", qwc.file_id),
        ("QBType", _QB_TYPE),
        ("PersonalDataPref", qwc.personal_data.value),
        ("UnattendedModePref", qwc.unattended_mode.value),
        ("AuthFlags", None if qwc.auth_flags is None else f"0x{qwc.auth_flags:X}"),
        ("Notify", _boolean(qwc.notify)),
        ("AppDisplayName", qwc.display_name),
        ("AppUniqueName", qwc.unique_name),
        ("CertURL", qwc.cert_url),
        ("Style", None if qwc.style is None else qwc.style.value),
    )
    return ((name, text) for name, text in wanted if text is not None)


def _schedule(qwc: Qwc) -> tuple[str, int] | None:
    if qwc.run_every_minutes is not None:
        return "RunEveryNMinutes", qwc.run_every_minutes
    if qwc.run_every_seconds is not None:
        return "RunEveryNSeconds", qwc.run_every_seconds
    return None


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def parse(text: str) -> Qwc:
    """Read a .qwc document; elements in any order, unknown ones passed over.

    Raises QwcError when it is no such document, lacks a required element, or says what the Web Connector refuses.
    """
    found = _read(text)
    qb_type = found.get("QBType", _QB_TYPE)
    if qb_type != _QB_TYPE:
        raise QwcError("QBType", f"QBType must be {_QB_TYPE}, the one for QuickBooks Desktop.")
    return Qwc(
        app_name=_required(found, "AppName"),
        app_id=found.get("AppID", ""),
        app_url=_required(found, "AppURL"),
        app_description=_required(found, "AppDescription"),
        app_support=_required(found, "AppSupport"),
        user_name=_required(found, "UserName"),
        owner_id=_required(found, "OwnerID"),
        file_id=_required(found, "FileID"),
        display_name=found.get("AppDisplayName") or None,
        unique_name=found.get("AppUniqueName") or None,
        cert_url=found.get("CertURL") or None,
        is_read_only=_read_boolean(found, "IsReadOnly"),
        notify=_read_boolean(found, "Notify"),
        personal_data=_read_choice(found, "PersonalDataPref", PersonalData) or PersonalData.NOT_NEEDED,
        unattended_mode=_read_choice(found, "UnattendedModePref", UnattendedMode) or UnattendedMode.OPTIONAL,
        auth_flags=_read_number(found, "AuthFlags"),
        style=_read_choice(found, "Style", Style),
        run_every_minutes=_read_number(found, "RunEveryNMinutes"),
        run_every_seconds=_read_number(found, "RunEveryNSeconds"),
    )


def _read(text: str) -> dict[str, str]:
    """The text of each element by name; the first of a name counts."""
    if "<!DOCTYPE" in text:
        raise QwcError("", "This is not a .qwc file: it declares a document type.")
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root = etree.fromstring(text.lstrip("\ufeff").strip().encode("utf-8", "surrogatepass"), parser)
    except etree.XMLSyntaxError:
        raise QwcError("", "This is not a .qwc file: its XML cannot be read.") from None
    if root.tag != "QBWCXML":
        raise QwcError("", "This is not a .qwc file: it must begin with QBWCXML.")
    found: dict[str, str] = {}
    for element in root.iter(etree.Element):
        found.setdefault(str(element.tag), (element.text or "").strip())
    return found


def _required(found: dict[str, str], name: str) -> str:
    if name not in found:
        raise QwcError(name, f"The element {name} is missing.")
    return found[name]


def _read_boolean(found: dict[str, str], name: str) -> bool:
    match found.get(name, "false").lower():
        case "true" | "1":
            return True
        case "false" | "0" | "":
            return False
    raise QwcError(name, f"{name} must be true or false.")


def _read_choice(found: dict[str, str], name: str, choices: type[_Choice]) -> _Choice | None:
    text = found.get(name, "")
    try:
        return choices(text) if text else None
    except ValueError:
        raise QwcError(name, f"{name} must be one of {', '.join(choices)}.") from None


def _read_number(found: dict[str, str], name: str) -> int | None:
    text = found.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"0x[0-9A-Fa-f]{1,8}|[0-9]{1,9}", text):
        raise QwcError(name, f"{name} must be a whole number.")
    return int(text, 16 if text.startswith("0x") else 10)
