"""The command line: the same use cases as the pages, for scripts and for the first set-up.

Results go to standard output (as JSON with --json), messages to standard error. The exit status is 0 only on success,
2 when something asked for cannot be done, and 1 when it was done and is not as it should be. Heavy imports wait until a
command runs, so that --help is quick.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date

Add = Callable[..., argparse.ArgumentParser]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    _speak_utf_8()
    for word in words:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            sys.stderr.write(f"{word!a} is not text in UTF-8. Type it again, or rename the file.\n")
            return 2
    args = build_parser().parse_args(words)
    from portal import commands

    try:
        status = commands.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _speak_utf_8() -> None:
    """Files and pipes get UTF-8 everywhere; a terminal that cannot show a letter shows a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="portal",
        description="Bill a cloud reseller's clients in QuickBooks Desktop.",
        epilog="Settings come from the environment: PORTAL_DATA, PORTAL_DATABASE_URL, PORTAL_URL, "
        "PORTAL_TRUSTED_PROXY, PORTAL_SECRET_KEY, PORTAL_SMTP_URL, PORTAL_MAIL_FROM, PORTAL_PRIVATE_WEBHOOKS, "
        "PORTAL_HISTORY_DAYS, PORTAL_BODIES_DAYS; secrets also from files named by PORTAL_SECRET_KEY_FILE, "
        "PORTAL_DATABASE_URL_FILE and PORTAL_SMTP_URL_FILE.",
    )
    add = parser.add_subparsers(dest="command", required=True, metavar="COMMAND").add_parser
    _add_serving(add)
    _add_set_up(add)
    _add_billing(add)
    _add_notices(add)
    return parser


def _command(add: Add, name: str, text: str) -> argparse.ArgumentParser:
    parser = add(name, help=text, description=text)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _connection(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--connection", required=required, metavar="CONNECTION", help="the connection's name or number")


def _add_serving(add: Add) -> None:
    serve = _command(add, "serve", "serve the portal at / and the Web Connector at /qbwc")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, default=8080, help="the port to listen on (8080)")
    serve.add_argument(
        "--no-worker",
        action="store_true",
        help="neither bill on the invoice day nor tell and deliver notices from this process",
    )
    demo = _command(add, "demo", "the whole loop with sample data and a sandbox instead of QuickBooks")
    demo.add_argument(
        "--port", type=int, default=8080, help="the port to serve on; the next free one when it is taken (8080)"
    )
    demo.add_argument(
        "--exit", action="store_true", help="end after the table; non-zero when an invoice is not reconciled"
    )


def _add_set_up(add: Add) -> None:
    partner = add("partner", help="partners", description="Partners.").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    _command(partner.add_parser, "add", "make a partner").add_argument("name", metavar="NAME")
    user = add("user", help="people who log in", description="People who log in.").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    add_user = _command(
        user.add_parser, "add", "make a person who can log in; asks for a password unless one is generated"
    )
    add_user.add_argument("email", metavar="EMAIL")
    add_user.add_argument("--partner", required=True, metavar="NAME")
    add_user.add_argument("--role", required=True, choices=("administrator", "billing", "accountant", "read-only"))
    add_user.add_argument("--language", default="en", choices=("en", "fr"))
    add_user.add_argument("--generate-password", action="store_true", help="make a password and print it, this once")
    reset = _command(user.add_parser, "reset", "print a link by which a person chooses a new password, within an hour")
    reset.add_argument("email", metavar="EMAIL")
    reset.add_argument(
        "--second-factor", action="store_true", help="also switch the second factor off, for a lost telephone"
    )
    connection = add(
        "connection", help="QuickBooks company files", description="QuickBooks company files."
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    new = _command(connection.add_parser, "add", "make a connection; prints its user name and, this once, its password")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--partner", required=True, metavar="NAME")
    new.add_argument("--billing-mode", required=True, choices=("in-advance", "in-arrears"))
    new.add_argument("--invoice-day", required=True, type=int, metavar="DAY", help="1 to 31")
    new.add_argument("--prorate", default="", metavar="LIST", help="any of additions,removals,partial")
    new.add_argument("--language", choices=("en", "fr"), default="en", help="of the messages in the Web Connector")
    new.add_argument("--start-date", type=_date, metavar="YYYY-MM-DD", help="charges before this day are never billed")
    _add_sherweb(add)
    qwc = _command(add, "qwc", "print the .qwc file for the Web Connector")
    qwc.add_argument("connection", metavar="CONNECTION")


def _add_sherweb(add: Add) -> None:
    sherweb = add(
        "sherweb", help="the credentials of Sherweb's API", description="The credentials of Sherweb's API."
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    give = _command(
        sherweb.add_parser,
        "set",
        "keep the credentials, encrypted; asks for the client secret and the subscription key, or reads them from "
        "standard input, a line each",
    )
    give.add_argument("connection", metavar="CONNECTION", help="the connection's name or number")
    give.add_argument("--client-id", required=True, metavar="ID", help="the client ID that Sherweb gave")
    for name, text in (("authorization", "the log-in"), ("distributor", "the charges")):
        give.add_argument(
            f"--{name}-url", default="", metavar="URL", help=f"the address of {text}, if not Sherweb's own"
        )
    check = _command(sherweb.add_parser, "check", "log in to Sherweb and do nothing else")
    check.add_argument("connection", metavar="CONNECTION", help="the connection's name or number")
    nightly = _command(sherweb.add_parser, "nightly", "fetch the charges every night, or on demand only")
    nightly.add_argument("connection", metavar="CONNECTION", help="the connection's name or number")
    nightly.add_argument("switch", choices=("on", "off"))


def _add_billing(add: Add) -> None:
    bring = _command(add, "import", "read a file of charges, whole or not at all")
    bring.add_argument("file", metavar="FILE")
    bring.add_argument("--provider", required=True, metavar="PROVIDER", help="sherweb, microsoft or csv")
    columns = bring.add_mutually_exclusive_group()
    columns.add_argument("--profile", metavar="NAME", help="for csv: the saved columns of this connection")
    columns.add_argument(
        "--profile-file",
        metavar="FILE.json",
        help="for csv: columns from a file; called by its name unless it says one",
    )
    _connection(bring)
    fetch = _command(add, "fetch", "fetch the charges of a billing period from Sherweb's API")
    fetch.add_argument("connection", metavar="CONNECTION", help="the connection's name or number")
    fetch.add_argument("--date", type=_date, metavar="YYYY-MM-DD", help="a day of the billing period (yesterday)")
    mapping = _command(add, "map", "map offers to items and organizations to customers from a CSV file, all or nothing")
    mapping.epilog = (
        "Columns: kind (offer or organization), name, key (the provider's; empty for an "
        "organization), quickbooks (full name "
        "of the item or customer; empty to unmap), sync (yes or no), mode (create or update; organizations only)."
    )
    mapping.add_argument("file", metavar="FILE.csv")
    _connection(mapping)
    bill = _command(add, "bill", "bill an invoice date: queue its invoices for the next visit of the Web Connector")
    _connection(bill)
    bill.add_argument("--date", type=_date, metavar="YYYY-MM-DD", help="the invoice date (the latest that has come)")
    bill.add_argument("--preview", action="store_true", help="show what would be billed, and change nothing")
    status = _command(add, "status", "lists, mappings, runs, invoices, errors and the last visits of a connection")
    _connection(status, required=False)
    exchanges = _command(add, "exchanges", "what crossed the wire in a visit of the Web Connector; --show prints one")
    exchanges.add_argument("connection", metavar="CONNECTION", help="the connection's name or number")
    exchanges.add_argument("--visit", type=int, metavar="N", help="the visit's number (the last one)")
    exchanges.add_argument("--show", type=int, metavar="ID", help="print both texts of the exchange of this number")


def _add_notices(add: Add) -> None:
    notices = _command(
        add, "notices", "what somebody should know, of one connection or of all: since when, what mends it"
    )
    _connection(notices, required=False)
    outbox = _command(
        add, "outbox", "the messages to people and webhooks: delivered, waiting, given up; --again sends one"
    )
    outbox.add_argument("connection", metavar="CONNECTION", help="the connection's name or number")
    outbox.add_argument("--state", choices=("waiting", "delivered", "failed", "dropped"), help="only these")
    outbox.add_argument("--again", type=int, metavar="NUMBER", help="send this message once more, now")
    _command(add, "dispatch", "tell what is new and deliver what waits, once; `portal serve` does it by itself")
    webhook = add("webhook", help="addresses that are told", description="Addresses that are told.").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    new = _command(webhook.add_parser, "add", "make a webhook; prints its secret, this once")
    new.add_argument("connection", metavar="CONNECTION", help="the connection's name or number")
    new.add_argument("url", metavar="URL")
    new.add_argument(
        "--kinds", default="", metavar="LIST", help="notices that it is told of, such as overdue,errors (all)"
    )
    check = _command(webhook.add_parser, "check", "send each webhook of a connection a test, and say what it answered")
    check.add_argument("connection", metavar="CONNECTION", help="the connection's name or number")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a date: write it as 2026-11-01") from None


if __name__ == "__main__":
    sys.exit(main())
