"""The endpoint of one's own, as the page on the library shows it: it runs, and what it writes is there once."""

from __future__ import annotations

import ast
import runpy
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import waitress

from qbwc import Database, Job, JobState, history, mirror
from qbwc.models import ListObject
from qbwc.sandbox import Company, Visit, parse_fault, read_manifest, starter, visit

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "endpoint" / "own_endpoint.py"
PAGE = (ROOT / "portal" / "help" / "library.md").read_text(encoding="utf-8")
MOST_LINES = 30


def ours(company: Company) -> list[dict[str, Any]]:
    """The invoices that the sample adds."""
    found = company.data["transactions"]["Invoice"]
    return [
        one for one in found if one["TxnDate"] == "2026-11-01" and one["CustomerRef"]["FullName"] == "Abbott Bakery"
    ]


@pytest.fixture
def company() -> Company:
    return Company(starter())


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, company: Company) -> Callable[..., Visit]:
    """Starts the sample in a process that is new each time, as far as it can tell, and visits it once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qbwc.admission.BUSY_FOR", timedelta(0))  # the next visit comes later than that

    def start_and_visit(*faults: str) -> Visit:
        made = runpy.run_path(str(SAMPLE))
        try:
            return visit(
                read_manifest("own.qwc"),
                company,
                Path("own.password").read_text(encoding="ascii"),
                transport=made["application"],
                faults=[parse_fault(fault) for fault in faults],
                pause=lambda _seconds: None,
                wait=lambda _seconds: None,
            )
        finally:
            made["database"].close()

    return start_and_visit


def test_the_page_shows_the_sample_as_it_is() -> None:
    assert f"```python\n{SAMPLE.read_text(encoding='utf-8')}```" in PAGE


def test_it_is_short() -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    docstring = ast.parse(text).body[0]
    lines = text.splitlines()[docstring.end_lineno :]
    assert len([line for line in lines if line.strip() and not line.strip().startswith("#")]) <= MOST_LINES


def test_after_one_visit_the_customers_are_here_and_the_invoice_is_there(
    call: Callable[..., Visit], company: Company, tmp_path: Path
) -> None:
    made = call()
    assert made.went_well, made.explanation
    (invoice,) = ours(company)
    database = Database(f"sqlite:///{tmp_path / 'own.sqlite3'}")
    with database.read() as db:
        of_customers = sa.select(ListObject.full_name).filter_by(kind="customer")
        assert set(db.scalars(of_customers)) == {"Abbott Bakery", "Clinic", "Clinic:Main Street", "Closed Shop"}
        job = db.scalars(sa.select(Job).filter_by(kind="add-invoice")).one()
        assert (job.state, job.payload) == (JobState.DONE, {"invoices": [invoice["TxnID"]]})
        assert mirror.find(db, 1, "item", invoice["lines"][0]["ItemRef"]["ListID"]) is not None
        assert history.visits(db, 1)[0].result == "done"
    database.close()


@pytest.mark.parametrize(
    "fault", [*(f"lost-answer@{at}" for at in range(1, 5)), *(f"cut-call-after@{at}" for at in range(4, 10))]
)
def test_after_a_fault_and_a_second_visit_the_invoice_is_there_once(
    call: Callable[..., Visit], company: Company, fault: str
) -> None:
    call(fault)
    second = call()
    assert second.went_well, second.explanation
    assert len(ours(company)) == 1
    assert call().went_well
    assert len(ours(company)) == 1


def test_the_password_and_the_file_are_made_once(call: Callable[..., Visit], tmp_path: Path) -> None:
    call()
    kept = [(tmp_path / name).read_bytes() for name in ("own.qwc", "own.password")]
    call()
    assert [(tmp_path / name).read_bytes() for name in ("own.qwc", "own.password")] == kept


def test_as_a_program_it_serves_where_the_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    served: dict[str, Any] = {}
    monkeypatch.setattr(waitress, "serve", lambda application, **where: served.update(where, application=application))
    made = runpy.run_path(str(SAMPLE), run_name="__main__")
    made["database"].close()
    assert served["application"] is made["application"]
    assert read_manifest("own.qwc").app_url == f"http://localhost:{served['port']}/qbwc"
    assert served["host"] == "127.0.0.1"
