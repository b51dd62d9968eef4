"""What QuickBooks says at the first request of a session: host, company, preferences; and what follows from it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from qbwc.errors import DecodeError
from qbwc.identity import Known, Seen, Verdict, explain, judge
from qbwc.models import Connection, Session
from qbwc.qbxml import read_answers
from qbwc.qbxml.company import CompanyQueryRq, CompanyRet, HostQueryRq, HostRet, PreferencesQueryRq, PreferencesRet
from qbwc.qbxml.envelope import VERSION
from qbwc.qbxml.types import is_same_guid


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """The greeting, read and judged."""

    host: HostRet | None
    company: CompanyRet | None
    preferences: PreferencesRet | None
    seen: Seen
    verdict: Verdict
    explanation: dict[str, str]
    machine: str | None


def queries(connection: Connection) -> tuple[Any, ...]:
    """The same questions as the Web Connector asks, for one that did not bring the answers."""
    return HostQueryRq(), CompanyQueryRq(owner_id=(connection.owner_id,)), PreferencesQueryRq()


def read(text: str, connection: Connection, company_file: str) -> Met:
    """Read and judge the greeting. Raises DecodeError."""
    parts: dict[type, Any] = {}
    for answer in read_answers(text):
        for value in answer.objects:
            parts[type(value)] = value
    host, company = parts.get(HostRet), parts.get(CompanyRet)
    if company is None:
        raise DecodeError("it does not say which company is open")
    # Another application's private data may have the same names.
    private = {
        ext.data_ext_name: ext.data_ext_value
        for ext in company.data_ext_ret
        if ext.owner_id is None or is_same_guid(ext.owner_id, connection.owner_id)
    }
    seen = Seen(file_id=private.get("FileID"), name=company.company_name or "", path=company_file)
    known = Known(
        file_id=connection.file_id,
        name=connection.company_name,
        path=connection.company_path,
        accepts_missing_file_id=connection.accepts_missing_file_id,
    )
    verdict = judge(known, seen)
    if host is not None and VERSION not in host.supported_qbxml_version:
        verdict = Verdict.TOO_OLD
    lock = private.get("AppLock", "").split(":")
    return Met(
        host=host,
        company=company,
        preferences=parts.get(PreferencesRet),
        seen=seen,
        verdict=verdict,
        explanation=explain(verdict, known, seen),
        machine=lock[1] if len(lock) > 1 else None,
    )


def note(session: Session, met: Met) -> None:
    """Keep what was met; the company file's name and path become the expected ones only when all is well."""
    connection = session.connection
    session.company_name, session.company_path, session.machine = met.seen.name, met.seen.path, met.machine
    session.may_write = met.verdict.may_write
    if not (met.verdict is Verdict.GO and connection.verdict is Verdict.STALE):  # its landmarks have the last word
        connection.verdict = met.verdict
    connection.seen_company_name, connection.seen_company_path = met.seen.name, met.seen.path
    if met.host is not None:
        session.product = f"{met.host.product_name} {met.host.major_version}.{met.host.minor_version}"
        connection.host = {
            **dataclasses.asdict(met.host),
            "supported_qbxml_version": list(met.host.supported_qbxml_version),
        }
    if met.verdict is Verdict.GO:
        connection.company_name, connection.company_path = met.seen.name, met.seen.path or None
    if met.preferences is not None and met.verdict.may_read:
        connection.preferences = _preferences(met.preferences, met.company)


def _preferences(preferences: PreferencesRet, company: CompanyRet | None) -> dict[str, Any]:
    accounting, currency = preferences.accounting_preferences, preferences.multi_currency_preferences
    taxes = preferences.sales_tax_preferences
    home = currency.home_currency_ref if currency else None
    return {
        "closing_date": accounting.closing_date.isoformat() if accounting and accounting.closing_date else None,
        "uses_classes": bool(accounting and accounting.is_using_class_tracking),
        "multi_currency": bool(currency and currency.is_multi_currency_on),
        "home_currency": home.full_name if home else None,
        "sales_tax": taxes is not None,
        "first_month_fiscal_year": company.first_month_fiscal_year if company else None,
    }
