"""What is known of one connection: everything that its notices follow from (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from portal.errors import Sentence
from portal.notices.rhythm import Rhythm
from qbwc.identity import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The company file that QuickBooks had open last, what was thought of it, and what is expected."""

    verdict: Verdict
    name: str = "?"
    path: str = "?"
    known_name: str = "?"
    known_path: str = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedVisit:
    """The last visit, which failed. `error` says why, by language; `since` is when the first of a row failed."""

    error: Mapping[str, str]
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What waits for the run of an invoice date: new lines, and removed ones that give back what was billed."""

    invoice_date: date
    new: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmapped:
    """Rows that cannot be billed as they are mapped. `lost`: their counterpart is gone, inactive or of a wrong kind.

    `mark` stands for which rows they are: other rows have another one.
    """

    offers: int = 0
    organizations: int = 0
    lost: int = 0
    mark: str = ""

    @property
    def count(self) -> int:
        """All of them."""
        return self.offers + self.organizations + self.lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """What waits for a person to mend it. `mark` stands for which ones, as for the rows; `since` is the oldest."""

    invoices: int = 0
    costs: int = 0
    lists: int = 0
    since: datetime | None = None
    mark: str = ""

    @property
    def count(self) -> int:
        """All of them."""
        return self.invoices + self.costs + self.lists


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedImport:
    """The last import from a provider, which failed: the file, and why."""

    provider: str
    file_name: str
    at: datetime
    why: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one connection. Moments are UTC; `time_zone` is the connection's own, for its rhythm.

    `has_lists`: QuickBooks' customers and items have arrived. `release` is QuickBooks' major version as it states it,
    such as "34"; `product` its name. `refused_at`: somebody called with a wrong password. `shown_errors` are those that
    accountants see, None where nothing is kept from them.
    """

    created_at: datetime
    time_zone: str = "America/Toronto"
    last_contact_at: datetime | None = None
    refused_at: datetime | None = None
    password_changed_at: datetime | None = None
    rhythm: Rhythm | None = None
    company: Company | None = None
    failed_visit: FailedVisit | None = None
    lines: Lines | None = None
    has_lists: bool = False
    unmapped: Unmapped = Unmapped()
    errors: Errors = Errors()
    shown_errors: Errors | None = None
    product: str = ""
    release: str | None = None
    failed_imports: tuple[FailedImport, ...] = ()

    def for_accountants(self) -> Facts:
        """The same, less what is kept from accountants."""
        return self if self.shown_errors is None else replace(self, errors=self.shown_errors, shown_errors=None)
