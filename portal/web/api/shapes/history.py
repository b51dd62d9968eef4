"""Errors and visits."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from portal.services.exchanges import ExchangeView
from portal.services.status import Kind, Problem, VisitView
from portal.web.api.shapes.values import Shape
from portal.web.language import say, spoken


class ErrorOut(Shape):
    """Something to mend. It is gone as soon as its cause is."""

    kind: Kind
    code: str
    title: str
    what: str
    do: str | None
    since: datetime | None
    fix: Annotated[str, Field(description="What has to be mended: offer, organization, run, connection and so on.")]
    fix_id: int
    invoice_id: Annotated[int | None, Field(description="The invoice that can be sent again.")]

    @classmethod
    def of(cls, kind: Kind, problem: Problem) -> ErrorOut:
        """As it is sent."""
        return cls(
            kind=kind,
            code=problem.code,
            title=say(problem.title),
            what=say(problem.what),
            do=say(problem.do) or None,
            since=problem.since,
            fix=problem.link,
            fix_id=problem.link_id,
            invoice_id=problem.draft_id,
        )


class ErrorPage(Shape):
    """A page of errors, as they are at the moment of the call."""

    items: list[ErrorOut]
    next: str | None


class VisitOut(Shape):
    """One visit of the Web Connector. Sizes are in characters."""

    id: int
    opened_at: datetime
    closed_at: datetime | None
    machine: str | None
    address: str
    product: str | None
    company_name: str | None
    exchanges: int
    requests: int
    done: int
    failed: int
    sent: int
    received: int
    invoices: Annotated[int, Field(description="Invoices that QuickBooks wrote.")]
    result: Annotated[str | None, Field(description="done, failed, taken over, abandoned; null while it goes on.")]
    error: Annotated[str | None, Field(description="What the person at QuickBooks read.")]

    @classmethod
    def of(cls, visit: VisitView) -> VisitOut:
        """As it is sent."""
        values = {field: getattr(visit, field) for field in cls.model_fields if field != "error"}
        return cls(**values, error=spoken(visit.last_error) or None)


class VisitPage(Shape):
    """A page of visits."""

    items: list[VisitOut]
    next: str | None


class ExchangeOut(Shape):
    """One message set and its answer, without their texts."""

    id: int
    purpose: str
    is_write: bool
    state: str
    attempts: int
    requests: int
    sent_at: datetime
    sent: int
    received: int | None
    code: str | None
    message: str | None

    @classmethod
    def of(cls, row: ExchangeView) -> ExchangeOut:
        """As it is sent."""
        return cls(**{field: getattr(row, field) for field in cls.model_fields})


class ExchangePage(Shape):
    """A page of the exchanges of a visit."""

    items: list[ExchangeOut]
    next: str | None
