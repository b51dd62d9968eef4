"""The exceptions of the portal, one tree. Each carries a text key and its values, so that every language can say it.

PortalError
├── Refused            the person asked for something that cannot be done as asked (HTTP 400, exit status 2)
├── NotFound           a named thing does not exist, or is not this partner's (404, 2)
├── Forbidden          the person's role does not allow it (403, 2)
├── Conflict           somebody or something was faster, or the thing exists already (409, 2)
│   └── Stale          it was changed since it was read, and what was sent does not count (409; 412 in the API)
└── Unusable           the portal cannot run: folder, port, database, setting (500, 2)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence for people: the English template, which is its translations' key, and the values that fill it.

    `by_language` holds whole sentences that come translated, such as those of QuickBooks' status codes.
    """

    template: str
    values: Mapping[str, str] = field(default_factory=dict)
    by_language: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template % self.values if self.values else self.template


class PortalError(Exception):
    """An error that a person may see."""

    def __init__(self, template: str, /, **values: object) -> None:
        super().__init__(template)
        self.sentence = Sentence(template, {name: str(value) for name, value in values.items()})

    def __str__(self) -> str:
        return str(self.sentence)


class Refused(PortalError):
    """The person asked for something that cannot be done as asked."""


class NotFound(PortalError):
    """A named thing does not exist, or belongs to another partner."""


class Forbidden(PortalError):
    """The person's role does not allow it."""


class Conflict(PortalError):
    """Somebody or something was faster."""


class Stale(Conflict):
    """Somebody changed it since it was read."""


class Unusable(PortalError):
    """The portal cannot run as it is set up."""
