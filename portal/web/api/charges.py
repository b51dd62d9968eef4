"""Charges: pushed in bulk, each row with its own answer; and the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from apiflask import APIBlueprint
from flask import Response, json
from pydantic import TypeAdapter, ValidationError

from portal.models import Scope
from portal.services.api import lists
from portal.services.api.push import Outcome, push_charges
from portal.web.access import portal_of_app
from portal.web.api.guard import scoped, token
from portal.web.api.pages import envelope, wanted_page
from portal.web.api.problems import said, wrong_fields
from portal.web.api.shapes.charges import ChargeIn, ChargeOut, ChargePage, ChargeQuery, PushIn, PushOut
from portal.web.words import msgid

blueprint = APIBlueprint("charges", __name__, tag="Charges")
_ROWS = TypeAdapter(list[ChargeIn])
_LONGEST_KEY = 200


@blueprint.post("/connections/<int:connection_id>/charges")
@blueprint.input(PushIn, arg_name="pushed")
@blueprint.output(PushOut)
@blueprint.doc(
    summary=msgid("Push charges, 10,000 in a call at most"),
    description="Idempotent by `key`: the same charges again change nothing. Each row has its own answer; one that "
    "cannot be taken is `refused` with the reason, and does not keep the others. What was billed already and is "
    "changed is given back and charged anew by the next run.",
)
@scoped(Scope.CHARGES_WRITE)
def push(connection_id: int, pushed: PushIn) -> Response:
    given = pushed.charges
    rows, refused = _read(given)
    taken = [(row, _canonical(given[place])) for place, row in rows]
    receipt = push_charges(portal_of_app(), connection_id, taken, name=token().who)
    answers: list[dict[str, Any]] = [
        {
            "row": place,
            "key": answer.key,
            "outcome": answer.outcome,
            "reason": None if answer.reason is None else said(answer.reason),
        }
        for (place, _row), answer in zip(rows, receipt.answers, strict=True)
    ]
    if refused:
        answers = sorted([*answers, *refused], key=lambda one: int(one["row"]))
    counts = Counter(answer["outcome"] for answer in answers)
    body = {"import_id": receipt.import_id, **{one.value: counts[one] for one in Outcome}, "rows": answers}
    return Response(json.dumps(body), content_type="application/json")


def _read(given: Sequence[Any]) -> tuple[list[tuple[int, ChargeIn]], list[dict[str, Any]]]:
    """The rows that have the shape of a charge, each with its place, and the answers to the others."""
    try:
        return list(enumerate(_ROWS.validate_python(given))), []
    except ValidationError:
        pass
    rows: list[tuple[int, ChargeIn]] = []
    refused: list[dict[str, Any]] = []
    for place, one in enumerate(given):
        try:
            rows.append((place, ChargeIn.model_validate(one)))
        except ValidationError as error:
            reason = " ".join(f"{wrong['field']}: {wrong['detail']}" for wrong in wrong_fields(error)[:5])
            key = one.get("key") if isinstance(one, dict) else None
            key = key[:_LONGEST_KEY] if isinstance(key, str) else None
            refused.append({"row": place, "key": key, "outcome": Outcome.REFUSED, "reason": reason})
    return rows, refused


def _canonical(row: Any) -> str:
    """As any provider's row is kept: sorted names, no spaces, digits as they came."""
    return json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@blueprint.get("/connections/<int:connection_id>/charges")
@blueprint.input(ChargeQuery, location="query", arg_name="query")
@blueprint.output(ChargePage)
@blueprint.doc(
    summary=msgid("The ledger of a connection: every charge as it was received"),
    description="The filters are those of the page *List of charges*, and all of them hold at once. Give them again "
    "with the cursor of the page before: a charge whose state changes meanwhile neither hides nor repeats another.",
)
@scoped(Scope.CHARGES_READ)
def list_charges(connection_id: int, query: ChargeQuery) -> dict[str, Any]:
    filters, search = query.filters(), query.search or ""
    page = lists.list_charges(portal_of_app(), connection_id, wanted_page(query), filters, search)
    return envelope(page, [ChargeOut.of(row) for row in page.rows])


@blueprint.get("/connections/<int:connection_id>/charges/<int:charge_id>")
@blueprint.output(ChargeOut)
@blueprint.doc(summary=msgid("One charge"))
@scoped(Scope.CHARGES_READ)
def get_charge(connection_id: int, charge_id: int) -> ChargeOut:
    return ChargeOut.of(lists.get_charge(portal_of_app(), connection_id, charge_id))
