"""The list of charges as a page: its states added up, its filters, the columns that each person chose, and its file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.billing.charge import ChargeKind
from portal.billing.export_rule import Chosen, ExportRule, Which
from portal.models import Charge, Draft, DraftState, Organization, Role
from portal.services import charge_list, charge_states, export_rules, unshared
from portal.web import charge_list as page

LIST = "/connections/1/charges/list"
BAKERY = "Boulangerie Aux Trois Blés"


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def rows_of(who: Any, query: str = "", delimiter: str = ",") -> list[dict[str, str]]:
    answer = who.get(f"{LIST}.csv{query}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


@pytest.fixture(scope="module")
def mixed_folder(month_folder: Path, month_copier: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The month billed but for what the rule keeps back, where one invoice was refused; as files."""
    month = month_copier(month_folder, tmp_path_factory.mktemp("mixed") / "month")
    with month.portal.database.read() as db:
        bakery = db.scalar(sa.select(Organization.id).filter_by(name=BAKERY))
    rule = ExportRule(organizations=Chosen(which=Which.EXCEPT, ids=frozenset({bakery})))
    export_rules.save(month.portal, 1, rule, version=0, who="ann@example.com")
    month.bill()
    assert month.visit().went_well
    with month.portal.database.write() as db:
        last = db.scalar(sa.select(sa.func.max(Draft.id)))
        db.execute(sa.update(Draft).where(Draft.id == last).values(state=DraftState.PARKED, code="3140"))
    month.close()
    return month.folder


@pytest.fixture
def beginning(request: pytest.FixtureRequest) -> Path:
    """A test's month is a copy of the mixed one where it asks for `mixed`."""
    return request.getfixturevalue("mixed_folder" if "mixed" in request.fixturenames else "month_folder")


@pytest.fixture
def mixed(month: Any) -> Any:
    """The month billed but for what the rule keeps back; one invoice was refused."""
    return month


def test_a_new_connection_says_what_to_do_next(admin: Any) -> None:
    admin.post("/connections/new", {"name": "Second", "billing_mode": "in-advance", "invoice_day": "15"})
    text = admin.get("/connections/2/charges/list").text
    assert "No charges yet" in text
    assert 'href="/connections/2/charges"' in text


def test_the_states_add_up_and_each_leads_to_its_charges(admin: Any, mixed: Any) -> None:
    tally = charge_states.tally(mixed.portal, 1)
    counts = {one.state.value: one.count for one in tally.states}
    assert {"sent", "rejected", "excluded"} <= counts.keys()
    answer = admin.get(LIST)
    order = ("sent", "pending", "waiting", "rejected", "excluded", "credited")
    equation = " + ".join(str(counts.get(state, 0)) for state in order)
    assert f"{equation} = {tally.imported[0].count} imported" in text_of(answer)
    assert sum(counts.values()) == tally.imported[0].count
    for state in order:
        assert f'href="{LIST}?state={state}"' in answer.text
        assert len(rows_of(admin, f"?state={state}")) == counts.get(state, 0)
    assert f"{tally.imported[0].amount:,.2f} CAD" in text_of(answer)


def test_what_is_given_back_stands_in_the_equation(admin: Any, mixed: Any) -> None:
    with mixed.portal.database.write() as db:
        first = db.scalar(sa.select(Charge).where(Charge.is_billed).limit(1))
        facts = {c.key: getattr(first, c.key) for c in sa.inspect(Charge).column_attrs if c.key != "id"}
        changed = {"is_billed": False, "revision": 2}
        db.add(Charge(**{**facts, **changed, "reverses_id": first.id, "amount": -first.amount, "amount_cents": None}))
        db.flush()
        db.add(Charge(**{**facts, **changed, "revision": 3}))
    assert "imported + 2 × 1 given back" in text_of(admin.get(LIST))


def test_states_that_do_not_add_up_are_told(admin: Any, mixed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charge_states.Tally, "adds_up", property(lambda _self: False))
    assert "The states do not add up" in admin.get(LIST).text


def test_of_very_many_charges_the_sums_follow_the_page(admin: Any, mixed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "ADDED_AT_ONCE", 10)
    answer = admin.get(f"{LIST}?state=sent")
    assert " imported" not in text_of(answer)
    assert 'hx-get="/connections/1/charges/sums?state=sent"' in answer.text
    assert 'href="/connections/1/charges/list?state=sent&amp;sums=1"' in answer.text
    part = admin.get("/connections/1/charges/sums?state=sent").text
    assert "<html" not in part
    assert "imported" in part
    assert " imported" in text_of(admin.get(f"{LIST}?sums=1"))


def test_an_excluded_charge_says_why_and_leads_to_the_rule(admin: Any, mixed: Any) -> None:
    answer = admin.get(f"{LIST}?state=excluded")
    assert "Version 1 of the rule, for its organization" in text_of(answer)
    assert 'href="/connections/1/rule"' in answer.text
    assert "The export rule keeps these charges back." in answer.text


def test_a_sent_charge_leads_to_its_invoice_and_a_refused_one_says_why(admin: Any, mixed: Any) -> None:
    answer = admin.get(f"{LIST}?state=sent")
    link = re.search(r'href="(/connections/1/runs/1\?draft=\d+#draft-\d+)"', answer.text)
    assert link
    assert admin.get(link[1]).status_code == 200
    assert re.search(r"No\. \d+", text_of(answer))
    refused = text_of(admin.get(f"{LIST}?state=rejected&code=3140"))
    assert "No charge matches" not in refused


FILTERS: dict[str, Callable[[dict[str, str]], bool]] = {
    "kind=usage": lambda row: row["kind"] == "usage",
    "state=sent&kind=recurring": lambda row: (row["state"], row["kind"]) == ("sent", "recurring"),
    "since=2026-10-15": lambda row: row["first_day"] >= "2026-10-15",
    "until=2026-10-14": lambda row: row["first_day"] <= "2026-10-14",
    "by=import&since=2026-11-01&until=2026-11-01": lambda row: True,
    "by=import&until=2026-10-31": lambda row: False,
    "tag=Department": lambda row: "Department" in row["tags"],
    "tag=CustomerDisplayName:+" + BAKERY.replace(" ", "+"): lambda row: BAKERY in row["tags"],
    "import=1": lambda row: True,
    "import=2": lambda row: False,
    "run=1": lambda row: row["run"] == "2026-11-01",
    "q=boulangerie+basic": lambda row: row["organization"] == BAKERY and "Basic" in row["offer"],
    "currency=USD": lambda row: row["currency"] == "USD",
    "state=nonsense&kind=x&since=never&organization=-1&run=x": lambda row: True,
}


@pytest.mark.parametrize("query", FILTERS)
def test_the_file_holds_what_the_filters_leave(admin: Any, mixed: Any, query: str) -> None:
    every = rows_of(admin, "?all=1")
    assert tuple(every[0]) == charge_list.COLUMNS
    found = rows_of(admin, f"?all=1&{query}")
    assert found == [row for row in every if FILTERS[query](row)]
    page_of = admin.get(f"{LIST}?{query}")
    assert page_of.status_code == 200
    assert ("No charge matches" in page_of.text) is (not found)


@pytest.mark.parametrize(("sort", "column"), [("amount", "amount"), ("date", "first_day")])
def test_the_list_is_sorted_both_ways(admin: Any, mixed: Any, sort: str, column: str) -> None:
    def key(row: dict[str, str]) -> Any:
        return float(row[column]) if column == "amount" else row[column]

    up = [key(row) for row in rows_of(admin, f"?sort={sort}")]
    down = [key(row) for row in rows_of(admin, f"?sort=-{sort}")]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert 'aria-sort="descending"' in admin.get(f"{LIST}?sort=-{sort}").text


def test_pages_follow_one_another_and_keep_the_filters(admin: Any, mixed: Any) -> None:
    seen: list[str] = []
    path = f"{LIST}?currency=CAD&sort=-amount"
    for _ in range(10):
        answer = admin.get(path).text
        seen += re.findall(r'<span class="badge bg-\w+-lt" title', answer)
        following = re.search(r'rel="next" href="([^"]+)"', answer)
        if not following:
            break
        path = unescape(following[1])
        assert "currency=CAD" in path
    assert len(seen) == len(rows_of(admin, "?currency=CAD")) > 50
    assert "To the beginning" in answer


def test_columns_are_kept_for_each_person(admin: Any, mixed: Any, person: Callable[[Role], Any]) -> None:
    admin.get(LIST)
    answer = admin.post("/account/columns/charges", {"connection": "1", "column": ["key", "amount", "nonsense"]})
    assert (answer.status_code, answer.location) == (303, LIST)
    assert tuple(rows_of(admin)[0]) == ("amount", "key")
    assert "<th>Number of the charge</th>" in admin.get(LIST).text
    reader = person(Role.READ_ONLY)
    assert tuple(rows_of(reader)[0]) == page.USUAL
    admin.post("/account/columns/charges", {"connection": "1", "usual": "1", "column": "key"})
    assert tuple(rows_of(admin)[0]) == page.USUAL
    reader.get(LIST)
    assert reader.post("/account/columns/charges", {"connection": "x"}).location == "/"
    reader.post("/account/columns/charges", {"column": list(charge_list.COLUMNS)})
    assert reader.get(LIST).status_code == 200
    assert tuple(rows_of(reader)[0]) == charge_list.COLUMNS


def test_other_pages_lead_to_the_charges_that_they_speak_of(admin: Any, mixed: Any) -> None:
    for path, link in (
        ("/connections/1/charges", LIST),
        ("/connections/1/imports/1", f"{LIST}?import=1"),
        ("/connections/1/runs/1", f"{LIST}?run=1"),
        ("/connections/1/preview", f"{LIST}"),
        ("/connections/1/preview?why=excluded", f"{LIST}?code=excluded"),
        ("/connections/1/status", LIST),
    ):
        assert f'href="{link}"' in admin.get(path).text, path
        assert admin.get(link).status_code == 200


def test_a_filter_that_is_named_can_be_taken_away(admin: Any, mixed: Any) -> None:
    with mixed.portal.database.read() as db:
        bakery = db.scalar(sa.select(Organization.id).filter_by(name=BAKERY))
    text = admin.get(f"{LIST}?organization={bakery}&kind={ChargeKind.RECURRING}").text
    assert f"Organization: {BAKERY}" in text
    assert f'href="{LIST}?kind=recurring"' in text


def test_the_file_says_its_reasons_in_the_persons_language(admin: Any, mixed: Any) -> None:
    admin.post("/language", {"language": "fr", "next": "/"})
    rows = rows_of(admin, "?state=excluded", ";")
    assert any("règle d'exportation" in row["reason"] for row in rows)
    assert all(re.fullmatch(r"-?\d+,\d\d", row["amount"]) for row in rows)


def test_a_run_that_is_kept_from_the_accountant_finds_no_charges_for_them(
    admin: Any, person: Callable[[Role], Any], mixed: Any
) -> None:
    accountant = person(Role.ACCOUNTANT)
    with mixed.portal.database.read() as db:
        run_id, number = db.execute(
            sa.select(Draft.run_id, Draft.ref_number).where(Draft.ref_number.is_not(None))
        ).first()
    queries = (f"?run={run_id}", f"?q={number}")
    for query in queries:
        assert rows_of(accountant, query) == rows_of(admin, query) != []
    unshared.share_run(mixed.portal, 1, run_id, is_shared=False)
    for query in queries:
        assert rows_of(admin, query) != []
        assert rows_of(accountant, query) == []
    whole = rows_of(accountant, "?all=yes")
    assert len(whole) == len(rows_of(admin)), "that there were charges is no secret"
    assert {(row["run"], row["invoice_number"], row["invoice_date"]) for row in whole} == {("", "", "")}
