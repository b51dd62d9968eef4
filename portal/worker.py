"""The worker: bills each connection on its invoice day, at 05:00 in its own zone, once; forgets what is old, daily.

It asks for what is due rather than for the hour, so that a server that was down at 05:00 catches up when it starts.
The run's date is unique in its connection: several workers make one run. Before it bills, it fetches the charges of the
night and takes what was dropped into the watched folder. It also finds what somebody should be told; a thread of its
own delivers that, so that no receiver keeps an invoice waiting.
"""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from portal.billing.options import Approval
from portal.billing.period import INVOICE_HOUR, invoice_date_on_or_before
from portal.errors import PortalError
from portal.models import Connection, Run
from portal.services import Portal, billing, delivery, dispatch_notices, exchanges, outbox, sources, status

EVERY_SECONDS = 60.0
DELIVERS_EVERY_SECONDS = 5.0

log = structlog.get_logger("portal")


def due_date(now: datetime, zone: str, invoice_day: int) -> date:
    """The latest invoice date whose 05:00 has come in the connection's zone."""
    local = now.astimezone(ZoneInfo(zone))
    today = local.date() if local.time() >= INVOICE_HOUR else local.date() - timedelta(days=1)
    return invoice_date_on_or_before(today, invoice_day)


def bill_what_is_due(portal: Portal) -> list[int]:
    """Bill every connection whose invoice date has come and that can be billed. Returns the ids of the runs made."""
    made = []
    for connection_id, on in _due(portal):
        if not status.status(portal, connection_id).can_bill:
            continue
        try:
            made.append(billing.bill(portal, connection_id, on).id)
        except billing.NothingToBill:
            continue  # an empty run would close the date: charges often arrive days after it
        except PortalError as error:
            log.warning("run refused", connection=connection_id, date=on.isoformat(), reason=str(error))
    return made


def finish_what_was_begun(portal: Portal) -> None:
    """Go on with the runs that were stopped."""
    for connection_id, run_id in billing.unfinished(portal):
        try:
            billing.finish(portal, connection_id, run_id)
        except billing.NothingToBill:
            continue
        except Exception:
            log.exception("run stopped", connection=connection_id, run=run_id)


def _due(portal: Portal) -> list[tuple[int, date]]:
    """The connections that bill by themselves, each with the invoice date that has come and has no run yet.

    When the invoice day was changed, a date before the last run is none: its days were billed. One that is still being
    set up waits for its Start, and what came due before it stays for a person.
    """
    latest = sa.select(Run.connection_id, sa.func.max(Run.invoice_date)).group_by(Run.connection_id)
    with portal.database.read() as db:
        done: dict[int, date] = {row.connection_id: row[1] for row in db.execute(latest)}
        started = sa.select(Connection).filter_by(approval=Approval.AUTOMATIC, setup_step=None)
        dates = [
            (row.id, due_date(portal.now(), row.time_zone, row.invoice_day), _began_on(row))
            for row in db.scalars(started.order_by(Connection.id))
        ]
    due = [(one, on) for one, on, began_on in dates if on >= began_on and on > done.get(one, date.min)]
    waiting = sources.awaited(portal, due)
    return [(one, on) for one, on in due if one not in waiting]


def _began_on(connection: Connection) -> date:
    began = connection.started_at or connection.created_at
    return began.astimezone(ZoneInfo(connection.time_zone)).date()


def forget_what_is_old(portal: Portal) -> None:
    """Forget old texts, visits and files that nobody came back for; what is in doubt stays."""
    sources.forget_uploads(portal)
    outbox.forget_old(portal)
    gone = exchanges.forget_old(portal)
    log.info("forgot what is old", texts=gone.bodies, requests=gone.requests, visits=gone.visits, pulls=gone.pulls)


def start(portal: Portal, every_seconds: float = EVERY_SECONDS, *, is_billing: bool = True) -> threading.Event:
    """Run the worker in threads of this process; set the returned event to stop it.

    Without `is_billing` it only ends what people began.
    """
    stop, watch = threading.Event(), sources.Watch()
    forgot_on: date | None = None

    def forget() -> None:
        nonlocal forgot_on
        today = portal.now().date()
        if today != forgot_on:
            forget_what_is_old(portal)
            forgot_on = today

    def finish() -> None:
        finish_what_was_begun(portal)

    def fetch() -> None:
        sources.fetch_what_is_due(portal)

    def take() -> None:
        sources.import_what_was_dropped(portal, watch)

    def bill() -> None:
        bill_what_is_due(portal)

    def tell() -> None:
        dispatch_notices.dispatch(portal)

    tasks = (finish, fetch, take, bill, tell, forget) if is_billing else (finish,)

    def loop() -> None:
        while not stop.is_set():
            for task in tasks:
                try:
                    task()
                except Exception:
                    log.exception("worker failed")
            stop.wait(every_seconds)

    threading.Thread(target=loop, name="portal-worker", daemon=True).start()
    if is_billing:
        threading.Thread(target=lambda: deliver_until(portal, stop), name="portal-delivery", daemon=True).start()
    return stop


def deliver_until(portal: Portal, stop: threading.Event, every_seconds: float = DELIVERS_EVERY_SECONDS) -> None:
    """Deliver what waits in the outbox, as it falls due, until told to stop."""
    while not stop.is_set():
        try:
            while delivery.is_due(portal) and not stop.is_set() and delivery.deliver(portal):
                pass
        except Exception:
            log.exception("delivery failed")
        stop.wait(every_seconds)
