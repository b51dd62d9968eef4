"""The nightly fetch: when it is due, that one worker does it, what follows a failure, and that invoices wait for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from portal import worker
from portal.errors import NotFound
from portal.models import FailedImport, SherwebAccess
from portal.notices import Kind
from portal.providers.sherweb_api import Patience
from portal.services import audit, catalog, sources
from portal.services.notices import list_notices
from portal.services.sources import nightly
from tests.portal.providers.sherweb_server import CHARGES, Account, Reply, Sherweb, reply_json, serving

TORONTO = "America/Toronto"
IMPATIENT = Patience(connect=5, read=5, total=10, attempts=1)
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
OCTOBER = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"


def local(text: str, zone: str = TORONTO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


# -- the rules


@pytest.mark.parametrize(
    ("now", "fetched_on", "due"),
    [
        ("2026-11-02T02:59:59", None, False),
        ("2026-11-02T03:00:00", None, True),
        ("2026-11-02T03:00:00", date(2026, 11, 1), True),
        ("2026-11-02T23:59:59", date(2026, 11, 2), False),
        ("2026-11-03T00:30:00", date(2026, 11, 2), False),
        ("2026-11-01T03:00:00", date(2026, 10, 31), True),  # clocks went back at 02:00
        ("2026-03-08T03:00:00", date(2026, 3, 7), True),  # clocks went forward at 02:00
    ],
)
def test_when_the_fetch_of_a_night_is_due(now: str, fetched_on: date | None, due: bool) -> None:
    assert nightly.is_due(local(now), TORONTO, fetched_on) is due


@pytest.mark.parametrize(
    ("now", "fetched_on", "waits"),
    [
        ("2026-11-01T05:00:00", None, True),
        ("2026-11-01T05:00:00", date(2026, 10, 31), True),
        ("2026-11-01T05:00:00", date(2026, 11, 1), False),
        ("2026-11-01T11:59:59", date(2026, 10, 31), True),
        ("2026-11-01T12:00:00", date(2026, 10, 31), False),
        ("2026-11-02T01:00:00", date(2026, 10, 31), False),
    ],
)
def test_invoices_of_a_date_wait_for_its_night_until_noon(now: str, fetched_on: date | None, waits: bool) -> None:
    assert nightly.is_awaited(local(now), TORONTO, date(2026, 11, 1), fetched_on) is waits


@given(
    now=st.integers(0, 3 * 365 * 24 * 3600).map(lambda seconds: BEGIN + timedelta(seconds=seconds)),
    zone=st.sampled_from([TORONTO, "Europe/Paris", "Pacific/Auckland", "America/St_Johns"]),
    days=st.integers(0, 3),
)
def test_the_next_fetch_is_never_past_and_is_due_when_it_comes(now: datetime, zone: str, days: int) -> None:
    fetched_on = now.astimezone(ZoneInfo(zone)).date() - timedelta(days=days)
    at = nightly.next_fetch(now, zone, fetched_on, None)
    assert at >= now
    assert nightly.is_due(at, zone, fetched_on)
    assert at - now <= timedelta(hours=28)


# -- the fetch


def charges_of(first: date) -> bytes:
    """The sample charges, moved to the month that begins on `first`."""
    whole = json.loads(OCTOBER.read_bytes())
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    moved = {"periodFrom": first.isoformat(), "periodTo": last.isoformat()}
    return json.dumps(whole | moved | {"charges": [one | moved for one in whole["charges"]]}).encode()


@pytest.fixture
def sherweb() -> Iterator[Sherweb]:
    with serving() as server:
        server.add(
            Account(client_id="client", client_secret="s3cr3t", subscription_key="key", charges=OCTOBER.read_bytes())
        )
        yield server


@pytest.fixture
def nights(month: Any, sherweb: Sherweb) -> Any:
    """The sample month with access to Sherweb, at 03:00 of the first of November."""
    return give_access(month, sherweb)


def give_access(month: Any, sherweb: Sherweb) -> Any:
    sources.save_sherweb(
        month.portal,
        month.connection_id,
        client_id="client",
        client_secret="s3cr3t",
        subscription_key="key",
        authorization_url=f"{sherweb.url}/auth",
        distributor_url=f"{sherweb.url}/distributor/v1",
    )
    month.clock.at = local("2026-11-01T03:00:00")
    return month


def fetch(month: Any) -> int:
    return sources.fetch_what_is_due(month.portal, patience=IMPATIENT)


def dates_asked(sherweb: Sherweb) -> list[str]:
    return [one.query["date"] for one in sherweb.seen if one.path == CHARGES]


def failures(month: Any) -> list[tuple[str, str]]:
    with month.portal.database.read() as db:
        return [(row.provider, row.error_key or "") for row in db.scalars(sa.select(FailedImport))]


def test_the_period_that_ended_comes_and_the_one_that_begins_when_it_is_open(nights: Any, sherweb: Sherweb) -> None:
    assert fetch(nights) == 1
    assert dates_asked(sherweb) == ["2026-10-31", "2026-11-01"], "October was answered to both: November is not open"
    assert failures(nights) == []
    state = sources.read_nightly(nights.portal, nights.connection_id)
    assert state is not None
    assert (state.fetched_on, state.failures) == (date(2026, 11, 1), 0)
    assert state.next_at == local("2026-11-02T03:00:00")
    assert fetch(nights) == 0, "once a night"

    nights.clock.at = local("2026-12-01T03:00:00")
    november, december = charges_of(date(2026, 11, 1)), charges_of(date(2026, 12, 1))
    sherweb.answer(CHARGES, Reply(body=november), Reply(body=december))
    assert fetch(nights) == 1
    periods = {one.period_start for one in catalog.list_imports(nights.portal, nights.connection_id)}
    assert {date(2026, 11, 1), date(2026, 12, 1)} <= periods


def test_within_a_period_it_is_asked_for_once(nights: Any, sherweb: Sherweb) -> None:
    nights.clock.at = local("2026-10-20T03:00:00")
    assert fetch(nights) == 1
    assert dates_asked(sherweb) == ["2026-10-19"]


def test_a_correction_is_listed_as_differences(nights: Any, sherweb: Sherweb) -> None:
    corrected = json.loads(OCTOBER.read_bytes())
    one = corrected["charges"][0]
    one["quantity"] += 2
    one["subTotal"] = round(one["quantity"] * one["netPriceProrated"], 2)
    nights.clock.at = local("2026-10-20T03:00:00")
    sherweb.answer(CHARGES, reply_json(corrected))
    assert fetch(nights) == 1
    newest = catalog.list_imports(nights.portal, nights.connection_id)[0]
    assert (newest.changed, newest.withdrawn) == (1, 0)
    (difference,) = catalog.list_differences(nights.portal, nights.connection_id, newest.id)
    assert difference.quantity_after - difference.quantity_before == 2


@pytest.mark.parametrize(
    ("reply", "key"),
    [
        (reply_json({"title": "Too Many Requests"}, 429, headers={"Retry-After": "900"}), "sherweb_api.busy_until"),
        (reply_json({"title": "Oops"}, 500), "sherweb_api.down"),
        (Reply(body=charges_of(date(2026, 8, 1))), "sherweb_api.other_period"),
        (Reply(body=OCTOBER.read_bytes()[:5000], is_cut=True, length=90_000), "sherweb_api.cut"),
        (Reply(body=OCTOBER.read_bytes()[:5000]), "sherweb_api.garbled"),
        (Reply(status=401, headers={"WWW-Authenticate": "Bearer"}), "sherweb_api.token_refused"),
    ],
)
def test_a_failure_is_a_notice_and_is_tried_again_later(nights: Any, sherweb: Sherweb, reply: Reply, key: str) -> None:
    sherweb.answer(CHARGES, reply)
    before = nights.clock.at
    assert fetch(nights) == 0
    assert failures(nights) == [("sherweb", key)]
    assert [one.notice.kind for one in list_notices(nights.portal, nights.connection_id)].count(Kind.IMPORT_FAILED) == 1
    count = len(sherweb.seen)
    nights.clock.at = before + timedelta(minutes=14)
    assert fetch(nights) == 0
    assert len(sherweb.seen) == count, "nobody asks before the pause is over"
    nights.clock.at = before + timedelta(minutes=15)
    assert fetch(nights) == 1
    assert failures(nights) == []


def test_the_pauses_grow_and_new_credentials_are_tried_at_once(nights: Any, sherweb: Sherweb) -> None:
    for pause in (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3), timedelta(hours=3)):
        sherweb.answer(CHARGES, reply_json({"title": "Oops"}, 500))
        assert fetch(nights) == 0
        state = sources.read_nightly(nights.portal, nights.connection_id)
        assert state is not None
        assert state.next_at == nights.clock.at + pause
        nights.clock.at += pause
    sherweb.answer(CHARGES, reply_json({"title": "Oops"}, 500))
    assert fetch(nights) == 0
    sources.save_sherweb(nights.portal, nights.connection_id, client_id="client")
    assert fetch(nights) == 1


def test_a_token_that_expired_is_renewed(nights: Any, sherweb: Sherweb) -> None:
    assert fetch(nights) == 1
    sherweb.tokens.clear()
    nights.clock.at = local("2026-11-02T03:00:00")
    sherweb.answer(CHARGES)
    sherweb.accounts["client"] = replace(sherweb.accounts["client"], charges=charges_of(date(2026, 11, 1)))
    assert fetch(nights) == 1


def test_several_workers_fetch_once(any_month: Any, sherweb: Sherweb) -> None:
    nights = give_access(any_month, sherweb)
    nights.clock.at = local("2026-10-20T03:00:00")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: fetch(nights), range(4)))
    assert sum(done) == 1
    assert len(dates_asked(sherweb)) == 1


def test_who_was_killed_leaves_a_claim_that_ends(nights: Any, sherweb: Sherweb) -> None:
    with nights.portal.database.write() as db:
        db.execute(sa.update(SherwebAccess).values(fetch_not_before=nights.clock.at + nightly.CLAIM))
    assert fetch(nights) == 0
    nights.clock.at += nightly.CLAIM
    assert fetch(nights) == 1


def test_switched_off_nobody_fetches_and_it_is_noted(nights: Any, sherweb: Sherweb) -> None:
    sources.switch_nightly(nights.portal, nights.connection_id, False, who="alice@nordet.example")
    assert fetch(nights) == 0
    assert dates_asked(sherweb) == []
    with nights.portal.database.read() as db:
        subject = f"sherweb:{nights.connection_id}"
        noted = audit.entries(db, nights.connection_id, [subject])[subject]
    assert (noted[0].action, noted[0].who, noted[0].detail) == (
        "change-nightly",
        "alice@nordet.example",
        {"nightly": False},
    )


def test_without_credentials_there_is_nothing_to_switch(month: Any) -> None:
    assert sources.read_nightly(month.portal, month.connection_id) is None
    with pytest.raises(NotFound):
        sources.switch_nightly(month.portal, month.connection_id, True)


# -- and the invoices


@pytest.fixture
def invoice_day(nights: Any) -> Any:
    with nights.portal.database.write() as db:
        db.execute(sa.text("UPDATE connection SET created_at = '2026-10-05 00:00:00'"))
    return nights


def test_invoices_wait_for_the_charges_of_the_night(invoice_day: Any, sherweb: Sherweb) -> None:
    sherweb.answer(CHARGES, reply_json({"title": "Oops"}, 500))
    assert fetch(invoice_day) == 0
    invoice_day.clock.at = local("2026-11-01T05:00:00")
    assert worker.bill_what_is_due(invoice_day.portal) == []
    assert fetch(invoice_day) == 1
    assert len(worker.bill_what_is_due(invoice_day.portal)) == 1


def test_but_not_for_ever(invoice_day: Any, sherweb: Sherweb) -> None:
    invoice_day.clock.at = local("2026-11-01T11:59:59")
    assert worker.bill_what_is_due(invoice_day.portal) == []
    invoice_day.clock.at = local("2026-11-01T12:00:00")
    assert len(worker.bill_what_is_due(invoice_day.portal)) == 1


def test_who_fetches_by_hand_waits_for_nobody(invoice_day: Any) -> None:
    sources.switch_nightly(invoice_day.portal, invoice_day.connection_id, False)
    invoice_day.clock.at = local("2026-11-01T05:00:00")
    assert len(worker.bill_what_is_due(invoice_day.portal)) == 1
