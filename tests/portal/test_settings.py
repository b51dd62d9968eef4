"""Settings: from the environment and from files, with a secret key that is made once and kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from portal import settings as configuration
from portal.errors import Unusable
from portal.services import build_portal


@pytest.fixture
def folder(clean_environment: Path) -> Path:
    return clean_environment


def test_by_default_everything_is_in_one_folder(folder: Path) -> None:
    loaded = configuration.load()
    assert loaded.data == folder
    assert loaded.sqlalchemy_url == f"sqlite:///{folder / 'portal.sqlite3'}"
    assert loaded.url == "http://localhost:8080"
    assert loaded.endpoint_url == "http://localhost:8080/qbwc"


def test_the_folder_is_beside_the_caller_when_none_is_named(
    clean_environment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for value in (None, ""):
        if value is None:
            monkeypatch.delenv("PORTAL_DATA")
        else:
            monkeypatch.setenv("PORTAL_DATA", value)
        assert configuration.load().data.absolute() == tmp_path / "portal-data"
        assert configuration.data_folder().absolute() == tmp_path / "portal-data"


def test_a_secret_key_is_made_once_for_its_owner_only(folder: Path) -> None:
    key = configuration.load().key
    assert len(key) == 64
    assert configuration.load().key == key
    assert stat.S_IMODE((folder / "secret-key").stat().st_mode) == 0o600


def test_a_given_secret_key_is_used_and_none_is_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_SECRET_KEY", "given")
    assert configuration.load().key == "given"
    assert not (folder / "secret-key").exists()


def test_secrets_never_show_in_a_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_SECRET_KEY", "hush-hush")
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://u:hush-hush@h/d")
    assert "hush-hush" not in repr(configuration.load())


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe\x00"])
def test_a_damaged_secret_key_is_told(folder: Path, content: bytes) -> None:
    configuration.load()
    (folder / "secret-key").write_bytes(content)
    with pytest.raises(Unusable, match=r"secret-key is empty or damaged\. Delete it"):
        configuration.load()


def test_a_secret_from_a_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("from a file\n")
    (tmp_path / "url").write_text("postgresql://u:p@h/d\n")
    monkeypatch.setenv("PORTAL_SECRET_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("PORTAL_DATABASE_URL_FILE", str(tmp_path / "url"))
    loaded = configuration.load()
    assert (loaded.key, loaded.sqlalchemy_url) == ("from a file", "postgresql://u:p@h/d")
    monkeypatch.setenv("PORTAL_SECRET_KEY", "direct")
    assert configuration.load().key == "direct", "what is given directly wins"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xff"])
def test_a_secret_file_without_text(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv("PORTAL_SECRET_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(Unusable, match=r"PORTAL_SECRET_KEY_FILE names .*key, which holds no text"):
        configuration.load()


def test_empty_settings_count_as_not_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORTAL_SECRET_KEY", "PORTAL_DATABASE_URL", "PORTAL_URL", "PORTAL_SECRET_KEY_FILE"):
        monkeypatch.setenv(name, "")
    loaded = configuration.load()
    assert len(loaded.key) == 64
    assert loaded.sqlalchemy_url.startswith("sqlite:///")
    assert loaded.url == "http://localhost:8080"


def test_a_folder_with_a_question_mark_is_refused(folder: Path) -> None:
    with pytest.raises(Unusable, match="without a question mark"):
        configuration.load(data=folder / "what?")


@pytest.mark.parametrize("rest", ["/portal", "/portal/", "//", "/?a=b", "#top"])
def test_an_address_with_a_path_is_refused_before_anything_is_made(folder: Path, rest: str) -> None:
    with pytest.raises(Unusable, match=r"PORTAL_URL is .*a host name of its own"):
        configuration.load(url=f"https://example.com{rest}")
    assert not folder.exists()
    assert configuration.load(url="https://example.com/").endpoint_url == "https://example.com/qbwc"


def test_a_proxy_is_trusted_when_it_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configuration.load().trusted_proxy is None
    for address in ("127.0.0.1", "2001:db8::1", "*"):
        monkeypatch.setenv("PORTAL_TRUSTED_PROXY", address)
        assert configuration.load().trusted_proxy == address


@pytest.mark.parametrize("address", ["proxy", "10.0.0.0/8", "127.0.0.1:80", "**", "127.0.0.1, 10.0.0.1"])
def test_a_proxy_that_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PORTAL_TRUSTED_PROXY", address)
    with pytest.raises(Unusable, match=r"PORTAL_TRUSTED_PROXY is .*the IP address of your reverse proxy"):
        configuration.load()


@pytest.mark.parametrize("name", ["with a space", "données de Zoé", "100%", "a#b", "a&b=c"])
def test_a_folder_of_any_name_holds_the_database(clean_environment: Path, tmp_path: Path, name: str) -> None:
    portal = build_portal(configuration.load(data=tmp_path / name))
    portal.database.close()
    assert (tmp_path / name / "portal.sqlite3").exists()


def test_how_long_the_history_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = configuration.load()
    assert (loaded.history_days, loaded.bodies_days) == (400, 90)
    monkeypatch.setenv("PORTAL_HISTORY_DAYS", "30")
    monkeypatch.setenv("PORTAL_BODIES_DAYS", "7")
    loaded = configuration.load()
    assert (loaded.history_days, loaded.bodies_days) == (30, 7)


@pytest.mark.parametrize("name", ["PORTAL_HISTORY_DAYS", "PORTAL_BODIES_DAYS"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "for ever", "36501"])
def test_a_number_of_days_that_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Unusable, match=name):
        configuration.load()


def test_a_mail_server(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not configuration.load().has_mail
    monkeypatch.setenv("PORTAL_MAIL_FROM", "Billing portal <portal@example.com>")
    assert not configuration.load().has_mail, "a sender alone sends nothing"
    monkeypatch.setenv("PORTAL_SMTP_URL", "smtp://me:hush-hush@mail.example.com:587")
    loaded = configuration.load()
    assert loaded.has_mail
    assert "hush-hush" not in repr(loaded)
    monkeypatch.delenv("PORTAL_SMTP_URL")
    (tmp_path / "smtp").write_text("smtps://me:hush-hush@mail.example.com\n")
    monkeypatch.setenv("PORTAL_SMTP_URL_FILE", str(tmp_path / "smtp"))
    assert configuration.load().has_mail


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://me:hush@h:x", "hush"]
)
def test_a_mail_server_that_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PORTAL_SMTP_URL", url)
    monkeypatch.setenv("PORTAL_MAIL_FROM", "portal@example.com")
    with pytest.raises(Unusable, match="PORTAL_SMTP_URL is not a mail server's address") as told:
        configuration.load()
    assert "hush" not in str(told.value)


@pytest.mark.parametrize("sender", [None, "Portal", "a@b@c", "Portal <portal>", "@", "zoé@example.com"])
def test_a_sender_that_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch, sender: str | None) -> None:
    monkeypatch.setenv("PORTAL_SMTP_URL", "smtp://mail.example.com")
    if sender is not None:
        monkeypatch.setenv("PORTAL_MAIL_FROM", sender)
    with pytest.raises(Unusable, match="PORTAL_MAIL_FROM is"):
        configuration.load()
