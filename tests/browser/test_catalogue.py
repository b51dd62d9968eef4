"""Every error of the catalogue in a real browser: shown with its cause and what to do, and mended by its buttons."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from portal.billing.invoice import Difference
from portal.billing.matching import Obstacle
from portal.services import quickbooks
from qbwc.qbxml.reaction import Section
from qbwc.qbxml.status import catalogue, expand

STATUS = "/connections/1/status?kind=invoices"
CODES = [
    *(str(min(expand(entry.code))) for entry in catalogue(Section.STATUS)),
    *(str(min(expand(entry.code))) for entry in catalogue(Section.MESSAGE_SET)),
    *(f"0x{min(expand(entry.code)):08X}" for entry in catalogue(Section.HRESULT)),
    *map(str, (*Obstacle, *Difference)),
    "unreadable",
    "our-bug",
    "unhandled",
]

SEND_ALL_BUT_ONE = """async (ends) => {
  const wanted = [...document.querySelectorAll("form")].filter((form) => ends.some((end) => form.action.endsWith(end)));
  for (const form of wanted) {
    const answer = await fetch(form.action, { method: "post", body: new FormData(form), redirect: "manual" });
    if (answer.type !== "opaqueredirect") throw new Error(`${form.action}: ${answer.status}`);
  }
}"""


@contextmanager
def rows(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / "portal.sqlite3", timeout=30)) as database, database:
        yield database


def stop(folder: Path, codes: list[str]) -> list[int]:
    """Invoices of October that QuickBooks has are stopped, each with one of these codes."""
    with rows(folder) as database:
        found = database.execute("SELECT id FROM draft WHERE run_id = 2 AND state = 'reconciled' ORDER BY id")
        ids = [one for (one,) in found][: len(codes)]
        assert len(ids) == len(codes)
        for one, code in zip(ids, codes, strict=True):
            database.execute("UPDATE draft SET state = 'parked', code = ? WHERE id = ?", (code, one))
            database.execute("UPDATE qbwc_job SET state = 'parked' WHERE key = ?", (f"draft:{one}",))
    return ids


def test_every_error_is_shown_and_mended(open_page: Callable[..., Any], demo: dict[str, Any], reads: Any) -> None:
    """Trying again asks QuickBooks first: what it has already is found, and the error is gone."""
    page = open_page()
    at_once = 12
    for begin in range(0, len(CODES), at_once):
        codes = CODES[begin : begin + at_once]
        ids = stop(demo["folder"], codes)
        page.goto(STATUS)
        for draft_id, code in zip(ids, codes, strict=True):
            row = page.locator(".list-group-item", has=page.locator(f"a[href$='#draft-{draft_id}']"))
            cause, remedy = quickbooks.explained(code, "")
            for sentence in filter(None, (cause, remedy)):
                reads(page, str(sentence), row)
        # The forms of all but one are sent as they stand, without a page in between: a click each would take minutes.
        page.evaluate(SEND_ALL_BUT_ONE, [f"/drafts/{draft_id}/retry" for draft_id in ids[1:]])
        own = page.locator(".list-group-item", has=page.locator(f"a[href$='#draft-{ids[0]}']"))
        own.get_by_role("button", name="Try again").click()
        reads(page, "waits to be sent again")
        page.get_by_role("button", name="Update Selected").click()
        reads(page, "The visit went well.")
        page.goto(STATUS)
        for draft_id, code in zip(ids, codes, strict=True):
            assert page.locator(f"a[href$='#draft-{draft_id}']").count() == 0, code
