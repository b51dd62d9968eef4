"""Saving export rules and what follows: versions, the next run, a run under way, late charges, corrections, costs."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.billing.charge import ChargeKind
from portal.billing.export_rule import (
    EVERYTHING,
    Chosen,
    DatedBy,
    Dates,
    ExportRule,
    Span,
    Tag,
    Which,
)
from portal.errors import Conflict, NotFound, Refused, Stale
from portal.models import AuditEntry, BilledCharge, Charge, Draft, ExportRuleVersion, Offer, Organization, Run
from portal.services import (
    audit,
    billing,
    charge_list,
    charge_states,
    export_rules,
    insight,
    planning,
    preview,
    runs,
)
from portal.services.paging import Wanted

ON = date(2026, 11, 1)
SAMPLES = Path(__file__).resolve().parents[3] / "samples" / "sherweb"
NO_CREDITS = ExportRule(kinds=frozenset(ChargeKind) - {ChargeKind.CREDIT})
NO_USAGE = ExportRule(kinds=frozenset(ChargeKind) - {ChargeKind.USAGE})


def save(month: Any, rule: ExportRule, version: int | None = None) -> export_rules.RuleView:
    seen = export_rules.read(month.portal, month.connection_id).version if version is None else version
    return export_rules.save(month.portal, month.connection_id, rule, version=seen, who="ann@example.com")


def but_organization(month: Any, name: str) -> ExportRule:
    return ExportRule(organizations=Chosen(which=Which.EXCEPT, ids=frozenset({organization(month, name)})))


def organization(month: Any, name: str) -> int:
    with month.portal.database.read() as db:
        found = db.scalar(sa.select(Organization.id).filter_by(name=name))
    assert found is not None
    return int(found)


def clients(month: Any) -> list[str]:
    seen = preview.preview(month.portal, month.connection_id)
    return [draft.organization for draft in seen.drafts if draft.reason is None]


def kinds_billed(month: Any) -> set[str]:
    with month.portal.database.read() as db:
        return {kind.value for kind in db.scalars(sa.select(Charge.kind).join(BilledCharge).distinct())}


def with_more_seats(client: str = "") -> bytes:
    """The month's charges as the provider corrects them: a seat more of all that a client, or everybody, has."""
    document = json.loads((SAMPLES / "payable-charges-2026-10.json").read_text(encoding="utf-8"))
    for row in document["charges"]:
        names = {tag["value"] for tag in row["tags"] if tag["name"] == "CustomerDisplayName"}
        if row["chargeType"] == "Recurring" and row["quantity"] > 0 and client in ("", *names):
            row["subTotal"] = round(row["subTotal"] * (row["quantity"] + 1) / row["quantity"], 2)
            row["quantity"] += 1
    return json.dumps(document).encode()


def versions(month: Any) -> tuple[export_rules.RuleView, ...]:
    return export_rules.read_page(month.portal, month.connection_id).versions.rows


# -- versions ----------------------------------------------------------------------------------------------------------


def test_before_the_first_version_everything_leaves(any_month: Any) -> None:
    seen = export_rules.read(any_month.portal, any_month.connection_id)
    assert (seen.version, seen.rule, seen.who, seen.at) == (0, EVERYTHING, "", None)
    assert str(seen.words) == "Every charge may leave."
    assert versions(any_month) == ()


def test_a_rule_is_said_in_each_language_as_it_writes_days_and_amounts(month: Any) -> None:
    rule = ExportRule(dates=Dates(span=Span.SINCE, first=date(2026, 1, 1)), least=Decimal(1500))
    told = save(month, rule).words
    assert str(told) == told.by_language["en"] == "Only charges dated since January 1, 2026, of 1,500.00 or more."
    assert "1er janvier 2026" in told.by_language["fr"]
    assert "1\xa0500,00" in told.by_language["fr"]


def test_every_version_is_kept_with_who_and_when(any_month: Any) -> None:
    first = save(any_month, NO_CREDITS)
    assert (first.version, first.who, first.at) == (1, "ann@example.com", any_month.clock())
    any_month.clock.at += timedelta(hours=1)
    second = save(any_month, EVERYTHING)
    assert versions(any_month) == (second, first)
    assert export_rules.read_version(any_month.portal, any_month.connection_id, 1) == first
    with pytest.raises(NotFound):
        export_rules.read_version(any_month.portal, any_month.connection_id, 3)
    assert export_rules.read(any_month.portal, any_month.connection_id) == second
    with any_month.portal.database.read() as db:
        found = audit.entries(db, any_month.connection_id, [export_rules.SUBJECT])[export_rules.SUBJECT]
    assert [(one.action, one.detail["version"]) for one in found] == [(export_rules.SAVED, 2), (export_rules.SAVED, 1)]
    assert found[0].detail["before"] == found[1].detail["after"]


def test_the_same_rule_again_is_no_new_version(any_month: Any) -> None:
    assert save(any_month, EVERYTHING).version == 0
    save(any_month, NO_CREDITS)
    assert save(any_month, NO_CREDITS).version == 1
    with any_month.portal.database.read() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(ExportRuleVersion)) == 1
        assert db.scalar(sa.select(sa.func.count()).select_from(AuditEntry).filter_by(action=export_rules.SAVED)) == 1


def test_of_two_who_save_at_once_the_second_is_told(any_month: Any) -> None:
    save(any_month, NO_CREDITS, version=0)
    with pytest.raises(Stale, match=r"ann@example.com saved another version of the rule meanwhile"):
        save(any_month, NO_USAGE, version=0)
    assert export_rules.read(any_month.portal, any_month.connection_id).rule == NO_CREDITS


def test_of_many_who_save_in_the_same_moment_one_is_first(any_month: Any) -> None:
    ended: list[str] = []

    def work(number: int) -> None:
        try:
            save(any_month, ExportRule(least=Decimal(number)), version=0)
            ended.append("saved")
        except Stale:
            ended.append("told")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["saved", "told", "told", "told"]


@pytest.mark.parametrize(
    "rule",
    [
        ExportRule(organizations=Chosen(which=Which.ONLY)),
        ExportRule(offers=Chosen(which=Which.ONLY, ids=frozenset({999_999}))),
        ExportRule(organizations=Chosen(which=Which.EXCEPT, ids=frozenset({1, 999_999}))),
        ExportRule(organizations=Chosen(which=Which.ONLY, ids=frozenset(range(50_001)))),
        ExportRule(dates=Dates(span=Span.BETWEEN, first=ON, last=ON - timedelta(days=1))),
    ],
)
def test_what_cannot_be_a_rule_is_refused_and_not_kept(month: Any, rule: ExportRule) -> None:
    with pytest.raises(Refused):
        save(month, rule)
    assert export_rules.read(month.portal, month.connection_id).version == 0


def test_another_partners_rows_are_unknown_here(month: Any) -> None:
    with pytest.raises(NotFound):
        export_rules.read(month.portal, 99)
    with month.portal.database.write() as db:
        db.execute(sa.text("PRAGMA defer_foreign_keys=ON"))
        db.execute(sa.update(Offer).where(Offer.id == 1).values(connection_id=99))
        db.execute(sa.insert(Offer).values(connection_id=month.connection_id, key="mine", name="mine"))
        with pytest.raises(Refused, match="does not exist here"):
            export_rules._check_rows(
                db, month.connection_id, ExportRule(offers=Chosen(which=Which.ONLY, ids=frozenset({1})))
            )
        db.execute(sa.update(Offer).where(Offer.id == 1).values(connection_id=month.connection_id))


def test_runs_that_are_being_made_are_named_with_the_version_that_they_keep(any_month: Any) -> None:
    assert export_rules.read_page(any_month.portal, any_month.connection_id).held_by == ()
    billing.begin(any_month.portal, any_month.connection_id)
    save(any_month, NO_CREDITS)
    held = export_rules.read_page(any_month.portal, any_month.connection_id).held_by
    assert held == ((date(2026, 11, 1), 0),)


def test_versions_are_shown_a_page_at_a_time(month: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_rules, "VERSIONS", 2)
    for rule in (NO_CREDITS, EVERYTHING, NO_USAGE):
        save(month, rule)
    pages = [export_rules.read_page(month.portal, month.connection_id, page=page).versions for page in (1, 2)]
    assert [[one.version for one in page.rows] for page in pages] == [[3, 2], [1]]


def test_tags_that_no_charge_carries_are_told(month: Any) -> None:
    def told(*tags: Tag) -> str:
        return str(export_rules.tag_problem(month.portal, month.connection_id, ExportRule(none_of=frozenset(tags))))

    assert told() == told(Tag("Department")) == "None"
    assert told(Tag("department")) == "No charge carries the tag department. Choose one from the list."


# -- what a rule would do ----------------------------------------------------------------------------------------------

EFFECTS = {
    "everything": EVERYTHING,
    "no credits": NO_CREDITS,
    "since the 15th": ExportRule(dates=Dates(span=Span.SINCE, first=date(2026, 10, 15))),
    "imported today": ExportRule(dates=Dates(span=Span.LAST, by=DatedBy.IMPORT, days=1)),
    "imported before": ExportRule(
        dates=Dates(span=Span.BETWEEN, by=DatedBy.IMPORT, first=date(2026, 1, 1), last=date(2026, 10, 31))
    ),
    "a tag": ExportRule(any_of=frozenset({Tag("Department")})),
    "amounts": ExportRule(least=Decimal(100)),
    "organizations": ExportRule(
        organizations=Chosen(which=Which.EXCEPT, ids=frozenset({1, 2})),
        offers=Chosen(which=Which.EXCEPT, ids=frozenset({1})),
        dates=Dates(span=Span.SINCE, first=date(2026, 10, 1)),
    ),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_what_a_rule_would_keep_and_drop_is_told_before_it_is_saved(any_month: Any, name: str) -> None:
    any_month.bill()
    any_month.import_charges(with_more_seats(), "corrected.json")
    told = export_rules.effect(any_month.portal, any_month.connection_id, EFFECTS[name])
    save(any_month, EFFECTS[name])
    rows = charge_list.list_charges(any_month.portal, any_month.connection_id, Wanted(size=500)).rows
    free = [row for row in rows if row.draft_id is None]
    for which, is_dropped in ((told.kept, False), (told.dropped, True)):
        of_it = [row for row in free if (row.state == "excluded") is is_dropped]
        ((currency, count, amount),) = ((one.currency, one.count, one.amount) for one in which)
        assert (currency, count, amount) == ("CAD", len(of_it), sum(row.amount for row in of_it))
    assert charge_states.tally(any_month.portal, any_month.connection_id).adds_up


def test_two_currencies_are_told_apart(any_month: Any) -> None:
    with any_month.portal.database.write() as db:
        some = sa.select(Charge.id).where(Charge.kind == ChargeKind.USAGE)
        db.execute(sa.update(Charge).where(Charge.id.in_(some)).values(currency="USD"))
    told = export_rules.effect(any_month.portal, any_month.connection_id, NO_USAGE)
    assert [one.currency for one in told.kept] == ["CAD", "USD"]
    assert [one.count > 0 for one in told.kept] == [True, False]
    assert [one.count > 0 for one in told.dropped] == [False, True]


# -- what follows ------------------------------------------------------------------------------------------------------


def test_the_next_run_leaves_out_what_the_rule_keeps_back_and_the_preview_says_so(any_month: Any) -> None:
    name = clients(any_month)[0]
    save(any_month, but_organization(any_month, name))
    seen = preview.preview(any_month.portal, any_month.connection_id)
    assert name not in [draft.organization for draft in seen.drafts]
    told = [row for row in seen.skipped if row.code == "excluded"]
    assert {row.organization for row in told} == {name}
    assert {row.link for row in told} == {"rule"}
    assert "export rule" in str(told[0].reason)
    run = any_month.bill()
    assert name not in [draft.organization for draft in run.drafts]
    with any_month.portal.database.read() as db:
        assert set(
            db.scalars(sa.select(ExportRuleVersion.version).join(Draft, Draft.rule_id == ExportRuleVersion.id))
        ) == {1}
        prepared = planning.prepare(db, any_month.connection_id, ON, any_month.clock())
    assert sum(one.count for one in prepared.excluded) == sum(row.count for row in told) > 0


def test_an_excluded_charge_is_not_swept_up_later_and_comes_back_when_the_rule_lets_it(any_month: Any) -> None:
    save(any_month, NO_USAGE)
    any_month.bill()
    assert "usage" not in kinds_billed(any_month)
    any_month.clock.at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    for on in (date(2026, 11, 1), date(2026, 12, 1)):
        with pytest.raises(Refused) if on.month == 12 else _nothing():
            any_month.bill(on)
    assert "usage" not in kinds_billed(any_month)
    save(any_month, EVERYTHING)
    any_month.bill(date(2026, 12, 1))
    assert "usage" in kinds_billed(any_month)


class _nothing:  # noqa: N801
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_args: object) -> None:
        return None


def test_what_is_kept_back_is_no_orphan(any_month: Any) -> None:
    save(any_month, NO_USAGE)
    any_month.bill()
    report = insight.orphans(any_month.portal, any_month.connection_id)
    told = [one for one in report.left_out if "export rule" in str(one.why)]
    with any_month.portal.database.read() as db:
        usage = db.execute(
            sa.select(sa.func.count(), sa.func.sum(Charge.amount_cents)).where(Charge.kind == ChargeKind.USAGE)
        ).one()
    assert [(one.currency, one.count, one.amount) for one in told] == [("CAD", usage[0], Decimal(int(usage[1])) / 100)]
    assert all("Azure" not in row.offer for group in report.groups for row in group.rows)


def test_the_unit_costs_of_what_is_kept_back_do_not_count(any_month: Any) -> None:
    def costs() -> set[str]:
        with any_month.portal.database.read() as db:
            return set(planning.prepare(db, any_month.connection_id, ON, any_month.clock()).costs)

    before = costs()
    with any_month.portal.database.read() as db:
        item = db.scalar(sa.select(Offer.item_list_id).where(Offer.item_list_id.in_(before)))
        ids = frozenset(db.scalars(sa.select(Offer.id).where(Offer.item_list_id == item)))
    save(any_month, ExportRule(offers=Chosen(which=Which.EXCEPT, ids=ids)))
    assert costs() == before - {item}


def test_a_run_that_was_begun_keeps_the_version_it_began_with(any_month: Any) -> None:
    """Also where it is stopped, and another process goes on the next day."""
    name = clients(any_month)[0]
    save(any_month, ExportRule(dates=Dates(span=Span.LAST, days=32)))
    run_id = billing.begin(any_month.portal, any_month.connection_id)
    expected = len(clients(any_month))
    save(any_month, but_organization(any_month, name))
    any_month.clock.at += timedelta(days=1)
    seen = preview.preview(any_month.portal, any_month.connection_id, ON)
    assert name in [draft.organization for draft in seen.drafts]
    billing.finish(any_month.portal, any_month.connection_id, run_id)
    run = any_month.run()
    assert len(run.drafts) == expected
    assert name in [draft.organization for draft in run.drafts]
    with any_month.portal.database.read() as db:
        row = db.get_one(Run, run_id)
        version = db.get_one(ExportRuleVersion, row.rule_id).version
    assert (version, row.rule_on) == (1, ON)


def test_a_run_that_is_asked_for_again_once_it_is_made_takes_the_newest(any_month: Any) -> None:
    name = clients(any_month)[0]
    save(any_month, but_organization(any_month, name))
    any_month.bill()
    save(any_month, EVERYTHING)
    run = any_month.bill()
    assert name in [draft.organization for draft in run.drafts]
    rows = charge_list.list_charges(any_month.portal, any_month.connection_id, Wanted(size=500)).rows
    versions = {row.organization: row.rule_version for row in rows if row.draft_id is not None}
    assert versions[name] == 2
    assert {version for client, version in versions.items() if client != name} == {1}


def test_a_rule_saved_between_preview_and_approval_is_a_change(any_month: Any) -> None:
    seen = preview.preview(any_month.portal, any_month.connection_id)
    one = next(draft for draft in seen.drafts if draft.reason is None)
    save(any_month, but_organization(any_month, one.organization))
    with pytest.raises(Conflict, match="Something changed since the preview"):
        billing.begin(any_month.portal, any_month.connection_id, approved={one.organization_id: one.fingerprint})


def test_what_was_approved_and_is_kept_back_by_the_time_it_is_made_is_told(any_month: Any) -> None:
    """As when somebody else, with a newer version, was first to begin the run."""
    seen = preview.preview(any_month.portal, any_month.connection_id)
    one, other, *_ = [draft for draft in seen.drafts if draft.reason is None]
    approved = {draft.organization_id: draft.fingerprint for draft in (one, other)}
    run_id = billing.begin(any_month.portal, any_month.connection_id, approved=approved)
    save(any_month, but_organization(any_month, one.organization))
    with any_month.portal.database.write() as db:
        db.get_one(Run, run_id).rule_id = db.scalar(sa.select(ExportRuleVersion.id))
    billing.finish(any_month.portal, any_month.connection_id, run_id)
    run = any_month.run()
    assert [draft.organization for draft in run.drafts] == [other.organization]
    assert run.changed == (one.organization,)


def test_where_all_is_kept_back_the_date_stays_open(any_month: Any) -> None:
    save(any_month, ExportRule(dates=Dates(span=Span.LAST, days=1)))
    with pytest.raises(billing.NothingToBill):
        billing.begin(any_month.portal, any_month.connection_id)
    assert runs.list_runs(any_month.portal, any_month.connection_id) == ()
    save(any_month, EVERYTHING)
    assert any_month.bill().drafts


def test_what_is_queued_is_sent_whatever_the_rule_says_since(month: Any) -> None:
    month.bill()
    save(month, ExportRule(least=Decimal(999_999)))
    assert month.visit().went_well
    assert set(month.states()) <= {"reconciled", "done"}


def test_what_gives_back_a_billed_charge_always_leaves(any_month: Any) -> None:
    """The client was invoiced for it; the charge as it is now stays back as the rule says."""
    name = clients(any_month)[0]
    any_month.bill()
    save(any_month, but_organization(any_month, name))
    any_month.import_charges(with_more_seats(name), "corrected.json")
    rows = charge_list.list_charges(any_month.portal, any_month.connection_id, Wanted(size=500)).rows
    free = [row for row in rows if row.draft_id is None and row.organization == name]
    assert {(row.gives_back, row.state.value) for row in free} == {(True, "waiting"), (False, "excluded")}
    with any_month.portal.database.read() as db:
        prepared = planning.prepare(db, any_month.connection_id, ON, any_month.clock())
    planned = {one for draft in prepared.plan.drafts for line in draft.lines for one in line.charge_ids}
    assert {row.id for row in free if row.gives_back} <= planned
    assert not planned & {row.id for row in free if not row.gives_back}


def test_the_last_days_are_counted_where_the_connection_is(any_month: Any) -> None:
    """Half past ten in the evening of October 31 in Toronto is November already in London."""
    save(any_month, ExportRule(dates=Dates(span=Span.LAST, by=DatedBy.IMPORT, days=1)))
    assert clients(any_month)
    any_month.clock.at = datetime(2026, 11, 2, 4, 59, tzinfo=UTC)  # the last minute of November 1
    with any_month.portal.database.read() as db:
        assert planning.prepare(db, any_month.connection_id, ON, any_month.clock()).excluded == ()
    any_month.clock.at = datetime(2026, 11, 2, 5, 0, tzinfo=UTC)
    with any_month.portal.database.read() as db:
        prepared = planning.prepare(db, any_month.connection_id, ON, any_month.clock())
    assert prepared.plan.drafts == ()
    assert prepared.excluded
