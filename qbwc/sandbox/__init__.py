"""A Web Connector and a QuickBooks company in miniature, with faults on demand, to try any endpoint against.

    company = Company.load("company.json")
    answer = process(company, request_document)          # QuickBooks alone
    made = visit(read_manifest("app.qwc"), company, password, faults=[parse_fault("lost-answer@2")])

`process` is the request processor: one qbXML document in, one out, or HresultError when QuickBooks would refuse the
whole set. `visit` is the Web Connector: it calls an endpoint over SOAP and returns what happened as a `Visit`. The
company lives in one JSON file. Nothing here imports the rest of `qbwc`: the sandbox is the counterpart against which
an endpoint is proved, so it must not share its mistakes.
"""

from __future__ import annotations

from qbwc.sandbox.company import Company
from qbwc.sandbox.connector import visit
from qbwc.sandbox.errors import (
    CompanyError,
    HresultError,
    ManifestError,
    ProtocolError,
    SandboxError,
    StatusError,
)
from qbwc.sandbox.faults import FAULTS, Fault, FaultError, parse_fault
from qbwc.sandbox.manifest import Manifest, read_manifest
from qbwc.sandbox.processor import process
from qbwc.sandbox.session import Session
from qbwc.sandbox.starter import starter
from qbwc.sandbox.transcript import as_json, print_end, print_step
from qbwc.sandbox.visits import Outcome, Step, Visit

__all__ = [
    "FAULTS",
    "Company",
    "CompanyError",
    "Fault",
    "FaultError",
    "HresultError",
    "Manifest",
    "ManifestError",
    "Outcome",
    "ProtocolError",
    "SandboxError",
    "Session",
    "StatusError",
    "Step",
    "Visit",
    "as_json",
    "parse_fault",
    "print_end",
    "print_step",
    "process",
    "read_manifest",
    "starter",
    "visit",
]
