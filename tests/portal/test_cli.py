"""The command line as scripts use it: results on standard output, messages on standard error, an honest exit status."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import sqlalchemy as sa
from lxml import etree

from portal import settings as configuration
from portal.billing.period import BillingMode
from portal.providers import csvfile, sherweb, sherweb_api
from portal.services import accounts, build_portal, connections, mappings, runs, sources

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
CHARGES = SAMPLES / "sherweb" / "payable-charges-2026-10.json"
HEAD = ",".join(mappings.COLUMNS)
PARTNER = "Nordet Infogérance inc."
NEW_CONNECTION = ("--partner", PARTNER, "--billing-mode", "in-arrears", "--invoice-day", "1")


def refused(ended: Any, *mentions: str) -> str:
    """Exit status 2, nothing on standard output, and one message that names the thing and the remedy."""
    assert ended.status == 2, (ended.out, ended.err)
    assert ended.out == ""
    assert "Traceback" not in ended.err
    for mention in mentions:
        assert mention in ended.err
    return ended.err


def refused_in_one_line(ended: Any, *mentions: str) -> str:
    said = refused(ended, *mentions)
    assert said.count("\n") == 1
    return said


def contents(folder: Path) -> list[str]:
    """Everything the portal's tables hold, except what every command may touch."""
    with closing(sqlite3.connect(folder / "portal.sqlite3")) as db:
        return list(db.iterdump())


@pytest.fixture(scope="session")
def known_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portal with a partner and a connection `QB`."""
    folder = tmp_path_factory.mktemp("known") / "data"
    portal = build_portal(configuration.load({}, data=folder))
    accounts.add_partner(portal, PARTNER)
    connections.add_connection(portal, "QB", partner=PARTNER, billing_mode=BillingMode.IN_ARREARS, invoice_day=1)
    portal.database.close()
    return folder


@pytest.fixture
def known(known_folder: Path, clean_environment: Path, command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, with a partner and a connection `QB` already made."""
    shutil.copytree(known_folder, clean_environment)
    return command


@pytest.fixture
def at_month(month: Any, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command, over the sample month."""
    monkeypatch.setenv("PORTAL_DATA", str(month.folder))
    return command


class TestSettingUp:
    def test_a_partner(self, command: Callable[..., Any]) -> None:
        ended = command("partner", "add", PARTNER)
        assert (ended.status, ended.out, ended.err) == (0, f"Partner {PARTNER} (1)\n", "")
        assert command("partner", "add", "Other", "--json").json == {"id": 2, "name": "Other"}

    @pytest.mark.parametrize("name", ["", "   "])
    def test_a_partner_without_a_name(self, command: Callable[..., Any], name: str) -> None:
        refused_in_one_line(command("partner", "add", name), "name")

    def test_the_same_partner_twice(self, known: Callable[..., Any]) -> None:
        refused_in_one_line(known("partner", "add", PARTNER), PARTNER, "already")

    def test_a_user(self, known: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        words = ("user", "add", "a@example.com", "--partner", PARTNER, "--role", "administrator", "--generate-password")
        ended = known(*words)
        assert ended.status == 0
        assert "a@example.com, administrator" in ended.out
        assert "shown this once" in ended.out
        assert ended.err == ""
        made = known(*words[:2], "b@example.com", *words[3:], "--json").json
        assert set(made) == {"id", "email", "partner_name", "role", "password"}
        assert (made["email"], made["partner_name"], made["role"]) == ("b@example.com", PARTNER, "administrator")
        assert len(made["password"]) >= 10
        refused_in_one_line(known(*words), "a@example.com", "already")
        refused_in_one_line(known("user", "add", "A@EXAMPLE.COM", *words[3:]), "a@example.com", "already")

    def test_a_user_with_a_password_from_standard_input(self, known: Callable[..., Any], process: Any) -> None:
        words = ("--partner", PARTNER, "--role", "billing", "--json")
        made = process("user", "add", "a@example.com", *words, given="correct horse battery\n")
        assert (made.status, made.err) == (0, "")
        assert made.json["password"] is None
        assert "correct horse" not in made.out
        refused_in_one_line(process("user", "add", "b@example.com", *words, given=""), "--generate-password")
        refused_in_one_line(process("user", "add", "b@example.com", *words, given="short\n"), "10 characters")
        refused_in_one_line(process("user", "add", "b@example.com", *words, given=b"\xff\xfe\xfd pass word\n"), "UTF-8")

    def test_a_link_for_a_forgotten_password(self, known: Callable[..., Any]) -> None:
        known("user", "add", "a@example.com", "--partner", PARTNER, "--role", "billing", "--generate-password")
        ended = known("user", "reset", "A@example.com")
        assert (ended.status, ended.err) == (0, "")
        assert "once, for an hour" in ended.out
        assert "\nhttp://localhost:8080/password/" in ended.out
        made = known("user", "reset", "a@example.com", "--second-factor", "--json").json
        assert set(made) == {"email", "url", "until"}
        refused_in_one_line(known("user", "reset", "b@example.com"), "There is no user b@example.com")

    def test_a_user_that_cannot_be(self, known: Callable[..., Any]) -> None:
        rest = ("--partner", PARTNER, "--role", "billing", "--generate-password")
        refused_in_one_line(known("user", "add", "nobody", *rest), "nobody is not an e-mail address")
        refused_in_one_line(
            known("user", "add", "a@example.com", "--partner", "Nobody", *rest[2:]), "Nobody", "portal partner add"
        )
        refused(known("user", "add", "a@example.com", "--partner", PARTNER, "--role", "boss"), "boss", "administrator")

    def test_a_connection(self, known: Callable[..., Any]) -> None:
        ended = known("connection", "add", "Two", *NEW_CONNECTION, "--prorate", "additions, removals,partial")
        assert ended.status == 0
        for part in ("User name: portal-", "Password (shown this once): ", "OwnerID {", "FileID {", "portal qwc 2"):
            assert part in ended.out
        made = known("connection", "add", "Three", *NEW_CONNECTION, "--json").json
        assert set(made) == {"id", "name", "user_name", "password", "owner_id", "file_id"}
        assert len(made["password"]) == 64
        views = known("status", "--json").json
        assert [(one["name"], one["proration"]) for one in views] == [
            ("QB", []),
            ("Three", []),
            ("Two", ["additions", "partial", "removals"]),
        ]

    @pytest.mark.parametrize(
        ("words", "mentions"),
        [
            (("QB", *NEW_CONNECTION), ("already", "QB")),
            (("  ", *NEW_CONNECTION), ("name",)),
            (("X", *NEW_CONNECTION, "--prorate", "additions,seats"), ("seats", "additions, removals, partial")),
            (("X", *NEW_CONNECTION[:-1], "0"), ("0", "1 to 31")),
            (("X", *NEW_CONNECTION[:-1], "32"), ("32", "1 to 31")),
            (("X", "--partner", "Nobody", *NEW_CONNECTION[2:]), ("Nobody", "portal partner add")),
        ],
    )
    def test_a_connection_that_cannot_be(
        self, known: Callable[..., Any], words: tuple[str, ...], mentions: tuple[str, ...]
    ) -> None:
        refused_in_one_line(known("connection", "add", *words), *mentions)
        assert len(known("status", "--json").json) == 1

    @pytest.mark.parametrize(
        "words",
        [
            ("X", *NEW_CONNECTION[:2], "--billing-mode", "later", "--invoice-day", "1"),
            ("X", *NEW_CONNECTION[:-1], "first"),
            ("X", *NEW_CONNECTION, "--start-date", "tomorrow"),
            ("X",),
        ],
    )
    def test_a_connection_that_is_not_even_asked_for_rightly(
        self, known: Callable[..., Any], words: tuple[str, ...]
    ) -> None:
        refused(known("connection", "add", *words), "usage: portal connection add")

    def test_the_qwc_file(self, known: Callable[..., Any]) -> None:
        first, again = known("qwc", "QB"), known("qwc", "1")
        assert (first.status, first.err) == (0, "")
        assert first.out == again.out
        root = etree.fromstring(first.out.encode())
        assert root.findtext("AppURL") == "http://localhost:8080/qbwc"
        made = known("qwc", "QB", "--json").json
        assert made["connection"] == 1
        assert made["user_name"] == root.findtext("UserName")
        assert made["qwc"].strip() == first.out.strip()

    def test_the_qwc_file_needs_an_address_that_quickbooks_accepts(
        self, known: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PORTAL_URL", "http://portal.example.com")
        refused_in_one_line(known("qwc", "QB"), "PORTAL_URL")

    @pytest.mark.parametrize("name", ["Nothing", "2", "0", "-1", "²", "9" * 40, "1 OR 1=1", ""])
    def test_an_unknown_connection(self, known: Callable[..., Any], name: str) -> None:
        refused_in_one_line(known("qwc", "--", name), f"There is no connection {name}", "portal status")
        refused_in_one_line(known("status", f"--connection={name}"), f"There is no connection {name}", "portal status")

    def test_an_unknown_connection_with_any_command(self, known: Callable[..., Any], tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("x")
        for words in (("import", str(file), "--provider", "sherweb"), ("map", str(file)), ("bill",)):
            refused_in_one_line(known(*words, "--connection", "None"), "There is no connection None", "portal status")

    def test_a_number_means_the_connection_of_that_number(self, known: Callable[..., Any]) -> None:
        known("connection", "add", "1", *NEW_CONNECTION)
        assert known("qwc", "1", "--json").json["connection"] == 1
        assert known("qwc", "2", "--json").json["connection"] == 2
        assert known("status", "--connection", "1", "--json").json["connection"]["name"] == "QB"

    def test_two_connections_of_one_name_are_told_apart_by_number(self, known: Callable[..., Any]) -> None:
        known("partner", "add", "Other")
        known("connection", "add", "QB", "--partner", "Other", *NEW_CONNECTION[2:])
        refused_in_one_line(known("qwc", "QB"), "Several connections are called QB", "number")
        assert known("qwc", "2").status == 0


class TestImporting:
    def test_a_month(self, known: Callable[..., Any]) -> None:
        ended = known("import", str(CHARGES), "--provider", "sherweb", "--connection", "QB")
        assert (ended.status, ended.err) == (0, "")
        assert "72 charges from 2026-10-01 to 2026-10-31, 5692.25 CAD: 72 new, 0 changed, 0 already here." in ended.out
        assert "16 new offers, 13 new organizations" in ended.out
        again = known("import", str(CHARGES), "--provider", "sherweb", "--connection", "QB", "--json").json
        assert (again["rows"], again["added"], again["unchanged"], again["repeated"]) == (72, 0, 72, True)
        assert again["totals"] == {"CAD": "5692.25"}
        assert (again["period_start"], again["period_last"]) == ("2026-10-01", "2026-10-31")

    @pytest.mark.parametrize(
        ("content", "mentions"),
        [
            (b"", ("charges.json is empty",)),
            (b"  \n\t ", ("charges.json is empty",)),
            (b'{"periodFrom": ', ("charges.json is not JSON", "line 1")),
            (CHARGES.read_bytes()[:-200], ("charges.json is not JSON",)),
            (CHARGES.read_bytes()[:5000], ("charges.json is not JSON",)),
            (b'{"customers": []}', ("charges.json has no list of charges", "periodFrom")),
            (b"[1, 2]", ("charges.json",)),
            (b"<html>Not found</html>", ("charges.json is not JSON",)),
            (HEAD.encode(), ("charges.json is not JSON",)),
            (b"\x89PNG\r\n\x1a\n\x00\x00\xff", ("charges.json",)),
            (CHARGES.read_bytes().replace(b'"2026-10-31"', b'"2026-10-32"', 1), ("charges.json",)),
            (CHARGES.read_bytes().replace(b'"quantity": ', b'"quantity": "x', 1), ("charges.json",)),
        ],
        ids=[
            "empty",
            "blank",
            "cut",
            "cut-late",
            "cut-early",
            "foreign",
            "list",
            "html",
            "csv",
            "png",
            "date",
            "quote",
        ],
    )
    def test_a_file_that_cannot_be_read_imports_nothing(
        self,
        known: Callable[..., Any],
        clean_environment: Path,
        tmp_path: Path,
        content: bytes,
        mentions: tuple[str, ...],
    ) -> None:
        file = tmp_path / "charges.json"
        file.write_bytes(content)
        before = contents(clean_environment)
        refused_in_one_line(known("import", str(file), "--provider", "sherweb", "--connection", "QB"), *mentions)
        noted = set(contents(clean_environment)) - set(before)
        assert [line.split("(")[0] for line in noted] == ['INSERT INTO "failed_import" VALUES']
        assert len(contents(clean_environment)) == len(before) + 1

    def test_a_file_that_is_not_there_or_a_folder(self, known: Callable[..., Any], tmp_path: Path) -> None:
        for path in (tmp_path / "nothing.json", tmp_path):
            for words in (("import", str(path), "--provider", "sherweb"), ("map", str(path))):
                refused_in_one_line(known(*words, "--connection", "QB"), str(path), "cannot be read")

    def test_an_unknown_provider(self, known: Callable[..., Any]) -> None:
        refused_in_one_line(
            known("import", str(CHARGES), "--provider", "acme", "--connection", "QB"), "acme", "sherweb"
        )

    def test_a_microsoft_file(self, known: Callable[..., Any]) -> None:
        file = SAMPLES / "microsoft" / "reconciliation-2026-10.csv"
        made = known("import", str(file), "--provider", "microsoft", "--connection", "QB", "--json").json
        assert made["added"] == made["rows"] > 0
        assert made["period_start"] == "2026-10-01"

    def test_a_csv_file_by_columns_from_a_file_or_saved_ones(
        self, known: Callable[..., Any], clean_environment: Path, tmp_path: Path
    ) -> None:
        words = ("import", str(SAMPLES / "csv" / "teleboreal-2026-10.csv"), "--provider", "csv", "--connection", "QB")
        profile = SAMPLES / "csv" / "teleboreal.profile.json"
        refused_in_one_line(known(*words), "--profile NAME", "--profile-file FILE.json")
        refused_in_one_line(known(*words, "--profile", "teleboreal"), "no such columns")
        refused_in_one_line(known(*words, "--profile-file", str(tmp_path / "none.json")), "cannot be read")
        made = known(*words, "--profile-file", str(profile), "--json").json
        assert (made["rows"], made["added"]) == (12, 12)
        portal = build_portal(configuration.load({}, data=clean_environment))
        text = profile.read_text(encoding="utf-8")
        sources.save_profile(portal, 1, replace(csvfile.Profile.from_json(text), name="teleboreal"))
        portal.database.close()
        again = known(*words, "--profile", "teleboreal", "--json").json
        assert (again["unchanged"], again["repeated"]) == (12, True)
        refused(known(*words, "--profile", "a", "--profile-file", "b"), "not allowed with")
        sherweb = ("import", str(CHARGES), "--provider", "sherweb", "--connection", "QB", "--profile", "teleboreal")
        refused_in_one_line(known(*sherweb), "leave out --profile")

    def test_a_profile_that_is_not_in_order(self, known: Callable[..., Any], tmp_path: Path) -> None:
        words = ("import", str(SAMPLES / "csv" / "teleboreal-2026-10.csv"), "--provider", "csv", "--connection", "QB")
        file = tmp_path / "x.json"
        for content, mention in ((b"{", "not JSON"), (b"\xff", "UTF-8"), (b"{}", "not all chosen")):
            file.write_bytes(content)
            refused_in_one_line(known(*words, "--profile-file", str(file)), mention)


class TestSherweb:
    SECRETS = "s3cr3t-of-mine\nkey-of-mine\n"

    def test_the_credentials_come_from_standard_input_and_are_not_shown(
        self, known: Callable[..., Any], process: Any, clean_environment: Path
    ) -> None:
        words = ("sherweb", "set", "QB", "--client-id", "partner")
        ended = process(*words, given=self.SECRETS)
        assert (ended.status, ended.err) == (0, "")
        assert ended.out == "The credentials of Sherweb are kept for QB. Next: portal sherweb check 1\n"
        assert process(*words, "--json", given=self.SECRETS).json == {"connection": 1, "client_id": "partner"}
        assert "of-mine" not in "\n".join(contents(clean_environment))
        refused_in_one_line(process(*words, given="one\n"), "Standard input lacks: Subscription key")
        refused_in_one_line(process(*words, given=b"\xff\xfe\n"), "UTF-8")
        refused_in_one_line(process(*words, given="two words\nkey\n"), "client secret")
        refused_in_one_line(
            process(*words, "--distributor-url", "http://example.com", given=self.SECRETS), "begins with https://"
        )
        refused(process(*words, "--client-secret", "x", given=self.SECRETS), "unrecognized arguments")

    def test_the_charges_are_fetched(self, known: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        for words in (("sherweb", "check", "QB"), ("fetch", "QB")):
            refused_in_one_line(known(*words), "Enter them first")
        monkeypatch.setattr("sys.stdin", io.StringIO(self.SECRETS))
        assert known("sherweb", "set", "QB", "--client-id", "partner").status == 0
        monkeypatch.setattr(sherweb_api, "check", lambda *_, **__: None)
        assert known("sherweb", "check", "QB").out == "Sherweb accepted the log-in.\n"
        asked: list[date] = []

        def fetch(_credentials: Any, day: date, **_: Any) -> sherweb_api.Fetched:
            asked.append(day)
            data = CHARGES.read_bytes()
            return sherweb_api.Fetched(data=data, name="x.json", delivery=sherweb.read(data, "x.json"))

        monkeypatch.setattr(sherweb_api, "fetch", fetch)
        ended = known("fetch", "QB", "--date", "2026-10-15")
        assert (ended.status, ended.err, asked) == (0, "", [date(2026, 10, 15)])
        assert "72 charges from 2026-10-01 to 2026-10-31" in ended.out
        assert known("fetch", "QB", "--json").json["repeated"] is True
        assert (asked[1] - datetime.now(UTC).date()).days in (-1, -2)
        refused(known("fetch", "QB", "--date", "soon"), "is not a date")


class TestMapping:
    def test_the_sample_file(self, at_month: Callable[..., Any]) -> None:
        ended = at_month("map", str(SAMPLES / "mapping.csv"), "--connection", "1")
        assert (ended.status, ended.err) == (0, "")
        assert ended.out == "16 offers and 13 organizations read, 0 mappings changed.\n"
        made = at_month("map", str(SAMPLES / "mapping.csv"), "--connection", "1", "--json").json
        assert made == {"offers": 16, "organizations": 13, "changed": 0}

    @pytest.mark.parametrize(
        ("line", "mentions"),
        [
            ("offer,X,AZ-USG,No such item,yes,", ("line 4", "item “No such item”", "Parent:Child")),
            ("offer,X,AZ-USG,Trois Blés (Boulangerie),yes,", ("line 4", "item “Trois Blés (Boulangerie)”")),
            ("organization,Studio Lumière,,Infonuagique:Azure,yes,create", ("line 4", "customer “Infonuagique:Azure”")),
            ("product,X,AZ-USG,Infonuagique:Azure,yes,", ("line 4", "“product”", "offer or organization")),
            (",,,,yes,", ("line 4", "offer or organization")),
            ("offer,X,AZ-USG,Infonuagique:Azure,maybe,", ("line 4", "“maybe”", "yes or no")),
            ("offer,X,AZ-USG,Infonuagique:Azure,,", ("line 4", "yes or no")),
            (
                "organization,Studio Lumière,,Studio Lumiere enr.,yes,replace",
                ("line 4", "“replace”", "create or update"),
            ),
            ("offer,,,Infonuagique:Azure,yes,", ("line 4", "key")),
            ("organization,,,Studio Lumiere enr.,yes,create", ("line 4", "name")),
            ("offer,X," + "k" * 201 + ",Infonuagique:Azure,yes,", ("line 4", "200")),
            ("organization," + "k" * 201 + ",,Studio Lumiere enr.,yes,create", ("line 4", "200")),
            ('offer,X,AZ-USG,"Infonuagique:Azure,yes,', ("line 4",)),
            ("offer,X\0,AZ\0,Infonuagique:Azure,yes,", ("is not text",)),
        ],
    )
    def test_one_wrong_line_changes_nothing(
        self, at_month: Callable[..., Any], month: Any, tmp_path: Path, line: str, mentions: tuple[str, ...]
    ) -> None:
        file = tmp_path / "mapping.csv"
        good = "offer,New,NEW-1,Infonuagique:Azure,yes,\noffer,X,M365-BB,Infonuagique:Azure,no,"
        file.write_text(f"{HEAD}\n{good}\n{line}\n", encoding="utf-8")
        before = contents(month.folder)
        refused_in_one_line(at_month("map", str(file), "--connection", "1"), "mapping.csv", *mentions)
        assert contents(month.folder) == before

    @pytest.mark.parametrize(
        ("content", "mentions"),
        [
            ("", ("kind, name, key, quickbooks, sync, mode",)),
            ("\n\n", ("kind, name, key, quickbooks, sync, mode",)),
            ("kind,name,key,quickbooks,sync\noffer,A,B,C,yes\n", ("no column mode",)),
            ("name\n", ("no column kind, key, quickbooks, sync, mode",)),
            (CHARGES.read_text(encoding="utf-8"), ("no column",)),
            ('kind,name,key,quickbooks,sync,mode\noffer,a,b,"' + "x" * 200_000, ("mapping.csv",)),
        ],
        ids=["empty", "blank", "mode", "name-only", "json", "huge-field"],
    )
    def test_a_file_without_its_columns(
        self, at_month: Callable[..., Any], month: Any, tmp_path: Path, content: str, mentions: tuple[str, ...]
    ) -> None:
        file = tmp_path / "mapping.csv"
        file.write_text(content, encoding="utf-8")
        before = contents(month.folder)
        refused_in_one_line(at_month("map", str(file), "--connection", "1"), *mentions)
        assert contents(month.folder) == before

    def test_excel_in_french_writes_semicolons(self, at_month: Callable[..., Any], tmp_path: Path) -> None:
        file = tmp_path / "mapping.csv"
        rows = f"{HEAD.replace(',', ';')}\r\norganization;Studio Lumière;;Hôtel Belle-Rive;Oui;Update\r\n"
        for encoding in ("utf-8", "utf-8-sig", "cp1252"):
            file.write_text(rows, encoding=encoding, newline="")
            assert at_month("map", str(file), "--connection", "1", "--json").json["organizations"] == 1
        row = next(row for row in csv_rows(at_month, "1") if row.name == "Studio Lumière")
        assert (row.customer_name, row.mode, row.is_synchronized) == ("Hôtel Belle-Rive", "update", True)


def csv_rows(command: Callable[..., Any], connection: str) -> tuple[mappings.OrganizationRow, ...]:
    portal = build_portal(configuration.load())
    try:
        return mappings.list_organizations(portal, int(connection)).rows
    finally:
        portal.database.close()


class TestBilling:
    def test_a_preview_changes_nothing(self, at_month: Callable[..., Any], month: Any) -> None:
        before = contents(month.folder)
        ended = at_month("bill", "--connection", "1", "--date", "2026-11-01", "--preview")
        assert (ended.status, ended.err) == (0, "")
        assert "Invoice date 2026-11-01, period 2026-10-01 to 2026-10-31" in ended.out
        assert "Not billed:" in ended.out
        assert "Atelier Ébène" in ended.out
        seen = at_month("bill", "--connection", "1", "--date", "2026-11-01", "--preview", "--json").json
        assert len(seen["drafts"]) == 12
        assert {row["code"] for row in seen["skipped"]} == {"organization-off"}
        assert contents(month.folder) == before

    def test_a_bill_waits_for_the_next_visit(self, at_month: Callable[..., Any], month: Any) -> None:
        ended = at_month("bill", "--connection", "1", "--date", "2026-11-01")
        assert (ended.status, ended.err) == (0, "")
        assert ended.out.startswith("12 invoices wait for the next visit of the Web Connector")
        assert "Not billed:" in ended.out
        again = at_month("bill", "--connection", "1", "--date", "2026-11-01", "--json").json
        assert [draft["state"] for draft in again["run"]["drafts"]] == ["queued"] * 12
        assert again["run"]["invoice_date"] == "2026-11-01"
        assert {row["code"] for row in again["skipped"]} == {"organization-off"}

    @pytest.mark.parametrize("given", ["soon", "2026-13-01", "2026-02-30", "01/11/2026", ""])
    def test_a_date_that_is_none(self, known: Callable[..., Any], given: str) -> None:
        refused(known("bill", "--connection", "1", f"--date={given}"), "is not a date", "2026-11-01")

    @pytest.mark.parametrize("words", [(), ("--preview",)])
    def test_a_date_on_which_nothing_is_invoiced(self, known: Callable[..., Any], words: tuple[str, ...]) -> None:
        refused_in_one_line(
            known("bill", "--connection", "1", "--date", "2026-11-02", *words), "2026-11-02", "2026-11-01"
        )

    @pytest.mark.parametrize("given", ["0001-01-01", "9999-12-01"])
    @pytest.mark.parametrize("mode", ["in-advance", "in-arrears"])
    def test_a_date_beyond_all_calendars(self, known: Callable[..., Any], given: str, mode: str) -> None:
        known("connection", "add", "Far", "--partner", PARTNER, "--billing-mode", mode, "--invoice-day", "1")
        refused_in_one_line(known("bill", "--connection", "Far", "--date", given), given)

    def test_the_status_of_all_and_of_one(self, at_month: Callable[..., Any], month: Any) -> None:
        ended = at_month("status")
        assert (ended.status, ended.err) == (0, "")
        assert "QuickBooks Nordet" in ended.out
        (one,) = at_month("status", "--json").json
        assert (one["id"], one["company_name"]) == (1, PARTNER)
        at_month("bill", "--connection", "1", "--date", "2026-11-01")
        ended = at_month("status", "--connection", "1")
        for part in ("ready to invoice", "Offers: 16 mapped", "41 customer", "Last visits:", "Run of 2026-11-01"):
            assert part in ended.out
        seen = at_month("status", "--connection", "QuickBooks Nordet", "--json").json
        assert set(seen) == {"connection", "status", "runs", "visits"}
        assert seen["status"]["last_visit"]["result"] == "done"
        assert seen["status"]["waiting_requests"] > 0
        assert seen["runs"][0]["drafts"][0]["state"] == "queued"
        assert {one["kind"] for one in seen["status"]["lists"]} >= {"customer", "item"}

    def test_the_status_of_nothing(self, command: Callable[..., Any]) -> None:
        assert command("status").out == "There are no connections yet.\n"
        assert command("status", "--json").json == []

    def test_a_connection_that_was_never_visited(self, known: Callable[..., Any]) -> None:
        ended = known("status", "--connection", "1")
        assert ended.status == 0
        assert "not ready to invoice" in ended.out
        assert "never connected" in ended.out
        assert "Last visits: none" in ended.out
        assert ended.err == ""
        assert known("exchanges", "1").out == "The Web Connector has not visited this connection yet.\n"
        assert known("exchanges", "1", "--json").json == {"visit_id": None, "opened_at": None, "exchanges": []}

    def test_the_last_visits(self, at_month: Callable[..., Any], month: Any) -> None:
        month.visit("no-company")
        shown = at_month("status", "--connection", "1").out
        first, second = at_month("status", "--connection", "1", "--json").json["visits"]
        assert (first["result"], second["result"]) == ("failed", "done")
        assert (second["done"], second["failed"], second["seconds"]) == (7, 0, 0.0)
        assert second["product"].startswith("QuickBooks ")
        assert second["received"] > second["sent"] > 0
        assert set(first["last_error"]) == {"en", "fr"}
        for part in ("Began (UTC)", "2026-11-01 12:00:00", "0.0 s", second["product"], second["machine"]):
            assert part in shown
        assert f"  {first['id']}: {first['last_error']['en']}" in shown

    def test_what_crossed_the_wire(self, at_month: Callable[..., Any], month: Any) -> None:
        seen = at_month("exchanges", "1", "--json").json
        assert seen["visit_id"] == 1
        assert [one["purpose"] for one in seen["exchanges"]][:2] == ["greeting", "work"]
        shown = at_month("exchanges", "QuickBooks Nordet")
        assert (shown.status, shown.err) == (0, "")
        assert "Visit 1 of 2026-11-01 12:00 UTC" in shown.out
        for one in seen["exchanges"]:
            assert f"{one['received']:,}" in shown.out
        work = seen["exchanges"][1]["id"]
        texts = at_month("exchanges", "1", "--show", str(work), "--json").json
        assert etree.fromstring(texts["request"].encode()).find(".//CustomerQueryRq") is not None
        assert etree.fromstring(texts["answer"].encode()).find(".//CustomerRet/ListID") is not None
        shown = at_month("exchanges", "1", "--show", str(work))
        assert "Sent to QuickBooks:\n<?qbxml" in shown.out
        assert texts["answer"].strip() in shown.out

    def test_of_an_older_visit(self, at_month: Callable[..., Any], month: Any) -> None:
        month.bill()
        month.visit()
        assert at_month("exchanges", "1", "--json").json["visit_id"] == 2
        assert at_month("exchanges", "1", "--visit", "1", "--json").json["visit_id"] == 1

    @pytest.mark.parametrize("number", ["0", "-1", "99", "2147483648", "9" * 30])
    def test_a_visit_or_an_exchange_that_is_none(self, at_month: Callable[..., Any], number: str) -> None:
        refused_in_one_line(at_month("exchanges", "1", f"--visit={number}"), f"no visit {number}", "portal status")
        refused_in_one_line(at_month("exchanges", "1", f"--show={number}"), f"no exchange {number}", "portal exchanges")
        refused_in_one_line(at_month("exchanges", "None"), "There is no connection None")
        refused(at_month("exchanges", "1", "--visit", "last"), "last")

    def test_nobody_sees_the_exchanges_of_another_connection(self, at_month: Callable[..., Any]) -> None:
        at_month("connection", "add", "Other", *NEW_CONNECTION)
        refused_in_one_line(at_month("exchanges", "Other", "--visit", "1"), "no visit 1")
        refused_in_one_line(at_month("exchanges", "Other", "--show", "1"), "no exchange 1")


class TestTheMachine:
    """Folders, databases, ports and settings that cannot be used."""

    def test_a_file_in_the_place_of_the_data_folder(self, command: Callable[..., Any], clean_environment: Path) -> None:
        clean_environment.write_text("a file")
        for words in (("status",), ("partner", "add", "X"), ("serve", "--port", "0")):
            refused_in_one_line(command(*words), str(clean_environment), "PORTAL_DATA")
        refused_in_one_line(command("demo", "--exit", "--port", "0"), str(clean_environment), "PORTAL_DATA")

    def test_a_file_in_the_way_of_the_data_folder(
        self, command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("a file")
        monkeypatch.setenv("PORTAL_DATA", str(tmp_path / "file" / "data"))
        refused_in_one_line(command("status"), "PORTAL_DATA")
        refused_in_one_line(command("demo", "--exit", "--port", "0"), "PORTAL_DATA")

    def test_a_folder_in_the_place_of_the_database(self, command: Callable[..., Any], clean_environment: Path) -> None:
        (clean_environment / "portal.sqlite3").mkdir(parents=True)
        refused_in_one_line(command("status"), "unable to open database file", "PORTAL_DATA")

    def test_a_database_that_is_no_database(self, command: Callable[..., Any], clean_environment: Path) -> None:
        clean_environment.mkdir()
        (clean_environment / "portal.sqlite3").write_bytes(b"Hello, this is a text and not a database. " * 50)
        refused_in_one_line(command("status"), "file is not a database", "PORTAL_DATA")

    @pytest.mark.parametrize("table", ["portal_alembic_version", "qbwc_alembic_version"])
    def test_a_database_of_a_newer_version(
        self, command: Callable[..., Any], clean_environment: Path, table: str
    ) -> None:
        command("partner", "add", PARTNER)
        with closing(sqlite3.connect(clean_environment / "portal.sqlite3", isolation_level=None)) as db:
            db.execute(f"UPDATE {table} SET version_num = '9999'")
        before = contents(clean_environment)
        for words in (("status",), ("partner", "add", "X"), ("serve", "--port", "0")):
            refused(command(*words), "newer version", "9999", "PORTAL_DATA")
        assert contents(clean_environment) == before

    def test_a_locked_database_is_told(
        self, known: Callable[..., Any], clean_environment: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("qbwc.database.BUSY_SECONDS", 0.1)
        with closing(sqlite3.connect(clean_environment / "portal.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            refused_in_one_line(known("partner", "add", "X"), "locked")
            other.execute("ROLLBACK")

    @pytest.mark.parametrize(
        "url", ["portal.example.com", "ftp://x", "http://", "http://[::1", "http://x:port", "http://x:70000", "://"]
    )
    def test_an_address_that_is_none(
        self, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, url: str, clean_environment: Path
    ) -> None:
        monkeypatch.setenv("PORTAL_URL", url)
        refused_in_one_line(command("status"), "PORTAL_URL", url)
        assert not clean_environment.exists()

    def test_a_secret_file_that_is_missing(self, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("PORTAL_SECRET_KEY_FILE", "PORTAL_DATABASE_URL_FILE"):
            monkeypatch.setenv(name, "/nowhere/secret")
            refused_in_one_line(command("status"), name, "/nowhere/secret")
            monkeypatch.delenv(name)

    @pytest.mark.parametrize(
        "url",
        ["nonsense", "mysql://u:hush@h/d", "postgresql://u:hush@h:port/d", "oracle+nothing://u:hush@h/d", "://hush"],
    )
    def test_a_database_address_that_is_none_is_refused_without_its_password(
        self, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        monkeypatch.setenv("PORTAL_DATABASE_URL", url)
        assert "hush" not in refused(command("status"), "PORTAL_DATABASE_URL")

    def test_a_database_server_that_is_down(self, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("psycopg")
        monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://someone:hush@127.0.0.1:1/portal")
        said = refused(command("status"), "The database cannot be opened", "PORTAL_DATABASE_URL")
        assert "hush" not in said
        assert said.count("\n") == 1

    def test_a_port_in_use(self, command: Callable[..., Any], taken_port: int) -> None:
        refused_in_one_line(command("serve", "--port", str(taken_port)), str(taken_port), "--port")

    @pytest.mark.parametrize(
        "words", [("--port", "70000"), ("--port=-1",), ("--host", "192.0.2.1"), ("--host", "x" * 70)]
    )
    def test_an_address_that_is_not_ours(self, command: Callable[..., Any], words: tuple[str, ...]) -> None:
        refused_in_one_line(command("serve", *words))

    def test_names_with_letters_that_are_no_text(self, process: Callable[..., Any]) -> None:
        ended = process("partner", "add", os.fsdecode(b"Caf\xe9"))
        refused_in_one_line(ended, "UTF-8")

    def test_letters_survive_a_narrow_output(self, process: Callable[..., Any]) -> None:
        made = process("partner", "add", "Pharmacie Nguyễn →", PYTHONIOENCODING="cp1252", PYTHONUTF8="0")
        assert (made.status, made.err) == (0, "")
        assert made.out == "Partner Pharmacie Nguyễn → (1)\n"

    def test_a_reader_that_has_seen_enough_is_no_error(
        self, known: Callable[..., Any], compiled: dict[str, str], clean_environment: Path
    ) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        ended = subprocess.run(
            [sys.executable, "-m", "portal.cli", "status"],
            stdout=writing,
            stderr=subprocess.PIPE,
            env={**compiled, "PORTAL_DATA": str(clean_environment)},
            check=False,
        )
        os.close(writing)
        assert ended.stderr == b""

    def test_no_command_at_all(self, process: Callable[..., Any]) -> None:
        refused(process(), "usage: portal")
        refused(process("fly"), "fly")
        helped = process("--help")
        assert (helped.status, helped.err) == (0, "")
        assert "PORTAL_DATA" in helped.out


@pytest.fixture
def served(compiled: dict[str, str], clean_environment: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `portal serve`."""
    started: list[subprocess.Popen[str]] = []

    def serve(*words: str, **environment: str) -> subprocess.Popen[str]:
        made = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", "serve", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**compiled, "PORTAL_DATA": str(clean_environment), **environment},
        )
        started.append(made)
        return made

    yield serve
    for one in started:
        one.kill()
        one.communicate()


def test_serving_answers_at_both_places_and_ends_on_an_interrupt(
    served: Callable[..., subprocess.Popen[str]], clean_environment: Path
) -> None:
    running = served("--port", "0", "--json")
    assert running.stdout is not None
    said = json.loads(running.stdout.readline())
    assert said["endpoint"] == said["address"] + "/qbwc"
    assert said["setup"].startswith(said["address"] + "/setup/")
    with urlopen(said["setup"], timeout=10) as answer:  # noqa: S310
        assert b"first administrator" in answer.read()
    with urlopen(said["endpoint"], timeout=10) as answer:  # noqa: S310
        assert answer.status == 200
    with urlopen(said["address"] + "/", timeout=10) as answer:  # noqa: S310
        assert answer.status == 200
        assert b"<html" in answer.read()
    begun = time.monotonic()
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert time.monotonic() - begun < 10
    assert "Traceback" not in err
    assert out == ""
    assert (clean_environment / "portal.sqlite3").exists()


def test_serving_in_words(served: Callable[..., subprocess.Popen[str]]) -> None:
    running = served("--port", "0", "--no-worker", PORTAL_URL="https://portal.example.com")
    assert running.stdout is not None
    lines = [running.stdout.readline() for _ in range(4)]
    assert lines[0].startswith("Portal: http://localhost:")
    assert lines[1] == "Web Connector: https://portal.example.com/qbwc\n"
    assert lines[2].startswith("Set up the first administrator (once): https://portal.example.com/setup/")
    assert "Ctrl+C" in lines[3]
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=20)
    assert "Traceback" not in err


def test_billing_in_two_processes_at_once_bills_once(
    month: Any, compiled: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [sys.executable, "-m", "portal.cli", "bill", "--connection", "1", "--date", "2026-11-01", "--json"]
    environment = {**compiled, "PORTAL_DATA": str(month.folder)}
    started = [
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    for one in started:
        out, err = one.communicate(timeout=60)
        assert (one.returncode, err) == (0, "")
        assert len(json.loads(out)["run"]["drafts"]) == 12
    with month.portal.database.read() as db:
        assert db.scalar(sa.text("SELECT count(*) FROM draft")) == 12
        assert db.scalar(sa.text("SELECT count(*) FROM qbwc_job WHERE kind LIKE '%-invoice'")) == 12
    assert len(runs.list_runs(month.portal, 1)) == 1
