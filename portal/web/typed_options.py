"""The options of a new connection as they are typed into the first step of its set-up, and the dates they lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from flask import request

from portal.billing.period import BillingMode
from portal.errors import Refused, Sentence
from portal.services import wizard
from portal.services.connections import check_invoice_day
from portal.services.wizard import DatedPeriod, Options
from portal.web.access import portal_of_app
from portal.web.dates import to_date_or_none


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The first step as it was typed, right or wrong."""

    name: str = ""
    billing_mode: str = ""
    invoice_day: str = ""
    prorate: frozenset[str] = frozenset()
    start_date: str = ""

    @classmethod
    def of_form(cls) -> Typed:
        """What was sent."""
        typed = cls.of_values(request.form.get)
        return cls(
            name=request.form.get("name", ""),
            billing_mode=typed.billing_mode,
            invoice_day=typed.invoice_day,
            prorate=frozenset(request.form.getlist("prorate")),
            start_date=typed.start_date,
        )

    @classmethod
    def of_values(cls, get: Callable[[str, str], str]) -> Typed:
        """The part of it that dates follow from."""
        return cls(
            billing_mode=get("billing_mode", "").strip(),
            invoice_day=get("invoice_day", "").strip(),
            start_date=get("start_date", "").strip(),
        )

    @classmethod
    def of_options(cls, known: Options) -> Typed:
        """What is kept."""
        return cls(
            name=known.name,
            billing_mode=known.billing_mode or "",
            invoice_day=str(known.invoice_day),
            prorate=known.prorate,
            start_date=known.start_date.isoformat() if known.start_date else "",
        )

    def mode(self) -> BillingMode | None:
        """The billing mode, where one was chosen. Raises Refused for what is none."""
        if self.billing_mode and self.billing_mode not in set(BillingMode):
            raise Refused("Choose a billing mode: in advance or in arrears.")
        return BillingMode(self.billing_mode) if self.billing_mode else None

    def day(self) -> int:
        """The invoice day. Raises Refused."""
        if not (self.invoice_day.isascii() and self.invoice_day.isdigit() and len(self.invoice_day) <= 2):
            raise Refused("Give the invoice day as a number from 1 to 31.")
        check_invoice_day(self.invoice_day)
        return int(self.invoice_day)

    def options(self) -> Options:
        """All of it, understood. Raises Refused."""
        return Options(
            name=self.name,
            billing_mode=self.mode(),
            invoice_day=self.day(),
            prorate=self.prorate,
            start_date=to_date_or_none(self.start_date),
        )

    def dates(self) -> ShownDates:
        """The next dates, or why there are none."""
        try:
            day, mode, floor = self.day(), self.mode(), to_date_or_none(self.start_date)
        except Refused as error:
            return ShownDates(problem=error.sentence)
        return ShownDates(rows=wizard.upcoming(wizard.today_in(portal_of_app()), day), mode=mode, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDates:
    """The next invoice dates, the chosen mode, and the start date as a floor; or what is wrong with what was typed."""

    rows: tuple[DatedPeriod, ...] = ()
    mode: BillingMode | None = None
    floor: date | None = None
    problem: Sentence | None = None
