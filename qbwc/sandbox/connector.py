"""The Web Connector: one visit to an endpoint, from serverVersion to closeConnection.

It does what Intuit's connector does and no more: it never repairs an answer, it keeps no memory between visits but
what the company file holds, and after a failure it simply stops, so that the endpoint must cope on the next visit.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable
from wsgiref.types import WSGIApplication

from qbwc.sandbox.backups import keep_backup
from qbwc.sandbox.calls import Calls
from qbwc.sandbox.company import Company
from qbwc.sandbox.disturbance import Faults
from qbwc.sandbox.errors import ProtocolError
from qbwc.sandbox.exchange import exchange
from qbwc.sandbox.faults import Fault
from qbwc.sandbox.manifest import Manifest
from qbwc.sandbox.opening import introduce, lock, log_in, open_company
from qbwc.sandbox.session import Session
from qbwc.sandbox.soap import Endpoint
from qbwc.sandbox.tour import Tour
from qbwc.sandbox.visits import End, Outcome, Step, Visit

VERSION = "34.0.10003.23"
"""What this connector tells clientVersion, unless another is given."""


def visit(
    manifest: Manifest,
    company: Company,
    password: str,
    *,
    url: str | None = None,
    faults: Iterable[Fault] = (),
    version: str = VERSION,
    pause: Callable[[float], None] = time.sleep,
    wait: Callable[[float], None] = time.sleep,
    most_pauses: int = 3,
    most_sets: int = 1000,
    timeout: float = 120.0,
    context: ssl.SSLContext | None = None,
    transport: WSGIApplication | None = None,
    interact: Callable[[str], bool | None] | None = None,
    on_call: Callable[[int, str], None] | None = None,
    watch: Callable[[Step], None] | None = None,
) -> Visit:
    """Make one visit and return what happened; the company file is saved after each message set.

    `url` replaces the manifest's AppURL. `transport` is a WSGI application that is called in this process instead of
    a socket; the path of the address still reaches it. `timeout` is in seconds, for each call.

    `pause` waits when the endpoint says NoOp or is not done with its interactive page, at most `most_pauses` times;
    `wait` waits while QuickBooks is slow (slow-answer); both take seconds. `most_sets` stops an endpoint that never
    finishes. `interact` plays the person who opens the address of interactive mode: true means done; false, None or
    no such person mean rejected.

    `on_call` is called with number and operation before each SOAP call; `watch` sees each step as it is made; what
    these two and `interact` raise, leaves `visit`. Nothing that an endpoint answers raises: it becomes the outcome.
    CompanyError is raised when a fault cannot be set up.
    """
    disturbance = Faults(faults)
    if not disturbance.strikes("restore-backup"):
        keep_backup(company)
    opened = disturbance.open_company(company, manifest.owner_id)
    try:
        endpoint = Endpoint(url or manifest.app_url, timeout=timeout, context=context, application=transport)
    except ProtocolError as error:
        opened.pretended = {}
        return _failed(error)
    tour = Tour(
        manifest=manifest,
        company=opened,
        faults=disturbance,
        calls=Calls(endpoint, disturbance, on_call, watch),
        session=Session(application=manifest.owner_id, read_only=manifest.is_read_only),
        version=version,
        pause=pause,
        wait=wait,
        interact=interact,
        most_pauses=most_pauses,
        most_sets=most_sets,
    )
    try:
        return _run(tour, password)
    finally:
        opened.pretended = {}
        opened.save()


def _run(tour: Tour, password: str) -> Visit:
    try:
        introduce(tour)
        ticket, path = log_in(tour, password)
        open_company(tour, ticket, path)
        try:
            exchange(tour, ticket)
        finally:
            lock(tour, locked=False)
        end = End(Outcome.DONE)
    except End as reached:
        end = reached
    except ProtocolError as error:
        failed = _failed(error)
        end = End(failed.outcome, failed.explanation)
        tour.messages += failed.messages
    return Visit(
        outcome=end.outcome,
        explanation=end.explanation,
        steps=tuple(tour.calls.steps),
        messages=tuple(tour.messages),
        calls=tour.calls.number,
    )


def _failed(error: ProtocolError) -> Visit:
    text = f"{error.code}: {error}"
    return Visit(outcome=Outcome.FAILED, explanation=text, messages=(text,))
