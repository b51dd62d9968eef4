"""The list of charges: each in its state, with why and where it was billed; filtered, in chosen columns, and as CSV.

What stands above it adds the states up to what was imported. Among very many charges that takes seconds, so there the
page comes first, and the sums follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.billing.export_rule import Part
from portal.services import charge_list, charge_states, shown_columns, speaking
from portal.services.charge_states import ChargeState, Imported, StateSum, Tally
from portal.services.connections import to_row_id
from portal.web.access import EVERYONE, allowed, portal_of_app, signed_in
from portal.web.columns import CYCLES, KINDS
from portal.web.files import as_file
from portal.web.language import csv_dialect, language
from portal.web.tables import Table, read_table
from portal.web.words import msgid

LISTING = "charges"
ADDED_AT_ONCE = 20_000
"""Charges whose sums are made with the page; those of more follow it."""

STATES: dict[ChargeState, str] = {
    ChargeState.SENT: msgid("Sent"),
    ChargeState.PENDING: msgid("Pending"),
    ChargeState.WAITING: msgid("To bill"),
    ChargeState.REJECTED: msgid("Rejected"),
    ChargeState.EXCLUDED: msgid("Excluded"),
    ChargeState.CREDITED: msgid("Credited"),
    ChargeState.IGNORED: msgid("Not to be billed"),
}
MEANINGS: dict[ChargeState, str] = {
    ChargeState.SENT: msgid("On an invoice that QuickBooks has, or that was entered by hand."),
    ChargeState.PENDING: msgid("On an invoice that waits for the Web Connector, or that a run is making."),
    ChargeState.WAITING: msgid("Nothing is in its way: the next run bills it."),
    ChargeState.REJECTED: msgid("QuickBooks or a mapping refuses it: something is to be mended first."),
    ChargeState.EXCLUDED: msgid("The export rule keeps it back."),
    ChargeState.CREDITED: msgid("It was sent and given back, or it is what gave it back."),
    ChargeState.IGNORED: msgid("Somebody decided so, or it came to nothing."),
}
TONES = {
    ChargeState.SENT: "green",
    ChargeState.PENDING: "blue",
    ChargeState.WAITING: "azure",
    ChargeState.REJECTED: "red",
    ChargeState.EXCLUDED: "yellow",
    ChargeState.CREDITED: "purple",
    ChargeState.IGNORED: "secondary",
}
KEPT_BACK_BY: dict[Part, str] = {
    Part.ORGANIZATION: msgid("for its organization"),
    Part.OFFER: msgid("for its offer"),
    Part.PERIOD: msgid("for its date"),
    Part.TAG: msgid("for its tags"),
    Part.KIND: msgid("for its kind"),
    Part.CYCLE: msgid("for its billing cycle"),
    Part.AMOUNT: msgid("for its amount"),
}
HEADS: dict[str, str] = {
    "state": msgid("State"),
    "reason": msgid("Reason"),
    "organization": msgid("Organization"),
    "offer": msgid("Offer"),
    "offer_key": msgid("Code of the offer"),
    "description": msgid("Description"),
    "kind": msgid("Kind of charge"),
    "cycle": msgid("Billing cycle"),
    "quantity": msgid("Quantity"),
    "first_day": msgid("First day"),
    "last_day": msgid("Last day"),
    "unit_cost": msgid("Unit cost"),
    "amount": msgid("Amount"),
    "currency": msgid("Currency"),
    "tags": msgid("Tags"),
    "gives_back": msgid("Gives back"),
    "imported_at": msgid("Imported"),
    "rule_version": msgid("Version of the rule"),
    "run": msgid("Run"),
    "invoice_number": msgid("Invoice number"),
    "invoice_date": msgid("Invoice date"),
    "key": msgid("Number of the charge"),
}
USUAL = ("state", "reason", "organization", "offer", "first_day", "quantity", "amount", "run")
SORTED_BY = {"first_day": "date", "amount": "amount", "imported_at": "imported"}
NUMBERS = frozenset({"quantity", "unit_cost", "amount"})
_ALWAYS = frozenset(ChargeState) - {ChargeState.IGNORED}

blueprint = Blueprint("list", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """The states of one currency beside what was imported in it."""

    imported: Imported
    terms: tuple[StateSum, ...]

    @property
    def entries(self) -> int:
        """How many entries there must be: what gives back something stands beside what it takes away."""
        return self.imported.count + 2 * self.imported.given_back


@blueprint.get("/connections/<int:connection_id>/charges/list")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """Some charges, from a place on."""
    portal, table = portal_of_app(), _table(connection_id)
    listed = charge_list.list_charges(portal, connection_id, table.wanted, after=request.args.get("after", "")[:60])
    count = charge_list.count_charges(portal, connection_id, most=ADDED_AT_ONCE)
    is_added = count <= ADDED_AT_ONCE or "sums" in request.args
    return render_template(
        "charge_list.html",
        listed=listed,
        table=table,
        count=count,
        equations=_equations(connection_id) if is_added else None,
        is_first="after" not in request.args,
        is_filtered=bool(table.wanted.search or any(table.wanted.filters.values())),
        columns=_columns(),
        heads=HEADS,
        sorted_by=SORTED_BY,
        numbers=NUMBERS,
        kinds=KINDS,
        cycles=CYCLES,
        kept_back_by=KEPT_BACK_BY,
        **_WORDS,
    )


@blueprint.get("/connections/<int:connection_id>/charges/sums")
@allowed(*EVERYONE)
def sums(connection_id: int) -> ResponseReturnValue:
    """The states added up, as a part of the page."""
    return render_template(
        "parts/charge_sums.html", equations=_equations(connection_id), table=_table(connection_id), **_WORDS
    )


@blueprint.get("/connections/<int:connection_id>/charges/list.csv")
@allowed(*EVERYONE)
def download(connection_id: int) -> ResponseReturnValue:
    """What the filters leave, as CSV: in the columns that are shown, or in all of them."""
    columns = charge_list.COLUMNS if "all" in request.args else _columns()
    tongue = language()  # while it is written, there is no request any more
    wanted, tell = _table(connection_id).wanted, partial(speaking.say, language=tongue)
    text = charge_list.write_csv(portal_of_app(), connection_id, wanted, tell, tuple(columns), csv_dialect())
    return as_file(text, f"charges-{connection_id}.csv")


@blueprint.post("/account/columns/charges")
@allowed(*EVERYONE)
def choose() -> ResponseReturnValue:
    """Keep the columns that this person wants to see, on every connection."""
    chosen = [] if "usual" in request.form else request.form.getlist("column")
    shown_columns.save_columns(portal_of_app(), signed_in().id, LISTING, chosen, of=charge_list.COLUMNS)
    connection_id = to_row_id(request.form.get("connection", ""))
    if connection_id is None:
        return redirect(url_for("connections.index"), 303)
    return redirect(url_for(".show", connection_id=connection_id), 303)


_WORDS: dict[str, Any] = {"states": STATES, "meanings": MEANINGS, "tones": TONES}


def _table(connection_id: int) -> Table:
    link = partial(url_for, "charges.list.show", connection_id=connection_id)
    table = read_table(link, filters=charge_list.FILTERS, sort="-date")
    if table.wanted.sort in charge_list.SORTS:
        return table
    return replace(table, wanted=replace(table.wanted, sort="date", is_descending=True))


def _columns() -> list[str]:
    return shown_columns.read_columns(portal_of_app(), signed_in().id, LISTING, of=charge_list.COLUMNS, usual=USUAL)


def _equations(connection_id: int) -> tuple[bool, list[Equation]]:
    """The states, and whether they add up to what was imported."""
    tally: Tally = charge_states.tally(portal_of_app(), connection_id)
    states = {currency: list(some) for currency, some in groupby(tally.states, key=lambda one: one.currency)}
    found = []
    for one in tally.imported:
        terms = _terms(one.currency, states.get(one.currency, []))
        found.append(Equation(imported=one, terms=tuple(terms)))
    return tally.adds_up, found


def _terms(currency: str, known: list[StateSum]) -> list[StateSum]:
    """Every state, also those of no charge, but for the one that is rare."""
    found = {one.state: one for one in known}
    return [
        found.get(state) or StateSum(state=state, currency=currency, count=0, amount=Decimal(0))
        for state in STATES
        if state in found or state in _ALWAYS
    ]


__all__ = ["ADDED_AT_ONCE", "blueprint"]
