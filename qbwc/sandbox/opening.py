"""The first part of a visit: versions, log-in, and the opening of the company file."""

from __future__ import annotations

from qbwc.sandbox.extensions import company_value, store_company_value
from qbwc.sandbox.tour import Tour
from qbwc.sandbox.visits import End, Outcome

_ANOTHER_FILE = (
    "0x8004040A",
    "A QuickBooks company data file is already open and it is different from the one requested.",
)
_MOST_ATTEMPTS = 3
_TICKS_AT_EPOCH = 621355968000000000


def introduce(tour: Tour) -> None:
    """Look at the address, and tell each other's versions. The endpoint can stop the visit or only warn."""
    tour.calls.check()
    tour.calls.ask("serverVersion")
    answer = tour.calls.ask("clientVersion", strVersion=tour.version)
    letter, text = answer[:2], answer[2:]
    if letter == "W:":
        tour.messages.append(f"Warning: {text}")
    elif letter in ("E:", "O:"):
        tour.messages.append(text if letter == "E:" else f"This application needs Web Connector {text} or newer.")
        raise End(Outcome.STOPPED, f"clientVersion answered {answer!r}")


def log_in(tour: Tour, password: str) -> tuple[str, str]:
    """The ticket, and the path of the company file that the endpoint asks for (empty: whichever is open)."""
    name = tour.manifest.user_name
    items = tour.calls.authenticate(name, password)
    ticket, answer = items[0], items[1]
    if answer.lower() == "nvu":
        tour.messages.append(f"QBWC1012: the user name {name} or its password is not valid.")
        raise End(Outcome.REFUSED, "authenticate answered nvu")
    if answer.lower() == "none":
        tour.messages.append("No data exchange required.")
        raise End(Outcome.NOTHING_TO_DO)
    if answer.lower() == "busy":
        tour.messages.append("The application is busy: try again later.")
        raise End(Outcome.BUSY, "authenticate answered busy")
    if len(items) > 2 and _seconds(items[2]) > 0:
        tour.messages.append(f"The application asks to come back in {items[2]} seconds.")
        raise End(Outcome.POSTPONED, f"for {items[2]} seconds")
    if len(items) > 3 and _seconds(items[3]) > 0:
        tour.messages.append(f"The application asks for visits at least {items[3]} seconds apart.")
    return ticket, answer


def open_company(tour: Tour, ticket: str, path: str) -> None:
    """Open the company file, and let the endpoint choose another path a few times when that fails."""
    hresult = message = ""
    for attempt in range(1, _MOST_ATTEMPTS + 1):
        failure = _failure(tour, attempt, path)
        if failure is None:
            _add_application(tour)
            lock(tour, locked=True)
            return
        hresult, message = failure
        answer = tour.calls.ask("connectionError", ticket=ticket, hresult=hresult, message=message)
        if answer.lower() == "done":
            break
        path = answer
    tour.messages.append(f"QBWC1013: Error connecting to QuickBooks. {message}")
    raise End(Outcome.NO_COMPANY, f"{hresult}: {message}")


def _failure(tour: Tour, attempt: int, path: str) -> tuple[str, str] | None:
    failure = tour.faults.opening_failure(attempt)
    if failure is None and path and path.casefold() != tour.company.file["Path"].casefold():
        return _ANOTHER_FILE
    return failure


def _add_application(tour: Tour) -> None:
    """Leave our mark in a company file to which the .qwc is new: the private value FileID."""
    known: list[str] = tour.company.state["KnownApplications"]
    owner, file_id = tour.manifest.owner_id, tour.manifest.file_id
    if not tour.faults.is_our_file or f"{owner}{file_id}" in known:
        return
    stored = company_value(tour.company, owner, "FileID")
    if stored is not None and stored != file_id:
        tour.messages.append("QBWC1026: this company file already carries another FileID of the application.")
        return
    store_company_value(tour.company, owner, "FileID", file_id)
    known.append(f"{owner}{file_id}")


def lock(tour: Tour, *, locked: bool) -> None:
    """Write beside our mark that the file is in use, or no longer."""
    if company_value(tour.company, tour.manifest.owner_id, "FileID") is not None:
        ticks = _TICKS_AT_EPOCH + int(tour.company.clock().timestamp() * 10_000_000)
        word = "LOCKED" if locked else "UNLOCKED"
        store_company_value(tour.company, tour.manifest.owner_id, "AppLock", f"{word}:SANDBOX:{ticks}")


def _seconds(text: str) -> int:
    return int(text) if text.strip().isdigit() else 0
