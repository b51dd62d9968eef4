"""Writing lists: names, costs, jobs, deletion, private data."""

from __future__ import annotations

import pytest

OWNER = "{AAAAAAAA-0000-0000-0000-000000000001}"


def find(desk, query, name):
    return desk.ask(f"<{query}Rq><FullName>{name}</FullName><OwnerID>{OWNER}</OwnerID></{query}Rq>")[0]


def mod(desk, kind, ret, inner):
    return desk.ask(
        f"<{kind}ModRq><{kind}Mod><ListID>{ret.findtext('ListID')}</ListID>"
        f"<EditSequence>{ret.findtext('EditSequence')}</EditSequence>{inner}</{kind}Mod></{kind}ModRq>"
    )


def add_customer(desk, inner):
    return desk.ask(f"<CustomerAddRq><CustomerAdd>{inner}</CustomerAdd></CustomerAddRq>")


@pytest.mark.parametrize("name", ["Océan Bleu", "OCÉAN BLEU", "Fermé"])
def test_a_name_is_taken_also_by_an_inactive_customer(desk, name):
    assert add_customer(desk, f"<Name>{name}</Name>").get("statusCode") == "3100"


def test_a_name_has_no_colon(desk):
    assert add_customer(desk, "<Name>a:b</Name>").get("statusCode") == "3090"


def test_a_job_stands_under_its_customer(desk):
    ret = add_customer(
        desk, "<Name>Annexe</Name><ParentRef><FullName>Océan Bleu</FullName></ParentRef><Email>a@example.test</Email>"
    )[0]
    assert (ret.findtext("FullName"), ret.findtext("Sublevel")) == ("Océan Bleu:Annexe", "1")
    assert ret.findtext("Balance") == "0.00"
    unknown = "<Name>Autre</Name><ParentRef><FullName>Personne</FullName></ParentRef>"
    assert add_customer(desk, unknown).get("statusCode") == "3130"


def test_a_new_name_reaches_the_jobs_and_the_invoices(desk):
    parent = find(desk, "CustomerQuery", "Clinique St-Rémi")
    ret = mod(desk, "Customer", parent, "<Name>Clinique Laval</Name>")[0]
    assert ret.findtext("ListID") == parent.findtext("ListID")
    assert find(desk, "CustomerQuery", "Clinique Laval:Siège social").findtext("Sublevel") == "1"
    assert desk.query("2003").findtext("CustomerRef/FullName") == "Clinique Laval:Siège social"


@pytest.mark.parametrize("above", ["Clinique St-Rémi", "Clinique St-Rémi:Siège social"])
def test_a_customer_cannot_stand_under_itself(desk, above):
    ret = find(desk, "CustomerQuery", "Clinique St-Rémi")
    answer = mod(desk, "Customer", ret, f"<ParentRef><FullName>{above}</FullName></ParentRef>")
    assert answer.get("statusCode") == "3130"


def test_a_customer_can_be_made_inactive(desk):
    mod(desk, "Customer", find(desk, "CustomerQuery", "Quinze"), "<IsActive>false</IsActive>")
    assert desk.invoice("").get("statusCode") == "3140"


def test_a_stale_edit_of_a_list_object_gets_it_back(desk):
    ret = find(desk, "CustomerQuery", "Quinze")
    mod(desk, "Customer", ret, "<Phone>1</Phone>")
    answer = mod(desk, "Customer", ret, "<Phone>2</Phone>")
    assert answer.get("statusCode") == "3200"
    assert answer.findtext("CustomerRet/Phone") == "1"


@pytest.mark.parametrize(
    ("kind", "name"),
    [("ItemService", "Licences:M365"), ("ItemNonInventory", "Licences:E3"), ("ItemOtherCharge", "Mise en service")],
)
def test_the_cost_of_an_item_changes_and_its_price_stays(desk, kind, name):
    before = find(desk, f"{kind}Query", name)
    inner = "<SalesAndPurchaseMod><PurchaseCost>7.12345</PurchaseCost></SalesAndPurchaseMod>"
    ret = mod(desk, kind, before, inner)[0]
    assert ret.findtext("SalesAndPurchase/PurchaseCost") == "7.12345"
    assert ret.findtext("SalesAndPurchase/SalesPrice") == before.findtext("SalesAndPurchase/SalesPrice")


def test_a_cost_with_six_decimals_is_refused(desk):
    inner = "<SalesAndPurchaseMod><PurchaseCost>7.123456</PurchaseCost></SalesAndPurchaseMod>"
    answer = mod(desk, "ItemService", find(desk, "ItemServiceQuery", "Licences:M365"), inner)
    assert answer.get("statusCode") == "3045"


def test_an_item_with_one_price_has_no_cost_until_it_is_given_an_expense_account(desk):
    before = find(desk, "ItemServiceQuery", "Soutien")
    cost = "<PurchaseCost>50</PurchaseCost>"
    refused = mod(desk, "ItemService", before, f"<SalesAndPurchaseMod>{cost}</SalesAndPurchaseMod>")
    assert refused.get("statusCode") == "3270"
    account = "<ExpenseAccountRef><FullName>Achats</FullName></ExpenseAccountRef>"
    ret = mod(desk, "ItemService", before, f"<SalesAndPurchaseMod>{cost}{account}</SalesAndPurchaseMod>")[0]
    assert ret.findtext("SalesAndPurchase/SalesPrice") == "95.00"
    assert ret.find("SalesOrPurchase") is None


def test_a_service_is_added_under_another(desk):
    prices = "<SalesOrPurchase><Price>5.5</Price><AccountRef><FullName>Ventes</FullName></AccountRef></SalesOrPurchase>"
    body = f"<Name>Visio</Name><ParentRef><FullName>Licences</FullName></ParentRef>{prices}"
    ret = desk.ask(f"<ItemServiceAddRq><ItemServiceAdd>{body}</ItemServiceAdd></ItemServiceAddRq>")[0]
    assert ret.findtext("FullName") == "Licences:Visio"
    assert desk.ask(f"<ItemServiceAddRq><ItemServiceAdd>{body}</ItemServiceAdd></ItemServiceAddRq>").get(
        "statusCode"
    ) == ("3100")


def test_what_is_in_use_cannot_be_deleted_and_the_rest_leaves_a_trace(desk):
    used = find(desk, "CustomerQuery", "Océan Bleu").findtext("ListID")
    delete = "<ListDelRq><ListDelType>Customer</ListDelType><ListID>{}</ListID></ListDelRq>"
    assert desk.ask(delete.format(used)).get("statusCode") == "3160"
    free = find(desk, "CustomerQuery", "Quinze").findtext("ListID")
    assert desk.ask(delete.format(free)).findtext("FullName") == "Quinze"
    assert desk.ask(delete.format(free)).get("statusCode") == "3120"
    trace = desk.ask("<ListDeletedQueryRq><ListDelType>Customer</ListDelType></ListDeletedQueryRq>")
    assert trace.findtext("ListDeletedRet/ListID") == free


COMPANY = "<OtherDataExtType>Company</OtherDataExtType>"


def ext(desk, verb, place, value=None, name="Note", owner=OWNER):
    tail = "" if value is None else f"<DataExtValue>{value}</DataExtValue>"
    inner = f"<OwnerID>{owner}</OwnerID><DataExtName>{name}</DataExtName>{place}{tail}"
    return desk.ask(f"<DataExt{verb}Rq><DataExt{verb}>{inner}</DataExt{verb}></DataExt{verb}Rq>")


def define(desk, kind="STR255TYPE"):
    return desk.ask(
        f"<DataExtDefAddRq><DataExtDefAdd><OwnerID>{OWNER}</OwnerID><DataExtName>Note</DataExtName>"
        f"<DataExtType>{kind}</DataExtType><AssignToObject>Company</AssignToObject>"
        "<AssignToObject>Invoice</AssignToObject></DataExtDefAdd></DataExtDefAddRq>"
    )


def test_private_data_of_the_company_comes_back_to_its_owner_only(desk):
    assert ext(desk, "Add", COMPANY, "a").get("statusCode") == "3351"
    assert define(desk).get("statusCode") == "0"
    assert ext(desk, "Add", COMPANY, "a").get("statusCode") == "0"
    assert ext(desk, "Add", COMPANY, "b").get("statusCode") == "3180"
    assert ext(desk, "Mod", COMPANY, "b")[0].findtext("DataExtValue") == "b"
    asked = desk.ask(f"<CompanyQueryRq><OwnerID>{OWNER}</OwnerID></CompanyQueryRq>")
    assert asked.findtext("CompanyRet/DataExtRet/DataExtValue") == "b"
    assert desk.ask("<CompanyQueryRq/>").find("CompanyRet/DataExtRet") is None
    assert ext(desk, "Mod", COMPANY, "").get("statusCode") == "3190"
    assert ext(desk, "Del", COMPANY).get("statusCode") == "0"
    assert ext(desk, "Del", COMPANY).get("statusCode") == "3120"


def test_private_data_can_be_kept_on_an_invoice(desk):
    define(desk)
    txn_id = desk.query("2001").findtext("TxnID")
    place = f"<TxnDataExtType>Invoice</TxnDataExtType><TxnID>{txn_id}</TxnID>"
    ext(desk, "Add", place, "stamp")
    answer = desk.ask(f"<InvoiceQueryRq><TxnID>{txn_id}</TxnID><OwnerID>{OWNER}</OwnerID></InvoiceQueryRq>")
    assert answer.findtext("InvoiceRet/DataExtRet/DataExtValue") == "stamp"
    assert desk.query("2001").find("DataExtRet") is None
    assert ext(desk, "Add", place.replace(txn_id, "AB-1"), "x").get("statusCode") == "3120"


def test_private_data_has_a_limit(desk):
    define(desk)
    assert ext(desk, "Add", COMPANY, "x" * 256).get("statusCode") == "3070"


def test_definitions_are_asked_by_owner(desk):
    define(desk)
    assert define(desk).get("statusCode") == "3100"
    assert desk.ask("<DataExtDefQueryRq/>").get("statusCode") == "1"
    found = desk.ask(f"<DataExtDefQueryRq><OwnerID>{OWNER}</OwnerID></DataExtDefQueryRq>")
    assert found.findtext("DataExtDefRet/DataExtName") == "Note"
