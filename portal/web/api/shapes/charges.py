"""Charges: pushed, and as the ledger has them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PlainValidator, StringConstraints
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import DatedBy
from portal.models import LONGEST_KEY
from portal.providers.pushed import LONGEST_KEY as LONGEST_CHARGE_KEY
from portal.services.api.lists import ChargeRow
from portal.services.api.push import MOST, Outcome
from portal.services.charge_states import ChargeState
from portal.services.connections import HIGHEST_ID
from portal.web.api.pages import PageQuery
from portal.web.api.shapes.values import PLAIN, Number, NumberText, Shape

_NAME = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
"""One line of text, with more than blanks in it."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_KEY, pattern=_NAME)]
Tag = Annotated[str, StringConstraints(max_length=LONGEST_KEY, pattern=r"^[^\x00]*$")]
EXAMPLE: JsonDict = {
    "key": "2026-10/contoso/m365bp",
    "organization": "Contoso inc.",
    "offer_key": "M365-BP",
    "offer_name": "Microsoft 365 Business Premium",
    "kind": "recurring",
    "cycle": "monthly",
    "quantity": "12",
    "start": "2026-10-01",
    "last": "2026-10-31",
    "unit_cost": "24.30",
    "amount": "291.60",
    "currency": "CAD",
    "tags": {"region": "Québec"},
}


class ChargeIn(Shape):
    """What the partner pays for one organization, offer and period. `key` makes it this charge and no other."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    key: Annotated[
        str,
        StringConstraints(min_length=1, max_length=LONGEST_CHARGE_KEY, pattern=_NAME),
        Field(description="Yours, unique in the connection: the same key again is the same charge."),
    ]
    organization: Annotated[Name, Field(description="Its name; an unknown one is made, and has to be mapped.")]
    offer_key: Annotated[Name, Field(description="Such as a SKU; an unknown one is made, and has to be mapped.")]
    offer_name: Name
    kind: ChargeKind
    cycle: BillingCycle
    quantity: NumberText
    start: date
    last: Annotated[date, Field(description="The last day of the period; the first one is `start`.")]
    unit_cost: Annotated[NumberText | None, Field(description="For a whole cycle; left out, amount ÷ quantity.")] = None
    amount: Annotated[NumberText, Field(description="The whole charge before taxes; negative for a credit.")]
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), Field(examples=["CAD"])]
    is_proratable: Annotated[bool | None, Field(description="Whether unused days are given back.")] = None
    tags: Annotated[dict[Tag, Tag], Field(max_length=50)] = {}


def _check_rows(value: Any) -> list[Any]:
    """As many rows as a call may have, whatever they are: each is looked at by itself."""
    if not isinstance(value, list):
        raise PydanticCustomError("list_type", "not a list")
    if len(value) > MOST:
        raise PydanticCustomError("too_long", "too many rows", {"max_length": MOST})
    if not value:
        raise PydanticCustomError("too_short", "no rows", {"min_length": 1})
    return value


_Shown = Annotated[list[ChargeIn], Field(min_length=1, max_length=MOST)]


class PushIn(Shape):
    """Charges to keep. Each is taken or refused by itself; charges that are not listed stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"charges": [EXAMPLE]}]})

    charges: Annotated[list[Any], PlainValidator(_check_rows, json_schema_input_type=_Shown)]


class PushAnswer(Shape):
    """What became of one row."""

    row: Annotated[int, Field(description="Its place in the call, from 0.")]
    key: str | None
    outcome: Outcome
    reason: Annotated[str | None, Field(description="Why it was refused, in words.")]


class PushOut(Shape):
    """What became of the rows, in their order, and how many of each there are."""

    import_id: Annotated[int | None, Field(description="The import that keeps what was new; null when nothing was.")]
    made: int
    changed: int
    unchanged: int
    refused: int
    rows: list[PushAnswer]


RowId = Annotated[int, Field(ge=1, le=HIGHEST_ID, examples=[1])]
_LINE = StringConstraints(max_length=200, pattern=PLAIN)


class ChargeQuery(PageQuery):
    """A page of the ledger, and which of its charges are asked for."""

    state: Annotated[ChargeState | None, Field(description="Where it stands.", examples=["waiting"])] = None
    organization_id: RowId | None = None
    offer_id: RowId | None = None
    run_id: Annotated[RowId | None, Field(description="On an invoice of this run, or about to be.")] = None
    import_id: RowId | None = None
    kind: Annotated[ChargeKind | None, Field(examples=["recurring"])] = None
    cycle: Annotated[BillingCycle | None, Field(examples=["monthly"])] = None
    currency: Annotated[Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] | None, Field(examples=["CAD"])] = None
    tag: Annotated[
        Annotated[str, _LINE] | None,
        Field(description="A tag by its name, or by name and value.", examples=["region", "region: Québec"]),
    ] = None
    since: Annotated[date | None, Field(description="This day or later.", examples=["2026-10-01"])] = None
    until: Annotated[date | None, Field(description="This day or earlier.", examples=["2026-10-31"])] = None
    by: Annotated[
        DatedBy | None,
        Field(description="The days are those of service (usual), or of the import.", examples=["import"]),
    ] = None
    search: Annotated[
        Annotated[str, _LINE] | None,
        Field(
            description="Words of the names of organization and offer, or the number of a charge or an invoice.",
            examples=["contoso"],
        ),
    ] = None

    def filters(self) -> dict[str, str]:
        """As the list of charges takes them."""
        names = {"organization_id": "organization", "offer_id": "offer", "run_id": "run", "import_id": "import"}
        given = self.model_dump(mode="json", exclude_none=True, exclude={"limit", "cursor", "search"})
        return {names.get(name, name): str(value) for name, value in given.items()}


class ChargeOut(Shape):
    """An entry of the ledger. What was billed is never changed: a correction is another revision of the same key."""

    id: int
    key: Annotated[str, Field(description="Of a pushed charge, `api:` and the key it was pushed with.")]
    revision: int
    provider: str
    organization_id: int
    organization: str
    offer_id: int
    offer: str
    kind: ChargeKind
    cycle: BillingCycle
    quantity: Number
    start: date
    last: date
    unit_cost: Number
    amount: Number
    currency: str
    tags: list[list[str]]
    is_billed: bool
    reverses_id: Annotated[int | None, Field(description="The entry that this one gives back.")]

    @classmethod
    def of(cls, row: ChargeRow) -> ChargeOut:
        """As it is sent."""
        values = {field: getattr(row, field) for field in cls.model_fields}
        return cls(**{**values, "tags": [list(tag) for tag in row.tags]})


class ChargePage(Shape):
    """A page of the ledger."""

    items: list[ChargeOut]
    next: str | None
