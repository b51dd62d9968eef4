"""A company file in doubt, in words: what happened, what to do, and what differs (pure)."""

from __future__ import annotations

from portal.errors import Sentence
from portal.notices.facts import Company
from portal.notices.notice import Side
from qbwc.identity import Verdict, is_same_name

DOUBTS: dict[Verdict, Sentence] = {
    Verdict.MOVED: Sentence(
        "The company file %(name)s is at %(path)s; it was at %(known_path)s. Confirm that it is the "
        "same file, not a copy."
    ),
    Verdict.RENAMED: Sentence(
        "The company is called %(name)s now; it was %(known_name)s. Confirm that it is the same company."
    ),
    Verdict.STALE: Sentence(
        "The company file %(name)s lacks invoices that were written to it: it is an older copy, or a backup was "
        "restored. Open the newest file, or confirm that this one is right and look at the invoices below."
    ),
    Verdict.UNMARKED: Sentence(
        "The company file %(name)s does not carry this connection's mark: it is an older backup, or "
        "the .qwc file was not added to it."
    ),
    Verdict.FOREIGN: Sentence(
        "The company file %(name)s belongs to another connection. Open the right company file and "
        "click Update Selected."
    ),
    Verdict.OTHER: Sentence(
        "Another company was open: %(name)s instead of %(known_name)s. Open the right one and click Update Selected."
    ),
    Verdict.TOO_OLD: Sentence("This QuickBooks does not understand qbXML 13.0. Use QuickBooks 2015 or newer."),
    Verdict.AWAY: Sentence(
        "QuickBooks could not open the company file of %(known_name)s where it was: %(known_path)s. It was moved, "
        "copied or renamed, or another company file is open."
    ),
    Verdict.SOUGHT: Sentence(
        "The next visit looks at the company file that is open in QuickBooks, and compares it with that of "
        "%(known_name)s: %(known_path)s."
    ),
}
IN_DOUBT = Sentence("Company file in doubt")
TITLES: dict[Verdict, Sentence] = {
    Verdict.AWAY: Sentence("The company file is not where it was"),
    Verdict.SOUGHT: Sentence("The company file is being looked for"),
}
"""Of those whose title says more than `IN_DOUBT`."""
CONFIRM = Sentence(
    "Compare the two files, then re-establish the link, or keep refusing this one. Nothing is written meanwhile."
)
SEEK = Sentence(
    "If it was moved or renamed, open it in QuickBooks where it is now and click Look at the open file; then the two "
    "are compared. Else open the file where it was, and click Update Selected. Nothing is written meanwhile."
)
OPEN_AND_UPDATE = Sentence(
    "Open the right company file in QuickBooks, then click Update Selected in the Web Connector."
)
OPEN_OTHER = Sentence(
    "Open the right company file in QuickBooks, then click Update Selected. Nothing is written to this one."
)


def describe(company: Company) -> Sentence:
    """What is in doubt."""
    return Sentence(
        DOUBTS[company.verdict].template,
        {
            "name": company.name,
            "path": company.path,
            "known_name": company.known_name,
            "known_path": company.known_path,
        },
    )


def what_to_do(verdict: Verdict) -> Sentence:
    """What mends it."""
    if verdict is Verdict.AWAY:
        return SEEK
    if verdict is Verdict.SOUGHT:
        return OPEN_AND_UPDATE
    return CONFIRM if verdict.may_be_confirmed else OPEN_OTHER


def find_sides(company: Company) -> tuple[Side, ...]:
    """What differs between the file that is expected and the one that was seen; nothing where none was seen."""
    if company.verdict in TITLES:
        return ()
    sides = (
        Side(what=Sentence("Company"), expected=company.known_name, seen=company.name),
        Side(what=Sentence("Company file"), expected=company.known_path, seen=company.path),
    )
    return tuple(side for side in sides if not is_same_name(side.expected, side.seen))
