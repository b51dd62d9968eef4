"""The file of charges as a page: out in the page's Excel, in after a look, and what is refused."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import unescape
from typing import Any

from portal.models import Role
from portal.services import catalog, charge_list

FILE = "/connections/1/charges/file"
NEW = (
    "key,organization,offer_key,description,kind,cycle,quantity,first_day,last_day,amount,currency\r\n"
    "by-hand-1,Client Neuf inc.,SETUP,<b>Mise en service</b>,one-time,one-time,1,2026-10-05,2026-10-05,250.00,CAD\r\n"
)


def plain(text: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def bring(who: Any, data: bytes, name: str = "charges.csv") -> Any:
    return who.post(f"{FILE}.csv", {"file": (io.BytesIO(data), name)}, content_type="multipart/form-data")


def look(who: Any, data: bytes) -> tuple[str, Any]:
    """The address of the page that tells what a file would change, and the page."""
    answer = bring(who, data)
    assert answer.status_code == 303, plain(answer.text)
    return answer.location, who.get(answer.location)


def token_of(text: str) -> str:
    found = re.search(r'name="token" value="(\w+)"', text)
    assert found
    return found[1]


def test_the_page_leads_through_it(admin: Any) -> None:
    text = admin.get(FILE).text
    assert "Change many charges with a CSV file" in plain(text)
    assert f'href="{FILE}.csv"' in text
    listed = admin.get("/connections/1/charges/list?state=waiting").text
    assert f'href="{FILE}.csv?state=waiting"' in listed
    assert f'href="{FILE}"' in listed


def test_the_file_goes_out_as_the_pages_excel_opens_it(admin: Any) -> None:
    english = admin.get(f"{FILE}.csv")
    assert english.data.decode("utf-8-sig").startswith("key,organization,offer_key")
    admin.post("/language", {"language": "fr", "next": "/"})
    french = admin.get(f"{FILE}.csv")
    assert french.data.decode("utf-8-sig").startswith("key;organization;offer_key")
    assert re.search(r';"\d+,\d\d";CAD;', french.data.decode())
    assert 'filename="QuickBooks_Nordet-charges.csv"' in french.headers["Content-Disposition"]
    for data in (english.data, french.data):
        assert "Le fichier ne change rien" in plain(look(admin, data)[1].text)


def test_what_a_file_changes_is_looked_at_then_done_once(admin: Any, month: Any) -> None:
    address, page = look(admin, NEW.encode())
    said = plain(page.text)
    assert "charges.csv was read: 1 charge. New: 1. Changed: 0. As they are already: 0." in said
    assert "Client Neuf inc. new <b>Mise en service</b>" in said
    assert "All charges together come to 250.00 CAD more than now." in said
    assert catalog.list_imports(month.portal, 1)[0].provider == "sherweb"
    done = admin.post(address, {"token": token_of(page.text)})
    assert done.status_code == 303
    assert "1 charges read, 1 new, 0 changed" in plain(admin.get(done.location).text)
    newest = catalog.list_imports(month.portal, 1)[0]
    assert (newest.provider, newest.file_name, newest.added) == ("charge-file", "charges.csv", 1)
    assert "File of charges" in plain(admin.get("/connections/1/charges").text)
    assert "Charges changed by a file" in plain(admin.get("/connections/1/log").text)
    # The file is gone: done twice by a second click, it says so.
    again = admin.post(address, {"token": token_of(page.text)})
    assert again.status_code == 404
    assert charge_list.count_charges(month.portal, 1, most=1000) == 73


def test_a_file_with_faults_lists_them_and_has_no_button(admin: Any) -> None:
    address, page = look(admin, NEW.replace("250.00", "many").encode())
    said = plain(page.text)
    assert "1 row cannot be taken, so none is." in said
    assert "amount is “many”, not a number such as 1234.56" in said
    assert 'name="token"' not in page.text
    assert admin.post(address, {"token": "x"}).status_code == 400


def test_what_changed_meanwhile_is_shown_anew(admin: Any, month: Any) -> None:
    address, page = look(admin, NEW.encode())
    late = admin.post(address, {"token": "another" + token_of(page.text)})
    assert late.status_code == 409
    assert "not what they were when you looked" in plain(late.text)
    assert admin.post(address, {"token": token_of(late.text)}).status_code == 303


def test_what_is_no_file_of_charges_is_said_beside_the_form(admin: Any) -> None:
    admin.get(FILE)
    for data, said in (
        (b"", "is empty"),
        (b"PK\x03\x04 a workbook", "save the table as CSV"),
        (b"name,price\r\na,1\r\n", "has no column key, organization"),
    ):
        answer = bring(admin, data)
        assert answer.status_code == 400
        assert said in plain(answer.text)
        assert 'type="file"' in answer.text
    assert "Choose a file" in plain(admin.post(f"{FILE}.csv", {}).text)


def test_only_who_may_import_may_bring_one(person: Callable[[Role], Any]) -> None:
    accountant = person(Role.ACCOUNTANT)
    assert accountant.get(f"{FILE}.csv").status_code == 200
    assert accountant.get(FILE).status_code == 403
    assert f'href="{FILE}"' not in accountant.get("/connections/1/charges/list").text


def test_one_table_of_mappings_goes_out_by_itself_and_comes_back(admin: Any) -> None:
    for only, other in (("offers", "organization,"), ("organizations", "offer,")):
        answer = admin.get(f"/connections/1/mapping.csv?only={only}")
        text = answer.data.decode("utf-8-sig")
        assert only.removesuffix("s") + "," in text
        assert f"\n{other}" not in text
        assert f"-{only}.csv" in answer.headers["Content-Disposition"]
        form = {"file": (io.BytesIO(answer.data), "table.csv"), "from": only}
        kept = admin.post("/connections/1/mapping.csv", form, content_type="multipart/form-data")
        assert "The file changes nothing" in plain(admin.get(kept.location).text)
