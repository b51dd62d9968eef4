"""Interactive mode: the endpoint wants a person to open a page before the visit goes on.

The connector asks for the address, shows it, and then either reports that the person refused, which ends the visit, or
asks until the endpoint says that the work there is done. No published WSDL has these operations, and the first one is
known under two names.
"""

from __future__ import annotations

import uuid

from qbwc.sandbox.errors import SoapFaultError
from qbwc.sandbox.tour import INTERACTIVE, PAUSE, Tour
from qbwc.sandbox.visits import End, Outcome

_REJECTED = "The user did not complete the interactive session."
_DONE = "done"


def hold_interactive_session(tour: Tour, ticket: str) -> None:
    """Show the endpoint's page to the person. Returns when the endpoint says Done, else ends the visit."""
    url = _address(tour, ticket)
    tour.messages.append(f"{INTERACTIVE}: {url or 'the application gave no address'}")
    if not url or tour.interact is None or not tour.interact(url):
        text = tour.calls.ask("interactiveRejected", wcTicket=ticket, reason=_REJECTED)
        if text:
            tour.messages.append(text)
        tour.close(ticket, text)
        raise End(Outcome.STOPPED, text or "the interactive session was rejected")
    for attempt in range(max(1, tour.most_pauses)):
        if attempt:
            tour.pause(PAUSE)
        if tour.calls.ask("interactiveDone", wcTicket=ticket).strip().casefold() == _DONE:
            return
    tour.close(ticket)
    raise End(Outcome.FAILED, "interactiveDone never answered Done")


def _address(tour: Tour, ticket: str) -> str:
    session_id = str(uuid.uuid4())
    try:
        url = tour.calls.ask("interactiveUrl", wcTicket=ticket, sessionID=session_id)
    except SoapFaultError:
        url = tour.calls.ask("getInteractiveURL", wcTicket=ticket, sessionID=session_id)
    return url.strip()
