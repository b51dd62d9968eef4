"""Every fault at many boundaries of a visit that creates invoices, updates others and writes costs; at all of them, on
both databases, with TESTS_WHOLE set.

After each, the server is visited without faults, and a person does what the status page says, until all is quiet. Then
the company file must be what a month without faults makes of it: each invoice and each line exactly once, the
partner's own untouched to the byte, the costs in place.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.models import Charge, CostState, Draft, ItemCost, Offer, Organization
from portal.services import connections, retries
from portal.services.quickbooks import build_endpoint
from qbwc.sandbox import Company, Outcome, parse_fault, read_manifest, visit
from qbwc.wsgi import build_wsgi
from tests.whole import WHOLE

pytestmark = pytest.mark.matrix

# What a visit of the billed month consists of; a test below compares.
CALLS = 14
SETS = 5

AT_CALLS = ("cut-call-before", "cut-call-during", "cut-call-after")
AT_SETS = (
    "lost-answer",
    "cut-before",
    "truncated",
    "garbage",
    "repeat-request",
    "repeat-answer",
    "slow-answer=90",
    "dead-iterator",
    "modal-dialog",
    "hresult=0x80040400",
    "hresult=0x80040402",
    "hresult=0x8004040E",
    "hresult-after=0x80040402",
    "hresult-after=0x80040308",
)
# What only a set that writes can meet, and which one that is.
AT_WRITES = (
    "stale-edit",
    "locked",
    "store-failed",
    "status=1000",
    "status=1010",
    "status=3140",
    "status=3171",
    "status=3175",
    "status=3180",
    "status=3231",
    "status=3260",
)
WRITES = 3
WHOLE_VISIT = (
    "no-company",
    "open-failed=0x80040408@1",
    "open-failed=0x8004040A",
    "copied-file",
    "renamed-company",
    "other-company",
    "swapped-company",
    "restore-backup",
    "closed-period",
    "feature-off=classes",
    "feature-off=multi-currency",
    "older-quickbooks=2013",
    "no-external-guid",
)


def sets_of(number: int) -> list[int]:
    """The sets that the fault of this number meets: the one that writes, and two others in turn."""
    return list(range(1, SETS + 1)) if WHOLE else sorted({WRITES, number % SETS + 1, (number + 2) % SETS + 1})


# One visit after the other, each with its faults.
PAIRS = [
    *[((f"lost-answer@{at}",), ("restore-backup",)) for at in range(1, SETS + 1)],
    *[((f"lost-answer@{at}", f"store-failed@{at}"), ()) for at in range(1, SETS + 1)],
    *[((f"lost-answer@{at}", f"store-failed@{at}"), ("no-external-guid",)) for at in range(1, SETS + 1)],
    *[((f"cut-before@{at}",), ("no-external-guid",)) for at in range(1, SETS + 1)],
    *[((f"lost-answer@{at}",), (f"lost-answer@{also}",)) for at in (3, 4) for also in (1, 2, 3)],
    *[((f"lost-answer@{at}",), ("copied-file",)) for at in (3, 4, 5)],
    *[((f"hresult-after=0x80040402@{at}",), ("restore-backup",)) for at in (3, 4)],
]

CASES = [
    *[((f"{name}@{at}",),) for name in AT_CALLS for at in range(1, CALLS + 1)],
    *[((f"{name}@{at}",),) for number, name in enumerate(AT_SETS) for at in sets_of(number)],
    *[((f"{name}@{WRITES}",),) for name in AT_WRITES],
    *[((name,),) for name in WHOLE_VISIT],
    *PAIRS,
]

# Two invoices to create and two to update, with a line of the partner's own that is taken over.
FEW = ("Studio Lumière", "Boulangerie Aux Trois Blés", "Groupe Océan Bleu inc.", "Théâtre de l'Île")
# What QuickBooks gives out, or computes anew; and what a month with another order of things may count differently.
GIVEN = {"TxnID", "TimeCreated", "TimeModified", "EditSequence", "RefNumber", "TxnNumber", "TxnLineID", "ExternalGUID"}


def application(month: Any) -> Any:
    """The endpoint of a month, made once: without pages, and without the WSDL, which only shows that it is there."""
    if "application" not in vars(month):
        portal = month.portal
        endpoint = build_wsgi(build_endpoint(portal.database, portal.registry, portal.now, "1.0"))

        def serve(environ: dict[str, Any], start_response: Any) -> Any:
            if environ["REQUEST_METHOD"] == "GET":
                start_response("200 OK", [("Content-Type", "text/plain")])
                return [b""]
            return endpoint(environ, start_response)

        month.application = serve
    return month.application


def call(
    month: Any,
    *faults: str,
    on_call: Callable[[int, str], None] | None = None,
    app: Any = None,
    url: str | None = None,
) -> Any:
    """One visit of the sandbox's connector: to a server's address, or without a socket between."""
    return visit(
        read_manifest(month.folder / "month.qwc"),
        Company.load(month.company_file, clock=month.clock),
        month.password,
        faults=[parse_fault(fault) for fault in faults],
        url=url,
        transport=None if url else app or application(month),
        pause=lambda _seconds: None,
        wait=lambda _seconds: None,
        on_call=on_call,
    )


def decide(month: Any) -> bool:
    """A person does what the status page says; whether there was anything to do."""
    decided = False
    seen = connections.find_connection(month.portal, month.connection_id)
    if seen.verdict is not None and seen.verdict.may_be_confirmed:
        connections.confirm_company(month.portal, month.connection_id)
        decided = True
    while waiting := [draft.id for draft in month.run().drafts if draft.may_go_again]:
        retries.retry_draft(month.portal, month.connection_id, waiting[0])
        decided = True
    with month.portal.database.read() as db:
        refused = db.scalars(sa.select(ItemCost.id).filter_by(state=CostState.PARKED)).all()
    for cost_id in refused:
        assert cost_id in [problem.cost_id for problem in month.status().problems]
        retries.retry_cost(month.portal, month.connection_id, cost_id)
        decided = True
    return decided


def settle(month: Any, visit_once: Callable[[Any], Any] = call) -> None:
    """Visits without faults until nothing is left to do."""
    for _ in range(12):
        month.clock.at += timedelta(minutes=4)
        ended = visit_once(month)
        if decide(month):
            continue
        if ended.outcome in (Outcome.DONE, Outcome.NOTHING_TO_DO) and month.states() == {"reconciled": len(FEW)}:
            return
    raise AssertionError(f"{month.states()} {month.problems()} {ended.outcome} {ended.explanation}")


def plain(value: Any) -> Any:
    """A record without what QuickBooks gives out by itself."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if name not in GIVEN}
    return [plain(one) for one in value] if isinstance(value, list) else value


def forms(company: dict[str, Any]) -> Counter[str]:
    return Counter(json.dumps(plain(one), sort_keys=True) for one in company["transactions"]["Invoice"])


def costs(company: dict[str, Any]) -> dict[str, Any]:
    return {
        item["FullName"]: item.get("SalesAndPurchase")
        for kind, rows in company["lists"].items()
        if kind.startswith("Item")
        for item in rows
        if "SalesAndPurchase" in item
    }


def keep_few(month: Any) -> Any:
    """The month of a few organizations."""
    with month.portal.database.write() as db:
        few = sa.select(Organization.id).where(Organization.name.in_(FEW))
        db.execute(sa.update(Organization).where(Organization.id.not_in(few)).values(is_synchronized=False))
        used = sa.select(Charge.offer_id).where(Charge.organization_id.in_(few))
        db.execute(sa.update(Offer).where(Offer.id.not_in(used)).values(is_synchronized=False))
    month.bill()
    assert month.states() == {"queued": len(FEW)}
    return month


@pytest.fixture(scope="session")
def calm(month_folder: Path, month_copier: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The company file after the same month without faults; what is to be mended even then."""
    month = keep_few(month_copier(month_folder, tmp_path_factory.mktemp("calm") / "month"))
    assert call(month).outcome is Outcome.DONE
    assert month.states() == {"reconciled": len(FEW)}
    company = month.company()
    company["problems"] = month.problems()
    month.close()
    return company


@pytest.fixture
def billing(any_month: Any) -> Any:
    """The month of a few organizations, dispatched, on each kind of database in turn."""
    return keep_few(any_month)


def assert_as_if_nothing_had_happened(month: Any, before: dict[str, Any], calm: dict[str, Any]) -> None:
    after = month.company()
    assert forms(after) == forms(calm)
    assert costs(after) == costs(calm)
    untouched = {one["TxnID"]: one for one in calm["transactions"]["Invoice"]}
    kept = {one["TxnID"]: one for one in after["transactions"]["Invoice"]}
    for one in before["transactions"]["Invoice"]:
        if untouched.get(one["TxnID"]) == one:
            assert kept[one["TxnID"]] == one, one["RefNumber"]
    guids = [one["ExternalGUID"] for one in after["transactions"]["Invoice"] if one.get("ExternalGUID")]
    assert len(set(guids)) == len(guids)
    assert month.problems() == calm["problems"]


def assert_the_truth_is_told(month: Any) -> None:
    """What the portal says is written is there."""
    there = {one["TxnID"] for one in month.company()["transactions"]["Invoice"]}
    with month.portal.database.read() as db:
        drafts = db.scalars(sa.select(Draft)).all()
        written = {one.txn_id for one in drafts if one.state in ("written", "reconciled")}
    assert written <= there


def test_the_matrix_covers_the_whole_visit(billing: Any) -> None:
    ended = call(billing)
    assert ended.outcome is Outcome.DONE
    assert ended.calls == CALLS
    sets = [step.sent["request"] for step in ended.steps if step.operation == "QuickBooks"]
    assert len(sets) == SETS
    assert [number for number, text in enumerate(sets, 1) if "newMessageSetID" in text] == [WRITES]


def name_of(case: tuple[tuple[str, ...], ...]) -> str:
    return " then ".join("+".join(faults) or "calm" for faults in case)


def shows_on_postgresql(case: tuple[tuple[str, ...], ...]) -> bool:
    """Whether a case is played on PostgreSQL too: what a crash, a lost answer or two visits make of its transactions.

    Faults that QuickBooks answers with go the same way through both databases.
    """
    fault, _, at = case[0][0].rpartition("@")
    if len(case) > 1:
        return case[1] == ("restore-backup",) or (len(case[0]) > 1 and int(at) == WRITES)
    if fault == "cut-call-during":
        return int(at) % 2 == 0
    return (
        fault in AT_WRITES
        or (fault in AT_SETS and int(at) == WRITES)
        or case[0][0] in ("restore-backup", "copied-file")
    )


PLAYED = [
    *[("sqlite", case) for case in CASES],
    *[
        ("postgresql", case)
        for case in (CASES if WHOLE else [case for case in CASES if shows_on_postgresql(case)][::3])
    ],
]


@pytest.mark.parametrize(
    ("any_month", "case"), PLAYED, indirect=["any_month"], ids=[f"{kind}-{name_of(case)}" for kind, case in PLAYED]
)
def test_every_invoice_is_written_exactly_once(
    billing: Any, calm: dict[str, Any], case: tuple[tuple[str, ...], ...]
) -> None:
    before = billing.company()
    for faults in case:
        call(billing, *faults)
        if "restore-backup" not in faults:
            assert_the_truth_is_told(billing)
        billing.clock.at += timedelta(minutes=4)
    settle(billing)
    assert_as_if_nothing_had_happened(billing, before, calm)


SMALL = 5
SMALL_SETS = 12


@pytest.mark.parametrize("fault", ["lost-answer", "cut-before", "hresult-after=0x80040402", "hresult=0x80040400"])
@pytest.mark.parametrize("at", range(1, SMALL_SETS + 1, 1 if WHOLE else 2))
def test_it_is_the_same_when_the_work_travels_in_many_sets(
    month: Any, calm: dict[str, Any], fault: str, at: int
) -> None:
    before = keep_few(month).company()
    with month.portal.database.write() as db:
        connections.find(db, month.connection_id).wire.largest_set = SMALL
    call(month, f"{fault}@{at}")
    assert_the_truth_is_told(month)
    settle(month)
    assert_as_if_nothing_had_happened(month, before, calm)


@pytest.fixture
def restarting(month: Any) -> Iterator[Callable[[Any], Any]]:
    """A server that is started anew before every single call."""

    def visit_once(again: Any) -> Any:
        current = {"app": application(again)}

        def restart(_number: int, _operation: str) -> None:
            again.portal.database.close()
            del again.application
            current["app"] = application(again)

        return call(again, on_call=restart, app=lambda environ, start: current["app"](environ, start))

    return visit_once


def test_a_server_that_restarts_before_every_call_bills_all_the_same(
    month: Any, calm: dict[str, Any], restarting: Callable[[Any], Any]
) -> None:
    before = keep_few(month).company()
    assert restarting(month).outcome is Outcome.DONE
    settle(month, restarting)
    assert_as_if_nothing_had_happened(month, before, calm)


# -- the process is killed, with no time to say goodbye --------------------------------------------------------------

# Every SOAP call of the visit but the two about versions commits once.
COMMITS = 12


class Servers:
    """Servers over one month's data, each forked from a process that has everything imported."""

    def __init__(self, nursery: subprocess.Popen[str], month: Any) -> None:
        self._nursery = nursery
        self._month = month
        self._pids: list[int] = []

    def start(self, **order: Any) -> str:
        """The address of a new server."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        month = self._month
        url = month.portal.database.url.render_as_string(hide_password=False)
        wanted = {"data": str(month.folder), "url": url, "now": month.clock().isoformat(), **order}
        self._nursery.stdin.write(json.dumps(wanted) + "\n")
        self._nursery.stdin.flush()
        told = json.loads(self._nursery.stdout.readline())
        self._pids.append(told["pid"])
        return f"http://127.0.0.1:{told['port']}/qbwc"

    def kill(self) -> None:
        """End what still runs."""
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._pids.clear()


@pytest.fixture(scope="session")
def nursery() -> Iterator[subprocess.Popen[str]]:
    """The process that forks servers."""
    script = Path(__file__).with_name("killable_server.py")
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:  # closes its pipes too
        yield process
        process.kill()


@pytest.fixture
def servers(nursery: subprocess.Popen[str], billing: Any) -> Iterator[Servers]:
    made = Servers(nursery, billing)
    yield made
    made.kill()


@pytest.mark.parametrize(
    ("any_month", "at"),
    [  # fewer on PostgreSQL, where the portal does the same between its commits
        *[("sqlite", at) for at in range(1, COMMITS + 1, 1 if WHOLE else 2)],
        *[("postgresql", at) for at in range(1, COMMITS + 1, 1 if WHOLE else 5)],
    ],
    indirect=["any_month"],
)
@pytest.mark.parametrize("dies", ["before-commit", "after-commit"])
def test_a_server_that_is_killed_bills_exactly_once_when_it_is_started_again(
    billing: Any, servers: Servers, calm: dict[str, Any], dies: str, at: int
) -> None:
    before = billing.company()
    ended = call(billing, url=servers.start(dies=dies, at=at))
    assert ended.outcome is not Outcome.DONE
    assert_the_truth_is_told(billing)
    settle(billing, lambda month: call(month, url=servers.start()))
    assert_as_if_nothing_had_happened(billing, before, calm)


def test_no_commit_is_left_out(billing: Any, servers: Servers) -> None:
    assert call(billing, url=servers.start(dies="before-commit", at=COMMITS + 1)).outcome is Outcome.DONE
