"""What is known of a charge's subscription: whether a credit with the sign on its price is one of seats."""

from __future__ import annotations

import copy
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.services import planning

CHARGES = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"
ON = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("factor", "refused"), [("1", False), ("1.000", False), ("2", True)], ids=["a cost known", "so written", "unknown"]
)
def test_a_credit_priced_at_a_cost_that_the_offer_has_is_one_of_seats(
    any_month: Any, factor: str, refused: bool
) -> None:
    """Also where the cost is written with other decimals."""
    document = json.loads(CHARGES.read_text(encoding="utf-8"))
    one = next(row for row in document["charges"] if row["chargeType"] == "Recurring" and row["quantity"] > 2)
    credit = copy.deepcopy(one)
    credit |= {"chargeId": "00000000-0000-4000-8000-000000000009", "quantity": 1}
    credit["netPrice"] = -one["netPrice"] * float(factor)
    credit["netPriceProrated"] = credit["subTotal"] = credit["netPrice"]
    document["charges"].append(credit)
    text = json.dumps(document)
    if factor == "1.000":
        text = text.replace(json.dumps(credit["netPrice"]), f"{credit['netPrice']}00")
    any_month.import_charges(text.encode(), "with-credit.json")
    with any_month.portal.database.read() as db:
        skipped = planning.prepare(db, any_month.connection_id, ON, any_month.clock()).plan.skipped
    assert ("money-credit" in {one.reason.value for one in skipped}) is refused
