"""An endpoint of one's own: every visit pulls the lists, and adds the invoice of November once."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from waitress import serve

from qbwc import Database, Endpoint, JobKind, Registry, build_wsgi, connections, mirror, queue, upgrade
from qbwc.qbxml.transactions import InvoiceAdd, InvoiceAddRq, InvoiceLineAdd
from qbwc.qbxml.types import Ref


class AddInvoice(JobKind):
    kind = "add-invoice"

    def answered(self, visit, answer):
        visit.job.payload = {"invoices": [invoice.txn_id for invoice in answer.objects]}
        visit.finish()


def before_visit(db, connection, now):
    mirror.refresh(db, registry, connection, now)
    line = InvoiceLineAdd(item_ref=Ref(full_name="Support"), quantity=Decimal(2))
    add = InvoiceAdd(customer_ref=Ref(full_name="Abbott Bakery"), txn_date=date(2026, 11, 1), lines=(line,))
    work = [("add", InvoiceAddRq(invoice_add=add))]
    queue.put(db, registry, connection_id=connection.id, kind="add-invoice", key="2026-11", messages=work, now=now)


registry = Registry(mirror.PullList(), AddInvoice())
database = Database("sqlite:///own.sqlite3")
upgrade(database)
if not Path("own.qwc").exists():
    with database.write() as db:
        owner_id = "{5a9e6d6e-3c0b-4d0e-9a57-0d6c1f0b7e21}"  # make one for your application, and keep it
        own, password = connections.create(db, user_name="own", owner_id=owner_id, now=datetime.now(UTC))
        Path("own.password").write_text(password)
        Path("own.qwc").write_text(connections.manifest(own, "Own endpoint", "http://localhost:8080/qbwc"))
application = build_wsgi(Endpoint(database, registry, before_visit=[before_visit]))
if __name__ == "__main__":
    serve(application, host="127.0.0.1", port=8080)
