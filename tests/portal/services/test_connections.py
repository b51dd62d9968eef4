"""Connections: the .qwc and password that let a company file call, and walls between partners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import Conflict, NotFound, PortalError, Refused
from portal.services import Portal, connections, mappings, retries, runs, status, wizard
from portal.services.quickbooks import build_endpoint
from qbwc.identity import Verdict


def answer_to(portal: Portal, user_name: str, password: str) -> str:
    endpoint = build_endpoint(portal.database, portal.registry, portal.now, "1.0")
    return endpoint.authenticate(user_name, password)[1]


def test_a_new_password_ends_the_former_one(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    made = make_one()
    assert answer_to(any_portal, made.user_name, made.password) != "nvu"
    with any_portal.database.write() as db:
        db.execute(sa.text("DELETE FROM qbwc_session"))
    fresh = connections.new_password(any_portal, made.id)
    assert fresh != made.password
    assert answer_to(any_portal, made.user_name, made.password) == "nvu"
    assert answer_to(any_portal, made.user_name, fresh) != "nvu"


def test_the_web_connector_is_spoken_to_in_the_language_that_was_asked_for(
    any_portal: Portal, make_one: Callable[..., Any]
) -> None:
    for name, given, language in (("A", {}, "en"), ("B", {"language": "fr"}, "fr")):
        assert connections.find_connection(any_portal, make_one(name, **given).id).language == language
    with pytest.raises(Refused, match="en or fr"):
        make_one("C", language="de")
    assert [one.name for one in connections.list_connections(any_portal)] == ["A", "B"]


def test_passwords_are_never_kept(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    made = make_one()
    with any_portal.database.read() as db:
        kept = db.execute(sa.text("SELECT * FROM qbwc_connection")).all()
    assert made.password not in str(kept)


def test_the_qwc_stays_the_same_whatever_changes(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    made = make_one()
    text = connections.qwc(any_portal, made.id)
    connections.new_password(any_portal, made.id)
    connections.request_lists(any_portal, made.id)
    assert connections.qwc(any_portal, made.id) == text
    assert made.password not in text
    other = make_one("Other")
    assert other.file_id != made.file_id
    assert other.user_name != made.user_name
    assert other.owner_id == made.owner_id, "one mark of the application in every company file"
    assert connections.qwc(any_portal, other.id) != text


@pytest.mark.parametrize("name", ["Fichier de l'année « 2026 » & fils <test>", "x" * 120, "日本語"])
def test_any_name_fits_into_a_qwc(any_portal: Portal, make_one: Callable[..., Any], name: str) -> None:
    assert "<QBWCXML>" in connections.qwc(any_portal, make_one(name).id)


def test_what_a_connection_may_not_be(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    make_one()
    with pytest.raises(Conflict, match="Nordet already has a connection QB"):
        make_one()
    assert make_one(partner="Other").name == "QB", "another partner may use the same name"
    for wrong in ({"name": " "}, {"name": "x" * 121}, {"invoice_day": 0}, {"invoice_day": 32}, {"prorate": ["seats"]}):
        with pytest.raises(Refused):
            make_one(**{"name": "New", **wrong})
    with pytest.raises(NotFound, match="Nobody"):
        connections.add_connection(any_portal, "New", partner="Nobody", billing_mode="in-arrears", invoice_day=1)
    assert len(connections.list_connections(any_portal)) == 2


class TestWalls:
    """Two partners: nobody finds, counts or changes what is the other's."""

    def test_a_connection_is_found_by_its_own_partner_only(
        self, any_portal: Portal, make_one: Callable[..., Any]
    ) -> None:
        mine, theirs = make_one("Mine"), make_one("Theirs", partner="Other")
        views = {view.name: view for view in connections.list_connections(any_portal)}
        me, them = views["Mine"].partner_id, views["Theirs"].partner_id
        assert [view.id for view in connections.list_connections(any_portal, me)] == [mine.id]
        assert connections.find_connection(any_portal, mine.id, me).id == mine.id
        for name in (theirs.id, str(theirs.id), "Theirs"):
            with pytest.raises(NotFound):
                connections.find_connection(any_portal, name, me)
            assert connections.find_connection(any_portal, name, them).id == theirs.id

    def test_a_name_that_looks_like_another_partners_number_disturbs_nobody(
        self, any_portal: Portal, make_one: Callable[..., Any]
    ) -> None:
        mine = make_one("Mine")
        theirs = make_one(str(mine.id), partner="Other")
        me = connections.find_connection(any_portal, "Mine").partner_id
        them = connections.find_connection(any_portal, theirs.id).partner_id
        assert connections.find_connection(any_portal, mine.id, me).name == "Mine"
        assert status.status(any_portal, mine.id).name == "Mine"
        assert connections.find_connection(any_portal, str(mine.id), them).id == theirs.id, "by name, within their own"
        with pytest.raises(NotFound):
            connections.find_connection(any_portal, mine.id, them)

    def test_rows_of_another_connection_do_not_exist_here(self, month: Any) -> None:
        made = connections.add_connection(
            month.portal, "Second", partner="Nordet Infogérance inc.", billing_mode="in-arrears", invoice_day=1
        )
        run = month.bill()
        offer = mappings.list_offers(month.portal, 1).rows[0]
        organization = mappings.list_organizations(month.portal, 1).rows[0]
        for attempt in (
            lambda: runs.get_run(month.portal, made.id, run.id),
            lambda: retries.retry_draft(month.portal, made.id, run.drafts[0].id),
            lambda: mappings.map_offer(month.portal, made.id, offer.id, item_list_id=None, is_synchronized=False),
            lambda: mappings.map_organization(
                month.portal, made.id, organization.id, customer_list_id=None, mode="create", is_synchronized=False
            ),
        ):
            with pytest.raises(NotFound, match="does not exist here"):
                attempt()
        assert runs.list_runs(month.portal, made.id) == ()
        assert mappings.list_offers(month.portal, made.id).total == 0
        assert mappings.item_choices(month.portal, made.id) == ()
        assert status.status(month.portal, made.id).problems == ()

    def test_the_lists_of_one_company_file_are_no_choice_for_another(self, month: Any) -> None:
        made = connections.add_connection(
            month.portal, "Second", partner="Nordet Infogérance inc.", billing_mode="in-arrears", invoice_day=1
        )
        with pytest.raises(PortalError, match="no item"):
            mappings.apply_csv(
                month.portal,
                made.id,
                b"kind,name,key,quickbooks,sync,mode\noffer,A,A,Infonuagique:Azure,yes,\n",
                "m.csv",
            )


@pytest.mark.parametrize(
    ("day", "dates"),
    [
        (1, ("2026-11-01", "2026-12-01", "2027-01-01")),
        (20, ("2026-10-20", "2026-11-20", "2026-12-20")),
        (31, ("2026-10-31", "2026-11-30", "2026-12-31")),
    ],
)
def test_the_next_invoice_dates(
    any_portal: Portal, make_one: Callable[..., Any], now: Any, day: int, dates: tuple[str, ...]
) -> None:
    now.at = datetime(2026, 10, 21, 3, 0, tzinfo=UTC)  # still the 20th in Toronto
    view = connections.find_connection(any_portal, make_one(invoice_day=day).id)
    assert view.next_invoice_dates == tuple(date.fromisoformat(one) for one in dates)


def test_only_a_doubtful_company_file_can_be_confirmed(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    made = make_one()

    def see(verdict: str) -> None:
        with any_portal.database.write() as db:
            db.execute(
                sa.text("UPDATE qbwc_connection SET verdict = :v, seen_company_name = 'N', seen_company_path = 'P'"),
                {"v": verdict},
            )

    for verdict in ("go", "foreign", "other", "too-old"):
        see(verdict)
        with pytest.raises(Refused, match="nothing to confirm"):
            connections.confirm_company(any_portal, made.id)
    for verdict in ("moved", "renamed", "unmarked"):
        see(verdict)
        connections.confirm_company(any_portal, made.id)
        view = connections.find_connection(any_portal, made.id)
        assert (view.verdict, view.company_name, view.company_path) == (Verdict.GO, "N", "P")


@pytest.mark.parametrize("any_portal", ["postgresql"], indirect=True)
def test_whoever_takes_a_name_a_moment_later_is_told(
    any_portal: Portal, make_one: Callable[..., Any], just_before: Callable[..., None]
) -> None:
    first = make_one("First")
    just_before("INSERT INTO connection ", lambda: make_one("QB"))
    with pytest.raises(Conflict, match="Nordet already has a connection QB"):
        make_one("QB")
    just_before("UPDATE connection SET name", lambda: make_one("Renamed"))
    wanted = replace(wizard.get_options(any_portal, first.id), name="Renamed")
    with pytest.raises(Conflict, match="Nordet already has a connection Renamed"):
        wizard.save_options(any_portal, first.id, wanted, who="alice@nordet.example")
    names = [one.name for one in connections.list_connections(any_portal)]
    assert names == ["First", "QB", "Renamed"]
