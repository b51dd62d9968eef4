"""The number of statements of a page does not depend on how many rows there are: the same at 5 and at 500."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.models import (
    Charge,
    ChargeChange,
    CostState,
    Delivery,
    Draft,
    DraftLine,
    DraftState,
    InvoiceMode,
    ItemCost,
    Occasion,
    Offer,
    Organization,
    Run,
    User,
    Webhook,
    What,
)
from portal.notices import Kind
from portal.services import Portal, outbox
from portal.services.webhooks import MOST_WEBHOOKS
from qbwc.models import Exchange, ExchangePart, ExchangeState, Job, ListObject, Purpose, Request, Session
from qbwc.session import State

MOST = 55
"""Statements of any page, with those of the log-in and of the frame around it; Exchanges plans a run beside its own."""


@contextmanager
def statements(portal: Portal) -> Iterator[list[str]]:
    """The statements that are carried out meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    sa.event.listen(portal.database.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(portal.database.engine, "before_cursor_execute", note)


def add_rows(month: Any, first: int, last: int) -> None:
    """Rows of every kind, numbered: broken mappings and costs, stopped invoices, visits, exchanges, imports."""
    now = month.clock()
    with month.portal.database.write() as db:
        run = db.query(Run).one()
        for number in range(first, last):
            item, name = f"COST-{number}", f"Number {number:04}"
            offer = Offer(connection_id=1, key=f"o-{number}", name=name)
            client = Organization(connection_id=1, key=f"c-{number}", name=name)
            db.add_all([offer, client])
            db.add(ItemCost(connection_id=1, item_list_id=item, unit_cost=1, state=CostState.NO_FIELD, changed_at=now))
            db.add(
                ListObject(
                    connection_id=1,
                    kind="item",
                    type="ItemService",
                    list_id=item,
                    full_name=item,
                    data={},
                    pull=1,
                    seen_at=now,
                )
            )
            db.flush()
            draft = Draft(
                run_id=run.id,
                organization_id=client.id,
                mode=InvoiceMode.UPDATE if number % 2 else InvoiceMode.CREATE,
                customer_list_id=f"CUST-{number}",
                guid=f"{{{number}}}",
                state=DraftState.PARKED if number % 3 else DraftState.DIFFERENT,
                txn_id=f"T-{number}",
                code="3140" if number % 3 else "quantity",
            )
            template = db.query(DraftLine).order_by(DraftLine.id).limit(1).one()
            facts = {name: getattr(template, name) for name in ("kind", "section", "states_all", "service_date")}
            draft.lines = [
                DraftLine(
                    position=0,
                    offer_id=offer.id,
                    item_list_id=item,
                    description="x",
                    quantity=1,
                    arithmetic="1",
                    **facts,
                )
            ]
            db.add(draft)
            db.flush()
            session = Session(
                connection_id=1,
                ticket_hash=f"{number:064}",
                state=State.CLOSED,
                opened_at=now + timedelta(seconds=number),
                last_contact_at=now,
                closed_at=now,
                result="done",
            )
            job = Job(
                connection_id=1,
                kind="create-invoice",
                key=f"draft:{draft.id}",
                payload={"draft": draft.id},
                created_at=now,
            )
            db.add_all([session, job])
            db.flush()
            first_session = db.query(sa.func.min(Session.id)).scalar()
            for visit_id in (session.id, first_session):
                exchange = Exchange(
                    connection_id=1,
                    session_id=visit_id,
                    purpose=Purpose.WORK,
                    is_write=True,
                    state=ExchangeState.ANSWERED,
                    request_body="<QBXML/>",
                    request_count=1,
                    first_sent_at=now,
                    sent_at=now,
                )
                db.add(exchange)
                db.flush()
                part = {"connection_id": 1, "exchange_id": exchange.id, "at": now, "requests": 1}
                db.add(ExchangePart(**part, topic="invoices", about=f"run:{run.id}"))
            db.add(
                Request(
                    connection_id=1,
                    job_id=job.id,
                    step="add",
                    tag="InvoiceAddRq",
                    body="",
                    is_write=True,
                    priority=1,
                    exchange_id=exchange.id,
                    created_at=now,
                )
            )
            add_import(db, number, offer, client, now)
            add_messages(db, number, now)


def add_messages(db: Any, number: int, now: Any) -> None:
    """A webhook while there is room for one, and a message to it and to a person."""
    if number < MOST_WEBHOOKS:
        row = Webhook(connection_id=1, url=f"https://example.com/{number}", secret="", kinds=["errors"], created_at=now)
        db.add(row)
    user_id, webhook_id = db.query(sa.func.min(User.id)).scalar(), db.query(sa.func.min(Webhook.id)).scalar()
    outbox.put(db, connection_id=1, now=now, occasion=Occasion.TEST, payload="", user_id=user_id)
    body = {"occasion": Occasion.RAISED, "kind": Kind.ERRORS, "payload": "{}"}
    outbox.put(db, connection_id=1, now=now, webhook_id=webhook_id, **body)


def add_import(db: Any, number: int, offer: Offer, client: Organization, now: Any) -> None:
    """An import, a charge that waits, and a difference of the first import."""
    charge = db.query(Charge).order_by(Charge.id).limit(1).one()
    delivery = Delivery(
        connection_id=1,
        provider="sherweb",
        file_name=f"{number}.json",
        digest=f"{number}",
        period_start=charge.start,
        period_end=charge.end,
        total=1,
        rows=1,
        added=1,
        changed=1,
        imported_at=now,
    )
    db.add(delivery)
    db.flush()
    columns = {column.key for column in sa.inspect(Charge).column_attrs} - {"id", "key", "is_billed", "reverses_id"}
    facts = {name: getattr(charge, name) for name in columns}
    facts |= {"delivery_id": delivery.id, "organization_id": client.id, "offer_id": offer.id}
    db.add(Charge(**facts, key=f"k-{number}", is_billed=False))
    db.add(
        ChargeChange(
            delivery_id=1,
            organization_id=client.id,
            offer_id=offer.id,
            key=f"k-{number}",
            what=What.CHANGED,
            was_billed=False,
            start=charge.start,
            end=charge.end,
            quantity_before=1,
            quantity_after=2,
            amount_before=1,
            amount_after=2,
            raw_before="{}",
        )
    )


PAGES = [
    "/connections/1/status",
    "/connections/1/status?kind=offers",
    "/connections/1/status?kind=organizations",
    "/connections/1/status?kind=costs",
    "/connections/1/status?kind=invoices",
    "/connections/1/visits",
    "/connections/1/visits/1",
    "/connections/1/exchanges/2",
    "/connections/1/exchanges",
    "/connections/1/exchanges?send=calendar-2026",
    "/connections/1/exchanges/history?kind=invoices&person=-",
    "/connections/1/exchanges/activity",
    "/connections/1/runs",
    "/connections/1/runs/1",
    "/connections/1/runs/1?state=parked&q=number",
    "/connections/1/runs/1/activity",
    "/connections/1/preview",
    "/connections/1/charges",
    "/connections/1/charges/list",
    "/connections/1/charges/list?state=rejected&q=number",
    "/connections/1/charges/sums",
    "/connections/1/rule",
    "/connections/1/imports/1",
    "/connections/1/notices/telling",
    "/connections/1/webhooks",
    "/connections/1/webhooks/1",
    "/connections/1/messages",
    "/connections/1/messages?state=waiting&channel=webhook",
    "/connections/1/messages/1",
]


@pytest.fixture
def counted(admin: Any, month: Any) -> Callable[[str], int]:
    """How many statements a page takes, the second time that it is opened."""

    def count(page: str) -> int:
        assert admin.get(page).status_code == 200
        with statements(month.portal) as seen:
            answer = admin.get(page)
        assert answer.status_code == 200
        return len(seen)

    return count


def test_five_hundred_rows_take_as_many_statements_as_five(month: Any, counted: Callable[[str], int]) -> None:
    month.bill()
    assert month.visit().went_well
    add_rows(month, 0, 5)
    few = {page: counted(page) for page in PAGES}
    add_rows(month, 5, 500)
    many = {page: counted(page) for page in PAGES}
    assert many == few
    assert max(many.values()) <= MOST, many
