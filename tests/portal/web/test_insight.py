"""The page of insight: what it shows, what it says when there is nothing, and its files."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import html

from portal.models import Charge, Draft, DraftState, Organization
from portal.services import insight
from portal.web import insight as page

INSIGHT = "/connections/1/insight"
FILE = Path(__file__).parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"
FILES = ("margin", "orphans", "drift", "seats")
BAKERY = "Boulangerie Aux Trois Blés"


def text_of(who: Any, query: str = "") -> str:
    answer = who.get(f"{INSIGHT}{query}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def rows_of(who: Any, name: str, query: str = "") -> list[dict[str, str]]:
    answer = who.get(f"{INSIGHT}/{name}.csv{query}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def bring_corrected(month: Any) -> None:
    charges = json.loads(FILE.read_text(encoding="utf-8"))
    charges["charges"][0].update(quantity=6, subTotal=46.14)
    del charges["charges"][20]
    month.import_charges(json.dumps(charges).encode(), "corrected.json")
    text = json.dumps(charges).replace("2026-10-31", "2026-11-30").replace("2026-10-", "2026-11-")
    november = json.loads(text)
    november["charges"][0]["quantity"] = 7
    month.import_charges(json.dumps(november).encode(), "november.json")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_new_connection_says_what_to_do_next(admin: Any, language: str) -> None:
    admin.post("/language", {"language": language, "next": "/"})
    admin.post("/connections/new", {"name": "Second", "billing_mode": "in-advance", "invoice_day": "15"})
    answer = admin.get("/connections/2/insight")
    assert answer.status_code == 200
    assert answer.text.count('class="empty card"') == 4
    assert 'href="/connections/2/preview"' in answer.text
    assert answer.text.count('href="/connections/2/charges"') == 3


def test_the_page_shows_the_margin_and_where_it_is_smallest(admin: Any, billed: Any) -> None:
    text = text_of(admin)
    assert "By organization, in CAD" in text
    assert "7,427.47" in text
    assert "24.18%" in text
    assert text.index("Studio Lumière") < text.index("Northwind Logistics Ltd.")
    assert "loss" not in text
    assert "not verified" not in text


def test_a_loss_is_said_in_words_and_what_is_not_verified_is_counted(admin: Any, billed: Any) -> None:
    with billed.portal.database.write() as db:
        mine = Charge.organization_id.in_(sa.select(Organization.id).filter_by(name=BAKERY))
        for row in db.scalars(sa.select(Charge).where(mine)):
            row.amount *= 10
        other = Draft.organization_id.in_(sa.select(Organization.id).filter_by(name="Studio Lumière"))
        db.execute(sa.update(Draft).where(other).values(state=DraftState.PARKED))
    answer = admin.get(INSIGHT).text
    assert 'class="badge bg-red-lt"' in answer
    text = text_of(admin)
    assert re.search(f"{BAKERY} 153.03 1,114.10 loss -961.07 -628.03%", text)
    assert "4 lines are not verified in QuickBooks" in text
    assert "They cost 70.88 CAD" in text


def test_a_range_is_chosen_by_its_dates(admin: Any, billed: Any) -> None:
    page = admin.get(INSIGHT).text
    assert 'name="from" value="2026-11-01"' in page
    assert "from=2025-11-02&amp;to=2026-11-01" in page
    assert "No invoices in this range" in text_of(admin, "?from=2026-12-01")
    assert "7,427.47" in text_of(admin, "?from=2026-01-01&to=2026-12-31")
    answer = admin.get(f"{INSIGHT}?from=yesterday")
    assert answer.status_code == 400
    assert "yesterday is not a date." in answer.text
    answer = admin.get(f"{INSIGHT}?from=2026-12-01&to=2026-11-01")
    assert answer.status_code == 400
    assert "Swap the two dates." in answer.text


def test_orphans_lead_to_the_row_to_fix(admin: Any, billed: Any) -> None:
    answer = admin.get(INSIGHT).text
    with billed.portal.database.read() as db:
        row_id = db.scalar(sa.select(Organization.id).filter_by(name="Atelier Ébène"))
    assert answer.count(f'href="/connections/1/organizations?row={row_id}"') == 3
    text = text_of(admin)
    assert "3 charges · 61.05 CAD" in text
    assert "Turn its Sync switch on to bill it." in text
    with billed.portal.database.write() as db:
        db.execute(sa.update(Charge).values(is_billed=True).execution_options(synchronize_session=False))
    assert "Every charge up to October 31, 2026 is billed." in text_of(admin)


def test_changes_and_seats_are_shown(admin: Any, billed: Any) -> None:
    assert "No import changed anything yet" in text_of(admin)
    assert "no import covers the period that ends on September 30, 2026" in text_of(admin)
    bring_corrected(billed)
    text = text_of(admin)
    assert "Cost: 149.32 → 46.14 CAD" in text
    assert f"{BAKERY} Microsoft 365 Business Basic 4 → 6 30.76 → 46.14 1 0 1" in text
    assert "Recurring seats in november.json, beside corrected.json of October 1, 2026 – October 31, 2026." in text
    assert f"{BAKERY} Microsoft 365 Business Basic 6 7 more" in text
    assert "Of this, 15.38 CAD only waits for the next run." in text
    assert "Nothing changed" in text_of(admin, "?import=1")
    assert admin.get(f"{INSIGHT}?import=99").status_code == 404


def test_every_table_comes_as_a_file(admin: Any, billed: Any) -> None:
    bring_corrected(billed)
    out = admin.get(f"{INSIGHT}/margin.csv")
    assert 'filename="QuickBooks_Nordet-margin.csv"' in out.headers["Content-Disposition"]
    earned = rows_of(admin, "margin")
    report = insight.margin(billed.portal, 1).groups[0]
    assert len(earned) == len(report.pairs)
    assert sum(float(row["margin"]) for row in earned) == pytest.approx(float(report.total.margin or 0))
    assert (earned[0]["currency"], earned[0]["unverified_lines"]) == ("CAD", "0")
    (ready,) = [row for row in rows_of(admin, "orphans") if not row["code"]]
    assert (ready["organization"], ready["sku"], ready["amount"]) == (BAKERY, "M365-BB", "15.38")
    assert (ready["first_day"], ready["last_day"]) == ("2026-10-01", "2026-10-31")
    withdrawn, grown = rows_of(admin, "drift")
    assert (withdrawn["withdrawn"], withdrawn["amount_after"], grown["quantity_after"]) == ("1", "0", "6")
    (more, *_) = [row for row in rows_of(admin, "seats") if row["sku"] == "M365-BB"]
    assert (more["seats_before"], more["seats_after"], more["change"]) == ("6", "7", "more")
    assert rows_of(admin, "margin", "?from=2026-12-01") == []
    assert rows_of(admin, "drift", "?import=1") == []


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "'=1+1"])
def test_no_cell_is_run_as_a_formula(admin: Any, billed: Any, name: str) -> None:
    bring_corrected(billed)
    with billed.portal.database.write() as db:
        db.execute(sa.update(Organization).values(name=name))
    for file in FILES:
        rows = rows_of(admin, file)
        assert rows
        assert {row["organization"] for row in rows} == {f"'{name}"}
    assert any(row["quantity_after"] for row in rows_of(admin, "drift"))


def test_a_negative_amount_stays_a_number(admin: Any, billed: Any) -> None:
    with billed.portal.database.write() as db:
        for row in db.scalars(sa.select(Charge)):
            row.amount *= 10
    assert rows_of(admin, "margin")[0]["margin"].startswith("-")


def test_a_long_table_has_pages_and_the_file_is_whole(admin: Any, billed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "ROWS", 5)
    first = text_of(admin)
    assert "1 to 5 of 12" in first
    third = text_of(admin, "?organizations-cad=3&from=2026-11-01")
    assert "11 to 12 of 12" in third
    assert "Northwind Logistics Ltd." in third
    assert "11 to 12 of 12" in text_of(admin, "?organizations-cad=999")
    assert "1 to 5 of 12" in text_of(admin, "?organizations-cad=none")
    answer = admin.get(f"{INSIGHT}?organizations-cad=2&from=2026-11-01&_anchor=x&connection_id=9").text
    assert 'href="/connections/1/insight?from=2026-11-01&amp;organizations-cad=3#organizations-cad"' in answer
    assert len({row["organization"] for row in rows_of(admin, "margin")}) == 12


@pytest.mark.parametrize(("language", "title"), [("en", "Invoiced and margin by month, in CAD"), ("fr", "CAD")])
def test_charts_are_pictures_with_a_name_and_the_same_figures_as_a_table(
    admin: Any, billed: Any, language: str, title: str
) -> None:
    admin.post("/language", {"language": language, "next": "/"})
    tree = html.fromstring(admin.get(INSIGHT).text)
    drawn = tree.findall('.//figure[@class="chart"]')
    assert [one.get("id") for one in drawn] == ["months-CAD", "visits-chart"]
    for one in drawn:
        (picture,) = one.findall('.//svg[@role="img"]')
        assert [part.tag for part in picture][:2] == ["title", "desc"]
        named = {part.get("id") for part in picture if part.tag in ("title", "desc")}
        assert set(picture.get("aria-labelledby").split()) == named
        assert all(part.text for part in picture[:2])
        assert one.findall(".//details/table/tbody/tr")
        assert not one.findall(".//*[@style]")
    assert title in drawn[0].text_content()
    assert len(drawn[0].findall(".//svg/rect/title")) == 2


def add_clients(portal: Any, first: int, last: int) -> None:
    """Organizations, each with a charge that waits."""
    with portal.database.write() as db:
        names = [f"Client {number}" for number in range(first, last)]
        db.add_all(Organization(connection_id=1, key=name, name=name, mode="create") for name in names)
        db.flush()
        row = db.scalars(sa.select(Charge).limit(1)).one()
        clients = db.scalars(sa.select(Organization.id).where(Organization.name.in_(names))).all()
        facts = {one.name: getattr(row, one.name) for one in Charge.__table__.c if one.name not in ("id", "key")}
        db.execute(
            sa.insert(Charge),
            [{**facts, "key": f"k{one}", "organization_id": one, "is_billed": False} for one in clients],
        )


def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(admin: Any, billed: Any) -> None:
    asked: list[str] = []
    sa.event.listen(billed.portal.database.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    add_clients(billed.portal, 0, 2)
    asked.clear()
    admin.get(INSIGHT)
    few = len(asked)
    add_clients(billed.portal, 2, 300)
    asked.clear()
    assert "1 to 50 of 303" in text_of(admin)
    assert len(asked) == few
