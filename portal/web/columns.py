"""The columns of a CSV file: shown as they were guessed, completed by a person, saved, and used for the import."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.billing.charge import BillingCycle, ChargeKind
from portal.errors import NotFound, PortalError, Refused
from portal.providers import ProviderError
from portal.providers.csvfile import COLUMNS, DateFormat, Profile, Source
from portal.services import sources
from portal.services.connections import to_row_id
from portal.services.sources import Choices, Reading, Sheet, UploadView
from portal.web.access import WRITERS, allowed, portal_of_app, signed_in
from portal.web.imports import sentence_of, show_charges, status_of_any
from portal.web.language import day, days_of, number
from portal.web.words import msgid

LABELS = {
    "organization": msgid("Organization"),
    "offer_key": msgid("Code of the offer"),
    "offer_name": msgid("Name of the offer"),
    "quantity": msgid("Quantity"),
    "unit_cost": msgid("Cost of one unit"),
    "amount": msgid("Amount of the row"),
    "currency": msgid("Currency"),
    "start": msgid("First day, or the period"),
    "end": msgid("Last day"),
    "kind": msgid("Kind of charge"),
    "cycle": msgid("Billing cycle"),
    "charge_id": msgid("Number of the charge"),
}
HINTS = {
    "offer_key": msgid("One of the two, code or name, is needed."),
    "amount": msgid("One of the two, cost or amount, is needed."),
    "end": msgid("The same column as the first day, where one cell holds the whole period."),
    "currency": msgid("A column, or the currency of the whole file: three letters, such as CAD."),
    "thousands": msgid("Not the sign that stands before the cents."),
    "charge_id": msgid("Without one, a row is known by organization, offer, cycle and period."),
}
OTHERWISE = {"kind": msgid("Told by sign and period"), "cycle": msgid("Told by the length of the period")}
SOURCES = {
    Source.FILE: msgid("the file"),
    Source.HEADING: msgid("the heading"),
    Source.VALUES: msgid("the cells"),
    Source.DEFAULT: msgid("nothing in the file: assumed"),
}
KINDS = {
    ChargeKind.RECURRING: msgid("Recurring"),
    ChargeKind.PRORATED: msgid("Prorated"),
    ChargeKind.USAGE: msgid("Usage"),
    ChargeKind.ONE_TIME: msgid("One-time"),
    ChargeKind.CREDIT: msgid("Credit"),
}
CYCLES = {
    BillingCycle.MONTHLY: msgid("Monthly"),
    BillingCycle.YEARLY: msgid("Yearly"),
    BillingCycle.ONE_TIME: msgid("Once"),
}
DECIMALS = {".": msgid("A point: 1234.50"), ",": msgid("A comma: 1234,50")}
THOUSANDS = {
    "none": msgid("Nothing"),
    "space": msgid("A space: 1 234"),
    "apostrophe": msgid("An apostrophe: 1'234"),
    "comma": msgid("A comma: 1,234"),
    "point": msgid("A point: 1.234"),
}
DATES = {
    DateFormat.ISO: msgid("Year-month-day: 2026-10-31"),
    DateFormat.DAY_FIRST: msgid("Day/month/year: 31/10/2026"),
    DateFormat.MONTH_FIRST: msgid("Month/day/year: 10/31/2026"),
    DateFormat.DOTTED: msgid("Day.month.year: 31.10.2026"),
    DateFormat.COMPACT: msgid("Without signs: 20261031"),
}
LAST_DAYS = {"true": msgid("Part of the period"), "false": msgid("The day after the period")}
DELIMITERS = {",": msgid("comma"), ";": msgid("semicolon"), "\t": msgid("tab"), "|": msgid("vertical bar")}
_WORD = "word:"

blueprint = Blueprint("columns", __name__)


@blueprint.get("/connections/<int:connection_id>/columns")
@allowed(*WRITERS)
def show(connection_id: int) -> ResponseReturnValue:
    """The columns of a file that waits, as they were guessed, or as saved columns say."""
    upload, start = _wanted(connection_id)
    sheet = sources.guess(upload.data, upload.name, start=start)
    return _page(upload, sheet, name=start.name if start else "", replaces=start is not None)


@blueprint.post("/connections/<int:connection_id>/columns")
@allowed(*WRITERS)
def save(connection_id: int) -> ResponseReturnValue:
    """Save the columns and import the file; or show again what is open or cannot be read."""
    upload, start = _wanted(connection_id)
    name, replaces = request.form.get("name", ""), "replaces" in request.form
    sheet = sources.guess(upload.data, upload.name, _choices(), start=start)
    if not sheet.is_complete:
        problem = Refused("Some choices are still open: they are marked below. Answer them, then save.")
        return _page(upload, sheet, name=name, replaces=replaces, problem=problem)
    try:
        result = sources.save_and_import(
            portal_of_app(),
            connection_id,
            upload.data,
            upload.name,
            sheet.profile,
            name=name,
            replaces=replaces,
            who=signed_in().email,
        )
    except (PortalError, ProviderError) as error:
        return _page(upload, sheet, name=name, replaces=replaces, problem=error)
    sources.forget_upload(portal_of_app(), connection_id, signed_in().id, upload.token)
    return show_charges(connection_id, result=result)


@blueprint.post("/connections/<int:connection_id>/columns/delete")
@allowed(*WRITERS)
def delete(connection_id: int) -> ResponseReturnValue:
    """Forget saved columns."""
    profile_id = to_id(request.form.get("profile", ""))
    name = sources.delete_profile(portal_of_app(), connection_id, profile_id, who=signed_in().email)
    flash(_("The columns called %(name)s were deleted. What was imported with them stays.", name=name), "success")
    return redirect(url_for("charges.index", connection_id=connection_id), 303)


def to_id(text: str) -> int:
    """The id of saved columns. Raises NotFound for what is none."""
    if (profile_id := to_row_id(text)) is None:
        raise NotFound("These columns do not exist any more. Choose others.")
    return profile_id


def _wanted(connection_id: int) -> tuple[UploadView, Profile | None]:
    """The file that waits, and the saved columns to begin with."""
    given = request.values
    upload = sources.get_upload(portal_of_app(), connection_id, signed_in().id, given.get("file", ""))
    saved = given.get("profile", "")
    return upload, sources.find_profile(portal_of_app(), connection_id, to_id(saved)) if saved else None


def _choices() -> Choices:
    form = request.form
    words = {}
    for key, told in form.items():
        if key.startswith(_WORD):
            kind, _colon, word = key.removeprefix(_WORD).partition(":")
            words[kind, word] = told
    tags = frozenset(place for text in form.getlist("tag") if (place := to_row_id(text)) is not None)
    return Choices(fields={name: told for name, told in form.items() if ":" not in name}, tags=tags, words=words)


def _page(
    upload: UploadView,
    sheet: Sheet,
    *,
    name: str,
    replaces: bool,
    problem: PortalError | ProviderError | None = None,
) -> ResponseReturnValue:
    waiting = set(sheet.words)  # cells that cannot be read yet, because of what is open
    waiting |= sources.NUMBERS if "decimal" in sheet.open else set()
    waiting |= sources.DAYS if "date_format" in sheet.open else set()
    page = render_template(
        "columns.html",
        upload=upload,
        sheet=sheet,
        name=name,
        replaces=replaces,
        profile=request.values.get("profile", ""),
        problem=sentence_of(problem),
        fields=COLUMNS,
        labels=LABELS,
        hints=HINTS,
        otherwise=OTHERWISE,
        waiting=waiting,
        sources=SOURCES,
        meanings={"kind": KINDS, "cycle": CYCLES},
        selects={
            "decimal": (msgid("Before the cents"), DECIMALS),
            "thousands": (msgid("Between thousands"), THOUSANDS),
            "date_format": (msgid("How dates are written"), DATES),
            "is_last_day_inclusive": (msgid("The last day is"), LAST_DAYS),
        },
        delimiter=DELIMITERS.get(sheet.delimiter, sheet.delimiter),
        read_as=read_as,
    )
    return page, status_of_any(problem)


def read_as(reading: Reading) -> str | None:
    """What a cell is read as, in the page's language; "" where it is taken as it is, None where it cannot be read."""
    match reading.value:
        case None:
            return None
        case Decimal():
            return number(reading.value)
        case date():
            return day(reading.value)
        case (first, last):
            return days_of(first, last)
        case ChargeKind() | BillingCycle():
            return str(_(CYCLES[reading.value] if isinstance(reading.value, BillingCycle) else KINDS[reading.value]))
    return "" if reading.value == reading.cell else str(reading.value)
