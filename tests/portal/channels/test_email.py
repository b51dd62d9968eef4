"""E-mail: what a letter looks like, and how it reaches a mail server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal import settings as configuration
from portal.channels import email
from portal.settings import Settings

LETTER = email.Letter(
    to="anne@example.com",
    language="fr",
    subject="Un mot de passe",
    before=("Bonjour,", "Vous <l'avez> demandé."),
    button="Choisir",
    url="https://portal.example.com/password/abc?d=1&e=2",
    after=("À bientôt",),
)


def at(url: str, folder: Path, sender: str = "Portail <portal@example.com>") -> Settings:
    return configuration.load({}, data=folder, smtp_url=url, mail_from=sender)


def test_a_letter_is_plain_text_and_html() -> None:
    made = email.compose("Portail <portal@example.com>", LETTER)
    assert (made["From"], made["To"], made["Subject"]) == (
        "Portail <portal@example.com>",
        "anne@example.com",
        "Un mot de passe",
    )
    assert made["Auto-Submitted"] == "auto-generated"
    plain, html = made.iter_parts()
    assert plain.get_content() == (
        "Bonjour,\n\nVous <l'avez> demandé.\n\nChoisir:\nhttps://portal.example.com/password/abc?d=1&e=2\n\nÀ bientôt\n"
    )
    text = html.get_content()
    assert "Vous &lt;l&#x27;avez&gt; demandé." in text
    assert 'href="https://portal.example.com/password/abc?d=1&amp;e=2"' in text
    assert '<html lang="fr-CA">' in text


def test_starttls_comes_before_the_password_and_the_letter(mail_server: Callable[..., Any], tmp_path: Path) -> None:
    server = mail_server(has_tls=True, password="p@ss:word")
    email.send(at(f"smtp://me:p%40ss%3Aword@127.0.0.2:{server.port}", tmp_path), LETTER)
    assert server.wait()["Subject"] == "Un mot de passe"
    assert [line.split()[0].upper() for line in server.in_clear] == ["EHLO", "STARTTLS"]


def test_smtps_is_encrypted_from_the_start(mail_server: Callable[..., Any], tmp_path: Path) -> None:
    server = mail_server(has_tls=True, is_wrapped=True, password="secret")
    email.send(at(f"smtps://me:secret@127.0.0.2:{server.port}", tmp_path), LETTER)
    assert server.wait()["To"] == "anne@example.com"
    assert server.in_clear == []


def test_without_encryption_nothing_leaves_this_machine(mail_server: Callable[..., Any], tmp_path: Path) -> None:
    server = mail_server()
    with pytest.raises(email.NotSent, match="STARTTLS"):
        email.send(at(f"smtp://127.0.0.2:{server.port}", tmp_path), LETTER)
    assert server.letters == []


def test_a_server_on_this_machine_needs_no_encryption(
    mail_server: Callable[..., Any], tmp_path: Path, smtp_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_server, "HOST", "127.0.0.1")
    server = mail_server()
    email.send(at(f"smtp://127.0.0.1:{server.port}", tmp_path), LETTER)
    assert server.wait()["Subject"] == "Un mot de passe"


def test_a_certificate_that_is_not_trusted_is_not_used(
    mail_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = mail_server(has_tls=True)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(email.NotSent, match="SSLCertVerificationError"):
        email.send(at(f"smtp://127.0.0.2:{server.port}", tmp_path), LETTER)


def test_what_went_wrong_is_told_without_the_password(mail_server: Callable[..., Any], tmp_path: Path) -> None:
    server = mail_server(has_tls=True, password="right")
    with pytest.raises(email.NotSent, match="does not accept the user name and password") as wrong:
        email.send(at(f"smtp://me:hush-hush@127.0.0.2:{server.port}", tmp_path), LETTER)
    refusing = mail_server(has_tls=True, refuses=True)
    with pytest.raises(email.NotSent, match="answered 550"):
        email.send(at(f"smtp://127.0.0.2:{refusing.port}", tmp_path), LETTER)
    with pytest.raises(email.NotSent, match="ConnectionRefusedError") as closed:
        email.send(at("smtp://me:hush-hush@127.0.0.2:1", tmp_path), LETTER)
    for said in (wrong, closed):
        assert "hush-hush" not in str(said.value)


def test_without_a_mail_server_nothing_is_sent(tmp_path: Path) -> None:
    with pytest.raises(email.NotSent, match="no mail server"):
        email.send(configuration.load({}, data=tmp_path), LETTER)


def test_an_address_that_e_mail_cannot_carry_is_told(tmp_path: Path) -> None:
    odd = email.Letter(to="zoé@example.com", language="en", subject="x", before=(), button="x", url="x")
    with pytest.raises(email.NotSent, match="letters that e-mail cannot carry"):
        email.send(at("smtp://127.0.0.2:1", tmp_path), odd)
