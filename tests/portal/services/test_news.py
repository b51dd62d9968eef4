"""What waits to be billed is counted as the preview has it: in what it bills, holds back, and leaves out for now."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from portal.billing.charge import ChargeKind
from portal.billing.export_rule import ExportRule
from portal.notices import Lines
from portal.services import export_rules, planning, status
from portal.services.notice_facts import load_facts

CHARGES = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"


def in_preview(month: Any) -> int:
    """The charges of the preview, but for those that wait for nobody."""
    with month.portal.database.read() as db:
        plan = planning.prepare(db, month.connection_id, None, month.clock()).plan
    billed = sum(len(line.charge_ids) for draft in plan.drafts for line in draft.lines)
    return billed + sum(one.reason not in status.UNCOUNTED for one in plan.skipped)


def news(month: Any) -> Lines:
    """What waits, as the notice and its banner say it."""
    with month.portal.database.read() as db:
        (known,) = load_facts(db, month.clock())
    return known.facts.lines or Lines(invoice_date=date(2026, 11, 1))


def test_the_count_is_that_of_the_preview_whatever_is_switched_off(any_month: Any) -> None:
    month = any_month
    assert news(month).new == in_preview(month) > 50
    month.map("organization,Studio Lumière,,,no,create\noffer,Email Security,SEC-MAIL,,no,")
    fewer = news(month)
    assert fewer.new == in_preview(month)
    month.map("organization,Studio Lumière,,,yes,create")
    assert news(month).new == in_preview(month) > fewer.new, "what is only unmapped waits"
    month.set(start_date=date(2026, 10, 15))
    assert news(month).new == in_preview(month)
    month.bill()
    assert news(month).new == in_preview(month)


def test_what_the_provider_takes_back_after_billing_is_a_removed_line(any_month: Any) -> None:
    month = any_month
    month.bill()
    assert (news(month).new, news(month).removed) == (0, 0)
    document = json.loads(CHARGES.read_text(encoding="utf-8"))
    first = document["charges"][0]
    first["quantity"], first["subTotal"] = first["quantity"] + 1, first["subTotal"] + first["netPriceProrated"]
    month.import_charges(json.dumps(document).encode(), "corrected.json")
    told = news(month)
    assert told.removed == 1
    assert told.new + told.removed == in_preview(month)


def test_what_the_export_rule_keeps_back_is_no_news_until_a_version_lets_it(any_month: Any) -> None:
    month = any_month
    every = news(month).new
    rule = ExportRule(kinds=frozenset({ChargeKind.RECURRING}))
    export_rules.save(month.portal, month.connection_id, rule, version=0, who="marie")
    assert every > news(month).new == in_preview(month) > 0
    month.bill()
    assert news(month).new == in_preview(month) == 0
    export_rules.save(month.portal, month.connection_id, ExportRule(), version=1, who="marie")
    assert news(month).new == in_preview(month) > 0
