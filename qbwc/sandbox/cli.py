"""The command `qbwc sandbox`: visit an endpoint as a Web Connector with a QuickBooks company behind it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

DESCRIPTION = """\
Visit a Web Connector endpoint the way Intuit's Web Connector does, with a QuickBooks company in one JSON file behind
it. Nothing of QuickBooks or Windows is needed. The company keeps what the endpoint writes, so that the next visit
finds it there; the state before the visit is kept beside it as FILE.backup.

make a company, then visit:
  qbwc sandbox --company my.json --create
  qbwc sandbox --company us.json --create --edition US --year 2019
  qbwc sandbox --company my.json --qwc app.qwc --password-file secret.txt

let things go wrong, one or several at a time:
  ... --fault lost-answer@2                     the answer to the second message set is lost
  ... --fault cut-call-after@5                  the answer to the fifth SOAP call is lost
  ... --fault open-failed=0x80040408@2          the company file opens at the third attempt
  ... --fault feature-off=classes --fault closed-period

look closer:
  ... --json > visit.json                       every step with its documents, answers taken apart
  ... --verbose                                 every document on the screen
  ... --interactive                             you play the person when the endpoint wants interactive mode
  qbwc sandbox --list-faults --json             the faults for a script, e.g. to try each in turn

In Python, qbwc.sandbox.visit() does the same, also straight into a WSGI application and without waiting.
"""
_END = """\
exit status:
  0  the visit went well: it was done, had nothing to do, or was postponed
  1  the visit failed, was refused or stopped by the endpoint, or a fault cut it off
  2  the command was wrong: no visit was made
  130  interrupted
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of the sandbox."""
    from qbwc.sandbox.editions import EDITIONS, YEARS

    parser.description = DESCRIPTION
    parser.epilog = f"{_faults_by_count()}\n\n{_END}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--company", metavar="FILE", help="the company file (JSON), read and written")
    parser.add_argument("--create", action="store_true", help="write a small new company to FILE and stop")
    parser.add_argument(
        "--edition", choices=EDITIONS, help="with --create: whose taxes and QuickBooks the company has (CA)"
    )
    parser.add_argument(
        "--year",
        type=int,
        metavar="YEAR",
        help=f"with --create: the QuickBooks of that year, {YEARS[0]} to {YEARS[-1]} (2024)",
    )
    parser.add_argument("--qwc", metavar="FILE", help="the .qwc file of the application")
    parser.add_argument("--url", metavar="URL", help="visit this address instead of the AppURL of the .qwc")
    parser.add_argument(
        "--password", metavar="P", help="the password; QBWC_PASSWORD or --password-file keep it out of sight"
    )
    parser.add_argument("--password-file", metavar="FILE", help="a file whose first line is the password")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[=VALUE][@N]",
        help="let something go wrong; may be repeated",
    )
    parser.add_argument("--list-faults", action="store_true", help="print every fault and stop; --json for a script")
    parser.add_argument(
        "--interactive",
        action="store_true",
        help="in interactive mode show the address and ask whether it is done (otherwise it is rejected)",
    )
    parser.add_argument("--pause", type=float, default=5.0, metavar="SECONDS", help="the wait after NoOp (5)")
    parser.add_argument(
        "--timeout", type=float, default=120.0, metavar="SECONDS", help="how long to wait for an answer (120)"
    )
    parser.add_argument("--ca-file", metavar="FILE", help="trust this authority for https (PEM)")
    parser.add_argument("--json", action="store_true", help="print the visit (or the faults) as one JSON value")
    parser.add_argument("--verbose", action="store_true", help="print every document in full")


def _faults_by_count() -> str:
    from qbwc.sandbox.faults import KINDS, Counts

    titles = {
        Counts.SETS: "faults at a message set (N counts the sets of the visit; 1 when it is left out):",
        Counts.CALLS: "faults at a SOAP call (N counts the calls: 1 serverVersion, 2 clientVersion, 3 authenticate):",
        Counts.ATTEMPTS: "faults at the opening of the company file (K counts the attempts; all when it is left out):",
        Counts.NOTHING: "faults of the whole visit:",
    }
    parts = []
    for counts, title in titles.items():
        kinds = {kind.usage(name): kind.text for name, kind in KINDS.items() if kind.counts is counts}
        rows = [f"  {usage}\n      {text}" for usage, text in kinds.items()]
        parts.append("\n".join([title, *rows]))
    return "\n\n".join(parts)


def run(args: argparse.Namespace) -> int:
    """Carry out the command. Results go to standard output, messages to standard error."""
    from qbwc.sandbox.errors import CompanyError, SandboxError

    try:
        if args.list_faults:
            return _list_faults(as_json=args.json)
        if not args.company:
            raise CompanyError("Which company? Give its file with --company FILE; --create makes one.")
        if args.create:
            return _create(Path(args.company), args.edition or "CA", args.year or 2024)
        if args.edition or args.year:
            raise CompanyError(
                "--edition and --year go with --create: a company keeps the QuickBooks it was made with."
            )
        return _visit(args)
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _list_faults(*, as_json: bool) -> int:
    from qbwc.sandbox.faults import list_faults

    if as_json:
        json.dump(list_faults(), sys.stdout, indent=1)
        sys.stdout.write("\n")
        return 0
    for fault in list_faults():
        sys.stdout.write(f"{fault['usage']}\t{fault['text']}\n")
    return 0


def _create(path: Path, edition: str, year: int) -> int:
    from qbwc.sandbox.company import Company
    from qbwc.sandbox.errors import CompanyError
    from qbwc.sandbox.starter import starter

    if path.exists():
        raise CompanyError(f"{path} exists already: choose another name, or delete it first.")
    try:
        Company(starter(edition, year)).save(path)
    except OSError as error:
        raise CompanyError(f"{path} cannot be written: {error.strerror}.") from None
    sys.stderr.write(f"{path} holds a new company; now visit with --qwc.\n")
    return 0


def _visit(args: argparse.Namespace) -> int:
    import time

    from qbwc.sandbox.company import Company
    from qbwc.sandbox.connector import visit
    from qbwc.sandbox.errors import CompanyError, ManifestError
    from qbwc.sandbox.faults import parse_fault
    from qbwc.sandbox.manifest import read_manifest
    from qbwc.sandbox.tour import PAUSE
    from qbwc.sandbox.transcript import as_json, print_end, print_step

    if not args.qwc:
        raise ManifestError("Which application? Give its .qwc file with --qwc FILE.")
    faults = [parse_fault(text) for text in args.fault]
    manifest = read_manifest(args.qwc)
    password = _password(args)
    if not Path(args.company).exists():
        raise CompanyError(f"There is no company file {args.company}: make one with --company {args.company} --create.")
    company = Company.load(args.company)
    made = visit(
        manifest,
        company,
        password,
        url=args.url,
        faults=faults,
        pause=lambda seconds: time.sleep(args.pause if seconds == PAUSE else seconds),
        timeout=args.timeout,
        context=_context(args.ca_file),
        interact=_ask_person if args.interactive else None,
        watch=None if args.json else lambda step: _show(print_step(step, verbose=args.verbose)),
    )
    if args.json:
        json.dump(as_json(made), sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(f"{print_end(made)}\n")
    if not made.went_well:
        text = f"The visit did not go well: {made.outcome.value}. {made.explanation}".rstrip()
        sys.stderr.write(f"{text}\n")
    return 0 if made.went_well else 1


def _ask_person(url: str) -> bool:
    sys.stderr.write(f"The application wants you to open this page:\n  {url}\nDone there? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes", "o", "oui")


def _show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _password(args: argparse.Namespace) -> str:
    from qbwc.sandbox.errors import ManifestError

    if args.password is not None:
        return str(args.password)
    if args.password_file:
        try:
            lines = Path(args.password_file).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ManifestError(f"The password file {args.password_file} cannot be read: {error.strerror}.") from None
        return lines[0] if lines else ""
    if "QBWC_PASSWORD" in os.environ:
        return os.environ["QBWC_PASSWORD"]
    raise ManifestError("No password: give --password-file FILE, or set QBWC_PASSWORD.")


def _context(ca_file: str | None) -> ssl.SSLContext | None:
    if not ca_file:
        return None
    import ssl

    from qbwc.sandbox.errors import ManifestError

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ManifestError(f"The authority file {ca_file} cannot be used: {error.strerror or error}.") from None
