"""The pages of notices: each kind with what mends it, for each role; dismissed until its facts change; counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import html

from portal.models import Connection, Draft, DraftState, Role
from portal.notices import Kind
from portal.providers import ProviderError
from portal.services import connections, notices, open_notices, unshared
from qbwc import models as wire

HOME = "/connections/1"
LIST = f"{HOME}/notices"
WRITERS = (Role.ADMINISTRATOR, Role.BILLING)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def text_of(answer: Any) -> str:
    return " ".join(html.fromstring(answer.text).text_content().split())


def title_of(answer: Any) -> str:
    found = re.search(r"<title>(.*?)</title>", answer.text, re.DOTALL)
    assert found
    return " ".join(unescape(found[1]).split())


def section(answer: Any, kind: str) -> Any:
    """The notice of a kind in the list."""
    (found,) = html.fromstring(answer.text).xpath(f"//section[@id='{kind}']")
    return found


def keys(answer: Any) -> list[str]:
    """The open notices of the list, in order."""
    return [str(one) for one in html.fromstring(answer.text).xpath("//div[@id='notices']/section/@id")]


def banners(answer: Any) -> list[str]:
    found = html.fromstring(answer.text).xpath("//div[@id='live-notices']/div[contains(@class, 'banner')]")
    return [" ".join(one.text_content().split()) for one in found]


# -- the states of the sample month


def comes_to_read(month: Any) -> None:
    """An hour later there is a reason to call: the lists are wanted."""
    month.clock.at += HOUR
    connections.request_lists(month.portal, 1)


def fails(month: Any) -> None:
    comes_to_read(month)
    assert not month.visit("no-company").went_well


def is_renamed(month: Any) -> None:
    comes_to_read(month)
    assert not month.visit("renamed-company").went_well


def is_another(month: Any) -> None:
    with month.portal.database.write() as db:
        row = db.get_one(wire.Connection, 1)
        row.verdict, row.seen_company_name = "foreign", "Another company"


def is_too_old(month: Any) -> None:
    comes_to_read(month)
    month.visit("older-quickbooks=2012")


def is_silent(month: Any) -> None:
    month.clock.at += 9 * DAY


def never_called(month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.update(wire.Connection).values(last_contact_at=None, last_success_at=None, verdict=None))


def is_refused(month: Any) -> None:
    with month.portal.database.write() as db:
        db.get_one(wire.Connection, 1).refused_at = month.clock() + HOUR


def has_new_password(month: Any) -> None:
    month.clock.at += HOUR
    connections.new_password(month.portal, 1)


def lacks_items(month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE offer SET item_list_id = NULL WHERE id = 1"))


def has_errors(month: Any) -> None:
    month.bill()
    assert month.visit().went_well


def failed_to_import(month: Any) -> None:
    with pytest.raises(ProviderError):
        month.import_charges(b"nonsense", "october.json")


@dataclass(frozen=True)
class Case:
    """A notice: how it comes about, what leads to its remedy, who may, and what the page says."""

    kind: Kind
    begin: Callable[[Any], None]
    button: str
    leads_to: str
    says: str
    roles: tuple[Role, ...] = WRITERS


CASES = [
    Case(Kind.LINES_WAITING, lambda _: None, "Open the preview", f"{HOME}/preview", "new lines."),
    Case(Kind.UNMAPPED, lacks_items, "Map the rows", f"{HOME}/offers?only=problem", "1 offer without item."),
    Case(Kind.ERRORS, has_errors, "Open the problems", f"{HOME}/status#problems", "Waiting for a person: 1 unit cost."),
    Case(Kind.IMPORT_FAILED, failed_to_import, "Import again", f"{HOME}/charges", "october.json"),
    Case(Kind.VISIT_FAILED, fails, "Retry", f"{HOME}/visits/again", "Only the Web Connector can start one"),
    Case(Kind.OVERDUE, is_silent, "Open the steps", HOME, "only the Web Connector there can start a visit"),
    Case(Kind.NEVER_CONNECTED, never_called, "Open the steps", HOME, "has never connected"),
    Case(Kind.WRONG_PASSWORD, is_refused, "Open the connection", HOME, "a wrong password", roles=(Role.ADMINISTRATOR,)),
    Case(Kind.NEW_PASSWORD, has_new_password, "Open the connection", HOME, "renewed", roles=(Role.ADMINISTRATOR,)),
    Case(Kind.OLD_QUICKBOOKS, is_too_old, "See the release", HOME, "2015 or newer"),
    Case(
        Kind.COMPANY_FILE,
        is_renamed,
        "It is the right file: re-establish the link",
        f"{HOME}/company",
        "Confirm that it is the same company",
        roles=(Role.ADMINISTRATOR,),
    ),
    Case(Kind.COMPANY_FILE, is_another, "Open the steps", HOME, "belongs to another connection"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.begin.__name__.strip('<>')}")
def test_each_notice_has_its_remedy_for_those_who_may_and_else_says_who(
    month: Any, person: Callable[..., Any], case: Case
) -> None:
    case.begin(month)
    for role in Role:
        who = person(role)
        found = section(who.get(LIST), case.kind)
        said = " ".join(found.text_content().split())
        assert case.says in said
        assert "What to do:" in said
        links = {one.get("href"): one.text_content() for one in found.xpath(".//a")}
        forms = {one.get("action"): " ".join(one.text_content().split()) for one in found.xpath(".//form")}
        mends = {**links, **forms}
        if role in case.roles:
            assert case.button in mends[case.leads_to]
            if case.leads_to in links:
                assert who.get(case.leads_to).status_code == 200
        else:
            assert case.leads_to not in mends
            assert ("An administrator can do this." in said) is (case.roles == (Role.ADMINISTRATOR,))
            assert "can do this." in said
        assert f"{LIST}/dismiss" in forms, "everybody may put it away for themselves"


def test_a_notice_says_since_when_on_the_connections_clock_and_how_long_ago(admin: Any, month: Any) -> None:
    fails(month)
    began = month.clock.at
    month.clock.at += 2 * HOUR
    said = section(admin.get(LIST), "visit-failed").text_content()
    assert "2 hours ago" in said
    assert re.search(r"Since .* E[SD]T \(2 hours ago\)", " ".join(said.split())), began


def test_the_most_urgent_comes_first_and_all_are_counted_in_the_title(admin: Any, month: Any) -> None:
    lacks_items(month)
    fails(month)
    answer = admin.get(LIST)
    assert keys(answer) == ["visit-failed", "unmapped", "lines-waiting"]
    for page in (LIST, HOME, f"{HOME}/offers", f"{HOME}/status", f"{HOME}/visits", f"{HOME}/log", f"{HOME}/members"):
        assert title_of(admin.get(page)).startswith("(3) "), page
    assert title_of(admin.get("/")).startswith("(3) ")
    assert not title_of(admin.get("/help")).startswith("(")
    assert not title_of(admin.get(f"{HOME}/offers/nothing")).startswith("(")


def test_the_empty_list_teaches_and_leads_on(admin: Any, month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE charge SET is_billed = true"))
    answer = admin.get(LIST)
    assert "Nothing to mend" in answer.text
    assert f'href="{HOME}/status"' in answer.text
    assert title_of(answer).startswith("Notices – ")


def test_french_says_all_of_it(admin: Any, month: Any) -> None:
    lacks_items(month)
    fails(month)
    admin.post("/language", {"language": "fr", "next": "/"})
    said = text_of(admin.get(LIST))
    for words in ("Avis", "Réessayer", "Que faire", "1 offre sans article", "nouvelles lignes", "Écarter"):
        assert words in said, words


# -- banners


def test_banners_stand_where_they_matter_and_repeat_no_page(admin: Any, month: Any) -> None:
    lacks_items(month)
    fails(month)
    assert [one.split(".")[0].split()[-1] for one in banners(admin.get(f"{HOME}/preview"))] == ["failed"]
    on_connection = banners(admin.get(HOME))
    assert len(on_connection) == 2
    assert "Rows to map" in on_connection[0]
    assert "Waiting to be billed" in on_connection[1]
    on_status = banners(admin.get(f"{HOME}/status"))
    assert "failed" in on_status[0]
    assert "Waiting to be billed" in on_status[1]
    assert banners(admin.get(f"{HOME}/offers")) == []
    assert "1 more notice" in text_of(admin.get(f"{HOME}/status"))


def test_lines_that_wait_keep_their_plural_forms(admin: Any, month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE charge SET is_billed = true WHERE id <> 1"))
    (banner,) = banners(admin.get(HOME))
    assert "Waiting to be billed: 1 new line." in banner
    admin.post("/language", {"language": "fr", "next": "/"})
    (banner,) = banners(admin.get(HOME))
    assert "1 nouvelle ligne." in banner


def test_a_banner_is_dismissed_where_it_stands_and_away_on_every_page(admin: Any, month: Any) -> None:
    page = f"{HOME}/status?kind=offers"
    tree = html.fromstring(admin.get(page).text)
    (form,) = tree.xpath("//div[@id='live-notices']//form[contains(@action, 'dismiss')]")
    answer = admin.post(form.get("action"), dict(form.form_values()))
    assert (answer.status_code, answer.location) == (303, page)
    assert banners(admin.get(page)) == banners(admin.get(HOME)) == []
    assert title_of(admin.get(HOME)).startswith("Connection – ")


# -- dismissed


def dismiss(who: Any, key: str) -> Any:
    answer = who.get(LIST)
    (form,) = html.fromstring(answer.text).xpath(f"//section[@id='{key}']//form[contains(@action, 'dismiss')]")
    return who.post(form.get("action"), dict(form.form_values()))


def test_a_dismissed_notice_stays_away_from_one_person_until_its_facts_change(
    admin: Any, person: Callable[..., Any], month: Any
) -> None:
    reader = person(Role.READ_ONLY)
    assert dismiss(reader, "lines-waiting").location == LIST
    answer = reader.get(LIST)
    assert keys(answer) == []
    assert "1 dismissed notice" in text_of(answer)
    assert title_of(reader.get("/")) == "Connections – Billing portal"
    assert keys(admin.get(LIST)) == ["lines-waiting"]
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE charge SET is_billed = true WHERE id = 1"))
    assert keys(reader.get(LIST)) == ["lines-waiting"]


def test_a_dismissed_notice_is_brought_back(admin: Any, month: Any) -> None:
    dismiss(admin, "lines-waiting")
    tree = html.fromstring(admin.get(LIST).text)
    (form,) = tree.xpath("//form[contains(@action, 'bring-back')]")
    admin.post(form.get("action"), dict(form.form_values()))
    assert keys(admin.get(LIST)) == ["lines-waiting"]


def test_what_changed_or_went_meanwhile_is_not_dismissed_and_said(admin: Any, month: Any) -> None:
    (view,) = notices.list_notices(month.portal, 1)
    assert admin.post(f"{LIST}/dismiss", {"key": view.notice.key, "seen": "0" * 16}).location == LIST
    answer = admin.get(LIST)
    assert keys(answer) == ["lines-waiting"]
    assert "changed in the meantime" in answer.text
    admin.post(f"{LIST}/dismiss", {"key": "errors"})
    assert "This notice is gone" in admin.get(LIST).text


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"])
def test_nobody_is_led_elsewhere(admin: Any, target: str) -> None:
    (form,) = html.fromstring(admin.get(LIST).text).xpath("//section[1]//form[contains(@action, 'dismiss')]")
    answer = admin.post(form.get("action"), {**dict(form.form_values()), "next": target})
    assert answer.location == "/"


# -- participants and other partners


def test_an_accountant_who_joined_sees_all_and_mends_nothing(
    joined: Callable[..., Any], other_connection: int, month: Any
) -> None:
    is_renamed(month)
    who = joined("zoe@stranger.example", Role.ACCOUNTANT)
    answer = who.get(LIST)
    assert keys(answer) == ["company-file", "lines-waiting"]
    said = section(answer, "company-file").text_content()
    assert "An administrator can do this." in said
    assert "differs" in said
    assert "It is the right file" not in said
    for page in ("preview", "status"):
        assert "Company file in doubt" in banners(who.get(f"{HOME}/{page}"))[0]
    assert who.post(f"{HOME}/company").status_code == 403
    assert who.post(f"{HOME}/company/refuse").status_code == 403
    assert who.post(f"{HOME}/company/seek").status_code == 403
    dismiss(who, "company-file")
    assert keys(who.get(LIST)) == ["lines-waiting"]
    assert title_of(who.get("/")).startswith("(1) ")
    hidden = f"/connections/{other_connection}/notices"
    assert who.get(hidden).status_code == 404
    assert who.post(f"{hidden}/dismiss", {"key": "never-connected"}).status_code == 404


def test_another_partners_notices_do_not_exist(person: Callable[..., Any], month: Any) -> None:
    outsider = person("charlie@elsewhere.example")
    for path in (LIST, f"{LIST}/banners"):
        assert outsider.get(path).status_code == 404
    for deed in ("dismiss", "bring-back"):
        assert outsider.post(f"{LIST}/{deed}", {"key": "lines-waiting"}).status_code == 404
    assert title_of(outsider.get("/")).startswith("Connections")


# -- what mends them


def test_retry_queues_anew_and_says_that_only_the_web_connector_can_connect(admin: Any, month: Any) -> None:
    month.bill()
    fails(month)
    (form,) = section(admin.get(LIST), "visit-failed").xpath(".//form[contains(@action, 'again')]")
    assert form.xpath(".//button")[0].text_content() == "Retry"
    admin.post(form.get("action"), dict(form.form_values()))
    answer = admin.get(f"{HOME}/status")
    assert "The portal cannot start the Web Connector: click Update Selected there." in unescape(answer.text)
    with month.portal.database.read() as db:
        assert db.get_one(Connection, 1).lists_wanted is True
    assert "visit-failed" in keys(admin.get(LIST)), "it is there until a visit goes well"
    assert month.states() == {"queued": 12}
    assert month.visit().went_well
    assert "visit-failed" not in keys(admin.get(LIST))
    assert month.states() == {"reconciled": 12}
    assert "Everything to be tried again at the next visit" in admin.get(f"{HOME}/log").text


def test_keep_refusing_is_logged_and_puts_the_notice_away_for_who_said_so(
    admin: Any, person: Callable[..., Any], month: Any
) -> None:
    month.bill()
    is_renamed(month)
    (form,) = section(admin.get(LIST), "company-file").xpath(".//form[contains(@action, 'refuse')]")
    admin.post(form.get("action"), dict(form.form_values()))
    assert "company-file" not in keys(admin.get(LIST))
    assert "company-file" in keys(person(Role.BILLING).get(LIST))
    (entry,) = [one for one in entries(month) if one.action == "keep-refusing"]
    assert entry.who == "administrator@nordet.example"
    assert "company_name" in entry.detail
    assert "Company file refused" in admin.get(f"{HOME}/log").text
    assert not month.visit().went_well, "it is refused as before"
    assert month.states() == {"queued": 12}
    assert "In doubt" in text_of(admin.get("/")), "the state of the connection is not hidden by it"
    month.edit(lambda company: company.file.update(CompanyName="A third name"))
    month.visit()
    assert "company-file" in keys(admin.get(LIST)), "another file was met"


def test_re_establishing_the_link_ends_the_notice_and_is_logged(admin: Any, month: Any) -> None:
    month.bill()
    is_renamed(month)
    (form,) = section(admin.get(LIST), "company-file").xpath(f".//form[@action='{HOME}/company']")
    admin.post(form.get("action"), dict(form.form_values()))
    assert "company-file" not in keys(admin.get(LIST))
    assert "confirm-company" in {one.action for one in entries(month)}
    assert month.visit().went_well
    assert month.states() == {"reconciled": 12}


def test_a_file_that_was_moved_is_told_with_its_remedy_in_both_languages(
    admin: Any, person: Callable[..., Any], month: Any
) -> None:
    month.bill()
    known = connections.find_connection(month.portal, 1).company_path or ""
    month.edit(lambda company: company.file.update(Path="D:\\Books\\Nordet.qbw"))
    assert not month.visit().went_well
    for path in (HOME, LIST, f"{HOME}/status"):
        text = text_of(admin.get(path))
        assert "The company file is not where it was" in text, path
        assert "The last visit of the Web Connector failed" not in text, path
    assert known in text_of(admin.get(LIST))
    assert "If it was moved or renamed" in text_of(admin.get(f"{HOME}/status"))
    assert "An administrator can do this." in text_of(person(Role.BILLING).get(LIST))
    assert "Re-establish" not in admin.get(LIST).text
    admin.post("/language", {"language": "fr", "next": "/"})
    for path in (HOME, LIST, f"{HOME}/status"):
        assert "Le fichier de société n'est plus à sa place" in text_of(admin.get(path)), path
    assert "Regarder le fichier ouvert" in text_of(admin.get(HOME))
    admin.post("/language", {"language": "en", "next": "/"})
    (form,) = section(admin.get(LIST), "company-file").xpath(f".//form[@action='{HOME}/company/seek']")
    assert admin.post(form.get("action"), dict(form.form_values())).location == HOME
    assert "The company file is being looked for" in text_of(admin.get(HOME))
    assert admin.post(form.get("action"), dict(form.form_values())).status_code == 303, "twice is as once"
    assert "Company file looked for" in admin.get(f"{HOME}/log").text
    assert not month.visit().went_well
    doubt = section(admin.get(LIST), "company-file")
    assert [known, "D:\\Books\\Nordet.qbw"] == [
        " ".join(one.text_content().split()).removesuffix(" differs") for one in doubt.xpath(".//tr[2]/td")
    ]
    (form,) = doubt.xpath(f".//form[@action='{HOME}/company']")
    admin.post(form.get("action"), dict(form.form_values()))
    assert month.visit().went_well
    assert month.states() == {"reconciled": 12}
    assert admin.post(f"{HOME}/company/seek").status_code == 400


def entries(month: Any) -> list[Any]:
    with month.portal.database.read() as db:
        return list(db.execute(sa.text("SELECT action, who, detail FROM audit_entry ORDER BY id")).all())


# -- an open page


def test_an_open_page_hears_of_changes_and_nothing_else(admin: Any, month: Any) -> None:
    asks = {"HX-Request": "true"}
    (live,) = html.fromstring(admin.get(f"{HOME}/status").text).xpath("//div[@id='live-notices']")
    assert live.get("data-open-notices") == "1"
    assert admin.get(live.get("hx-get"), headers=asks).status_code == 204
    lacks_items(month)
    changed = admin.get(live.get("hx-get"), headers=asks)
    tree = html.fromstring(f"<main>{changed.text}</main>")
    (live,) = tree.xpath("//div[@id='live-notices']")
    assert live.get("data-open-notices") == "2"
    assert tree.xpath("//span[@id='notice-badge']/@hx-swap-oob") == ["true"]
    (back,) = {one.value for one in tree.xpath("//input[@name='next']")}
    assert back == f"{HOME}/status"
    assert admin.get(live.get("hx-get"), headers=asks).status_code == 204
    (shown,) = html.fromstring(admin.get(LIST).text).xpath("//div[@id='notices']")
    assert admin.get(shown.get("hx-get"), headers=asks).status_code == 204
    assert admin.get(shown.get("hx-get")).status_code == 200, "a person who opens the address sees the page"


def test_what_is_kept_is_per_person(admin: Any, person: Callable[..., Any], month: Any) -> None:
    reader = person(Role.READ_ONLY)
    assert title_of(admin.get(HOME)).startswith("(1) ")
    dismiss(reader, "lines-waiting")
    assert title_of(reader.get(HOME)).startswith("Connection")
    assert title_of(admin.get(HOME)).startswith("(1) ")
    kept = open_notices.all_notices(month.portal, 1, 10**6)
    assert [view.is_dismissed for view in kept] == [False]


# -- the start page


def test_the_start_page_says_each_connections_most_urgent_notice_and_the_sum(
    admin: Any, other_connection: int, month: Any
) -> None:
    lacks_items(month)
    fails(month)
    answer = admin.get("/")
    rows = html.fromstring(answer.text).xpath("//tbody/tr")
    said = {" ".join(row.xpath("./td[1]/a")[0].text_content().split()): row for row in rows}
    assert len(said) == 2
    own = " ".join(said["QuickBooks Nordet"].text_content().split())
    assert "Error: The last visit of the Web Connector failed" in own
    assert "And 2 more." in own
    assert said["QuickBooks Nordet"].xpath(".//a[@href='/connections/1/notices']")
    other = said["QuickBooks Nordet Ontario"].text_content()
    assert "The Web Connector has never connected" in other
    assert all(row.xpath(".//svg") for row in rows), "an icon, and its reason in words"
    assert "4 open notices on 2 connections" in text_of(answer)
    assert title_of(answer).startswith("(4) ")
    dismiss_all(admin, other_connection)
    answer = admin.get("/?open=1")
    assert "3 open notices on 1 connection" in text_of(answer)
    assert "Ontario" not in answer.text
    assert "Ontario" in admin.get("/").text


def dismiss_all(who: Any, connection_id: int) -> None:
    for form in html.fromstring(who.get(f"/connections/{connection_id}/notices").text).xpath(
        "//form[contains(@action, 'dismiss')]"
    ):
        who.post(form.get("action"), dict(form.form_values()))


# -- rows


def test_a_row_that_cannot_be_synchronized_has_a_mark_and_its_reason(admin: Any, month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE offer SET item_list_id = NULL WHERE id = 1"))
        db.execute(sa.text("UPDATE offer SET item_list_id = 'gone' WHERE id = 2"))
        db.execute(sa.text("UPDATE organization SET customer_list_id = 'gone' WHERE id = 1"))
        mapped = db.execute(sa.text("SELECT item_list_id FROM offer WHERE id = 3")).scalar_one()
        customer = db.execute(sa.text("SELECT customer_list_id FROM organization WHERE id = 2")).scalar_one()
        inactive = "UPDATE qbwc_list_object SET is_active = false WHERE list_id IN (:one, :other)"
        db.execute(sa.text(inactive), {"one": mapped, "other": customer})
    offers, clients = admin.get(f"{HOME}/offers"), admin.get(f"{HOME}/organizations")
    for answer, row, reason in (
        (offers, "offer-1", "no QuickBooks item"),
        (offers, "offer-2", "no longer"),
        (offers, "offer-3", "inactive"),
        (clients, "organization-1", "no longer"),
        (clients, "organization-2", "inactive"),
    ):
        (found,) = html.fromstring(answer.text).xpath(f"//tr[@id='{row}']")
        assert reason in found.text_content(), (row, found.text_content())
        assert found.xpath(".//span[contains(@class, 'text-orange')]//*[local-name()='svg']"), row


# -- what is kept from accountants


def test_an_accountant_counts_what_they_see_and_the_partner_all(
    admin: Any, joined: Callable[..., Any], person: Callable[..., Any], month: Any
) -> None:
    readers = [joined("cpa@elsewhere.example", Role.ACCOUNTANT), person(Role.ACCOUNTANT)]
    run_id = month.bill().id
    unshared.share_run(month.portal, 1, run_id, is_shared=False)
    with month.portal.database.write() as db:
        stopped = sa.update(Draft).where(Draft.run_id == run_id).values(state=DraftState.PARKED, code="3260")
        db.execute(stopped)
        db.execute(sa.text("DELETE FROM item_cost"))
        db.execute(sa.text("UPDATE charge SET is_billed = true"))
    count = "Waiting for a person: 12 invoices."
    for path in (HOME, f"{HOME}/preview", LIST, "/"):
        assert count in text_of(admin.get(path)), path
        assert title_of(admin.get(path)).startswith("(1) "), path
        for reader in readers:
            assert "Waiting for a person" not in text_of(reader.get(path)), path
            assert not title_of(reader.get(path)).startswith("("), path
    unshared.share_run(month.portal, 1, run_id, is_shared=True)
    for reader in (admin, *readers):
        assert count in text_of(reader.get(LIST))
        assert title_of(reader.get("/")).startswith("(1) ")
        assert reader.get(f"{HOME}/runs/{run_id}").status_code == 200


# -- the start page stays open


def test_an_open_start_page_hears_of_a_visit_and_nothing_else(
    admin: Any, joined: Callable[..., Any], month: Any
) -> None:
    asks = {"HX-Request": "true"}
    cpa = joined("cpa@elsewhere.example", Role.ACCOUNTANT)

    def list_of(answer: Any) -> Any:
        (found,) = html.fromstring(f"<main>{answer.text}</main>").xpath("//div[@id='connections']")
        return found

    seen = {who: list_of(reader.get("/")) for who, reader in (("admin", admin), ("cpa", cpa))}
    assert {one.get("hx-trigger") for one in seen.values()} == {"every 5s"}
    statements: list[str] = []
    sa.event.listen(month.portal.database.engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
    for who, reader in (("admin", admin), ("cpa", cpa)):
        assert reader.get(seen[who].get("hx-get"), headers=asks).status_code == 204
        del statements[:]
        assert reader.get(seen[who].get("hx-get"), headers=asks).status_code == 204
        assert len([one for one in statements if one != "BEGIN"]) <= 1, "only who asks is looked up"
    month.bill()
    month.clock.at += HOUR
    fails(month)
    for who, reader in (("admin", admin), ("cpa", cpa)):
        news = reader.get(seen[who].get("hx-get"), headers=asks)
        assert news.status_code == 200
        assert "<html" not in news.text
        after = list_of(news)
        assert "The last visit of the Web Connector failed" in after.text_content()
        assert after.get("data-open-notices") == title_of(reader.get("/"))[1]
        assert reader.get(after.get("hx-get"), headers=asks).status_code == 204
        assert reader.get(after.get("hx-get")).text.startswith("<!doctype html>"), "an address opens the whole page"
    month.clock.at += HOUR
    assert admin.get(list_of(admin.get("/")).get("hx-get"), headers=asks).status_code == 204


def test_an_open_start_page_is_made_anew_only_where_it_would_show_something_else(admin: Any, month: Any) -> None:
    asks = {"HX-Request": "true"}
    for path, pattern in (("/", r'id="connections"[^>]* hx-get="([^"]+)"'), ("/?open=1", r'hx-get="([^"]+)"')):
        found = re.search(pattern, admin.get(path).text)
        assert found
        address = unescape(found[1])
        with month.portal.database.write() as db:
            db.execute(sa.text("UPDATE connection SET name = name"))
        assert admin.get(address, headers=asks).status_code == 204, "somebody committed, and it looks the same"
        with month.portal.database.write() as db:
            db.execute(sa.text("UPDATE connection SET name = name || '.'"))
        answer = admin.get(address, headers=asks)
        assert answer.status_code == 200
        assert ("Show all connections" in answer.text) is ("open" in path)
