"""The page of the export rule: chosen, tried out, saved as a version; who may only look sees what it says and does."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import EVERYTHING, Chosen, DatedBy, Dates, ExportRule, Span, Tag, Which
from portal.models import Charge, Offer, Organization, Role
from portal.services import billing, export_rules, rule_choices
from portal.web.rule_form import tag_value

RULE = "/connections/1/rule"
MIDDLE = date(2026, 10, 15)
BAKERY = "Boulangerie Aux Trois Blés"


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def rule_of(month: Any) -> ExportRule:
    return export_rules.read(month.portal, 1).rule


def id_of(month: Any, name: str = BAKERY) -> int:
    with month.portal.database.read() as db:
        found = db.scalar(sa.select(Organization.id).filter_by(name=name))
        return int(found or db.scalar(sa.select(Offer.id).filter_by(name=name)))


def save(who: Any, seen: int = 0, more: dict[str, Any] | None = None, **fields: Any) -> Any:
    who.get(RULE)
    return who.post(RULE, {"seen": str(seen), "do": "save", **fields, **(more or {})})


def test_before_the_first_version_every_charge_may_leave(admin: Any) -> None:
    text = text_of(admin.get(RULE))
    assert "Every charge may leave." in text
    assert "No version yet" in text
    assert "Not saved yet" not in text
    assert re.search(r"May leave [\d,]+ charges", text)
    assert re.search(r"Kept back 0 charges", text)


def test_only_some_organizations_are_saved_as_a_version(admin: Any, month: Any) -> None:
    answer = save(admin, 0, {"organizations-which": "only", "organizations": str(id_of(month))})
    assert (answer.status_code, answer.location) == (303, RULE)
    text = text_of(admin.get(RULE))
    assert "Version 1 is saved. It takes effect at the next synchronization; a run that is approved and a visit" in text
    assert text.count(f"Only charges of {BAKERY}.") == 2
    assert "administrator@nordet.example" in text
    assert "in force" in text
    assert rule_of(month) == ExportRule(organizations=Chosen(which=Which.ONLY, ids=frozenset({id_of(month)})))


def test_what_it_does_is_shown_and_nothing_is_saved(admin: Any, month: Any) -> None:
    admin.get(RULE)
    answer = admin.post(RULE, {"seen": "0", "do": "show", "kind": ["recurring", "usage"]})
    assert answer.status_code == 200
    text = text_of(answer)
    assert "Only charges of the kind recurring or usage." in text
    assert "Not saved yet" in text
    told = export_rules.effect(month.portal, 1, ExportRule(kinds=frozenset({ChargeKind.RECURRING, ChargeKind.USAGE})))
    assert f"May leave {told.kept[0].count} charges {told.kept[0].amount:,.2f} CAD" in text
    assert f"Kept back {told.dropped[0].count} charge" in text
    assert re.search(r'value="usage" checked', answer.text)
    assert export_rules.read(month.portal, 1).version == 0


def test_scripts_load_a_part_of_the_page_anew(admin: Any, month: Any) -> None:
    admin.get(RULE)
    form = {"seen": "0", "kind": "usage", "organizations-which": "only", "organizations-q": "trois", "tags-q": "depart"}
    for target, holds, lacks in (
        ("effect", "This cannot be a rule yet", "Department"),
        ("organizations-list", BAKERY, "Studio"),
        ("offers-list", "Microsoft 365 Business Basic", BAKERY),
        ("tags-list", "Department", BAKERY),
    ):
        answer = admin.post(RULE, form, headers={"HX-Request": "true", "HX-Target": target})
        assert answer.status_code == 200, target
        assert "<html" not in answer.text
        assert holds in unescape(answer.text), target
        assert lacks not in unescape(answer.text), target


FIELDS: dict[str, tuple[dict[str, Any], ExportRule]] = {
    "between two days of import": (
        {"span": "between", "by": "import", "first": "2026-10-01", "last": "2026-10-31"},
        ExportRule(
            dates=Dates(span=Span.BETWEEN, by=DatedBy.IMPORT, first=date(2026, 10, 1), last=date(2026, 10, 31)),
        ),
    ),
    "since a day": ({"span": "since", "since": "2026-10-15"}, ExportRule(dates=Dates(span=Span.SINCE, first=MIDDLE))),
    "the last days": ({"span": "last", "days": "40"}, ExportRule(dates=Dates(span=Span.LAST, days=40))),
    "tags": (
        {"tag": [tag_value(Tag("Department"), "+"), tag_value(Tag("PurchaseOrder"), "-"), ""]},
        ExportRule(any_of=frozenset({Tag("Department")}), none_of=frozenset({Tag("PurchaseOrder")})),
    ),
    "kinds and cycles": (
        {"kind": ["usage", "credit"], "cycle": "monthly"},
        ExportRule(kinds=frozenset({ChargeKind.USAGE, ChargeKind.CREDIT}), cycles=frozenset({BillingCycle.MONTHLY})),
    ),
    "amounts as they are written in French": (
        {"least": "-1\u00a0234,50", "most": "12,5"},
        ExportRule(least=Decimal("-1234.50"), most=Decimal("12.5")),
    ),
    "amounts with commas between thousands": ({"most": "1,234,567.50"}, ExportRule(most=Decimal("1234567.50"))),
    "ticks without a meaning": ({"offers-which": "all", "offers": "1"}, EVERYTHING),
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_part_of_the_form_is_a_part_of_the_rule(admin: Any, month: Any, name: str) -> None:
    fields, rule = FIELDS[name]
    save(admin, **fields)
    assert rule_of(month) == rule
    page = admin.get(RULE).text
    for field, value in fields.items():
        if field in ("first", "last", "since", "days"):
            assert f'value="{value}"' in page, "the form is filled with what is saved"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "the period ends before it begins": (
        {"span": "between", "first": "2026-11-02", "last": "2026-11-01"},
        "The period ends on 2026-11-01, before it begins on 2026-11-02. Swap the two dates, or mend one.",
    ),
    "a day is missing": ({"span": "since", "since": ""}, "Give the first day of the period."),
    "a day is none": ({"span": "since", "since": "tomorrow"}, "tomorrow is not a date. Write it like 2026-11-30."),
    "no days": ({"span": "last", "days": "0"}, "Give a number of days from 1 to 3650."),
    "days that are no number": ({"span": "last", "days": "-3"}, "Give a number of days from 1 to 3650."),
    "amounts the wrong way round": (
        {"least": "20", "most": "10"},
        "The highest amount, 10.00, is below the lowest, 20.00. Swap the two, or mend one.",
    ),
    "an amount that is none": ({"least": "a lot"}, "a lot is not an amount. Write it like 12.50."),
    "an amount that is not finite": ({"least": "NaN"}, "Amounts go up to 999,999,999.99."),
    "a tag that no charge carries": (
        {"tag": tag_value(Tag("Nothing", "like it"), "+")},
        "No charge carries the tag Nothing: like it. Choose one from the list.",
    ),
    "nothing is ticked": (
        {"organizations-which": "only"},
        "No organization is chosen, so nothing would ever be billed.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_a_rule_is_told_at_the_field_and_stays_typed(admin: Any, month: Any, name: str) -> None:
    fields, sentence = WRONG[name]
    for done in ("save", "show"):
        answer = save(admin, **{**fields, "do": done, "kind": "usage"})
        assert answer.status_code == (400 if done == "save" else 200)
        assert sentence in unescape(answer.text)
        assert re.search(r'id="problem-\w+"', answer.text)
        assert 'value="usage" checked' in answer.text
        for value in fields.values():
            assert str(value).split(",")[0] in unescape(answer.text)
    assert export_rules.read(month.portal, 1).version == 0


def test_rows_that_do_not_exist_here_are_refused(admin: Any, month: Any) -> None:
    answer = save(admin, 0, {"offers-which": "except", "offers": "99999"})
    assert answer.status_code == 400
    assert "does not exist here. Choose again" in answer.text


@pytest.mark.parametrize("sent", ["x", "[]", '+["a"]', '+["a", 1]', "+[[], {}]", "", "+", '*["Department", ""]'])
def test_a_tag_that_cannot_be_read_asks_for_nothing(admin: Any, month: Any, sent: str) -> None:
    assert save(admin, tag=sent, kind="usage").status_code == 303
    assert rule_of(month) == ExportRule(kinds=frozenset({ChargeKind.USAGE}))


def test_another_version_is_not_overwritten_and_what_was_typed_stays(admin: Any, month: Any) -> None:
    assert save(admin, kind="usage").status_code == 303
    late = admin.post(RULE, {"seen": "0", "do": "save", "least": "77"})
    assert late.status_code == 409
    text = text_of(late)
    assert "administrator@nordet.example saved another version of the rule meanwhile, so nothing was saved" in text
    assert f'href="{RULE}" target="_blank"' in late.text
    assert 'value="77"' in late.text
    assert 'name="seen" value="1"' in late.text, "who saves now was told"
    assert admin.post(RULE, {"seen": "1", "do": "save", "least": "77"}).status_code == 303
    assert rule_of(month) == ExportRule(least=Decimal(77))
    assert admin.post(RULE, {"seen": "x", "do": "save"}).status_code == 409


def test_a_trial_does_not_forget_what_the_form_was_filled_with(admin: Any, month: Any) -> None:
    assert save(admin, kind="usage").status_code == 303
    tried = admin.post(RULE, {"seen": "0", "do": "show", "least": "77"})
    assert 'name="seen" value="0"' in tried.text


def test_the_same_rule_again_is_no_version(admin: Any, month: Any) -> None:
    save(admin, kind="usage")
    assert save(admin, 1, kind="usage").status_code == 303
    assert "Nothing was changed" in admin.get(RULE).text
    assert export_rules.read(month.portal, 1).version == 1


def test_an_earlier_version_fills_the_form_and_counts_once_it_is_saved(admin: Any, month: Any) -> None:
    save(admin, kind="usage")
    save(admin, 1, kind="credit")
    assert 'href="/connections/1/rule?again=1"' in admin.get(RULE).text
    page = admin.get(f"{RULE}?again=1")
    assert "The form is filled with version 1." in page.text
    assert re.search(r'value="usage" checked', page.text)
    assert "Not saved yet" in page.text
    assert rule_of(month) == ExportRule(kinds=frozenset({ChargeKind.CREDIT}))
    assert admin.get(f"{RULE}?again=9").status_code == 404
    assert admin.get(f"{RULE}?again=x").status_code == 200


def test_who_may_only_look_sees_the_rule_and_what_it_does(
    admin: Any, month: Any, person: Callable[[Role], Any]
) -> None:
    save(admin, kind="usage")
    reader = person(Role.ACCOUNTANT)
    page = reader.get(f"{RULE}?again=1")
    text = text_of(page)
    assert "Only charges of the kind usage." in text
    assert "May leave" in text
    assert "administrator@nordet.example" in text
    assert 'id="rule"' not in page.text
    assert "Use this version again" not in page.text
    assert reader.post(RULE, {"do": "show"}).status_code == 403


def test_among_ten_thousand_organizations_what_is_chosen_stays_while_somebody_searches(admin: Any, month: Any) -> None:
    own = {"connection_id": 1}
    with month.portal.database.write() as db:
        db.execute(sa.insert(Organization), [{**own, "key": f"k{n}", "name": f"Many {n:05}"} for n in range(10_000)])
    assert len(admin.get(RULE).data) < 300_000
    chosen = id_of(month)
    form: dict[str, Any] = {
        "seen": "0",
        "organizations-which": "except",
        "organizations": str(chosen),
        "organizations-q": "many 0000",
    }
    found = admin.post(RULE, {**form, "do": "organizations:1"})
    assert "10 found" in text_of(found)
    assert f'value="{chosen}" checked' in found.text
    every = admin.post(RULE, {**form, "organizations-q": "many", "do": "organizations:all"})
    assert "10001 ticked" in text_of(every)
    assert len(every.data) < 300_000
    kept = re.search(r'name="organizations-kept" value="([\d,]+)"', every.text)
    assert kept
    listed = re.findall(r'name="organizations" value="(\d+)" checked', every.text)
    assert len(listed) == rule_choices.MOST_LISTED
    form |= {"organizations": listed, "organizations-kept": kept[1]}
    assert admin.post(RULE, {**form, "do": "save"}).status_code == 303
    assert len(rule_of(month).organizations.ids) == 10_001
    assert "of every organization but 10001" in text_of(admin.get(RULE))
    none = admin.post(RULE, {**form, "do": "organizations:none"})
    assert "0 ticked" in text_of(none)
    second = admin.post(RULE, {"seen": "1", "organizations-q": "many", "do": "organizations:2"})
    assert "Many 00025" in second.text
    assert "2 of 400" in text_of(second)


def test_a_run_that_is_being_made_is_named_with_its_version(admin: Any, month: Any) -> None:
    billing.begin(month.portal, 1)
    save(admin, kind="usage")
    text = text_of(admin.get(RULE))
    assert "The run of November 1, 2026 is being made, and keeps version 0." in text


def test_the_log_says_the_rule_before_and_after(admin: Any) -> None:
    save(admin, kind="usage")
    text = text_of(admin.get("/connections/1/log"))
    assert "Export rule saved" in text
    assert "Every charge may leave." in text
    assert "Only charges of the kind usage." in text
    assert "Only charges of the kind usage." in admin.get("/connections/1/log.csv").text
    admin.post("/language", {"language": "fr", "next": "/"})
    text = text_of(admin.get("/connections/1/log"))
    assert "Règle d'exportation enregistrée" in text
    assert "Tous les frais peuvent partir." in text


def test_the_charges_and_the_preview_lead_to_the_rule(admin: Any) -> None:
    assert f'href="{RULE}"' in admin.get("/connections/1/charges").text
    assert f'href="{RULE}"' not in admin.get("/connections/1/preview").text
    save(admin, kind="usage")
    assert f'href="{RULE}"' in admin.get("/connections/1/preview").text


def test_excluded_charges_are_not_billed_and_come_back(admin: Any, month: Any) -> None:
    save(admin, 0, {"organizations-which": "except", "organizations": str(id_of(month))})
    first = month.bill()
    assert BAKERY not in {draft.organization for draft in first.drafts}
    save(admin, 1)
    assert month.visit().went_well
    month.bill()
    assert BAKERY in {draft.organization for draft in month.run().drafts}


def test_a_rule_saved_while_a_visit_runs_takes_nothing_back(admin: Any, month: Any) -> None:
    month.bill()
    with month.portal.database.read() as db:
        billed = db.scalar(sa.select(sa.func.count()).select_from(Charge).filter_by(is_billed=True))
    save(admin, least="999999")
    assert month.visit().went_well
    assert set(month.states()) <= {"reconciled", "done"}
    with month.portal.database.read() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(Charge).filter_by(is_billed=True)) == billed
