"""The lists of the company file: pages, what changed, what is gone, and iterators that die."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree

from qbwc import mirror
from qbwc.models import JobState, ListObject, ListState
from qbwc.qbxml import render_request, render_set
from qbwc.qbxml.lists import ListDeletedQueryRq


@pytest.fixture
def customers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "LISTS", {"customer": mirror.LISTS["customer"]})


def names(world: Any, kind: str = "customer") -> list[str]:
    with world.database.read() as db:
        rows = db.scalars(sa.select(ListObject).filter_by(kind=kind).order_by(ListObject.id))
        return [row.full_name for row in rows]


def state_of(world: Any, kind: str = "customer") -> ListState:
    state: ListState
    (state,) = [row for row in world.rows(ListState) if row.kind == kind]
    return state


def asked(world: Any, tag: str) -> list[etree._Element]:
    found = []
    for document in world.books.sent:
        found += [child for child in etree.fromstring(document.encode())[0] if child.tag == tag]
    return found


def test_all_lists_are_pulled_in_one_visit(world: Any, speak: Any) -> None:
    world.refresh()
    world.visit()
    assert set(world.jobs().values()) == {"done"}
    assert {state.kind for state in world.rows(ListState) if state.is_complete} == set(mirror.LISTS)


@pytest.mark.usefixtures("customers_only")
def test_pages_repeat_the_request_id_and_the_iterator_and_no_filter(world: Any, pages: Any) -> None:
    pages(world.books, 25, 10)
    world.refresh()
    figures = world.visit().figures
    assert figures == sorted(figures)
    assert figures[-1] == 100
    start, *more = asked(world, "CustomerQueryRq")
    assert len(more) == 2
    assert start.get("iterator") == "Start"
    assert start.findtext("ActiveStatus") == "All"
    for request in more:
        assert request.get("iterator") == "Continue"
        assert request.get("iteratorID") == "{it-1}"
        assert request.get("requestID") == start.get("requestID")
        assert {str(child.tag) for child in request} == {"MaxReturned", "IncludeRetElement"}
    assert names(world) == [f"N{n}" for n in range(25)]


@pytest.mark.usefixtures("customers_only")
def test_the_watermark_moves_only_after_the_last_page(world: Any, pages: Any) -> None:
    pages(world.books, 25, 10)
    world.refresh()
    ticket = world.ticket()
    for turn in range(3):
        document = world.ask(ticket, first=turn == 0)
        assert (state_of(world).watermark, state_of(world).is_complete) == (None, False)
        world.give(ticket, document)
    # the wall clock of QuickBooks, without the offset that it stated
    assert state_of(world).watermark == "2026-10-01T10:24:00"
    assert state_of(world).is_complete
    assert state_of(world).refreshed_at == world.clock()


@pytest.mark.usefixtures("customers_only")
@pytest.mark.parametrize("executed", [True, False])
def test_an_iterator_that_died_with_its_visit_begins_from_the_start(world: Any, pages: Any, executed: bool) -> None:
    pages(world.books, 25, 10)
    world.refresh()
    world.visit_and_lose(executed=executed, sets=2)
    world.books.iterators.clear()
    assert world.visit().figures[-1] == 100
    kinds = [request.get("iterator") for request in asked(world, "CustomerQueryRq")]
    assert kinds[-3:] == ["Start", "Continue", "Continue"]
    assert names(world) == [f"N{n}" for n in range(25)]
    assert world.jobs() == {"customer:1": "done"}


@pytest.mark.usefixtures("customers_only")
def test_an_iterator_that_quickbooks_forgot_begins_from_the_start_in_the_same_visit(world: Any, pages: Any) -> None:
    pages(world.books, 25, 10)
    world.refresh()
    ticket = world.ticket()
    world.give(ticket, world.ask(ticket, first=True))
    world.books.iterators.clear()
    figures = [0]
    while figures[-1] < 100:
        figures.append(world.give(ticket, world.ask(ticket)))
    assert figures == sorted(figures)
    assert world.jobs() == {"customer:1": "done"}
    assert len(names(world)) == 25


@pytest.mark.usefixtures("customers_only")
def test_an_iterator_that_always_dies_is_left_to_a_person(world: Any, pages: Any) -> None:
    pages(world.books, 25, 10)
    world.refresh()
    for _ in range(mirror.MOST_RESTARTS + 1):
        world.visit_and_lose(executed=False, sets=2)
    world.visit()
    assert world.jobs() == {"customer:1": "parked"}
    assert not state_of(world).is_complete
    world.refresh()
    assert world.visit().figures[-1] == 100
    assert world.jobs() == {"customer:1": "parked", "customer:2": "done"}


@pytest.mark.usefixtures("customers_only")
def test_the_next_pull_asks_for_what_changed_with_an_overlap_and_then_for_what_was_deleted(
    world: Any, pages: Any, speak: Any
) -> None:
    pages(world.books, 3, 10)
    world.refresh()
    world.visit()
    world.books.sent.clear()
    world.books.says["CustomerQuery"] = lambda request: speak.done(
        "CustomerQuery",
        request.get("requestID"),
        "<CustomerRet><ListID>C-1</ListID><TimeModified>2026-10-02T09:00:00-05:00</TimeModified>"
        "<Name>Renamed</Name><FullName>Renamed</FullName><IsActive>false</IsActive></CustomerRet>",
        ' iteratorRemainingCount="0" iteratorID="{z}"',
    )
    world.books.says["ListDeletedQuery"] = lambda request: speak.done(
        "ListDeletedQuery",
        request.get("requestID"),
        "<ListDeletedRet><ListDelType>Customer</ListDelType><ListID>C-2</ListID></ListDeletedRet>",
    )
    world.refresh()
    world.visit()
    (query,) = asked(world, "CustomerQueryRq")
    (deleted,) = asked(world, "ListDeletedQueryRq")
    assert query.findtext("FromModifiedDate") == "2026-10-01T08:02:00"
    assert deleted.findtext("DeletedDateRangeFilter/FromDeletedDate") == "2026-10-01T08:02:00"
    assert names(world) == ["N0", "Renamed"]
    with world.database.read() as db:
        renamed = mirror.find(db, world.connection_id, "customer", "C-1")
        assert renamed is not None
        assert not renamed.is_active
        assert mirror.find(db, world.connection_id, "customer", "C-2") is None
    assert state_of(world).watermark == "2026-10-02T09:00:00"


@pytest.mark.usefixtures("customers_only")
def test_a_list_where_nothing_changed_keeps_its_watermark(world: Any, pages: Any) -> None:
    pages(world.books, 3, 10)
    world.refresh()
    world.visit()
    del world.books.says["CustomerQuery"]
    world.refresh()
    world.visit()
    assert state_of(world).watermark == "2026-10-01T10:02:00"
    assert len(names(world)) == 3


@pytest.mark.usefixtures("customers_only")
def test_after_a_full_pull_what_was_not_seen_is_gone(world: Any, pages: Any) -> None:
    pages(world.books, 5, 10)
    world.refresh()
    world.visit()
    pages(world.books, 2, 10)
    world.refresh(full=True)
    world.visit()
    assert names(world) == ["N0", "N1"]


@pytest.mark.usefixtures("customers_only")
def test_one_that_cannot_be_read_keeps_its_last_state_and_is_named(world: Any, pages: Any, speak: Any) -> None:
    pages(world.books, 4, 10)
    world.refresh()
    world.visit()
    plain = world.books.says["CustomerQuery"]
    world.books.says["CustomerQuery"] = lambda request: plain(request).replace(
        "<ListID>C-2</ListID><TimeModified>", "<ListID>C-2</ListID><TimeModified>never "
    )
    pages_seen = world.books.says["CustomerQuery"]
    world.books.says["CustomerQuery"] = lambda request: pages_seen(request).replace("N1<", "Changed<")
    world.refresh(full=True)
    assert world.visit().raw[-1] == 100
    assert names(world) == ["N0", "Changed", "N2", "N3"]
    job = world.job("customer:2")
    assert job.state is JobState.DONE
    assert job.warning.startswith("1 unreadable: CustomerRet C-2: ")
    assert world.job("customer:1").warning is None
    world.books.says["CustomerQuery"] = plain
    pages(world.books, 2, 10)
    world.refresh(full=True)
    world.visit()
    assert names(world) == ["N0", "N1"]  # readable or not, what is gone is gone


@pytest.mark.usefixtures("customers_only")
def test_a_page_that_is_delivered_twice_while_the_next_is_out_is_stored_once(world: Any, pages: Any) -> None:
    pages(world.books, 25, 10)
    world.refresh()
    ticket = world.ticket()
    first = world.books.process(world.ask(ticket, first=True))
    figure = world.endpoint.receive_response(ticket, first, "", "")
    second = world.ask(ticket)
    assert world.endpoint.receive_response(ticket, first, "", "") == figure  # late, and once more
    assert world.ask(ticket) == second
    page = world.books.process(second)
    figure = world.endpoint.receive_response(ticket, page, "", "")
    third = world.ask(ticket)
    assert world.endpoint.receive_response(ticket, page, "", "") == figure
    assert world.give(ticket, third) == 100
    assert names(world) == [f"N{n}" for n in range(25)]
    assert len(asked(world, "CustomerQueryRq")) == 3
    assert world.jobs() == {"customer:1": "done"}


@pytest.mark.usefixtures("customers_only")
def test_a_full_pull_that_broke_off_forgets_nobody(world: Any, pages: Any) -> None:
    pages(world.books, 25, 10)
    world.refresh()
    world.visit()
    world.refresh(full=True)
    world.visit_and_lose(executed=True, sets=2)
    assert len(names(world)) == 25


@pytest.mark.usefixtures("customers_only")
def test_after_a_silence_longer_than_quickbooks_remembers_deletions_all_is_pulled(world: Any, pages: Any) -> None:
    pages(world.books, 3, 10)
    world.refresh()
    world.visit()
    world.clock.tick(81 * 86400)
    pages(world.books, 1, 10)
    world.refresh()
    world.visit()
    assert asked(world, "ListDeletedQueryRq") == []
    assert names(world) == ["N0"]


def test_a_list_that_is_being_pulled_is_not_queued_again(world: Any) -> None:
    world.refresh()
    world.refresh()
    assert len(world.jobs()) == len(mirror.LISTS)


@pytest.mark.usefixtures("customers_only")
def test_a_list_larger_than_a_chunk_is_stored_whole_and_replaced_row_by_row(world: Any, pages: Any) -> None:
    pages(world.books, mirror.PAGE + 20, 5_000)
    world.refresh()
    world.visit()
    assert len(names(world)) == mirror.PAGE + 20
    ids = [row.id for row in world.rows(ListObject)]
    world.refresh(full=True)
    world.visit()
    assert [row.id for row in world.rows(ListObject)] == ids


def test_the_lists_of_two_connections_are_kept_apart(world: Any, pages: Any, speak: Any) -> None:
    pages(world.books, 3, 10)
    world.refresh()
    world.visit()
    other = world.connect("other", "{22222222-2222-2222-2222-222222222222}")
    with world.database.read() as db:
        assert mirror.find(db, other, "customer", "C-1") is None
        assert mirror.find(db, world.connection_id, "customer", "C-1") is not None
        assert mirror.find(db, world.connection_id, "item", "C-1") is None


def test_items_of_every_kind_keep_price_and_cost_where_they_have_one(world: Any, speak: Any) -> None:
    world.books.says["ItemQuery"] = lambda request: speak.done(
        "ItemQuery",
        request.get("requestID"),
        "<ItemServiceRet><ListID>1</ListID><Name>A</Name><FullName>P:A</FullName><SalesAndPurchase>"
        "<SalesDesc>Suite</SalesDesc><SalesPrice>12.50</SalesPrice><PurchaseCost>9.123</PurchaseCost>"
        "</SalesAndPurchase></ItemServiceRet>"
        "<ItemNonInventoryRet><ListID>2</ListID><Name>B</Name><FullName>B</FullName><SalesOrPurchase><Desc>d</Desc>"
        "<Price>5.00</Price></SalesOrPurchase></ItemNonInventoryRet>"
        "<ItemInventoryRet><ListID>3</ListID><Name>C</Name><FullName>C</FullName><SalesPrice>7.00</SalesPrice>"
        "<PurchaseCost>4.00</PurchaseCost></ItemInventoryRet>"
        "<ItemSubtotalRet><ListID>4</ListID><Name>D</Name></ItemSubtotalRet>",
        ' iteratorRemainingCount="0" iteratorID="{i}"',
    )
    world.refresh()
    world.visit()
    rows = {row.list_id: row for row in world.rows(ListObject) if row.kind == "item"}
    assert [rows[n].type for n in "1234"] == ["ItemService", "ItemNonInventory", "ItemInventory", "ItemSubtotal"]
    assert [rows[n].full_name for n in "1234"] == ["P:A", "B", "C", "D"]
    assert (rows["1"].data["price"], rows["1"].data["cost"], rows["1"].data["has_cost"]) == ("12.50", "9.123", True)
    assert (rows["2"].data["price"], rows["2"].data["cost"], rows["2"].data["has_cost"]) == ("5.00", None, False)
    assert (rows["3"].data["price"], rows["3"].data["cost"], rows["3"].data["has_cost"]) == ("7.00", "4.00", True)
    assert "price" not in rows["4"].data


def test_what_every_pull_asks_is_valid_by_intuits_schema(intuit_schema: etree.XMLSchema) -> None:
    requests: list[Any] = []
    for kind, pulled in mirror.LISTS.items():
        requests.append(mirror._first_page(kind, None))
        if pulled.pages:
            requests.append(mirror._first_page(kind, "2026-10-01T10:00:00"))
            requests.append(ListDeletedQueryRq(list_del_type=pulled.del_types))
            requests.append(pulled.query(iterator="Continue", iterator_id="{a}", max_returned=5))
    text = render_set([render_request(request, "1") for request in requests])
    intuit_schema.assertValid(etree.ElementTree(etree.fromstring(text.encode())))


def test_a_finished_pull_says_so(world: Any) -> None:
    world.refresh()
    world.visit()
    assert all(world.job(key).state is JobState.DONE for key in world.jobs())
