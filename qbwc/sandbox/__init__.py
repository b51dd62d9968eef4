"""A Web Connector and a QuickBooks company in miniature, with faults on demand, to try any endpoint against.

    company = Company.load("company.json")
    answer = process(company, request_document)          # QuickBooks alone
    made = visit(read_manifest("app.qwc"), company, password, faults=[parse_fault("lost-answer@2")])
    made = visit(manifest, company, password, transport=application, faults=[parse_fault("cut-call-after@4")])

`process` is the request processor: one qbXML document in, one out, or HresultError when QuickBooks would refuse the
whole set. `visit` is the Web Connector: it calls an endpoint over SOAP and returns what happened as a `Visit`. The
company lives in one JSON file; the functions of `by_hand` are what a person does in it between two visits. For tests,
`visit` calls a WSGI application directly, waits through functions of yours, and counts its SOAP calls, so that each can
be cut off in turn. Nothing here imports the rest of `qbwc`: the sandbox is the counterpart against which an endpoint is
proved, so it must not share its mistakes.
"""

from __future__ import annotations

from qbwc.sandbox.by_hand import (
    activate,
    deactivate,
    delete,
    delete_transaction,
    merge_customers,
    pay_invoice,
    rename,
    void_transaction,
)
from qbwc.sandbox.company import Company
from qbwc.sandbox.connector import visit
from qbwc.sandbox.editions import EDITIONS, YEARS
from qbwc.sandbox.errors import (
    CompanyError,
    HresultError,
    ManifestError,
    ProtocolError,
    SandboxError,
    SoapFaultError,
    StatusError,
)
from qbwc.sandbox.faults import FAULTS, Fault, FaultError, list_faults, parse_fault
from qbwc.sandbox.features import FEATURES
from qbwc.sandbox.manifest import Manifest, read_manifest
from qbwc.sandbox.processor import process
from qbwc.sandbox.session import Session
from qbwc.sandbox.starter import starter
from qbwc.sandbox.transcript import as_json, print_end, print_step
from qbwc.sandbox.visits import Outcome, Step, Visit

__all__ = [
    "EDITIONS",
    "FAULTS",
    "FEATURES",
    "YEARS",
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
    "SoapFaultError",
    "StatusError",
    "Step",
    "Visit",
    "activate",
    "as_json",
    "deactivate",
    "delete",
    "delete_transaction",
    "list_faults",
    "merge_customers",
    "parse_fault",
    "pay_invoice",
    "print_end",
    "print_step",
    "process",
    "read_manifest",
    "rename",
    "starter",
    "visit",
    "void_transaction",
]
