"""Column profiles, files that wait, and Sherweb's API: what is kept and refused, and that no secret leaves again."""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import Conflict, NotFound, Refused
from portal.models import Charge, ColumnProfile, Delivery, Role, SherwebAccess, Upload, User
from portal.providers import ProviderError, csvfile
from portal.providers.csvfile import DateFormat, DecimalMark, Profile
from portal.providers.sherweb_api import Patience
from portal.services import Portal, accounts, audit, catalog, sources
from portal.services.sources import Choices

_SERVER = Path(__file__).parents[1] / "providers" / "sherweb_server.py"
_SPEC = importlib.util.spec_from_file_location("sherweb_server", _SERVER)
assert _SPEC is not None
assert _SPEC.loader is not None
sherweb_server = importlib.util.module_from_spec(_SPEC)
sys.modules["sherweb_server"] = sherweb_server
_SPEC.loader.exec_module(sherweb_server)

SAMPLES = Path(__file__).parents[3] / "samples"
FILE = SAMPLES / "csv" / "teleboreal-2026-10.csv"
PROFILE = replace(
    Profile.from_json((SAMPLES / "csv" / "teleboreal.profile.json").read_text(encoding="utf-8")), name="Téléboréal"
)
AMBIGUOUS = (
    b"Customer,SKU,Qty,Total,From,To,Type,Line ID\n"
    b'Northwind,BKP,2,"2,500",05/04/2026,06/04/2026,Base plan,1\n'
    b'Atelier,BKP,1,"1,250",05/04/2026,06/04/2026,Add-on,1\n'
)
SECRET, KEY = "s3cr3t/+of&partner", "key-0f-partner"
DAY = date(2026, 10, 15)
IMPATIENT = Patience(connect=5, read=5, total=10, attempts=1)


def import_file(portal: Portal, connection_id: int, profile: Profile = PROFILE, **given: Any) -> catalog.ImportResult:
    told = {"data": FILE.read_bytes(), "name": FILE.name, **given}
    return sources.import_csv(portal, connection_id, told["data"], told["name"], profile)


def quantities(portal: Portal) -> Decimal:
    """What the ledger holds in all."""
    with portal.database.read() as db:
        return sum((row.quantity for row in db.scalars(sa.select(Charge))), Decimal(0))


def log(portal: Portal, connection_id: int, subject: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Who did what with a subject, oldest first."""
    with portal.database.read() as db:
        found = audit.entries(db, connection_id, [subject]).get(subject, [])
    return [(one.who, one.action, one.detail) for one in reversed(found)]


class TestProfiles:
    def test_a_saved_profile_reads_as_it_did(self, any_portal: Portal, make_one: Callable[..., Any]) -> None:
        made = make_one()
        view = sources.save_profile(any_portal, made.id, replace(PROFILE, name="  Télé \t boréal "))
        assert view.name == "Télé boréal"
        for name in ("Télé boréal", " Télé  boréal", view.id):
            assert sources.find_profile(any_portal, made.id, name) == replace(PROFILE, name="Télé boréal")
        assert [one.name for one in sources.list_profiles(any_portal, made.id)] == ["Télé boréal"]

    def test_a_name_is_taken_once_and_replaced_only_when_asked(
        self, any_portal: Portal, make_one: Callable[..., Any], now: Any
    ) -> None:
        made = make_one()
        first = sources.save_profile(any_portal, made.id, PROFILE)
        with pytest.raises(Conflict, match="already columns called Téléboréal"):
            sources.save_profile(any_portal, made.id, PROFILE)
        now.at += timedelta(days=1)
        other = sources.save_profile(any_portal, made.id, replace(PROFILE, tags=()), replaces=True)
        assert (other.id, other.created_at) == (first.id, first.created_at)
        assert other.changed_at > first.changed_at
        assert sources.find_profile(any_portal, made.id, first.id).tags == ()

    @pytest.mark.parametrize(
        ("profile", "sentence"),
        [
            (replace(PROFILE, name=" "), "Give these columns a name"),
            (replace(PROFILE, name="a\0b"), "Give these columns a name"),
            (replace(PROFILE, name="x" * 121), "at most 120 characters"),
            (replace(PROFILE, decimal=None), "still open"),
            (replace(PROFILE, organization=""), "still open"),
        ],
    )
    def test_what_cannot_be_kept_is_refused(
        self, any_portal: Portal, make_one: Callable[..., Any], profile: Profile, sentence: str
    ) -> None:
        made = make_one()
        with pytest.raises(Refused, match=sentence):
            sources.save_profile(any_portal, made.id, profile)
        assert sources.list_profiles(any_portal, made.id) == ()

    def test_another_connections_profile_does_not_exist(self, any_portal: Portal, make_one: Callable[..., Any]) -> None:
        mine, theirs = make_one("Mine"), make_one("Theirs", partner="Other")
        saved = sources.save_profile(any_portal, mine.id, PROFILE)
        for wanted in (saved.id, PROFILE.name, 0, -1, 2**40, "", "x\0"):
            with pytest.raises(NotFound, match="no such columns"):
                sources.find_profile(any_portal, theirs.id, wanted)
        with pytest.raises(NotFound):
            sources.delete_profile(any_portal, theirs.id, saved.id)
        assert sources.delete_profile(any_portal, mine.id, saved.id) == PROFILE.name
        assert sources.list_profiles(any_portal, mine.id) == ()

    def test_who_saved_and_deleted_columns_is_in_the_log(
        self, any_portal: Portal, make_one: Callable[..., Any]
    ) -> None:
        made, other = make_one(), replace(PROFILE, tags=())
        saved = sources.save_profile(any_portal, made.id, PROFILE, who="alice@nordet.example")
        with pytest.raises(Conflict):
            sources.save_profile(any_portal, made.id, other, who="bob@nordet.example")
        sources.save_profile(any_portal, made.id, other, replaces=True, who="bob@nordet.example")
        sources.delete_profile(any_portal, made.id, saved.id, who="alice@nordet.example")
        first, second = json.loads(PROFILE.to_json()), json.loads(other.to_json())
        assert first != second
        assert log(any_portal, made.id, f"columns:{saved.id}") == [
            ("alice@nordet.example", "save-columns", {"name": "Téléboréal", "before": None, "after": first}),
            ("bob@nordet.example", "save-columns", {"name": "Téléboréal", "before": first, "after": second}),
            ("alice@nordet.example", "delete-columns", {"name": "Téléboréal", "before": second, "after": None}),
        ]

    def test_a_damaged_profile_is_a_sentence(self, any_portal: Portal, make_one: Callable[..., Any]) -> None:
        made = make_one()
        saved = sources.save_profile(any_portal, made.id, PROFILE)
        with any_portal.database.write() as db:
            db.get_one(ColumnProfile, saved.id).profile = {"of": "a later version"}
        assert len(sources.list_profiles(any_portal, made.id)) == 1
        with pytest.raises(ProviderError, match="not known here"):
            sources.find_profile(any_portal, made.id, saved.id)


class TestImportingCsv:
    def test_a_file_is_posted_under_its_profiles_name(self, any_portal: Portal, make_one: Callable[..., Any]) -> None:
        made, told = make_one(), []
        data = FILE.read_bytes()
        result = sources.import_csv(
            any_portal, made.id, data, FILE.name, PROFILE, lambda done, whole: told.append((done, whole))
        )
        assert (result.rows, result.added, result.repeated) == (12, 12, False)
        assert told == [(12, 12)]
        assert result.total == csvfile.read(data, FILE.name, PROFILE).total
        assert (import_file(any_portal, made.id).unchanged, import_file(any_portal, made.id).repeated) == (12, True)
        (view,) = catalog.list_imports(any_portal, made.id)
        assert (view.provider, view.scope) == ("csv", "Téléboréal")

    def test_the_same_file_under_another_name_is_refused(
        self, any_portal: Portal, make_one: Callable[..., Any]
    ) -> None:
        made, other = make_one("One"), make_one("Two", partner="Other")
        import_file(any_portal, made.id)
        before = quantities(any_portal)
        with pytest.raises(Refused, match="imported with the columns called Téléboréal"):
            import_file(any_portal, made.id, replace(PROFILE, name="Other"))
        with pytest.raises(Refused, match="a name"):
            import_file(any_portal, made.id, replace(PROFILE, name=""))
        assert quantities(any_portal) == before
        assert import_file(any_portal, other.id, replace(PROFILE, name="Other")).added == 12

    def test_columns_that_are_corrected_take_back_what_was_misread(
        self, any_portal: Portal, make_one: Callable[..., Any]
    ) -> None:
        """The very same bytes, by other columns: every key is another, and yet nothing comes twice."""
        made = make_one()
        import_file(any_portal, made.id, replace(PROFILE, organization="Désignation", tags=()))
        result = import_file(any_portal, made.id)
        assert (result.added, result.withdrawn, result.absent) == (12, 12, 0)
        assert quantities(any_portal) == sum(
            charge.quantity for charge in csvfile.read(FILE.read_bytes(), FILE.name, PROFILE).charges
        )

    def test_two_suppliers_with_the_same_line_numbers_stay_apart(
        self, any_portal: Portal, make_one: Callable[..., Any]
    ) -> None:
        made = make_one()
        head = "Client;Code;Qty;Total;From;To;Id\n"
        profile = Profile(
            organization="Client", offer_key="Code", quantity="Qty", amount="Total", start="From", end="To",
            charge_id="Id", fixed_currency="CAD", name="A",
        )  # fmt: skip
        for name, total in (("A", "5.00"), ("B", "7.00")):
            row = f"Northwind;X;1;{total};2026-10-01;2026-10-31;1\n"
            data = (head + row).encode()
            added = sources.import_csv(any_portal, made.id, data, "x.csv", replace(profile, name=name)).added
            assert added == 1
        assert quantities(any_portal) == 2

    def test_a_file_that_cannot_be_read_leaves_no_profile_behind(
        self, any_portal: Portal, make_one: Callable[..., Any]
    ) -> None:
        made = make_one()
        broken = FILE.read_bytes().replace(b"18,50", b"about 18", 1)
        with pytest.raises(ProviderError, match="column Prix unitaire: “about 18"):
            sources.save_and_import(any_portal, made.id, broken, FILE.name, PROFILE, name="New")
        assert sources.list_profiles(any_portal, made.id) == ()
        assert sources.save_and_import(any_portal, made.id, FILE.read_bytes(), "x.csv", PROFILE, name=" New ").added
        assert [one.name for one in sources.list_profiles(any_portal, made.id)] == ["New"]


class TestGuessing:
    def test_a_clear_file_needs_no_answer(self) -> None:
        sheet = sources.guess(FILE.read_bytes(), FILE.name)
        assert sheet.is_complete
        assert sheet.profile.encoding is None, "a later file may be written otherwise"
        found = csvfile.read(FILE.read_bytes(), FILE.name, replace(sheet.profile, name="x"))
        assert found.total == csvfile.read(FILE.read_bytes(), FILE.name, PROFILE).total
        readings = {name: [one.value for one in found] for name, found in sheet.readings.items()}
        assert readings["unit_cost"][0] == Decimal("18.50")
        assert readings["start"][0] == date(2026, 10, 1)
        assert readings["kind"][0] == "recurring"

    def test_what_is_ambiguous_is_open_until_it_is_answered(self) -> None:
        sheet = sources.guess(AMBIGUOUS, "april.csv")
        assert sheet.open == {"decimal", "date_format", "currency", "kind", "charge_id"}
        assert ("2,500", "2.500 / 2500") in sheet.findings["decimal"].examples
        fields = {**sheet.choices.fields, "decimal": ".", "thousands": "comma", "date_format": "DD/MM/YYYY"}
        fields |= {"fixed_currency": "cad", "kind": "6", "charge_id": "none"}
        asked = sources.guess(AMBIGUOUS, "april.csv", Choices(fields=fields))
        assert asked.open == frozenset()
        assert asked.words == {"kind": ("Base plan", "Add-on")}
        assert not asked.is_complete
        words = {("kind", "Base plan"): "recurring", ("kind", "Add-on"): "prorated"}
        whole = sources.guess(AMBIGUOUS, "april.csv", Choices(fields=fields, words=words))
        assert whole.is_complete
        charges = csvfile.read(AMBIGUOUS, "april.csv", replace(whole.profile, name="x")).charges
        assert [(one.amount, one.start, one.kind.value) for one in charges] == [
            (2500, date(2026, 4, 5), "recurring"),
            (1250, date(2026, 4, 5), "prorated"),
        ]

    @pytest.mark.parametrize(
        ("changes", "open_field"),
        [
            ({"fixed_currency": "dollars"}, "fixed_currency"),
            ({"thousands": "comma"}, "thousands"),
            ({"organization": "none"}, "organization"),
            ({"organization": "99"}, "organization"),
            ({"organization": "²"}, "organization"),
            ({"date_format": "YY"}, "date_format"),
            ({"decimal": "x"}, "decimal"),
        ],
    )
    def test_a_choice_that_cannot_be_is_open(self, changes: dict[str, str], open_field: str) -> None:
        fields = sources.guess(FILE.read_bytes(), FILE.name).choices.fields
        sheet = sources.guess(FILE.read_bytes(), FILE.name, Choices(fields={**fields, **changes}))
        assert open_field in sheet.open

    def test_saved_columns_are_what_a_later_file_begins_with(self) -> None:
        saved = replace(PROFILE, unit_cost="", charge_id="Chantier", kind_words=(("Abonnement", "usage"),))
        sheet = sources.guess(FILE.read_bytes(), FILE.name, start=saved)
        assert (sheet.profile.unit_cost, sheet.profile.charge_id) == ("", "Chantier")
        assert "Au prorata" in sheet.words["kind"]
        gone = sources.guess(FILE.read_bytes().replace(b"Entreprise", b"Nom", 1), FILE.name, start=PROFILE)
        assert gone.open == {"organization"}
        assert (gone.profile.date_format, gone.profile.decimal) == (DateFormat.DAY_FIRST, DecimalMark.COMMA)


class TestUploads:
    @pytest.fixture
    def people(self, any_portal: Portal, make_one: Callable[..., Any]) -> tuple[int, int, int]:
        """A connection and two people."""
        made = make_one()
        with any_portal.database.read() as db:
            partner = db.scalar(sa.text("SELECT name FROM partner"))
        ids = [
            accounts.add_user(
                any_portal, f"{who}@nordet.example", partner=str(partner), role=role, password="correct horse"
            ).id
            for who, role in (("alice", Role.BILLING), ("bob", Role.BILLING))
        ]
        return made.id, ids[0], ids[1]

    def test_a_file_waits_for_the_person_who_brought_it(
        self, any_portal: Portal, people: tuple[int, int, int], make_one: Callable[..., Any]
    ) -> None:
        connection_id, alice, bob = people
        token = sources.keep_upload(any_portal, connection_id, alice, FILE.read_bytes(), FILE.name)
        kept = sources.get_upload(any_portal, connection_id, alice, token)
        assert (kept.data, kept.name) == (FILE.read_bytes(), FILE.name)
        other = make_one("Other")
        for where, who, what in (
            (connection_id, bob, token),
            (other.id, alice, token),
            (connection_id, alice, token + "\0x"),
            (connection_id, alice, ""),
        ):
            with pytest.raises(NotFound, match="Choose it again"):
                sources.get_upload(any_portal, where, who, what)

    def test_a_file_is_forgotten(self, any_portal: Portal, people: tuple[int, int, int], now: Any) -> None:
        connection_id, alice, bob = people

        def count() -> int:
            with any_portal.database.read() as db:
                return db.scalar(sa.select(sa.func.count()).select_from(Upload)) or 0

        first = sources.keep_upload(any_portal, connection_id, alice, b"a", "a.csv")
        second = sources.keep_upload(any_portal, connection_id, alice, b"b", "b.csv")
        assert count() == 1
        with pytest.raises(NotFound):
            sources.get_upload(any_portal, connection_id, alice, first)
        assert sources.get_upload(any_portal, connection_id, alice, second).data == b"b"
        now.at += timedelta(hours=2)
        with pytest.raises(NotFound):
            sources.get_upload(any_portal, connection_id, alice, second)
        third = sources.keep_upload(any_portal, connection_id, bob, b"c", "c.csv")
        assert count() == 1, "files that nobody came back for go when the next one comes"
        sources.forget_upload(any_portal, connection_id, bob, second)
        assert count() == 1, "it is not the file that waits by now"
        sources.forget_upload(any_portal, connection_id, bob, third)
        assert count() == 0
        sources.keep_upload(any_portal, connection_id, bob, b"c", "c.csv")
        now.at += timedelta(hours=3)
        sources.forget_uploads(any_portal)
        assert count() == 0

    def test_it_goes_with_the_person(self, any_portal: Portal, people: tuple[int, int, int]) -> None:
        connection_id, alice, _ = people
        sources.keep_upload(any_portal, connection_id, alice, b"a", "a.csv")
        with any_portal.database.write() as db:
            db.execute(sa.text("DELETE FROM member"))
            db.execute(sa.delete(User).filter_by(id=alice))
        with any_portal.database.read() as db:
            assert db.scalar(sa.select(sa.func.count()).select_from(Upload)) == 0


class TestSherweb:
    @pytest.fixture
    def server(self) -> Iterator[Any]:
        with sherweb_server.serving() as running:
            charges = (SAMPLES / "sherweb" / "payable-charges-2026-10.json").read_bytes()
            running.add(
                sherweb_server.Account(client_id="partner", client_secret=SECRET, subscription_key=KEY, charges=charges)
            )
            yield running

    @pytest.fixture
    def save(self, any_portal: Portal, make_one: Callable[..., Any], server: Any) -> Callable[..., int]:
        made = make_one()

        def save(**changes: str) -> int:
            given = {"client_id": "partner", "client_secret": SECRET, "subscription_key": KEY}
            given |= {"authorization_url": f"{server.url}/auth", "distributor_url": f"{server.url}/distributor/v1"}
            sources.save_sherweb(any_portal, made.id, **(given | changes))
            return int(made.id)

        return save

    def test_the_charges_come_and_are_posted_as_a_file_of_them_would_be(
        self, any_portal: Portal, save: Callable[..., int], server: Any
    ) -> None:
        connection_id = save()
        received: list[int] = []
        result = sources.fetch_sherweb(
            any_portal, connection_id, DAY, patience=IMPATIENT, received=lambda done, _: received.append(done)
        )
        assert (result.rows, result.added) == (72, 72)
        assert received[-1] == len(server.accounts["partner"].charges)
        again = sources.fetch_sherweb(any_portal, connection_id, DAY, patience=IMPATIENT)
        assert (again.unchanged, again.repeated) == (72, True)
        assert server.count(sherweb_server.TOKEN) == 1, "the token is kept in this process"
        file = (SAMPLES / "sherweb" / "payable-charges-2026-10.json").read_bytes()
        by_file = catalog.import_charges(any_portal, connection_id, file, name="x.json", provider="sherweb")
        assert by_file.unchanged == 72

    def test_nothing_is_locked_while_sherweb_is_asked(self, any_portal: Portal, save: Callable[..., int]) -> None:
        connection_id = save()

        def write(_done: int, _whole: int | None) -> None:
            sources.save_profile(any_portal, connection_id, PROFILE, replaces=True)

        sources.fetch_sherweb(any_portal, connection_id, DAY, patience=IMPATIENT, received=write)
        assert len(sources.list_profiles(any_portal, connection_id)) == 1

    def test_secrets_are_kept_sealed_and_shown_to_nobody(
        self, any_portal: Portal, save: Callable[..., int], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        connection_id = save()
        sources.check_sherweb(any_portal, connection_id, patience=IMPATIENT)
        sources.fetch_sherweb(any_portal, connection_id, DAY, patience=IMPATIENT)
        with any_portal.database.read() as db:
            row = db.scalars(sa.select(SherwebAccess)).one()
            kept = repr([getattr(row, column.key) for column in sa.inspect(SherwebAccess).columns])
            assert "partner" in kept
        for shown in (kept, repr(sources.sherweb_access(any_portal, connection_id)), caplog.text):
            assert SECRET not in shown
            assert KEY not in shown

    def test_who_saved_and_deleted_credentials_is_in_the_log_without_a_secret(
        self, any_portal: Portal, save: Callable[..., int], server: Any
    ) -> None:
        connection_id = save(who="alice@nordet.example")
        save(client_id="other", subscription_key="", who="bob@nordet.example")
        with pytest.raises(ProviderError):
            save(client_id=" ", who="bob@nordet.example")
        for _ in range(2):
            sources.forget_sherweb(any_portal, connection_id, who="alice@nordet.example")
        entries = log(any_portal, connection_id, f"sherweb:{connection_id}")
        addresses = {
            "authorization_url": f"{server.url}/auth",
            "distributor_url": f"{server.url}/distributor/v1",
        }
        assert entries == [
            (
                "alice@nordet.example",
                "save-credentials",
                {"client_id": "partner", **addresses, "renewed": ["client_secret", "subscription_key"]},
            ),
            (
                "bob@nordet.example",
                "save-credentials",
                {"client_id": "other", **addresses, "renewed": ["client_secret"]},
            ),
            ("alice@nordet.example", "forget-credentials", {"client_id": "other", **addresses, "renewed": []}),
        ]
        assert SECRET not in repr(entries)
        assert KEY not in repr(entries)

    def test_what_is_left_out_stays(self, any_portal: Portal, save: Callable[..., int], server: Any) -> None:
        connection_id = save()
        with pytest.raises(ProviderError, match="client ID is empty"):
            save(client_id=" ")
        save(client_secret="", subscription_key="", authorization_url="", distributor_url="")
        sources.check_sherweb(any_portal, connection_id, patience=IMPATIENT)
        save(client_secret="wrong")
        with pytest.raises(ProviderError) as caught:
            sources.check_sherweb(any_portal, connection_id, patience=IMPATIENT)
        assert caught.value.key == "sherweb_api.invalid_client"
        seen = sources.sherweb_access(any_portal, connection_id)
        assert seen is not None
        assert seen.last_error is not None
        assert str(seen.last_error) == str(caught.value)
        save()
        seen = sources.sherweb_access(any_portal, connection_id)
        assert seen is not None
        assert (seen.last_error, seen.last_checked_at) == (None, None)

    @pytest.mark.parametrize("name", ["client_secret", "subscription_key"])
    def test_new_credentials_need_both_secrets(self, any_portal: Portal, save: Callable[..., int], name: str) -> None:
        with pytest.raises(ProviderError) as caught:
            save(**{name: ""})
        assert caught.value.key == f"sherweb_api.{name}"

    @pytest.mark.parametrize("url", ["http://api.example.com/auth", "https://me:you@example.com", "ftp://x", "x"])
    def test_an_address_without_tls_is_refused(self, save: Callable[..., int], url: str) -> None:
        with pytest.raises(ProviderError) as caught:
            save(distributor_url=url)
        assert caught.value.key == "sherweb_api.address"

    def test_another_secret_key_means_to_enter_them_again(self, any_portal: Portal, save: Callable[..., int]) -> None:
        connection_id = save()
        other = any_portal.settings.model_copy(update={"secret_key": _Secret("another key than before")})
        moved = replace(any_portal, settings=other)
        seen = sources.sherweb_access(moved, connection_id)
        assert seen is not None
        assert not seen.is_readable
        for act in (
            lambda: sources.check_sherweb(moved, connection_id),
            lambda: sources.fetch_sherweb(moved, connection_id, DAY),
            lambda: sources.save_sherweb(moved, connection_id, client_id="partner"),
        ):
            with pytest.raises(Refused, match="Enter the credentials again"):
                act()
        sources.save_sherweb(moved, connection_id, client_id="partner", client_secret=SECRET, subscription_key=KEY)
        sources.check_sherweb(moved, connection_id, patience=IMPATIENT)

    def test_a_failed_fetch_imports_nothing_and_is_remembered(
        self, any_portal: Portal, save: Callable[..., int], server: Any
    ) -> None:
        connection_id = save()
        server.answer(sherweb_server.CHARGES, sherweb_server.reply_json({"title": "Busy"}, 503))
        with pytest.raises(ProviderError, match="problem of its own"):
            sources.fetch_sherweb(any_portal, connection_id, DAY, patience=IMPATIENT)
        with pytest.raises(ProviderError, match="asked for the charges of 2026-11-15"):
            sources.fetch_sherweb(any_portal, connection_id, date(2026, 11, 15), patience=IMPATIENT)
        seen = sources.sherweb_access(any_portal, connection_id)
        assert seen is not None
        assert seen.last_error is not None
        assert seen.last_error.key == "sherweb_api.other_period"
        with any_portal.database.read() as db:
            assert db.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 0

    def test_without_credentials_it_is_said(self, any_portal: Portal, save: Callable[..., int]) -> None:
        connection_id = save()
        sources.forget_sherweb(any_portal, connection_id)
        assert sources.sherweb_access(any_portal, connection_id) is None
        with pytest.raises(NotFound, match="Enter them first"):
            sources.check_sherweb(any_portal, connection_id)

    def test_yesterday_is_what_is_fetched_by_itself(self, any_portal: Portal, make_one: Callable[..., Any]) -> None:
        made = make_one()
        assert sources.default_day(any_portal, made.id) == date(2026, 10, 31)


class _Secret:
    def __init__(self, text: str) -> None:
        self.text = text

    def get_secret_value(self) -> str:
        return self.text
