"""What is to be known of a connection: each rule as a table, with a clock that is told the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from portal.errors import Sentence
from portal.models import Role
from portal.notices import (
    Action,
    Company,
    Errors,
    Facts,
    FailedImport,
    FailedVisit,
    Kind,
    Lines,
    Notice,
    Severity,
    Unmapped,
    find_notices,
)
from portal.notices.releases import last_day, release_year
from portal.notices.rules import ROLES
from qbwc.identity import Verdict

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WELL = Facts(created_at=NOW - 100 * DAY, last_contact_at=NOW - HOUR / 2, has_lists=True)


def found(now: datetime = NOW, **changed: Any) -> tuple[Notice, ...]:
    return find_notices(replace(WELL, **changed), now)


def kinds(now: datetime = NOW, **changed: Any) -> list[str]:
    return [str(one.kind) for one in found(now, **changed)]


def only(now: datetime = NOW, **changed: Any) -> Notice:
    (one,) = found(now, **changed)
    return one


def test_a_connection_in_order_has_nothing_to_tell() -> None:
    assert found() == ()


@pytest.mark.parametrize(
    ("called", "refused", "changed", "expected"),
    [
        (None, None, None, "never-connected"),
        (None, NOW - HOUR, None, "wrong-password"),
        (None, None, NOW - HOUR, "never-connected"),  # any password is new to who never called
        (NOW - HOUR, NOW - 2 * HOUR, None, None),  # it went well since
        (NOW - HOUR, NOW - HOUR, None, "wrong-password"),
        (NOW - HOUR, NOW - HOUR / 2, None, "wrong-password"),
        (NOW - HOUR, None, NOW - HOUR / 2, "new-password"),
        (NOW - HOUR, None, NOW - 2 * HOUR, None),  # it is used
        (NOW - HOUR, NOW - HOUR / 4, NOW - HOUR / 2, "new-password"),
        (NOW - 50 * DAY, None, NOW - 49 * DAY, "new-password"),  # that it is overdue has this cause
        (NOW - 50 * DAY, NOW - HOUR, None, "wrong-password"),
        (NOW - 50 * DAY, None, None, "overdue"),
    ],
)
def test_who_calls_with_which_password(
    called: datetime | None, refused: datetime | None, changed: datetime | None, expected: str | None
) -> None:
    seen = kinds(last_contact_at=called, refused_at=refused, password_changed_at=changed)
    assert seen == ([] if expected is None else [expected])


def test_nobody_is_written_to_about_a_connection_that_is_being_set_up() -> None:
    made = NOW - HOUR
    one = only(created_at=made, last_contact_at=None, has_lists=False)
    assert (one.since, one.told_from, one.action) == (made, made + DAY, Action.CONNECTOR_STEPS)


def test_a_new_password_is_told_after_an_hour_or_as_soon_as_the_former_one_is_tried() -> None:
    changed = NOW - HOUR / 2
    waiting = only(last_contact_at=NOW - HOUR, password_changed_at=changed)
    assert (waiting.severity, waiting.told_from, waiting.since) == (Severity.WARNING, changed + HOUR, changed)
    tried = only(last_contact_at=NOW - HOUR, password_changed_at=changed, refused_at=NOW - HOUR / 4)
    assert (tried.severity, tried.told_from) == (Severity.ERROR, changed)
    assert tried.key == waiting.key
    assert tried.fingerprint != waiting.fingerprint


UNSEEN = (Verdict.AWAY, Verdict.SOUGHT)


@pytest.mark.parametrize("verdict", [one for one in Verdict if one not in (Verdict.GO, Verdict.TOO_OLD, *UNSEEN)])
def test_a_company_file_in_doubt_is_shown_side_by_side(verdict: Verdict) -> None:
    file = Company(verdict=verdict, name="Copie", path="C:\\b.qbw", known_name="Nordet", known_path="C:\\a.qbw")
    failed = FailedVisit(error={"en": "Not that file."}, since=NOW - HOUR)
    one = only(company=file, failed_visit=failed)
    assert one.kind is Kind.COMPANY_FILE
    assert one.key == f"company-file:{verdict}"
    assert one.action is (Action.CONFIRM_COMPANY if verdict.may_be_confirmed else Action.CONNECTOR_STEPS)
    assert str(one.what)
    assert [(str(side.what), side.expected, side.seen) for side in one.sides] == [
        ("Company", "Nordet", "Copie"),
        ("Company file", "C:\\a.qbw", "C:\\b.qbw"),
    ]


def test_a_company_file_that_is_not_where_it_was_is_told_with_what_a_person_can_do() -> None:
    known = {"name": "Nordet", "path": "C:\\a.qbw", "known_name": "Nordet", "known_path": "C:\\a.qbw"}
    failed = FailedVisit(error={"en": "It cannot be opened."}, since=NOW - HOUR)
    away = only(company=Company(verdict=Verdict.AWAY, **known), failed_visit=failed)
    assert (away.key, away.action, away.sides) == ("company-file:away", Action.CONFIRM_COMPANY, ())
    assert "C:\\a.qbw" in str(away.what)
    assert "Look at the open file" in str(away.do)
    sought = only(company=Company(verdict=Verdict.SOUGHT, **known), failed_visit=failed)
    assert (sought.key, sought.action, sought.sides) == ("company-file:sought", Action.CONNECTOR_STEPS, ())
    assert "Update Selected" in str(sought.do)


def test_only_what_differs_is_compared() -> None:
    moved = Company(verdict=Verdict.MOVED, name="NORDET", path="D:\\a.qbw", known_name="Nordet", known_path="C:\\a.qbw")
    assert [str(side.what) for side in only(company=moved).sides] == ["Company file"]


def test_another_file_in_doubt_is_another_fact_of_the_same_cause() -> None:
    first = only(company=Company(verdict=Verdict.MOVED, path="D:\\a.qbw"))
    again = only(company=Company(verdict=Verdict.MOVED, path="D:\\a.qbw"), last_contact_at=NOW)
    other = only(company=Company(verdict=Verdict.MOVED, path="E:\\a.qbw"))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert first.key == other.key


def test_a_visit_that_failed_says_why_in_both_languages() -> None:
    said = {"en": "QuickBooks is at 100% of its users.", "fr": "QuickBooks est plein."}
    one = only(failed_visit=FailedVisit(error=said, since=NOW - 3 * HOUR))
    assert (one.kind, one.action, one.since) == (Kind.VISIT_FAILED, Action.RETRY, NOW - 3 * HOUR)
    assert str(one.what) == said["en"]
    assert one.what.by_language == said
    assert "Only the Web Connector" in str(one.do)


@pytest.mark.parametrize(
    ("release", "on", "is_old"),
    [
        ("33", "2026-05-31T12:00", False),
        ("33", "2026-06-01T12:00", True),
        ("34", "2027-09-30T12:00", False),
        ("34", "2027-10-01T12:00", True),
        ("35", "2040-01-01T12:00", False),  # no date is known
        ("24", "2026-01-01T12:00", True),
        ("", "2026-01-01T12:00", False),
        (None, "2026-01-01T12:00", False),
        ("Online", "2026-01-01T12:00", False),
    ],
)
def test_until_when_intuit_supports_a_release(release: str | None, on: str, is_old: bool) -> None:
    now = datetime.fromisoformat(on).replace(tzinfo=UTC)
    seen = kinds(now, last_contact_at=now, release=release)
    assert seen == (["old-quickbooks"] if is_old else [])


def test_releases_by_the_number_that_quickbooks_states() -> None:
    assert release_year("34") == 2024
    assert [release_year(odd) for odd in ("9", "61", "-3", "³", "34.0", " 33 ")] == [None, None, None, None, None, 2023]
    assert (last_day(2022), last_day(2024), last_day(2025)) == (date(2025, 5, 31), date(2027, 9, 30), None)


def test_a_quickbooks_that_cannot_be_used_is_an_error_and_said_once() -> None:
    one = only(company=Company(verdict=Verdict.TOO_OLD), release="24")
    assert (one.kind, one.severity, one.action) == (Kind.OLD_QUICKBOOKS, Severity.ERROR, Action.UPDATE_QUICKBOOKS)


def test_lines_that_wait_are_counted_by_invoice_date() -> None:
    on = date(2026, 11, 1)
    one = only(lines=Lines(invoice_date=on, new=12, removed=3))
    assert (one.size, one.severity, one.action) == (15, Severity.INFO, Action.OPEN_PREVIEW)
    assert str(one.what) == "Waiting to be billed: 12 new lines, 3 removed lines."
    assert only(lines=Lines(invoice_date=date(2026, 12, 1), new=12, removed=3)).key != one.key
    assert found(lines=Lines(invoice_date=on)) == ()


def test_rows_to_map_are_told_once_there_is_something_to_map_them_to() -> None:
    rows = Unmapped(offers=2, organizations=1, lost=1, mark="a")
    one = only(unmapped=rows)
    assert (one.size, one.action) == (4, Action.MAP)
    assert found(unmapped=rows, has_lists=False) == ()
    assert only(unmapped=replace(rows, mark="b")).fingerprint != one.fingerprint


def test_errors_wait_since_the_oldest() -> None:
    one = only(errors=Errors(invoices=2, costs=1, lists=1, since=NOW - DAY, mark="x"))
    assert (one.size, one.since, one.action) == (4, NOW - DAY, Action.MEND_ERRORS)


def test_each_provider_whose_import_failed_is_told_and_trying_again_in_vain_is_no_news() -> None:
    def failed(provider: str, at: datetime) -> FailedImport:
        return FailedImport(provider=provider, file_name="a.csv", at=at, why=Sentence("No rows."))

    first = found(failed_imports=(failed("csv", NOW - DAY), failed("sherweb", NOW - DAY)))
    assert [one.key for one in first] == ["import-failed:csv", "import-failed:sherweb"]
    again = found(failed_imports=(failed("csv", NOW), failed("sherweb", NOW)))
    assert [one.fingerprint for one in again] == [one.fingerprint for one in first]


def test_all_at_once_come_the_most_urgent_first() -> None:
    seen = kinds(
        refused_at=NOW,
        failed_visit=FailedVisit(error={"en": "x"}, since=NOW),
        lines=Lines(invoice_date=date(2026, 11, 1), new=1),
        unmapped=Unmapped(offers=1),
        errors=Errors(invoices=1),
        release="30",
        failed_imports=(FailedImport(provider="csv", file_name="a", at=NOW, why=Sentence("x")),),
    )
    assert seen == [
        "wrong-password",
        "visit-failed",
        "errors",
        "import-failed",
        "unmapped",
        "old-quickbooks",
        "lines-waiting",
    ]


def test_every_action_has_roles_that_exist() -> None:
    assert set(ROLES) == set(Action)
    assert all(roles and roles <= set(Role) for roles in ROLES.values())


def test_every_kind_fits_its_column() -> None:
    assert max(len(kind) for kind in Kind) <= 16
