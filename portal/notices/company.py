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
}
CONFIRM = Sentence(
    "Compare the two files, then re-establish the link, or keep refusing this one. Nothing is written meanwhile."
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


def find_sides(company: Company) -> tuple[Side, ...]:
    """What differs between the file that is expected and the one that was seen."""
    sides = (
        Side(what=Sentence("Company"), expected=company.known_name, seen=company.name),
        Side(what=Sentence("Company file"), expected=company.known_path, seen=company.path),
    )
    return tuple(side for side in sides if not is_same_name(side.expected, side.seen))
