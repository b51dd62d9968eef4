"""The second part of a visit: message sets are fetched, executed by QuickBooks, and their answers delivered."""

from __future__ import annotations

import time

from qbwc.sandbox.errors import HresultError
from qbwc.sandbox.interactive import hold_interactive_session
from qbwc.sandbox.processor import process
from qbwc.sandbox.tour import INTERACTIVE, PAUSE, Tour
from qbwc.sandbox.visits import End, Outcome, Step


def exchange(tour: Tour, ticket: str) -> None:
    """Go round until the endpoint has nothing more to ask. Raises End for any other way in which that stops."""
    facts, pauses, talks = company_facts(tour), 0, 0
    while True:
        text = _fetch(tour, ticket, facts)
        facts = ""
        if text not in ("", "NoOp"):
            if _do_set(tour, ticket, text):
                return
            continue
        message = tour.last_error(ticket)
        if message == INTERACTIVE and talks < max(1, tour.most_pauses):
            talks += 1
            hold_interactive_session(tour, ticket)
        elif message == "NoOp" and pauses < tour.most_pauses:
            pauses += 1
            tour.pause(PAUSE)
        elif message in ("NoOp", INTERACTIVE):
            tour.close(ticket)
            raise End(Outcome.FAILED, f"the endpoint said {message} more than {tour.most_pauses} times")
        else:
            tour.close(ticket, message)
            raise End(Outcome.STOPPED if message else Outcome.DONE, message)


def _do_set(tour: Tour, ticket: str, text: str) -> bool:
    """One message set from its execution to its delivery; true when the endpoint says that it is done."""
    tour.sets += 1
    if tour.faults.strikes("cut-before", tour.sets):
        raise End(Outcome.LOST, f"before message set {tour.sets} was executed, as asked for")
    progress = _deliver(tour, ticket, *_execute(tour, text))
    if progress < 0:
        message = tour.last_error(ticket)
        tour.close(ticket, message)
        raise End(Outcome.STOPPED, message or f"receiveResponseXML answered {progress}")
    if progress >= 100:
        tour.close(ticket)
        return True
    if tour.sets >= tour.most_sets:
        tour.close(ticket)
        raise End(Outcome.FAILED, f"the endpoint was not done after {tour.most_sets} message sets")
    return False


def company_facts(tour: Tour) -> str:
    """The document that the first sendRequestXML of a session carries."""
    versions = tour.company.fact("SupportedQBXMLVersion")
    version = "13.0" if "13.0" in versions else max(versions, key=_version_number)
    asked = (
        f'<?xml version="1.0" ?><?qbxml version="{version}"?><QBXML><QBXMLMsgsRq onError="continueOnError">'
        '<HostQueryRq requestID="0"/><CompanyQueryRq requestID="1">'
        f"<OwnerID>{tour.manifest.owner_id}</OwnerID></CompanyQueryRq>"
        '<PreferencesQueryRq requestID="2"/></QBXMLMsgsRq></QBXML>'
    )
    return process(tour.company, asked, tour.session)


def _fetch(tour: Tour, ticket: str, facts: str) -> str:
    major, minor = _version_number(max(tour.company.fact("SupportedQBXMLVersion"), key=_version_number))
    sent = {
        "ticket": ticket,
        "strHCPResponse": facts,
        "strCompanyFileName": tour.company.file["Path"],
        "qbXMLCountry": tour.company.country,
        "qbXMLMajorVers": str(major),
        "qbXMLMinorVers": str(minor),
    }
    text = tour.calls.ask("sendRequestXML", **sent)
    if text not in ("", "NoOp") and tour.faults.strikes("repeat-request", tour.sets + 1):
        text = tour.calls.ask_again(text, "sendRequestXML", **{**sent, "strHCPResponse": ""})
    return text


def _execute(tour: Tour, text: str) -> tuple[str, str, str]:
    """Let QuickBooks execute a set: what arrives of the answer, the hresult and its text; the company is saved."""
    answer, hresult, message, note = "", "", "", ""
    started = time.monotonic()
    try:
        tour.faults.before_set(tour.sets, tour.company, tour.session, text)
        seconds = tour.faults.value("slow-answer", tour.sets)
        if seconds is not None:
            tour.wait(float(seconds))
        answer = process(tour.company, text, tour.session)
    except HresultError as error:
        hresult, message = error.hresult, error.message
        note = f"{hresult}: {message}" + (f" ({error.detail})" if error.detail else "")
    tour.company.save()
    tour.session.locked = set()
    arrived = ("", hresult, message) if hresult else tour.faults.after_set(tour.sets, answer)
    if arrived[1] and not hresult:
        note = f"executed, and then {arrived[1]}: {arrived[2]}"
    tour.calls.keep(
        Step(
            operation="QuickBooks",
            sent={"request": text},
            received=answer,
            seconds=round(time.monotonic() - started, 6),
            note=note,
        )
    )
    if tour.faults.strikes("lost-answer", tour.sets):
        raise End(Outcome.LOST, f"the answer to message set {tour.sets} was lost, as asked for")
    return arrived


def _deliver(tour: Tour, ticket: str, answer: str, hresult: str, message: str) -> int:
    sent = {"ticket": ticket, "response": answer, "hresult": hresult, "message": message}
    progress = tour.calls.ask_number("receiveResponseXML", **sent)
    if tour.faults.strikes("repeat-answer", tour.sets):
        progress = tour.calls.ask_number("receiveResponseXML", **sent)
    return progress


def _version_number(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
