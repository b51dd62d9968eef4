"""Notices from the facts of the database: what each is computed from, who dismissed it, and at which cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.billing.period import BillingMode
from portal.errors import NotFound, Refused, Stale
from portal.models import Charge, Connection, CostState, Draft, DraftState, ItemCost, Role
from portal.notices import Kind
from portal.providers import ProviderError
from portal.services import accounts, call_rhythm, connections, connector, notices, open_notices, sources
from portal.services.notice_facts import load_facts
from portal.services.planning import prepare
from portal.services.retries import retry_draft
from qbwc import models as wire
from qbwc.sandbox import Company

LONG = "a long password"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def kinds(portal: Any, connection_id: int = 1, user_id: int | None = None) -> list[str]:
    seen = notices.list_notices(portal, connection_id, user_id=user_id)
    return [str(view.notice.kind) for view in seen if not view.is_dismissed]


def one(portal: Any, kind: Kind, connection_id: int = 1) -> Any:
    (found,) = [v.notice for v in notices.list_notices(portal, connection_id) if v.notice.kind is kind]
    return found


def person(portal: Any, email: str = "anne@example.com", role: Role = Role.ADMINISTRATOR) -> int:
    partner = connections.list_connections(portal)[0].partner
    return accounts.add_user(portal, email, partner=partner, role=role, password="a long password").id


def test_a_month_from_the_first_day_to_the_billed_one(any_month: Any) -> None:
    portal = any_month.portal
    assert kinds(portal) == ["lines-waiting"]
    any_month.bill()
    any_month.visit()
    assert kinds(portal) == ["errors"]  # the sample's item that has no field for its cost
    assert str(one(portal, Kind.ERRORS).what) == "Waiting for a person: 0 invoices, 1 unit costs, 0 lists."


def test_the_lines_that_wait_are_those_of_the_preview(any_month: Any) -> None:
    """Also with rows that are switched off, not mapped, too old or given back."""
    portal = any_month.portal
    any_month.map("organization,Boulangerie Dupain,,,no,create\noffer,,CFQ7TTC0LH18,,yes,")
    with portal.database.read() as db:
        made = prepare(db, 1, None, portal.now())
        uncounted = {"organization-off", "offer-off", "before-start"}
        counted = sum(len(line.charge_ids) for draft in made.plan.drafts for line in draft.lines)
        counted += sum(1 for skipped in made.plan.skipped if skipped.reason.value not in uncounted)
        (known,) = load_facts(db, portal.now())
    assert known.facts.lines is not None
    assert (known.facts.lines.new, known.facts.lines.removed) == (counted, 0)
    assert known.facts.lines.invoice_date == made.on


def test_what_is_taken_back_after_billing_counts_as_removed(billed: Any) -> None:
    portal = billed.portal
    with portal.database.write() as db:
        billed = db.scalars(sa.select(Charge).limit(2)).all()
        for row in billed:
            copied = {c.name: getattr(row, c.name) for c in Charge.__table__.columns if c.name != "id"}
            copied |= {"revision": 2, "reverses_id": row.id, "is_billed": False}
            db.add(Charge(**copied))
    seen = one(portal, Kind.LINES_WAITING)
    assert str(seen.what) == "Waiting to be billed: 0 new lines, 2 removed lines."


def test_rows_to_map_and_rows_whose_counterpart_is_gone(any_month: Any) -> None:
    portal = any_month.portal
    assert Kind.UNMAPPED.value not in kinds(portal)
    with portal.database.write() as db:
        db.execute(sa.text("UPDATE offer SET item_list_id = NULL WHERE id = 1"))
        db.execute(sa.text("UPDATE organization SET customer_list_id = NULL WHERE id IN (1, 2)"))
        db.execute(sa.text("UPDATE organization SET customer_list_id = 'gone' WHERE id = 3"))
        db.execute(sa.text("UPDATE organization SET customer_list_id = NULL, is_synchronized = false WHERE id = 4"))
    seen = one(portal, Kind.UNMAPPED)
    assert seen.what.values == {"offers": "1", "organizations": "2", "lost": "1"}
    assert seen.size == 4
    with portal.database.write() as db:
        db.execute(sa.text("UPDATE qbwc_list_object SET is_active = false WHERE kind = 'item'"))
    assert one(portal, Kind.UNMAPPED).fingerprint != seen.fingerprint


def test_errors_are_those_of_the_status_screen(any_month: Any) -> None:
    any_month.bill()
    any_month.visit()
    portal = any_month.portal
    with portal.database.write() as db:
        for row in db.scalars(sa.select(Draft).limit(3)):
            row.state, row.code = DraftState.PARKED, "3260"
        costs = db.scalars(sa.select(ItemCost).where(ItemCost.state != CostState.NO_FIELD).limit(2)).all()
        costs[0].state, costs[0].code = CostState.PARKED, "3260"
        costs[1].state = CostState.NO_FIELD  # its item has a field: it is mended
        pull = db.scalar(sa.select(wire.Job).filter_by(kind="pull-list").order_by(wire.Job.id.desc()).limit(1))
        pull.warning = "3 entries"
    seen = one(portal, Kind.ERRORS)
    assert seen.what.values == {"invoices": "3", "costs": "2", "lists": "1"}
    assert seen.size == len(
        [p for p in any_month.status().problems if p.link in ("run", "offers") or p.code == "unreadable"]
    )
    with portal.database.read() as db:
        draft_id = db.scalar(sa.select(Draft.id).filter_by(state=DraftState.PARKED).limit(1))
    retry_draft(portal, 1, draft_id)
    assert one(portal, Kind.ERRORS).size == 5


def test_a_visit_that_fails_is_told_since_the_first_until_one_goes_well(any_month: Any) -> None:
    portal = any_month.portal
    any_month.clock.at += DAY
    first = any_month.clock.at
    for _ in range(2):
        assert not any_month.visit("open-failed=0x80040408").went_well
        any_month.clock.at += HOUR
    seen = one(portal, Kind.VISIT_FAILED)
    assert seen.since == first
    assert set(seen.what.by_language) == {"en", "fr"}
    assert any_month.visit().went_well
    assert Kind.VISIT_FAILED.value not in kinds(portal)


@pytest.mark.parametrize(
    ("fault", "told", "differs"),
    [
        ("copied-file", "company-file:away", []),  # the file that is open is not the one that was asked for
        ("other-company", "company-file:away", []),
        ("open-failed=0x80040403", "company-file:away", []),
        ("open-failed=0x80040414", "visit-failed", []),  # a dialog is open: the file is where it was
        ("renamed-company", "company-file:renamed", ["Company"]),
        ("older-quickbooks=2012", "old-quickbooks:unusable", []),
    ],
)
def test_another_company_file_is_told_with_what_differs(month: Any, fault: str, told: str, differs: list[str]) -> None:
    month.clock.at += DAY
    month.visit(fault)
    seen = notices.list_notices(month.portal, 1)
    (found,) = [view.notice for view in seen if view.notice.kind is not Kind.LINES_WAITING]
    assert found.key == told
    assert [str(side.what) for side in found.sides] == differs


def test_a_company_file_in_doubt_is_told_until_it_is_confirmed(any_month: Any) -> None:
    portal = any_month.portal
    any_month.clock.at += DAY
    any_month.visit("renamed-company")
    assert one(portal, Kind.COMPANY_FILE).roles == {"administrator"}
    connections.confirm_company(portal, 1)
    assert Kind.COMPANY_FILE.value not in kinds(portal)


def test_a_file_that_was_moved_is_looked_at_when_a_person_wants_it_and_linked_when_confirmed(any_month: Any) -> None:
    portal = any_month.portal
    path = "D:\\Books\\Nordet.qbw"
    company = Company.load(any_month.company_file)
    known = company.file["Path"]
    company.file["Path"] = path
    company.save()
    any_month.bill()
    before = any_month.states()
    assert not any_month.visit().went_well
    away = one(portal, Kind.COMPANY_FILE)
    assert (away.key, str(away.title)) == ("company-file:away", "The company file is not where it was")
    assert known in str(away.what)
    assert away.roles == {"administrator"}
    (problem,) = [row for row in any_month.status().problems if row.code == "company-away"]
    assert problem.do == away.do
    assert not any_month.visit().went_well, "nobody is asked for another file before a person wants it"
    with pytest.raises(Refused):
        connections.confirm_company(portal, 1)
    connector.seek_company(portal, 1)
    sought = one(portal, Kind.COMPANY_FILE)
    assert sought.key == "company-file:sought"
    any_month.visit()
    assert any_month.states() == before, "nothing is written before it is confirmed"
    moved = one(portal, Kind.COMPANY_FILE)
    assert moved.key == "company-file:moved"
    assert [(str(side.what), side.expected, side.seen) for side in moved.sides] == [("Company file", known, path)]
    with pytest.raises(Refused):
        connector.seek_company(portal, 1)
    assert not any_month.visit().went_well, "the known file is asked for again"
    assert one(portal, Kind.COMPANY_FILE).key == "company-file:moved"
    connections.confirm_company(portal, 1, path=path)
    assert any_month.visit().went_well
    assert any_month.states() == {"reconciled": 12}
    assert Kind.COMPANY_FILE.value not in kinds(portal)


def test_the_file_that_is_open_again_where_it_was_ends_the_doubt_by_itself(any_month: Any) -> None:
    portal = any_month.portal
    any_month.clock.at += DAY
    assert not any_month.visit("other-company").went_well
    connector.seek_company(portal, 1)
    any_month.clock.at += HOUR
    assert not any_month.visit("swapped-company").went_well
    assert one(portal, Kind.COMPANY_FILE).key == "company-file:foreign"
    any_month.clock.at += HOUR
    assert any_month.visit().went_well
    assert Kind.COMPANY_FILE.value not in kinds(portal)


def test_never_connected_a_new_password_and_a_wrong_one(make_one: Any, any_portal: Any, now: Any) -> None:
    made = make_one()
    assert kinds(any_portal, made.id) == ["never-connected"]
    with any_portal.database.write() as db:
        db.get_one(wire.Connection, made.id).last_contact_at = now.at
    assert kinds(any_portal, made.id) == []
    now.at += HOUR
    connections.new_password(any_portal, made.id)
    assert kinds(any_portal, made.id) == ["new-password"]
    with any_portal.database.write() as db:
        db.get_one(wire.Connection, made.id).last_contact_at = now.at + HOUR
        db.get_one(wire.Connection, made.id).refused_at = now.at + 2 * HOUR
    assert kinds(any_portal, made.id) == ["wrong-password"]


def test_the_rhythm_is_learned_from_the_calls_themselves(make_one: Any, any_portal: Any, now: Any) -> None:
    made = make_one()
    now.at = datetime(2026, 9, 7, 4, 7, tzinfo=UTC)
    for _ in range(24 * 22):
        with any_portal.database.write() as db:
            db.get_one(wire.Connection, made.id).last_contact_at = now.at
        call_rhythm.learn(any_portal)
        now.at += HOUR
    assert kinds(any_portal, made.id) == []
    now.at += 3 * HOUR
    assert kinds(any_portal, made.id) == ["overdue"]


def test_an_import_that_failed_until_one_goes_well(any_month: Any) -> None:
    portal = any_month.portal
    with pytest.raises(ProviderError):
        any_month.import_charges(b"nonsense", "october.json")
    seen = one(portal, Kind.IMPORT_FAILED)
    assert "october.json" in str(seen.title)
    assert set(seen.what.by_language) == {"en", "fr"}
    assert seen.what.by_language["fr"] != seen.what.by_language["en"]
    with pytest.raises(ProviderError):
        any_month.import_charges(b"nonsense again", "october-2.json")
    assert "october-2.json" in str(one(portal, Kind.IMPORT_FAILED).title)
    any_month.import_charges()
    assert Kind.IMPORT_FAILED.value not in kinds(portal)


def test_a_fetch_from_sherweb_without_readable_credentials_is_noted(any_month: Any) -> None:
    portal = any_month.portal
    sources.save_sherweb(portal, 1, client_id="id", client_secret="secret", subscription_key="key")
    with portal.database.write() as db:
        db.execute(sa.text("UPDATE sherweb_access SET client_secret = 'damaged'"))
    with pytest.raises(Refused):
        sources.fetch_sherweb(portal, 1, portal.now().date())
    assert "Enter the credentials again" in str(one(portal, Kind.IMPORT_FAILED).what)


def test_a_dismissed_notice_stays_away_from_one_person_until_its_facts_change(any_month: Any) -> None:
    portal = any_month.portal
    anne, paul = person(portal), person(portal, "paul@example.com", Role.BILLING)
    key = one(portal, Kind.LINES_WAITING).key
    notices.dismiss(portal, 1, anne, key)
    notices.dismiss(portal, 1, anne, key)
    assert kinds(portal, user_id=anne) == []
    assert kinds(portal, user_id=paul) == ["lines-waiting"]
    seen = notices.list_notices(portal, 1, user_id=anne)
    assert [view.is_dismissed for view in seen] == [True]
    assert notices.count_notices(seen) == {}
    with portal.database.write() as db:
        db.execute(sa.text("UPDATE charge SET is_billed = true WHERE id = 1"))
    assert kinds(portal, user_id=anne) == ["lines-waiting"]
    notices.dismiss(portal, 1, anne, key)
    notices.bring_back(portal, 1, anne, key)
    assert kinds(portal, user_id=anne) == ["lines-waiting"]
    with pytest.raises(NotFound):
        notices.dismiss(portal, 1, anne, "errors")


def test_what_changed_since_a_person_looked_is_not_dismissed(any_month: Any) -> None:
    portal = any_month.portal
    anne, seen = person(portal), one(portal, Kind.LINES_WAITING)
    with portal.database.write() as db:
        db.execute(sa.text("UPDATE charge SET is_billed = true WHERE id = 1"))
    with pytest.raises(Stale):
        notices.dismiss(portal, 1, anne, seen.key, fingerprint=seen.fingerprint)
    assert kinds(portal, user_id=anne) == ["lines-waiting"]
    notices.dismiss(portal, 1, anne, seen.key, fingerprint=one(portal, Kind.LINES_WAITING).fingerprint)
    assert kinds(portal, user_id=anne) == []


def test_what_is_kept_for_the_pages_is_as_new_as_what_is_read(any_month: Any) -> None:
    portal = any_month.portal
    anne = person(portal)

    def shown() -> list[str]:
        return [str(view.notice.kind) for view in open_notices.open_notices(portal, 1, anne)]

    assert shown() == ["lines-waiting"]
    assert count_statements(portal, shown) <= 1, "nothing was committed since"
    with portal.database.write() as db:
        db.execute(sa.text("UPDATE offer SET item_list_id = NULL WHERE id = 1"))
    assert shown() == kinds(portal, user_id=anne) == ["unmapped", "lines-waiting"]
    notices.dismiss(portal, 1, anne, "unmapped")
    assert shown() == ["lines-waiting"]
    any_month.clock.at += 40 * DAY
    assert shown() == kinds(portal, user_id=anne)
    assert "overdue" in shown(), "the clock alone changes them too"


def test_a_partner_sees_its_own_connections_only(make_one: Any, any_portal: Any) -> None:
    mine, other = make_one("A", "Nordet"), make_one("B", "Autre")
    paul = accounts.add_user(any_portal, "p@example.com", partner="Nordet", role=Role.BILLING, password=LONG)
    seen = notices.list_notices_seen_by(any_portal, paul.id)
    assert {view.connection_id for view in seen} == {mine.id}
    assert notices.count_notices(seen) == {mine.id: 1}
    assert {view.connection_id for view in notices.list_all_notices(any_portal)} == {mine.id, other.id}


def test_who_may_mend_what(any_month: Any) -> None:
    (view,) = notices.list_notices(any_month.portal, 1)
    assert view.may_be_mended_by("billing")
    assert view.may_be_mended_by(Role.ADMINISTRATOR)
    assert not view.may_be_mended_by(Role.READ_ONLY)


def fill(portal: Any, first: int, last: int) -> None:
    """Connections with these numbers, all in trouble of several kinds."""
    numbers = range(first, last)
    with portal.database.write() as db:
        partner_id = db.scalar(sa.select(Connection.partner_id).limit(1))
        made = portal.now() - 60 * DAY
        db.execute(sa.insert(wire.Connection), [caller(number, made) for number in numbers])
        users = [f"u{number}" for number in numbers]
        found = db.execute(sa.select(wire.Connection.id, wire.Connection.user_name)).all()
        known = {row.user_name: row.id for row in found}
        ids = [known[user] for user in users]
        db.execute(sa.insert(Connection), [connection(one, partner_id, made) for one in ids])
        now = portal.now()
        at = now - 30 * DAY
        db.execute(
            sa.update(wire.Connection)
            .where(wire.Connection.user_name.startswith("u"))
            .values(last_contact_at=at, last_success_at=at - DAY, host={"major_version": "30"})
        )
        db.execute(
            sa.insert(wire.Session),
            [
                {
                    "connection_id": one,
                    "ticket_hash": f"{one}-{n}",
                    "state": "closed",
                    "opened_at": at - n * HOUR,
                    "last_contact_at": at,
                    "last_error": {"en": "x", "fr": "x"},
                    "result": "failed",
                    "may_write": False,
                    "total": 0,
                    "done": 0,
                    "failed": 0,
                    "progress": 0,
                    "connection_errors": 0,
                }
                for one in ids
                for n in range(5)
            ],
        )
        for kind in ("customer", "item"):
            db.execute(
                sa.insert(wire.ListState),
                [
                    {"connection_id": one, "kind": kind, "pull": 1, "is_complete": True, "refreshed_at": now}
                    for one in ids
                ],
            )
        db.execute(
            sa.text(
                "INSERT INTO offer (connection_id, key, name, is_synchronized) "
                "SELECT id, 'k', 'n', true FROM connection WHERE id NOT IN (SELECT connection_id FROM offer)"
            )
        )


def caller(number: int, made: datetime) -> dict[str, Any]:
    own = {"owner_id": "{o}", "file_id": f"{{{number}}}", "created_at": made}
    return {"user_name": f"u{number}", "secret_hash": "", **own}


def connection(one: int, partner_id: int, made: datetime) -> dict[str, Any]:
    own = {"billing_mode": BillingMode.IN_ARREARS, "invoice_day": one % 28 + 1, "created_at": made}
    return {"id": one, "partner_id": partner_id, "name": f"C{one}", **own}


def count_statements(portal: Any, act: Any) -> int:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    sa.event.listen(portal.database.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        sa.event.remove(portal.database.engine, "before_cursor_execute", note)
    return len(seen)


def test_a_thousand_connections_cost_as_many_statements_as_few(make_one: Any, any_portal: Any) -> None:
    make_one("A", "Nordet")
    anne = accounts.add_user(any_portal, "a@b.example", partner="Nordet", role=Role.BILLING, password=LONG)

    def all_of_them() -> int:
        return len(notices.list_all_notices(any_portal))

    def hers() -> int:
        return len(notices.list_notices_seen_by(any_portal, anne.id))

    fill(any_portal, 0, 3)
    few = [count_statements(any_portal, act) for act in (all_of_them, hers)]
    fill(any_portal, 3, 1000)
    many = [count_statements(any_portal, act) for act in (all_of_them, hers)]
    assert few == many
    assert max(many) <= 8
    assert all_of_them() == hers() >= 3000
