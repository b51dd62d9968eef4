"""What holds for the whole site: headers, cookies, files, the Web Connector beside the pages, and health."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from werkzeug.test import Client

import portal as package
from portal import settings as configuration
from portal.app import create_app
from portal.services import build_portal
from portal.web.headers import POLICY
from portal.wsgi import build_wsgi

ROOT = Path(package.__file__).parent
STATIC = ROOT / "static"


def test_every_answer_carries_the_security_headers(admin: Any) -> None:
    for path in ("/login", "/", "/connections/1", "/nowhere", "/healthz", "/static/portal.css"):
        headers = admin.get(path).headers
        assert headers["Content-Security-Policy"] == POLICY, path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY", path
        assert headers["Referrer-Policy"] == "same-origin", path
    for unsafe in ("unsafe-inline", "unsafe-eval", "http:", "*"):
        assert unsafe not in POLICY


def test_pages_are_never_kept_and_static_files_long(admin: Any) -> None:
    page = admin.get("/")
    assert page.headers["Cache-Control"] == "no-store"
    address = re.search(r'href="(/static/portal.css\?v=\w+)"', page.text)
    assert address
    assert "max-age=31536000" in admin.get(address[1]).headers["Cache-Control"]


def test_templates_hold_no_inline_script_or_style() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son(?!ly)[a-z]+=|javascript:|<script(?![^>]*src=)", text), path.name
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text), path.name


def test_the_cookie_is_closed_to_scripts_and_secure_behind_https(admin: Any, tmp_path: Path) -> None:
    cookie = admin.post("/login", {"email": "administrator@nordet.example", "password": "correct horse battery"})
    written = cookie.headers["Set-Cookie"]
    assert "HttpOnly" in written
    assert "SameSite=Lax" in written
    assert "Secure" not in written
    secure = build_portal(configuration.load({}, data=tmp_path / "secure", url="https://portal.example.com"))
    answer = create_app(secure).test_client().get("/login")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    secure.database.close()


def test_vendored_files_are_the_ones_named() -> None:
    named = json.loads((STATIC / "vendor" / "vendor.json").read_text(encoding="utf-8"))
    for one in named:
        content = (STATIC / "vendor" / one["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == one["sha256"], one["file"]
        said = [(STATIC / "vendor" / other["file"]).read_bytes() for other in named if other["name"] == one["name"]]
        assert any(one["version"].encode() in text for text in said), f"{one['file']}: no file of its package says so"
        assert (STATIC / "vendor" / one["license_file"]).is_file()
    known = {"vendor.json", *(one["file"] for one in named), *(one["license_file"] for one in named)}
    assert {path.name for path in (STATIC / "vendor").iterdir()} == known


@pytest.mark.parametrize("path", ["/qbwc", "/qbwc/"])
def test_the_web_connector_is_served_beside_the_pages(month: Any, path: str) -> None:
    answer = Client(build_wsgi(month.portal)).get(path)
    assert answer.status_code == 200
    assert b"QBWebConnectorSvc" in answer.data


@pytest.mark.parametrize("path", ["/qbwcx", "/qbwc/more"])
def test_other_addresses_are_pages(month: Any, path: str) -> None:
    answer = Client(build_wsgi(month.portal)).get(path)
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"


def test_health_asks_the_database(site: Flask, stranger: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (stranger.get("/healthz").status_code, stranger.get("/healthz").text) == (200, "ok\n")

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk gone")

    monkeypatch.setattr("portal.services.accounts.find_log_in", fail)
    sick = stranger.get("/healthz")
    assert (sick.status_code, sick.text) == (503, "The database does not answer.\n")


def test_a_page_without_its_database_is_an_honest_page(admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk gone")

    monkeypatch.setattr("portal.services.accounts.find_log_in", fail)
    answer = admin.get("/")
    assert answer.status_code == 500
    assert "written to the log" in answer.text


@pytest.mark.parametrize("path", ["/password/a-link-s-token", "/setup/a-link-s-token"])
def test_what_fails_is_logged_without_the_token_in_its_address(
    site: Flask, stranger: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk gone")

    for name in ("read_link", "check_setup"):
        monkeypatch.setattr(f"portal.services.accounts.{name}", fail)
    with structlog.testing.capture_logs() as logged:
        assert stranger.get(path).status_code == 500
    assert [(one["event"], one["rule"]) for one in logged] == [("page failed", f"{path[: path.rindex('/')]}/<token>")]
    assert "a-link-s-token" not in str(logged)


def test_the_wsdl_names_our_address_whatever_the_caller_calls_us(month: Any) -> None:
    client = Client(build_wsgi(month.portal))
    for host in ("evil.example", "other.example"):
        text = client.get("/qbwc?wsdl", headers={"Host": host}).text
        assert f'location="{month.portal.settings.endpoint_url}"' in text
        assert host not in text


def test_a_number_beyond_all_rows_is_not_found(admin: Any) -> None:
    huge = 99999999999999999999
    assert admin.get(f"/connections/1/runs/{huge}").status_code == 404
    assert admin.post(f"/connections/1/drafts/{huge}/retry").status_code == 404
    assert admin.post("/connections/new", {"name": "x", "invoice_day": "1" * 5000}).status_code == 400
