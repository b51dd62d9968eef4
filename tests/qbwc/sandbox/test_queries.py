"""Queries: what is found by name and by filter, what comes back, and page by page."""

from __future__ import annotations

import pytest


def names(answer):
    return [ret.findtext("FullName") or ret.findtext("Name") for ret in answer]


def test_only_active_objects_come_by_default(desk):
    assert "Fermé" not in names(desk.ask("<CustomerQueryRq/>"))
    assert names(desk.ask("<CustomerQueryRq><ActiveStatus>InactiveOnly</ActiveStatus></CustomerQueryRq>")) == ["Fermé"]
    assert len(desk.ask("<CustomerQueryRq><ActiveStatus>All</ActiveStatus></CustomerQueryRq>")) == 5


def test_an_inactive_object_is_found_by_its_name(desk):
    assert names(desk.ask("<CustomerQueryRq><FullName>FERMÉ</FullName></CustomerQueryRq>")) == ["Fermé"]


def test_a_missing_name_is_500_and_the_others_come_back(desk):
    answer = desk.ask("<CustomerQueryRq><FullName>Quinze</FullName><FullName>Personne</FullName></CustomerQueryRq>")
    assert (answer.get("statusCode"), answer.get("statusSeverity")) == ("500", "Warn")
    assert '"Personne"' in answer.get("statusMessage")
    assert names(answer) == ["Quinze"]


def test_a_filter_that_matches_nothing_is_1(desk):
    ask = "<NameFilter><MatchCriterion>StartsWith</MatchCriterion><Name>zzz</Name></NameFilter>"
    answer = desk.ask(f"<CustomerQueryRq>{ask}</CustomerQueryRq>")
    assert (answer.get("statusCode"), answer.get("statusSeverity"), len(answer)) == ("1", "Info", 0)


@pytest.mark.parametrize("query", ["CustomerQuery", "InvoiceQuery"])
def test_a_malformed_id_is_3000_and_an_unknown_one_500(desk, query):
    tag = "TxnID" if query == "InvoiceQuery" else "ListID"
    assert desk.ask(f"<{query}Rq><{tag}>nonsense</{tag}></{query}Rq>").get("statusCode") == "3000"
    assert desk.ask(f"<{query}Rq><{tag}>ABCD-12</{tag}></{query}Rq>").get("statusCode") == "500"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("AccountQuery", ["Achats", "Comptes clients", "Ventes"]),
        ("ClassQuery", ["Est", "Ouest"]),
        ("TermsQuery", ["Net 30", "Le 15"]),
        ("SalesTaxCodeQuery", ["E", "S"]),
        ("TemplateQuery", ["Facture", "Note de crédit"]),
        ("ItemServiceQuery", ["Licences", "Licences:M365", "Soutien"]),
        ("ItemGroupQuery", ["Trousse"]),
        ("ItemFixedAssetQuery", []),
    ],
)
def test_every_list_can_be_asked(desk, query, expected):
    answer = desk.ask(f"<{query}Rq/>")
    assert names(answer) == expected
    assert answer.get("statusCode") == ("0" if expected else "1")


def test_item_query_mixes_all_kinds(desk):
    tags = {ret.tag for ret in desk.ask("<ItemQueryRq/>")}
    assert {"ItemServiceRet", "ItemNonInventoryRet", "ItemSubtotalRet", "ItemGroupRet", "ItemSalesTaxGroupRet"} <= tags


def test_currencies_need_multiple_currencies(desk, make_desk):
    assert desk.ask("<CurrencyQueryRq/>").get("statusCode") == "3250"
    assert make_desk(IsMultiCurrencyOn=True).ask("<CurrencyQueryRq/>").get("statusCode") == "1"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("<NameRangeFilter><FromName>D</FromName><ToName>P</ToName></NameRangeFilter>", ["Océan Bleu"]),
        (
            "<NameFilter><MatchCriterion>Contains</MatchCriterion><Name>SIÈGE</Name></NameFilter>",
            ["Clinique St-Rémi:Siège social"],
        ),
        (
            "<TotalBalanceFilter><Operator>GreaterThan</Operator><Amount>300.00</Amount></TotalBalanceFilter>",
            ["Océan Bleu"],
        ),
        ("<MaxReturned>1</MaxReturned>", ["Clinique St-Rémi"]),
    ],
)
def test_customers_are_filtered(desk, filters, expected):
    assert names(desk.ask(f"<CustomerQueryRq>{filters}</CustomerQueryRq>")) == expected


def test_the_modified_range_includes_both_ends_and_reads_the_wall_clock(desk):
    ret = desk.ask("<CustomerQueryRq><FullName>Quinze</FullName></CustomerQueryRq>")[0]
    wall = ret.findtext("TimeModified")[:19]
    body = f"<FromModifiedDate>{wall}</FromModifiedDate><ToModifiedDate>{wall}+09:00</ToModifiedDate>"
    assert names(desk.ask(f"<CustomerQueryRq>{body}</CustomerQueryRq>")) == ["Quinze"]
    later = "<FromModifiedDate>2026-10-31</FromModifiedDate>"
    assert desk.ask(f"<CustomerQueryRq>{later}</CustomerQueryRq>").get("statusCode") == "1"
    swapped = "<FromModifiedDate>2026-10-31</FromModifiedDate><ToModifiedDate>2026-10-01</ToModifiedDate>"
    assert desk.ask(f"<CustomerQueryRq>{swapped}</CustomerQueryRq>").get("statusCode") == "3030"


def numbers(answer):
    return [ret.findtext("RefNumber") for ret in answer]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("", ["2001", "2002", "2003"]),
        ("<RefNumber>2002</RefNumber>", ["2002"]),
        ("<PaidStatus>NotPaidOnly</PaidStatus>", ["2001", "2003"]),
        ("<PaidStatus>PaidOnly</PaidStatus>", ["2002"]),
        (
            "<TxnDateRangeFilter><FromTxnDate>2026-10-15</FromTxnDate><ToTxnDate>2026-10-18</ToTxnDate></TxnDateRangeFilter>",
            ["2001", "2002"],
        ),
        ("<TxnDateRangeFilter><DateMacro>ThisMonthToDate</DateMacro></TxnDateRangeFilter>", ["2001", "2002", "2003"]),
        ("<TxnDateRangeFilter><DateMacro>Yesterday</DateMacro></TxnDateRangeFilter>", []),
        ("<TxnDateRangeFilter><DateMacro>LastWeek</DateMacro></TxnDateRangeFilter>", ["2001"]),
        ("<EntityFilter><FullName>Clinique St-Rémi</FullName></EntityFilter>", []),
        ("<EntityFilter><FullNameWithChildren>clinique st-rémi</FullNameWithChildren></EntityFilter>", ["2003"]),
        (
            "<RefNumberFilter><MatchCriterion>EndsWith</MatchCriterion><RefNumber>3</RefNumber></RefNumberFilter>",
            ["2003"],
        ),
        (
            "<RefNumberRangeFilter><FromRefNumber>2002</FromRefNumber></RefNumberRangeFilter>",
            ["2002", "2003"],
        ),
        (
            "<ModifiedDateRangeFilter><FromModifiedDate>2026-10-17</FromModifiedDate></ModifiedDateRangeFilter>",
            ["2002"],
        ),
        ("<MaxReturned>2</MaxReturned>", ["2001", "2002"]),
    ],
)
def test_invoices_are_filtered(desk, filters, expected):
    answer = desk.ask(f"<InvoiceQueryRq>{filters}</InvoiceQueryRq>")
    assert numbers(answer) == expected
    assert answer.get("statusCode") == ("0" if expected else "1")


def test_an_unknown_entity_in_a_filter_is_3120(desk):
    ask = "<InvoiceQueryRq><EntityFilter><FullName>Personne</FullName></EntityFilter></InvoiceQueryRq>"
    assert desk.ask(ask).get("statusCode") == "3120"


def test_lines_come_only_when_asked_for(desk):
    assert desk.ask("<InvoiceQueryRq/>")[0].find("InvoiceLineRet") is None
    assert desk.query("2001").find("InvoiceLineRet") is not None


def test_include_ret_element_trims(desk):
    ask = "<IncludeRetElement>FullName</IncludeRetElement><IncludeRetElement>ListID</IncludeRetElement>"
    answer = desk.ask(f"<CustomerQueryRq>{ask}</CustomerQueryRq>")
    assert [child.tag for child in answer[0]] == ["ListID", "FullName"]


def test_metadata_counts(desk):
    only = desk.ask('<InvoiceQueryRq metaData="MetaDataOnly"/>')
    assert (only.get("retCount"), len(only)) == ("3", 0)
    both = desk.ask('<InvoiceQueryRq metaData="MetaDataAndResponseData"><MaxReturned>1</MaxReturned></InvoiceQueryRq>')
    assert (both.get("retCount"), len(both)) == ("3", 1)
    assert desk.ask("<InvoiceQueryRq/>").get("retCount") is None


def pages(desk, first, **options):
    answer = desk.ask(first, **options)
    return answer, answer.get("iteratorID"), answer.get("iteratorRemainingCount")


def test_an_iterator_returns_page_after_page(desk):
    start = '<InvoiceQueryRq requestID="7" iterator="Start"><MaxReturned>2</MaxReturned></InvoiceQueryRq>'
    first, iterator, remaining = pages(desk, start)
    assert (numbers(first), remaining, first.get("requestID")) == (["2001", "2002"], "1", "7")
    go_on = f'<InvoiceQueryRq iterator="Continue" iteratorID="{iterator}"><MaxReturned>9</MaxReturned></InvoiceQueryRq>'
    second = desk.ask(go_on)
    assert (numbers(second), second.get("iteratorRemainingCount")) == (["2003"], "0")
    assert desk.ask(go_on).get("statusCode") == "3391"


def test_an_iterator_remembers_what_was_asked_beside_the_filters(desk):
    start = (
        '<InvoiceQueryRq iterator="Start"><MaxReturned>1</MaxReturned><PaidStatus>NotPaidOnly</PaidStatus>'
        "<IncludeLineItems>true</IncludeLineItems></InvoiceQueryRq>"
    )
    _first, iterator, _remaining = pages(desk, start)
    go_on = f'<InvoiceQueryRq iterator="Continue" iteratorID="{iterator}"><MaxReturned>1</MaxReturned>'
    second = desk.ask(f"{go_on}</InvoiceQueryRq>")
    assert numbers(second) == ["2003"]
    assert second[0].find("InvoiceLineRet") is not None


def test_filters_cannot_be_repeated(desk):
    filters = "<MaxReturned>1</MaxReturned><ActiveStatus>All</ActiveStatus>"
    start = f'<CustomerQueryRq iterator="Start">{filters}</CustomerQueryRq>'
    _first, iterator, _remaining = pages(desk, start)
    go_on = start.replace('iterator="Start"', f'iterator="Continue" iteratorID="{iterator}"')
    assert desk.ask(go_on).get("statusCode") == "3120"


def test_an_iterator_can_be_stopped_and_ends_with_its_session(desk):
    start = '<ItemQueryRq iterator="Start"><MaxReturned>1</MaxReturned></ItemQueryRq>'
    _first, iterator, _remaining = pages(desk, start)
    assert desk.ask(f'<ItemQueryRq iterator="Stop" iteratorID="{iterator}"/>').get("statusCode") == "0"
    _first, iterator, _remaining = pages(desk, start)
    desk.session = type(desk.session)(application="tests")
    go_on = f'<ItemQueryRq iterator="Continue" iteratorID="{iterator}"><MaxReturned>1</MaxReturned></ItemQueryRq>'
    assert desk.ask(go_on).get("statusCode") == "3391"


def test_an_iterator_needs_a_size(desk):
    assert desk.ask('<InvoiceQueryRq iterator="Start"/>').get("statusCode") == "3150"


def test_the_company_tells_about_itself(desk):
    host, company, preferences = desk.send("<HostQueryRq/><CompanyQueryRq/><PreferencesQueryRq/>")
    assert "13.0" in [one.text for one in host.iter("SupportedQBXMLVersion")]
    assert company.findtext("CompanyRet/CompanyName") == "Nordet Infogérance inc."
    assert preferences.findtext("PreferencesRet/AccountingPreferences/ClosingDate") == "2026-10-05"
    taxes = preferences.find("PreferencesRet/SalesTaxPreferences")
    assert taxes.findtext("DefaultItemSalesTaxRef/FullName") == "TPS/TVQ"
    assert taxes.findtext("DefaultTaxableSalesTaxCodeRef/FullName") == "S"


def test_without_sales_tax_its_preferences_are_absent(make_desk):
    assert make_desk(SalesTaxOn=False).ask("<PreferencesQueryRq/>").find("PreferencesRet/SalesTaxPreferences") is None


def test_an_old_version_gets_an_answer_of_its_time(desk):
    ret = desk.ask("<CustomerQueryRq><FullName>Océan Bleu</FullName></CustomerQueryRq>", version="2.0")[0]
    assert ret.find("BillAddressBlock") is None
    assert ret.find("BillAddress") is not None
