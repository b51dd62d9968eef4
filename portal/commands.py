"""What each command does: call one use case and print its result."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from portal import settings as configuration
from portal.billing.period import BillingMode
from portal.errors import PortalError, Refused, Sentence
from portal.models import DraftState, Role
from portal.providers import ProviderError
from portal.services import Portal, accounts, build_portal, catalog, connections, mappings, runs, status


def run(args: argparse.Namespace) -> int:
    """Run the parsed command. Every expected error is one sentence and exit status 2."""
    name = f"{args.command} {args.action}" if "action" in args else args.command
    try:
        return COMMANDS[name](args)
    except (PortalError, ProviderError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def plain(value: Any) -> Any:
    """A result as JSON can say it: decimals and dates as text, sentences in English."""
    if isinstance(value, Sentence):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(one) for one in value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def show(args: argparse.Namespace, value: Any, text: str) -> None:
    """Print a result: JSON when asked for, else the text."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=1) + "\n" if args.json else text.rstrip() + "\n")


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: frozenset[int] = frozenset()) -> str:
    """Rows as aligned text; the columns in `right` are right-aligned."""
    cells = [[str(cell) if cell is not None else "" for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(head, *cells, strict=True)]
    lines = []
    for row in ([*head], ["─" * width for width in widths], *cells):
        padded = (
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _open() -> Portal:
    return build_portal(configuration.load())


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Refused("%(path)s cannot be read: %(reason)s.", path=path, reason=error.strerror or error) from None


def _serve(args: argparse.Namespace) -> int:
    from portal.server import serve

    return serve(args.host, args.port, with_worker=not args.no_worker, as_json=args.json)


def _demo(args: argparse.Namespace) -> int:
    from portal.demo import demonstrate

    return demonstrate(args.port, ends=args.exit, as_json=args.json)


def _add_partner(args: argparse.Namespace) -> int:
    made = accounts.add_partner(_open(), args.name)
    show(args, made, f"Partner {made.name} ({made.id})")
    return 0


def _add_user(args: argparse.Namespace) -> int:
    portal = _open()
    password = None if args.generate_password else _ask_password()
    made = accounts.add_user(
        portal, args.email, partner=args.partner, role=Role(args.role), password=password, language=args.language
    )
    text = f"User {made.email}, {made.role} of {made.partner_name}"
    if made.password:
        text += f"\nPassword (shown this once): {made.password}"
    fields = {name: getattr(made, name) for name in ("id", "email", "partner_name", "role", "password")}
    show(args, fields, text)
    return 0


def _ask_password() -> str:
    if not sys.stdin.isatty():
        typed = sys.stdin.readline().rstrip("\r\n")
        if not typed:
            raise Refused("No password was given: add --generate-password, or write one on standard input.")
        return typed
    typed = getpass.getpass("Password: ", stream=sys.stderr)
    if typed != getpass.getpass("Once more: ", stream=sys.stderr):
        raise Refused("The two passwords differ. Try again.")
    return typed


def _add_connection(args: argparse.Namespace) -> int:
    made = connections.add_connection(
        _open(),
        args.name,
        partner=args.partner,
        billing_mode=BillingMode(args.billing_mode),
        invoice_day=args.invoice_day,
        prorate=[box.strip() for box in args.prorate.split(",") if box.strip()],
        start_date=args.start_date,
    )
    show(
        args,
        made,
        f"Connection {made.name} ({made.id})\n"
        f"User name: {made.user_name}\n"
        f"Password (shown this once): {made.password}\n"
        f"OwnerID {made.owner_id}, FileID {made.file_id}\n"
        f"Next: portal qwc {made.id} > {made.user_name}.qwc",
    )
    return 0


def _qwc(args: argparse.Namespace) -> int:
    portal = _open()
    found = connections.find_connection(portal, args.connection)
    text = connections.qwc(portal, found.id)
    show(args, {"connection": found.id, "user_name": found.user_name, "qwc": text}, text)
    return 0


def _import(args: argparse.Namespace) -> int:
    portal = _open()
    found = connections.find_connection(portal, args.connection)
    result = catalog.import_charges(portal, found.id, _read(args.file), name=Path(args.file).name, provider=args.provider)
    show(args, result, describe_import(result))
    return 0


def describe_import(result: catalog.ImportResult) -> str:
    """An import in one or two sentences."""
    totals = ", ".join(f"{total:f} {currency}" for currency, total in sorted(result.totals.items()))
    text = (
        f"{result.rows} charges from {result.period_start} to {result.period_last}, {totals}: "
        f"{result.added} new, {result.changed} changed, {result.unchanged} already here."
    )
    if result.already_billed:
        text += f" {result.already_billed} differ from what was already billed and were left as they are."
    if result.new_offers or result.new_organizations:
        text += f"\nTo be mapped: {result.new_offers} new offers, {result.new_organizations} new organizations."
    return text


def _map(args: argparse.Namespace) -> int:
    portal = _open()
    found = connections.find_connection(portal, args.connection)
    result = mappings.apply_csv(portal, found.id, _read(args.file), Path(args.file).name)
    text = f"{result.offers} offers and {result.organizations} organizations read, {result.changed} mappings changed."
    show(args, result, text)
    return 0


def _bill(args: argparse.Namespace) -> int:
    portal = _open()
    found = connections.find_connection(portal, args.connection)
    if args.preview:
        seen = runs.preview(portal, found.id, args.date)
        show(args, seen, describe_preview(seen))
        return 0
    before = runs.preview(portal, found.id, args.date)
    made = runs.bill(portal, found.id, args.date)
    queued = sum(1 for draft in made.drafts if draft.state is DraftState.QUEUED)
    text = f"{queued} invoices wait for the next visit of the Web Connector (Update Selected).\n\n{describe_run(made)}"
    if before.skipped:
        text += f"\n\nNot billed:\n{_describe_skipped(before)}"
    show(args, {"run": made, "skipped": before.skipped}, text)
    return 0


def describe_preview(seen: runs.Preview) -> str:
    """A preview as text: the arithmetic of every line, then what is left out."""
    parts = [f"Invoice date {seen.invoice_date}, period {seen.period_start} to {seen.period_last}"]
    for draft in seen.drafts:
        estimate = "price: QuickBooks" if draft.estimate is None else f"about {draft.estimate:f} at list prices"
        parts.append(f"\n{draft.organization} → {draft.customer} ({draft.mode}), {estimate}")
        if draft.reason:
            parts.append(f"  Waits: {draft.reason}")
        rows = [(line.item, line.arithmetic, f"{line.quantity:f}", line.description) for line in draft.lines]
        parts.append(table(("Item", "Arithmetic", "Quantity", "Description"), rows, frozenset({2})))
    if seen.skipped:
        parts.append(f"\nNot billed:\n{_describe_skipped(seen)}")
    return "\n".join(parts)


def _describe_skipped(seen: runs.Preview) -> str:
    rows = [(row.organization, row.offer, row.count, row.reason) for row in seen.skipped]
    return table(("Organization", "Offer", "Charges", "Why"), rows, frozenset({2}))


def describe_run(made: runs.RunView) -> str:
    """A run as a table: one invoice a line."""
    rows = [
        (
            draft.organization,
            {"create": "created", "update": "updated"}[draft.mode],
            draft.ref_number or "",
            draft.lines,
            "" if draft.billed is None else f"{draft.billed:,.2f}",
            "" if draft.total is None else f"{draft.total:,.2f}",
            state_of(draft),
        )
        for draft in made.drafts
    ]
    head = ("Organization", "How", "Invoice", "Lines", "Our lines", "Total", "Result")
    return table(head, rows, frozenset({3, 4, 5}))


def state_of(draft: runs.DraftView) -> str:
    """Where an invoice stands, in a word or a sentence."""
    words = {
        DraftState.QUEUED: "waits for the next visit",
        DraftState.WRITTEN: "written, not read back yet",
        DraftState.RECONCILED: "reconciled",
        DraftState.HELD: "held",
    }
    return words.get(draft.state) or str(draft.what or draft.code or draft.state)


def _status(args: argparse.Namespace) -> int:
    portal = _open()
    if args.connection is None:
        known = connections.list_connections(portal)
        rows = [(one.id, one.name, one.partner, one.company_name or "never connected") for one in known]
        text = table(("No.", "Connection", "Partner", "Company"), rows) if rows else "There are no connections yet."
        show(args, known, text)
        return 0
    found = connections.find_connection(portal, args.connection)
    seen = status.status(portal, found.id)
    made = runs.list_runs(portal, found.id)
    show(args, {"connection": found, "status": seen, "runs": made}, describe_status(seen, made))
    return 0


def describe_status(seen: status.StatusView, made: Sequence[runs.RunView]) -> str:
    """How a connection stands, as text."""
    parts = [f"{seen.name}: {'ready to invoice' if seen.is_ready else 'not ready to invoice'}"]
    parts += [f"  {blocker}" for blocker in seen.blockers]
    for name, counts in (("Offers", seen.offers), ("Organizations", seen.organizations)):
        parts.append(f"{name}: {counts.mapped} mapped, {counts.unmapped} to map, {counts.off} off")
    parts.append("Lists: " + ", ".join(f"{one.count} {one.kind}" for one in seen.lists))
    visit = seen.last_visit
    if visit is None:
        parts.append("Last visit: none")
    else:
        parts.append(
            f"Last visit: {visit.opened_at:%Y-%m-%d %H:%M} UTC, {visit.product or 'QuickBooks'} on "
            f"{visit.machine or 'an unknown machine'}, {visit.done} answers, {visit.result or 'under way'}"
        )
    parts.append(f"Requests waiting: {seen.waiting_requests}")
    for run_view in made:
        parts.append(f"\nRun of {run_view.invoice_date} ({run_view.period_start} to {run_view.period_last})")
        parts.append(describe_run(run_view))
    if seen.problems:
        parts.append("\nTo mend:")
    for problem in seen.problems:
        parts.append(f"  {problem.title} — {problem.what}" + (f" {problem.do}" if problem.do else "") + f" [{problem.code}]")
    return "\n".join(parts)


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": _serve,
    "demo": _demo,
    "partner add": _add_partner,
    "user add": _add_user,
    "connection add": _add_connection,
    "qwc": _qwc,
    "import": _import,
    "map": _map,
    "bill": _bill,
    "status": _status,
}
