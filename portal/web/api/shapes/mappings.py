"""Offers, organizations, their mappings, and what they may be in QuickBooks."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from portal.models import InvoiceMode
from portal.services.api.mappings import Versioned
from portal.services.invoice_fields import LONGEST_PO, LONGEST_TEMPLATE
from portal.services.mapping_views import OfferRow, OrganizationRow
from portal.services.suggestions import Advice, Proposal
from portal.web.api.shapes.values import PLAIN, ListId, Shape
from portal.web.language import say

PoNumber = Annotated[str, StringConstraints(max_length=LONGEST_PO, pattern=PLAIN)]
Template = Annotated[str, StringConstraints(max_length=LONGEST_TEMPLATE, pattern=PLAIN)]
Problem = Annotated[str | None, Field(description="Why it cannot be billed, in words; null when it can, or is off.")]


class OfferMapping(Shape):
    """The item of QuickBooks that an offer is billed as. All of it is replaced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"item_list_id": "80000003-1", "is_synchronized": True}]})

    item_list_id: ListId | None
    is_synchronized: Annotated[bool, Field(description="Whether it is billed here at all.")]

    @classmethod
    def of(cls, one: Versioned[OfferRow]) -> OfferMapping:
        """As it is sent."""
        return cls(**one.fields)


class OfferOut(Shape):
    """What the partner resells."""

    id: int
    key: str
    name: str
    item: Annotated[str | None, Field(description="What QuickBooks calls the item.")]
    mapping: OfferMapping
    problem: Problem

    @classmethod
    def of(cls, one: Versioned[OfferRow]) -> OfferOut:
        """As it is sent."""
        row = one.row
        return cls(
            id=row.id,
            key=row.key,
            name=row.name,
            item=row.item_name,
            mapping=OfferMapping.of(one),
            problem=say(row.problem) or None,
        )


class OfferPage(Shape):
    """A page of offers."""

    items: list[OfferOut]
    next: str | None


class OrganizationMapping(Shape):
    """The customer of QuickBooks that an organization is, and what its invoices carry. All of it is replaced.

    What is null is left to QuickBooks.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customer_list_id": "80000012-1",
                    "mode": "create",
                    "is_synchronized": True,
                    "po_number": "PO-77",
                    "class_list_id": None,
                    "terms_list_id": None,
                    "tax_code_list_id": None,
                    "other1": None,
                    "other2": None,
                }
            ]
        }
    )

    customer_list_id: ListId | None
    mode: Annotated[InvoiceMode, Field(description="A separate invoice, or the one that is not sent yet.")]
    is_synchronized: Annotated[bool, Field(description="Whether it is billed here at all.")]
    po_number: PoNumber | None
    class_list_id: ListId | None
    terms_list_id: ListId | None
    tax_code_list_id: ListId | None
    other1: Annotated[Template | None, Field(description="Template of the lines' first custom column.")]
    other2: Annotated[Template | None, Field(description="Template of the lines' second custom column.")]

    @classmethod
    def of(cls, one: Versioned[OrganizationRow]) -> OrganizationMapping:
        """As it is sent."""
        return cls(**one.fields)


class OrganizationOut(Shape):
    """To whom the partner resells."""

    id: int
    key: str
    name: str
    customer: Annotated[str | None, Field(description="What QuickBooks calls the customer.")]
    mapping: OrganizationMapping
    problem: Problem
    field_problems: Annotated[list[str], Field(description="What is wrong with the fields of its invoices, in words.")]

    @classmethod
    def of(cls, one: Versioned[OrganizationRow]) -> OrganizationOut:
        """As it is sent."""
        row = one.row
        return cls(
            id=row.id,
            key=row.key,
            name=row.name,
            customer=row.customer_name,
            mapping=OrganizationMapping.of(one),
            problem=say(row.problem) or None,
            field_problems=[say(sentence) for sentence in row.field_problems],
        )


class OrganizationPage(Shape):
    """A page of organizations."""

    items: list[OrganizationOut]
    next: str | None


class ProposalOut(Shape):
    """What a row may be in QuickBooks, and what speaks for it."""

    list_id: str
    name: str
    reason: str
    score: Annotated[int, Field(description="0 to 100.")]
    is_ambiguous: Annotated[bool, Field(description="Whether others are as likely.")]
    used_by: Annotated[list[str], Field(description="Organizations that are this customer already.")]

    @classmethod
    def of(cls, one: Proposal) -> ProposalOut:
        """As it is sent."""
        found = one.suggestion
        return cls(
            list_id=found.list_id,
            name=found.full_name,
            reason=found.reason.value,
            score=round(found.score),
            is_ambiguous=found.is_ambiguous,
            used_by=list(one.used_by),
        )


class SuggestionOut(Shape):
    """An unmapped row, and what it may be, best first. Nothing is mapped by itself."""

    id: Annotated[int, Field(description="The offer or organization.")]
    name: str
    is_sure: bool
    proposals: list[ProposalOut]

    @classmethod
    def of(cls, one: Advice) -> SuggestionOut:
        """As it is sent."""
        return cls(
            id=one.id, name=one.name, is_sure=one.is_sure, proposals=[ProposalOut.of(each) for each in one.proposals]
        )


class SuggestionPage(Shape):
    """A page of suggestions. It may be short, even empty, while `next` leads on."""

    items: list[SuggestionOut]
    next: str | None
