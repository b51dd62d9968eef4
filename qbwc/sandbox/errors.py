"""What goes wrong in the sandbox.

SandboxError
├── CompanyError      the company file or its seed cannot be used; the text names the object and the field
├── HresultError      QuickBooks refuses a message set (or a file) as a whole
├── StatusError       QuickBooks refuses one request of a set
├── ProtocolError     the endpoint answered something that Intuit's Web Connector does not accept
│   └── SoapFaultError    it answered a SOAP Fault
└── ManifestError     the .qwc file cannot be used
"""

from __future__ import annotations

from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]
"""One object: qbXML tag -> text, another record, or a list of them. Lines stand under `lines`."""

DEFAULT_CODE = "QBWC1012"


class SandboxError(Exception):
    """Anything the sandbox refuses."""


class CompanyError(SandboxError):
    """The company file cannot be read, or its seed names something that is not there."""


class ManifestError(SandboxError):
    """The .qwc file cannot be read or lacks an element."""


class HresultError(SandboxError):
    """QuickBooks fails on the whole message set: nothing of it was executed.

    `hresult` is what the Web Connector hands to receiveResponseXML or connectionError, e.g. "0x80040400"; `message`
    is QuickBooks' text; `detail` is what the sandbox knows beyond it (QuickBooks itself never says where).
    """

    def __init__(self, hresult: str, message: str, detail: str = "") -> None:
        super().__init__(f"{hresult}: {message}" + (f" ({detail})" if detail else ""))
        self.hresult = hresult
        self.message = message
        self.detail = detail


class StatusError(SandboxError):
    """One request is refused with a statusCode of 1000 or more; nothing was written for it.

    `rets` are objects that go back all the same: with 3200 the current object and its fresh EditSequence.
    """

    def __init__(self, code: int, message: str, rets: tuple[tuple[str, Record], ...] = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.rets = rets


class ProtocolError(SandboxError):
    """The endpoint answered in a way that ends the visit; `code` is what Intuit's connector would report."""

    def __init__(self, message: str, code: str = DEFAULT_CODE) -> None:
        super().__init__(message)
        self.code = code


class SoapFaultError(ProtocolError):
    """The endpoint answered a SOAP Fault, as it does for an operation that it does not know."""


PARSE_FAILURE = "0x80040400"
UNKNOWN_VERSION = "0x80040423"


def parse_failure(detail: str) -> HresultError:
    """The refusal that QuickBooks gives to a set it cannot read."""
    return HresultError(PARSE_FAILURE, "QuickBooks found an error when parsing the provided XML text stream.", detail)
