"""One company file of the sandbox: what QuickBooks would keep, in one JSON file that a person can read and edit.

Every value is text under its qbXML tag, so that nothing is lost between an answer and the file. Objects keep a
reference as {"ListID", "FullName"}; `seed` completes shorter files when they are loaded.
"""

from __future__ import annotations

import copy
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from qbwc.sandbox.errors import CompanyError, Record
from qbwc.sandbox.request_tables import ITEM_KINDS

ITEMS = tuple(f"Item{kind}" for kind in ITEM_KINDS)
TERMS = ("StandardTerms", "DateDrivenTerms")
NAMES = ("Customer", "Vendor", "Employee", "OtherName")
"""Lists that share one namespace: a name can be taken by any of them."""
LISTS = (
    *NAMES, "Account", "Class", *TERMS, "SalesTaxCode", "Template", "Currency", "CustomerMsg", "CustomerType",
    "JobType", "SalesRep", "ShipMethod", "PaymentMethod", "PriceLevel", *ITEMS,
)  # fmt: skip
HIERARCHICAL = frozenset((
    "Customer", "Account", "Class", "CustomerType", "JobType", "ItemService", "ItemNonInventory", "ItemOtherCharge",
    "ItemInventory", "ItemInventoryAssembly", "ItemDiscount",
))  # fmt: skip
"""Lists whose objects have FullName, ParentRef and Sublevel; the others have only a Name."""
TRANSACTIONS = ("Invoice", "CreditMemo")

REFERENCES: dict[str, tuple[str, ...]] = {
    "CustomerRef": ("Customer",),
    "ClassRef": ("Class",),
    "TemplateRef": ("Template",),
    "TermsRef": TERMS,
    "SalesRepRef": ("SalesRep",),
    "ShipMethodRef": ("ShipMethod",),
    "CustomerMsgRef": ("CustomerMsg",),
    "CustomerTypeRef": ("CustomerType",),
    "JobTypeRef": ("JobType",),
    "CurrencyRef": ("Currency",),
    "PriceLevelRef": ("PriceLevel",),
    "PrefVendorRef": ("Vendor",),
    "TaxVendorRef": ("Vendor",),
    "PaymentMethodRef": ("PaymentMethod",),
    "PreferredPaymentMethodRef": ("PaymentMethod",),
    "ItemRef": ITEMS,
    "ItemInventoryRef": ("ItemInventory", "ItemInventoryAssembly"),
    "ItemGroupRef": ("ItemGroup",),
    "ItemSalesTaxRef": ("ItemSalesTax", "ItemSalesTaxGroup"),
    "ItemPurchaseTaxRef": ("ItemSalesTax", "ItemSalesTaxGroup"),
    "SalesTaxCodeRef": ("SalesTaxCode",),
    "CustomerSalesTaxCodeRef": ("SalesTaxCode",),
    "PurchaseTaxCodeRef": ("SalesTaxCode",),
}
"""Which lists a reference points into. Any other `...AccountRef` and `AccountRef` points to accounts."""


def reference_kinds(tag: str) -> tuple[str, ...]:
    """The lists that a reference element may name; empty when the sandbox keeps no such list."""
    return ("Account",) if tag.endswith("AccountRef") else REFERENCES.get(tag, ())


def full_name(record: Record) -> str:
    """The name other objects use: FullName where the list has one, else Name."""
    return str(record.get("FullName") or record["Name"])


def reference(record: Record) -> Record:
    """The reference to a list object, as a Ret carries it."""
    return {"ListID": record["ListID"], "FullName": full_name(record)}


def _as_text(value: Any, depth: int = 3) -> str:
    """JSON with a line for each record: indented throughout, Python would take ten times as long to write it."""
    if depth and isinstance(value, dict) and value:
        rows = [f"{json.dumps(name, ensure_ascii=False)}: {_as_text(one, depth - 1)}" for name, one in value.items()]
        return "{\n" + ",\n".join(rows) + "\n}"
    if depth and isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in value) + "\n]"
    return json.dumps(value, ensure_ascii=False)


class Company:
    """A company file. `clock` returns aware UTC; every time that QuickBooks would stamp comes from it.

    `data` is a whole file or a seed; it is completed in place and then belongs to the company. Raises CompanyError.
    """

    def __init__(self, data: Record, *, path: Path | None = None, clock: Callable[[], datetime] | None = None) -> None:
        from qbwc.sandbox.seed import complete

        self.path = path
        self.clock = clock or (lambda: datetime.now(UTC))
        self.pretended: Record = {}
        """Facts of the file that hold for now instead of what the file says; they are never saved."""
        self._by_id: dict[str, dict[str, Record]] = {}
        self._by_name: dict[str, dict[str, Record]] = {}
        self._txns: dict[str, tuple[str, Record]] = {}
        self.data: Record = data
        complete(self, data)

    @classmethod
    def load(cls, path: Path | str, *, clock: Callable[[], datetime] | None = None) -> Company:
        """Read a company file or a seed. Raises CompanyError, naming the file and what is wrong in it."""
        path = Path(path)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CompanyError(f"The company file {path} cannot be read: {error.strerror}.") from None
        except ValueError as error:
            raise CompanyError(f"The company file {path} is not JSON: {error}.") from None
        if not isinstance(data, dict):
            raise CompanyError(f'The company file {path} must hold an object with "file" and "lists".')
        return cls(data, path=path, clock=clock)

    def save(self, path: Path | str | None = None) -> None:
        """Write the file in one move: a reader sees the old state or the new one, never half of it."""
        target = Path(path) if path is not None else self.path
        if target is None:
            return
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(_as_text(self.data) + "\n")
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def snapshot(self) -> Record:
        """A copy of everything, for a roll-back or a backup."""
        return copy.deepcopy(self.data)

    def restore(self, data: Record) -> None:
        """Put back what `snapshot` gave."""
        self.data = data
        self.forget_indexes()

    # what the file says about itself

    @property
    def file(self) -> Record:
        """The facts of the file: Path, CompanyName, Country, versions, preferences."""
        facts: Record = self.data["file"]
        return facts

    @property
    def state(self) -> Record:
        """Counters, stored message sets, deleted objects, private data of the company."""
        state: Record = self.data["state"]
        return state

    @property
    def country(self) -> str:
        """The edition: US, CA, UK or AU."""
        return str(self.file["Country"])

    def fact(self, name: str) -> Any:
        """A fact of the file as it holds now; None when there is none."""
        return self.pretended.get(name, self.file.get(name))

    def is_on(self, preference: str) -> bool:
        """Whether a preference of the file is true."""
        return bool(self.fact(preference) == "true")

    # time

    @property
    def zone(self) -> ZoneInfo:
        name = str(self.file["TimeZone"])
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise CompanyError(f'file: TimeZone "{name}" is unknown; give a name such as "America/Toronto".') from None

    def today(self) -> date:
        """The date on the wall of the QuickBooks machine."""
        return self.clock().astimezone(self.zone).date()

    def stamp(self, moment: datetime | None = None) -> str:
        """QuickBooks' text for a time: the wall clock, with the winter offset even in summer (a known fault)."""
        local = (moment or self.clock()).astimezone(self.zone)
        offset = datetime(local.year, 1, 1, tzinfo=self.zone).utcoffset() or timedelta()
        sign, minutes = ("-" if offset < timedelta() else "+"), abs(int(offset.total_seconds())) // 60
        return f"{local:%Y-%m-%dT%H:%M:%S}{sign}{minutes // 60:02}:{minutes % 60:02}"

    # lists

    def records(self, kind: str) -> list[Record]:
        """The objects of one list, in the order of the file."""
        records: list[Record] = self.data["lists"].setdefault(kind, [])
        return records

    def find(self, kinds: Iterable[str], wanted: Record) -> tuple[str, Record] | None:
        """The object that a reference {"ListID"} or {"FullName"} names; ListID wins, names ignore case."""
        for kind in kinds:
            if kind not in self._by_id:
                self._index(kind)
            found = (
                self._by_id[kind].get(wanted["ListID"])
                if wanted.get("ListID")
                else self._by_name[kind].get(str(wanted.get("FullName", "")).casefold())
            )
            if found is not None:
                return kind, found
        return None

    def _index(self, kind: str) -> None:
        records = self.records(kind)
        self._by_id[kind] = {record["ListID"]: record for record in records}
        self._by_name[kind] = {full_name(record).casefold(): record for record in reversed(records)}

    def forget_indexes(self) -> None:
        """Call after a list object was added, renamed or removed, or a transaction added or removed."""
        self._by_id.clear()
        self._by_name.clear()
        self._txns.clear()

    def children(self, kind: str, record: Record) -> Iterator[Record]:
        """The objects directly under another."""
        kinds = ITEMS if kind in ITEMS else (kind,)
        for other in kinds:
            for child in self.records(other):
                if child.get("ParentRef", {}).get("ListID") == record["ListID"]:
                    yield child

    # transactions

    def transactions(self, kind: str) -> list[Record]:
        """The transactions of one kind, in the order of their creation."""
        records: list[Record] = self.data["transactions"].setdefault(kind, [])
        return records

    def find_transaction(self, txn_id: str) -> tuple[str, Record] | None:
        """A transaction and its kind, by TxnID."""
        if not self._txns:
            self._txns = {
                record["TxnID"]: (kind, record) for kind in TRANSACTIONS for record in self.transactions(kind)
            }
        return self._txns.get(txn_id)

    def add_transaction(self, kind: str, record: Record) -> None:
        """Keep a new transaction."""
        self.transactions(kind).append(record)
        if self._txns:
            self._txns[record["TxnID"]] = (kind, record)

    # identities

    def new_list_id(self, created: datetime) -> str:
        """A ListID: a counter in hexadecimal and the second of the creation."""
        number = int(self.state["NextListNumber"])
        self.state["NextListNumber"] = number + 1
        return f"{0x80000000 + number:X}-{int(created.timestamp())}"

    def new_txn_id(self, created: datetime) -> str:
        """A TxnID or TxnLineID; both come from one counter."""
        number = int(self.state["NextTxnNumber"])
        self.state["NextTxnNumber"] = number + 1
        return f"{number:X}-{int(created.timestamp())}"

    def new_edit_sequence(self, before: str | None = None) -> str:
        """The second of the change, but always higher than the one before."""
        return str(max(int(self.clock().timestamp()), int(before or 0) + 1))

    def touch(self, record: Record) -> None:
        """Mark an object as changed now."""
        record["EditSequence"] = self.new_edit_sequence(record.get("EditSequence"))
        record["TimeModified"] = self.stamp()

    def next_ref_number(self, kind: str) -> str:
        """The number QuickBooks gives to the next form of a kind: one more than the highest so far."""
        last = int(self.state["LastRefNumber"].get(kind, 0))
        for record in self.transactions(kind) if last == 0 else ():
            number = str(record.get("RefNumber", ""))
            if number.isascii() and number.isdigit():
                last = max(last, int(number))
        return str(last + 1 if last else 1001)

    def remember_ref_number(self, kind: str, number: str) -> None:
        """Let the next automatic number follow this one."""
        if number.isascii() and number.isdigit():
            last = int(self.state["LastRefNumber"].get(kind, 0)) or int(self.next_ref_number(kind)) - 1
            self.state["LastRefNumber"][kind] = max(int(number), last)
