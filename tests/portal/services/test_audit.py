"""The log: what is noted, that nobody changes it, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

import portal as package
from portal.models import AuditEntry, Member, Role
from portal.services import Portal, accounts, audit, audit_log, connections, connector
from portal.services.audit_log import Asked, Scope
from portal.web import audit_words

PASSWORD = "correct horse battery"


@pytest.fixture
def nordet(any_portal: Portal, make_one: Callable[..., Any]) -> Any:
    """A connection of Nordet on each kind of database."""
    return make_one("QB")


def note(portal: Portal, connection_id: int, action: str = "map", who: str | None = None, **detail: Any) -> None:
    with portal.database.write() as db:
        audit.note(
            db,
            connection_id,
            at=portal.now(),
            who=who,
            action=action,
            subject="offer:1",
            detail={"name": "x", **detail},
        )


def read(portal: Portal, connection_id: int, **asked: Any) -> list[Any]:
    page = audit_log.read_log(portal, Scope(connection_id=connection_id, shows_addresses=True), Asked(**asked)).page
    return list(page.rows)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET who = 'eve'",
        "DELETE FROM audit_entry",
        "DELETE FROM audit_entry WHERE id = 1",
        "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry",
        "TRUNCATE audit_entry CASCADE",
        "DELETE FROM connection",
        "DELETE FROM partner",
    ],
)
def test_the_database_refuses_to_change_or_delete_an_entry(any_portal: Portal, nordet: Any, statement: str) -> None:
    is_sqlite = any_portal.database.is_sqlite
    if (statement.startswith("TRUNCATE") and is_sqlite) or ("OR REPLACE" in statement and not is_sqlite):
        return  # there is no such statement on this kind of database
    note(any_portal, nordet.id, who="alice@nordet.example")
    before = read(any_portal, nordet.id)
    with pytest.raises(DBAPIError), any_portal.database.write() as db:
        db.execute(sa.text(statement))
    assert read(any_portal, nordet.id) == before


def test_who_acts_and_from_where_stands_beside_each_entry(any_portal: Portal, nordet: Any) -> None:
    audit.act_as("alice@nordet.example", "192.0.2.7")
    try:
        note(any_portal, nordet.id)
        note(any_portal, nordet.id, who="bob@nordet.example")
    finally:
        audit.act_by_itself()
    note(any_portal, nordet.id)
    assert [(one.who, one.address) for one in read(any_portal, nordet.id)][:3] == [
        ("", ""),
        ("bob@nordet.example", "192.0.2.7"),
        ("alice@nordet.example", "192.0.2.7"),
    ]
    hidden = audit_log.read_log(any_portal, Scope(connection_id=nordet.id), Asked()).page.rows
    assert {one.address for one in hidden} == {""}


def test_every_action_that_is_noted_has_a_kind_and_words() -> None:
    """As the code writes them: whoever adds one names its kind, and how the page calls it."""
    source = "\n".join(path.read_text("utf-8") for path in (Path(package.__file__).parent / "services").rglob("*.py"))
    written = set(re.findall(r'action="([a-z-]+)"', source))
    written |= set(re.findall(r'_note\(db, [^"\n]*"([a-z-]+)"', source))
    assert {"remove-person", "new-password", "change-settings", "bill"} <= written
    assert written <= set(audit.KINDS), sorted(written - set(audit.KINDS))
    for action in audit.KINDS:
        assert audit_words.action(action) != action
    assert set(audit_words.KINDS) == set(audit.Kind)


def test_account_decisions_are_noted_with_before_and_after(any_portal: Portal, nordet: Any) -> None:
    alice = accounts.add_user(
        any_portal, "alice@nordet.example", partner="Nordet", role=Role.ADMINISTRATOR, password=PASSWORD
    )
    link = accounts.add_member(any_portal, alice, "zoe@nordet.example", Role.BILLING, "en")
    with any_portal.database.read() as db:
        zoe = db.scalars(sa.select(Member.id).where(Member.user_id != alice.id)).one()
    accounts.choose_password(any_portal, link.url.rpartition("/")[2], PASSWORD)
    accounts.change_role(any_portal, alice, zoe, Role.READ_ONLY)
    accounts.change_role(any_portal, alice, zoe, Role.READ_ONLY)
    accounts.require_second_factor(any_portal, alice, True)
    accounts.require_second_factor(any_portal, alice, False)
    accounts.member_link(any_portal, alice, zoe)
    accounts.remove_member(any_portal, alice, zoe)
    assert accounts.change_password(any_portal, alice, PASSWORD, "another horse battery")
    rows = audit_log.read_log(any_portal, Scope(partner_id=alice.partner_id), Asked()).page.rows
    told = [(one.action, one.who, one.about, [(c.field, c.before, c.after) for c in one.changes]) for one in rows]
    me, zoes = "alice@nordet.example", "zoe@nordet.example"
    assert told == [
        ("change-password", me, me, []),
        ("remove-person", me, zoes, [("role", "read-only", None)]),
        ("make-password-link", me, zoes, []),
        ("require-second-factor", me, "Nordet", [("required", True, False)]),
        ("require-second-factor", me, "Nordet", [("required", False, True)]),
        ("change-role", me, zoes, [("role", "billing", "read-only")]),
        ("choose-password", zoes, zoes, []),
        ("add-person", "", zoes, [("role", None, "billing")]),
        ("add-person", "", me, [("role", None, "administrator")]),
        ("make-connection", "", "QB", told[-1][3]),
    ]
    for row in rows:
        assert PASSWORD not in str(row)


def test_passwords_windows_and_links_of_a_connection_are_noted(any_portal: Portal, nordet: Any) -> None:
    audit.act_as("alice@nordet.example", "192.0.2.7")
    try:
        secret = connections.new_password(any_portal, nordet.id)
        connector.choose_window(any_portal, nordet.id, language="fr", opens_page=True)
        connector.choose_window(any_portal, nordet.id, language="fr", opens_page=True)
    finally:
        audit.act_by_itself()
    rows = read(any_portal, nordet.id)
    assert [one.action for one in rows] == ["change-window", "new-password", "make-connection"]
    assert [(one.field, one.before, one.after) for one in rows[0].changes] == [
        ("language", "en", "fr"),
        ("opens_page", False, True),
    ]
    assert secret not in audit_log.log_csv(any_portal, Scope(connection_id=nordet.id), Asked())


def test_it_is_filtered_by_person_kind_days_and_words(any_portal: Portal, nordet: Any, now: Any) -> None:
    now.at -= timedelta(days=3)
    note(any_portal, nordet.id, who="bob@nordet.example", after={"item": "Licences:Théâtre"})
    now.at += timedelta(days=3)
    note(any_portal, nordet.id, "bill", who="alice@nordet.example")
    note(any_portal, nordet.id, "found", who="")

    def found(**asked: Any) -> list[str]:
        return [one.action for one in read(any_portal, nordet.id, **asked)]

    assert found(who="bob@nordet.example") == ["map"]
    assert found(who=audit_log.NOBODY) == ["found", "make-connection"]
    assert found(kind=audit.Kind.RUN) == ["found", "bill"]
    assert found(last=date(2026, 10, 30)) == ["map"]
    assert found(first=date(2026, 11, 1), kind=audit.Kind.MAPPING) == []
    assert found(first=date(2026, 11, 1), last=date(2026, 11, 1)) == ["found", "bill", "make-connection"]
    assert found(search="theatre licences") == ["map"]
    assert found(search="BOB@nordet") == ["map"]
    assert found(search="nothing like it") == []
    log = audit_log.read_log(any_portal, Scope(connection_id=nordet.id), Asked(kind=audit.Kind.RUN))
    assert log.people == ("alice@nordet.example", "bob@nordet.example"), "also those whom the filters leave out"


def test_a_day_is_the_connections_own(any_portal: Portal, nordet: Any, now: Any) -> None:
    now.at = now.at.replace(day=2, hour=3)  # still the first in Toronto
    note(any_portal, nordet.id)
    assert read(any_portal, nordet.id, last=date(2026, 11, 1))[0].action == "map"
    assert read(any_portal, nordet.id, first=date(2026, 11, 2)) == []


def test_pages_and_csv_hold_all_of_it(any_portal: Portal, nordet: Any, make_one: Callable[..., Any]) -> None:
    for number in range(120):
        note(any_portal, nordet.id, name=f"=row {number}")
    other = make_one("QB Ontario")
    note(any_portal, other.id, name="of the other")
    scope = Scope(connection_id=nordet.id)
    pages = [audit_log.read_log(any_portal, scope, Asked(page=page)).page for page in (1, 2, 3, 9)]
    assert [(one.page, one.pages, len(one.rows)) for one in pages] == [(1, 3, 50), (2, 3, 50), (3, 3, 21), (3, 3, 21)]
    text = audit_log.log_csv(any_portal, scope, Asked(kind=audit.Kind.MAPPING))
    lines = text.lstrip("\ufeff").splitlines()
    assert len(lines) == 121
    assert lines[0].startswith("at,who,address,connection,kind,action,subject,about,before,after")
    assert ",'=row 119," in lines[1], "a formula is disarmed"
    with any_portal.database.read() as db:
        partner_id = db.scalars(sa.select(AuditEntry.partner_id).limit(1)).one()
    assert audit_log.read_log(any_portal, Scope(partner_id=partner_id), Asked()).page.count == 123


def test_more_entries_than_one_statement_brings_are_all_in_the_csv(
    any_portal: Portal, nordet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "_CHUNK", 3)
    for number in range(7):
        note(any_portal, nordet.id, name=f"row {number}")
    text = audit_log.log_csv(any_portal, Scope(connection_id=nordet.id), Asked())
    assert re.findall(r"row \d", text) == [f"row {number}" for number in reversed(range(7))]


@pytest.mark.parametrize(
    ("detail", "changes", "facts"),
    [
        (
            {
                "how": "page",
                "name": "M365",
                "before": {"item_list_id": None, "item": None},
                "after": {"item_list_id": "8", "item": "A"},
            },
            [("item", None, "A")],
            [("how", "page")],
        ),
        (
            {"how": "file", "name": "x", "before": {}, "after": {"is_synchronized": True}},
            [("is_synchronized", None, True)],
            [("how", "file")],
        ),
        (
            {"invoice_day": ["1", "15"], "start_date": [None, "2026-01-01"]},
            [("invoice_day", "1", "15"), ("start_date", None, "2026-01-01")],
            [],
        ),
        ({"name": ["Old", "New"]}, [("name", "Old", "New")], []),
        (
            {"state": "parked", "code": "3180", "organization": "X", "lines": ["1 × a", "2 × b"], "ref_number": None},
            [],
            [("state", "parked"), ("code", "3180"), ("lines", ["1 × a", "2 × b"])],
        ),
        ({"class_list_id": ["8", "9"]}, [("class_list_id", "8", "9")], []),
        ({}, [], []),
    ],
)
def test_every_shape_of_detail_is_read(detail: dict[str, Any], changes: list[Any], facts: list[Any]) -> None:
    read_changes, read_facts = audit_log.read_detail(detail)
    assert [(one.field, one.before, one.after) for one in read_changes] == changes
    assert list(read_facts) == facts
