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

  qbwc sandbox --company my.json --create
  qbwc sandbox --company my.json --qwc app.qwc --password-file secret.txt
  qbwc sandbox --company my.json --qwc app.qwc --password-file secret.txt --fault lost-answer@2
  qbwc sandbox --company my.json --qwc app.qwc --password-file secret.txt --json > visit.json

The exit status is 0 when the visit went well, 1 when it failed or a fault cut it off, 2 when the command was wrong.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of the sandbox."""
    from qbwc.sandbox.faults import FAULTS

    parser.description = DESCRIPTION
    width = max(map(len, FAULTS))
    parser.epilog = "faults (N counts the message sets of the visit):\n" + "\n".join(
        f"  {name:<{width}}  {text}" for name, text in FAULTS.items()
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--company", metavar="FILE", required=True, help="the company file (JSON), read and written")
    parser.add_argument("--create", action="store_true", help="write a small new company to FILE and stop")
    parser.add_argument("--qwc", metavar="FILE", help="the .qwc file of the application")
    parser.add_argument("--url", metavar="URL", help="visit this address instead of the AppURL of the .qwc")
    parser.add_argument(
        "--password", metavar="P", help="the password; QBWC_PASSWORD or --password-file keep it out of sight"
    )
    parser.add_argument("--password-file", metavar="FILE", help="a file whose first line is the password")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME[@N]", help="let something go wrong; may be repeated"
    )
    parser.add_argument("--pause", type=float, default=5.0, metavar="SECONDS", help="the wait after NoOp (5)")
    parser.add_argument(
        "--timeout", type=float, default=120.0, metavar="SECONDS", help="how long to wait for an answer"
    )
    parser.add_argument("--ca-file", metavar="FILE", help="trust this authority for https (PEM)")
    parser.add_argument("--json", action="store_true", help="print the visit as one JSON object")
    parser.add_argument("--verbose", action="store_true", help="print every document in full")


def run(args: argparse.Namespace) -> int:
    """Carry out the command. Results go to standard output, messages to standard error."""
    from qbwc.sandbox.errors import SandboxError

    try:
        if args.create:
            return _create(Path(args.company))
        return _visit(args)
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _create(path: Path) -> int:
    from qbwc.sandbox.company import Company
    from qbwc.sandbox.errors import CompanyError
    from qbwc.sandbox.starter import starter

    if path.exists():
        raise CompanyError(f"{path} exists already: choose another name, or delete it first.")
    try:
        Company(starter()).save(path)
    except OSError as error:
        raise CompanyError(f"{path} cannot be written: {error.strerror}.") from None
    sys.stderr.write(f"{path} holds a new company; now visit with --qwc.\n")
    return 0


def _visit(args: argparse.Namespace) -> int:
    import time

    from qbwc.sandbox.company import Company
    from qbwc.sandbox.connector import PAUSE, visit
    from qbwc.sandbox.errors import CompanyError, ManifestError
    from qbwc.sandbox.faults import parse_fault
    from qbwc.sandbox.manifest import read_manifest
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
