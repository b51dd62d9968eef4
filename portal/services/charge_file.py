"""The file of charges: the ledger's charges out to CSV, and in again, all rows or none.

A row is a charge, told apart by its key. In, it makes the charge, changes it or leaves it as it is, and says nothing of
the charges that the file does not list. What is changed after it was billed is given back and billed anew by the next
run, as with any import; what a supplier sends later of the same charge counts again. What gave something back is the
ledger's own work and is in no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import orm

from portal.errors import Conflict, Refused
from portal.providers.table import most_common_month
from portal.services import Portal, audit, csv_cells
from portal.services.charge_cells import COLUMNS, Told, armed, read_file, tell
from portal.services.charge_list import FETCHED, list_charges
from portal.services.charge_plan import ChargePlan, plan
from portal.services.connections import find, hold
from portal.services.csv_cells import ENGLISH, Dialect
from portal.services.csv_plan import Fault
from portal.services.deliveries import begin_delivery
from portal.services.paging import Wanted
from portal.services.posting import post_some

PROVIDER = "charge-file"
"""The source of the charges that such a file made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeFileResult:
    """What a file did: charges made, changed, and of the changed ones those that were billed already."""

    import_id: int | None
    rows: int
    new: int
    changed: int
    corrected: int


# -- out -------------------------------------------------------------------------------------------------------------


def write_csv(portal: Portal, connection_id: int, wanted: Wanted, dialect: Dialect = ENGLISH) -> Iterator[str]:
    """The charges as they stand that a list asks for, in pieces, as `apply_csv` reads them. Raises NotFound."""
    head: tuple[Sequence[str], ...] = (COLUMNS,)
    after, wanted = "", replace(wanted, size=FETCHED)
    while True:
        listed = list_charges(portal, connection_id, wanted, after=after, only_standing=True)
        rows = (armed(tell(row.as_charge(), dialect)) for row in listed.rows)
        text = csv_cells.join(*head, *rows, delimiter=dialect.delimiter)
        yield text if head else text.removeprefix(csv_cells.MARK)
        head, after = (), listed.after
        if not after:
            return


# -- in --------------------------------------------------------------------------------------------------------------


def check(data: bytes, name: str) -> None:
    """Raise Refused or ProviderError for what is no file of charges; rows that cannot be are told by the plan."""
    read_file(data, name)


def plan_csv(portal: Portal, connection_id: int, data: bytes, name: str) -> ChargePlan:
    """What a file of charges would change, and what is wrong with it.

    Raises Refused or ProviderError for what is no file of charges, and NotFound.
    """
    told, faults = read_file(data, name)
    with portal.database.read() as db:
        find(db, connection_id)
        return plan(db, connection_id, told, faults, name)


def apply_csv(
    portal: Portal, connection_id: int, data: bytes, name: str, *, who: str = "", token: str | None = None
) -> ChargeFileResult:
    """Post what a file of charges says, all rows or none. Raises as `plan_csv`, and Refused naming a line.

    With the `token` of its plan, it raises Conflict when it would do something else than the plan told.
    """
    told, faults = read_file(data, name)
    with portal.database.write() as db:
        hold(db, connection_id)
        made = _check(db, connection_id, told, faults, name, token)
        if not made.charges:
            return ChargeFileResult(import_id=None, rows=made.rows, new=0, changed=0, corrected=0)
        delivery = begin_delivery(
            db,
            connection_id,
            data,
            provider=PROVIDER,
            name=name,
            period=most_common_month(one.start for one in made.charges),
            total=sum((one.amount for one in made.charges), Decimal(0)),
            rows=made.rows,
            at=portal.now(),
        )
        post_some(db, delivery, made.charges, made.raw, keeps_origin=True)
        changed = len(made.charges) - made.new
        detail = {"file": name, "new": made.new, "changed": changed, "corrected": made.corrected}
        subject = f"import:{delivery.id}"
        audit.note(db, connection_id, at=portal.now(), who=who, action="charge-file", subject=subject, detail=detail)
        return ChargeFileResult(
            import_id=delivery.id, rows=made.rows, new=made.new, changed=changed, corrected=made.corrected
        )


def _check(
    db: orm.Session, connection_id: int, told: Sequence[Told], faults: Sequence[Fault], name: str, token: str | None
) -> ChargePlan:
    made = plan(db, connection_id, told, faults, name)
    if made.faults:
        what = made.faults[0].what
        raise Refused(what.template, **what.values)
    if token not in (None, made.token):
        raise Conflict("Nothing was changed: the charges are not what they were when you looked. Look again.")
    return made


__all__ = ["PROVIDER", "ChargeFileResult", "apply_csv", "check", "plan_csv", "write_csv"]
