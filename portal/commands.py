"""What each command does: call one use case and print its result."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError, IntegrityError

from portal import logs, notice_commands
from portal import settings as configuration
from portal.billing.period import BillingMode
from portal.errors import PortalError, Refused
from portal.migrations import reason
from portal.models import DraftState, Role
from portal.providers import ProviderError, csvfile, refuse_too_large
from portal.report import (
    describe_exchanges,
    describe_import,
    describe_preview,
    describe_run,
    describe_skipped,
    describe_status,
    describe_texts,
    plain,
    show_progress,
    table,
)
from portal.services import (
    Portal,
    accounts,
    audit,
    billing,
    build_portal,
    catalog,
    connections,
    exchanges,
    mappings,
    preview,
    runs,
    sources,
    status,
)

LAST_VISITS = 10


def run(args: argparse.Namespace) -> int:
    """Run the parsed command. Every expected error is one sentence and exit status 2."""
    logs.configure()
    name = f"{args.command} {args.action}" if "action" in args else args.command
    try:
        if name in SERVING:
            return SERVING[name](args)
        portal = build_portal(configuration.load())
        audit.act_as("", audit.COMMAND_LINE)
        try:
            return COMMANDS[name](portal, args)
        finally:
            audit.act_by_itself()
            portal.database.close()
    except (PortalError, ProviderError) as error:
        sys.stderr.write(f"{error}\n")
    except IntegrityError:
        sys.stderr.write("Somebody else made the same change at the same moment; nothing was changed. Try again.\n")
    except DBAPIError as error:
        sys.stderr.write(f"The database cannot be used: {reason(error)}. Nothing was changed. Try again.\n")
    return 2


def show(args: argparse.Namespace, value: Any, text: str) -> None:
    """Print a result: JSON when asked for, else the text."""
    sys.stdout.write(
        json.dumps(plain(value), ensure_ascii=False, indent=1) + "\n" if args.json else text.rstrip() + "\n"
    )


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Refused("%(path)s cannot be read: %(reason)s.", path=path, reason=error.strerror or error) from None


def _read_charges(path: str) -> bytes:
    file = Path(path)
    if file.is_file():  # before it is read: it may be larger than the memory
        refuse_too_large(file.stat().st_size, file.name)
    return _read(path)


def _serve(args: argparse.Namespace) -> int:
    from portal.server import serve

    return serve(args.host, args.port, with_worker=not args.no_worker, as_json=args.json)


def _demo(args: argparse.Namespace) -> int:
    from portal.demo import demonstrate

    return demonstrate(args.port, ends=args.exit, as_json=args.json)


def _add_partner(portal: Portal, args: argparse.Namespace) -> int:
    made = accounts.add_partner(portal, args.name)
    show(args, made, f"Partner {made.name} ({made.id})")
    return 0


def _add_user(portal: Portal, args: argparse.Namespace) -> int:
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


def _reset_user(portal: Portal, args: argparse.Namespace) -> int:
    link = accounts.reset_by_operator(portal, args.email, drops_second_factor=args.second_factor)
    lasts = "seven days" if link.is_first else "an hour"
    text = f"A link for {link.email} to choose a password. It works once, for {lasts}:\n{link.url}"
    show(args, {"email": link.email, "url": link.url, "until": link.until}, text)
    return 0


def _ask_password() -> str:
    if not sys.stdin.isatty():
        try:
            typed = sys.stdin.readline().rstrip("\r\n")
            typed.encode()
        except UnicodeError:
            raise Refused("The password on standard input is not text in UTF-8.") from None
        if not typed:
            raise Refused("No password was given: add --generate-password, or write one on standard input.")
        return typed
    typed = getpass.getpass("Password: ", stream=sys.stderr)
    if typed != getpass.getpass("Once more: ", stream=sys.stderr):
        raise Refused("The two passwords differ. Try again.")
    return typed


def _add_connection(portal: Portal, args: argparse.Namespace) -> int:
    made = connections.add_connection(
        portal,
        args.name,
        partner=args.partner,
        billing_mode=BillingMode(args.billing_mode),
        invoice_day=args.invoice_day,
        prorate=[box.strip() for box in args.prorate.split(",") if box.strip()],
        start_date=args.start_date,
        language=args.language,
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


def _qwc(portal: Portal, args: argparse.Namespace) -> int:
    found = connections.find_connection(portal, args.connection)
    text = connections.qwc(portal, found.id)
    show(args, {"connection": found.id, "user_name": found.user_name, "qwc": text}, text)
    return 0


def _import(portal: Portal, args: argparse.Namespace) -> int:
    found = connections.find_connection(portal, args.connection)
    name = Path(args.file).name
    if args.provider == catalog.CSV and (args.profile is not None or args.profile_file is not None):
        profile = _profile(portal, found.id, args)
        with show_progress("posted") as tell:
            result = sources.import_csv(portal, found.id, _read_charges(args.file), name, profile, tell)
    elif args.profile is not None or args.profile_file is not None:
        raise Refused("Columns are for files of the provider csv: leave out --profile and --profile-file.")
    elif args.provider == catalog.CSV:
        raise Refused(
            "A CSV file needs the columns that it is read by: add --profile NAME or --profile-file FILE.json."
        )
    else:
        with show_progress("posted") as tell:
            result = catalog.import_charges(
                portal, found.id, _read_charges(args.file), name=name, provider=args.provider, progress=tell
            )
    show(args, result, describe_import(result))
    return 0


def _profile(portal: Portal, connection_id: int, args: argparse.Namespace) -> csvfile.Profile:
    if args.profile is not None:
        return sources.find_profile(portal, connection_id, args.profile)
    try:
        profile = csvfile.Profile.from_json(_read(args.profile_file).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Refused("%(path)s is not text in UTF-8.", path=args.profile_file) from None
    return replace(profile, name=profile.name or Path(args.profile_file).name.split(".")[0])


def _fetch(portal: Portal, args: argparse.Namespace) -> int:
    found = connections.find_connection(portal, args.connection)
    day = args.date or sources.default_day(portal, found.id)
    with show_progress("bytes") as received, show_progress("posted") as posted:
        result = sources.fetch_sherweb(portal, found.id, day, received=received, progress=posted)
    show(args, result, describe_import(result))
    return 0


def _set_sherweb(portal: Portal, args: argparse.Namespace) -> int:
    found = connections.find_connection(portal, args.connection)
    client_secret, subscription_key = _ask_secrets("Client secret", "Subscription key")
    made = sources.save_sherweb(
        portal,
        found.id,
        client_id=args.client_id,
        client_secret=client_secret,
        subscription_key=subscription_key,
        authorization_url=args.authorization_url,
        distributor_url=args.distributor_url,
    )
    text = f"The credentials of Sherweb are kept for {found.name}. Next: portal sherweb check {found.id}"
    show(args, {"connection": found.id, "client_id": made.client_id}, text)
    return 0


def _switch_nightly(portal: Portal, args: argparse.Namespace) -> int:
    found = connections.find_connection(portal, args.connection)
    sources.switch_nightly(portal, found.id, args.switch == "on")
    text = "The charges are fetched every night." if args.switch == "on" else "The charges are fetched on demand only."
    show(args, {"connection": found.id, "nightly": args.switch == "on"}, text)
    return 0


def _check_sherweb(portal: Portal, args: argparse.Namespace) -> int:
    found = connections.find_connection(portal, args.connection)
    sources.check_sherweb(portal, found.id)
    show(args, {"connection": found.id, "accepted": True}, "Sherweb accepted the log-in.")
    return 0


def _ask_secrets(*names: str) -> list[str]:
    """Each secret from a prompt that does not show it, or from a line of standard input."""
    if sys.stdin.isatty():
        return [getpass.getpass(f"{name}: ", stream=sys.stderr) for name in names]
    try:
        given = [sys.stdin.readline().rstrip("\r\n") for _ in names]
        "".join(given).encode()
    except UnicodeError:
        raise Refused("What stands on standard input is not text in UTF-8.") from None
    if lacking := [name for name, secret in zip(names, given, strict=True) if not secret]:
        raise Refused(
            "Standard input lacks: %(names)s. Write one on each line, in this order: %(order)s.",
            names=", ".join(lacking),
            order=", ".join(names),
        )
    return given


def _map(portal: Portal, args: argparse.Namespace) -> int:
    found = connections.find_connection(portal, args.connection)
    result = mappings.apply_csv(portal, found.id, _read(args.file), Path(args.file).name)
    text = f"{result.offers} offers and {result.organizations} organizations read, {result.changed} mappings changed."
    show(args, result, text)
    return 0


def _bill(portal: Portal, args: argparse.Namespace) -> int:
    found = connections.find_connection(portal, args.connection)
    if args.preview:
        seen = preview.preview(portal, found.id, args.date)
        show(args, seen, describe_preview(seen))
        return 0
    before = preview.preview(portal, found.id, args.date)
    with show_progress("invoices") as progress:
        made = billing.bill(portal, found.id, args.date, progress=progress)
    queued = sum(1 for draft in made.drafts if draft.state is DraftState.QUEUED)
    text = f"{queued} invoices wait for the next visit of the Web Connector (Update Selected).\n\n{describe_run(made)}"
    if before.skipped:
        text += f"\n\nNot billed:\n{describe_skipped(before)}"
    show(args, {"run": made, "skipped": before.skipped}, text)
    return 0


def _status(portal: Portal, args: argparse.Namespace) -> int:
    if args.connection is None:
        known = connections.list_connections(portal)
        rows = [(one.id, one.name, one.partner, one.company_name or "never connected") for one in known]
        text = table(("No.", "Connection", "Partner", "Company"), rows) if rows else "There are no connections yet."
        show(args, known, text)
        return 0
    found = connections.find_connection(portal, args.connection)
    seen = status.status(portal, found.id)
    made = runs.list_runs(portal, found.id)
    visits = status.visits(portal, found.id, limit=LAST_VISITS)
    facts = {"connection": found, "status": seen, "runs": made, "visits": visits}
    show(args, facts, describe_status(seen, made, visits))
    return 0


def _exchanges(portal: Portal, args: argparse.Namespace) -> int:
    found = connections.find_connection(portal, args.connection)
    if args.show is not None:
        texts = exchanges.read_exchange(portal, found.id, args.show)
        show(args, texts, describe_texts(texts))
        return 0
    seen = exchanges.list_exchanges(portal, found.id, args.visit)
    show(args, seen, describe_exchanges(seen))
    return 0


def _shown(command: Callable[[Portal, argparse.Namespace], notice_commands.Result]) -> Callable[..., int]:
    def run_and_show(portal: Portal, args: argparse.Namespace) -> int:
        result = command(portal, args)
        show(args, result.value, result.text)
        return result.status

    return run_and_show


SERVING: dict[str, Callable[[argparse.Namespace], int]] = {"serve": _serve, "demo": _demo}
COMMANDS: dict[str, Callable[[Portal, argparse.Namespace], int]] = {
    "partner add": _add_partner,
    "user add": _add_user,
    "user reset": _reset_user,
    "connection add": _add_connection,
    "qwc": _qwc,
    "import": _import,
    "fetch": _fetch,
    "sherweb set": _set_sherweb,
    "sherweb check": _check_sherweb,
    "sherweb nightly": _switch_nightly,
    "map": _map,
    "bill": _bill,
    "status": _status,
    "exchanges": _exchanges,
    **{name: _shown(command) for name, command in notice_commands.COMMANDS.items()},
}
