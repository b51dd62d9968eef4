"""Editions and years: what QuickBooks says of itself, and how its country taxes a form."""

from __future__ import annotations

import pytest

from qbwc.sandbox import EDITIONS, YEARS, Company, CompanyError, HresultError, starter

LINES = "".join(
    f"<InvoiceLineAdd><ItemRef><FullName>Support</FullName></ItemRef><Amount>100.00</Amount>"
    f"<SalesTaxCodeRef><FullName>{code}</FullName></SalesTaxCodeRef></InvoiceLineAdd>"
    for code in ("{0}", "{1}")
)


@pytest.fixture
def open_starter(desk, clock):
    """A desk with a new company of an edition and a year."""

    def make(edition, year=2024):
        desk.company = Company(starter(edition, year), clock=clock)
        return desk

    return make


@pytest.mark.parametrize(
    ("year", "version", "major", "product"),
    [
        (2013, "12.0", "23", "QuickBooks Premier Edition 2013"),
        (2014, "13.0", "24", "QuickBooks Premier Edition 2014"),
        (2017, "13.0", "27", "QuickBooks Premier Edition 2017"),
        (2018, "14.0", "28", "QuickBooks Premier Edition 2018"),
        (2022, "15.0", "32", "QuickBooks Premier Edition 2022"),
        (2024, "16.0", "34", "QuickBooks Premier Edition 2024"),
        (2026, "16.0", "36", "QuickBooks Enterprise Solutions 26.0"),
    ],
)
@pytest.mark.parametrize("edition", EDITIONS)
def test_a_quickbooks_says_what_it_is(open_starter, edition, year, version, major, product):
    ret = open_starter(edition, year).ask("<HostQueryRq/>", version="12.0")[0]
    assert ret.findtext("ProductName") == product
    assert (ret.findtext("MajorVersion"), ret.findtext("Country")) == (major, edition)
    assert [one.text for one in ret.findall("SupportedQBXMLVersion")][-1] == version


def test_every_edition_of_every_year_is_a_whole_company(open_starter):
    for edition in EDITIONS:
        for year in YEARS:
            desk = open_starter(edition, year)
            asked = "<PreferencesQueryRq/><SalesTaxCodeQueryRq/><ItemQueryRq/><InvoiceQueryRq/>"
            answers = desk.send(asked, version="12.0")
            assert [answer.get("statusCode") for answer in answers] == ["0"] * 4


def test_quickbooks_2013_does_not_know_qbxml_13(open_starter):
    with pytest.raises(HresultError) as caught:
        open_starter("US", 2013).ask("<HostQueryRq/>")
    assert caught.value.hresult == "0x80040423"


def test_in_canada_each_line_brings_its_own_tax(open_starter):
    desk = open_starter("CA")
    ret = desk.invoice(LINES.format("S", "P"), customer="Clinic")[0]
    assert ret.findtext("SalesTaxTotal") == "17.00"  # 5 % of 100, and 5 + 7 % of 100
    code = desk.ask("<SalesTaxCodeQueryRq><FullName>P</FullName></SalesTaxCodeQueryRq>")[0]
    assert code.findtext("ItemSalesTaxRef/FullName") == "GST/PST"


def test_in_the_united_states_one_tax_item_holds_for_the_whole_form(open_starter):
    desk = open_starter("US")
    ret = desk.invoice(LINES.format("Tax", "Non"), customer="Clinic")[0]
    assert (ret.findtext("SalesTaxPercentage"), ret.findtext("SalesTaxTotal")) == ("7.25", "7.25")
    assert ret.findtext("ItemSalesTaxRef/FullName") == "County tax"
    code = desk.ask("<SalesTaxCodeQueryRq><FullName>Tax</FullName></SalesTaxCodeQueryRq>")[0]
    assert code.find("ItemSalesTaxRef") is None
    away = "<ItemSalesTaxRef><FullName>Out of state</FullName></ItemSalesTaxRef>"
    assert desk.invoice(LINES.format("Tax", "Tax"), customer="Clinic", head=away)[0].findtext("SalesTaxTotal") == "0.00"


@pytest.mark.parametrize(("edition", "year"), [("FR", 2024), ("CA", 2012), ("US", 2027)])
def test_there_is_no_other_edition_or_year(edition, year):
    with pytest.raises(CompanyError):
        starter(edition, year)
