"""The .qwc document: what it says, what it refuses, and that reading gives back what was written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qbwc.qbxml.text import clean
from qbwc.qwc import PersonalData, Qwc, QwcError, Style, UnattendedMode, parse, render

OWNER = "{1B0B6B24-7A39-4C5E-9D7F-3A1A0E6E2B11}"
FILE = "{5d2c1f00-6c0a-4a7e-8f0e-92f3f2b7a0c4}"

PLAIN = Qwc(
    app_name="Facturation",
    app_url="https://portal.example.com/qbwc",
    app_support="https://portal.example.com/aide",
    app_description="Factures & crédits",
    user_name="connexion-12",
    owner_id=OWNER,
    file_id=FILE,
    run_every_minutes=60,
)


def test_a_document_reads_as_the_guide_says() -> None:
    assert render(PLAIN) == (
        '<?xml version="1.0"?>\n'
        "<QBWCXML>\n"
        "  <AppName>Facturation</AppName>\n"
        "  <AppID></AppID>\n"
        "  <AppURL>https://portal.example.com/qbwc</AppURL>\n"
        "  <AppDescription>Factures &amp; cr&#233;dits</AppDescription>\n"
        "  <AppSupport>https://portal.example.com/aide</AppSupport>\n"
        "  <UserName>connexion-12</UserName>\n"
        f"  <OwnerID>{OWNER}</OwnerID>\n"
        f"  <FileID>{FILE}</FileID>\n"
        "  <QBType>QBFS</QBType>\n"
        "  <PersonalDataPref>pdpNotNeeded</PersonalDataPref>\n"
        "  <UnattendedModePref>umpOptional</UnattendedModePref>\n"
        "  <Notify>false</Notify>\n"
        "  <Scheduler>\n"
        "    <RunEveryNMinutes>60</RunEveryNMinutes>\n"
        "  </Scheduler>\n"
        "  <IsReadOnly>false</IsReadOnly>\n"
        "</QBWCXML>\n"
    )


def test_every_optional_element_has_its_place() -> None:
    full = replace(
        PLAIN,
        app_id="QB1",
        display_name="Portail",
        unique_name="Portail 12",
        cert_url="https://portal.example.com/",
        is_read_only=True,
        notify=True,
        personal_data=PersonalData.REQUIRED,
        unattended_mode=UnattendedMode.REQUIRED,
        auth_flags=14,
        style=Style.DOCUMENT,
        run_every_minutes=None,
        run_every_seconds=30,
    )
    tags = " ".join(str(element.tag) for element in etree.fromstring(render(full).encode()))
    assert tags == (
        "AppName AppID AppURL AppDescription AppSupport UserName OwnerID FileID QBType PersonalDataPref "
        "UnattendedModePref AuthFlags Notify AppDisplayName AppUniqueName CertURL Style Scheduler IsReadOnly"
    )
    assert "<AuthFlags>0xE</AuthFlags>" in render(full)
    assert "<RunEveryNSeconds>30</RunEveryNSeconds>" in render(full)
    assert parse(render(full)) == full


def test_without_a_schedule_there_is_no_scheduler() -> None:
    assert "Scheduler" not in render(replace(PLAIN, run_every_minutes=None))


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_http_is_accepted_on_this_computer(host: str) -> None:
    local = replace(PLAIN, app_url=f"http://{host}/qbwc", app_support=f"http://{host}/")
    assert parse(render(local)) == local


def test_the_host_is_the_same_whatever_its_case_and_port() -> None:
    replace(PLAIN, app_support="https://Portal.EXAMPLE.com:8443/aide")


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"app_url": "http://portal.example.com/qbwc"}, "AppURL", "https"),
        ({"app_url": "http://localhost.example.com/qbwc"}, "AppURL", "https"),
        ({"app_support": "http://portal.example.com/"}, "AppSupport", "https"),
        ({"app_support": "https://www.example.com/"}, "AppSupport", "same host"),
        ({"app_url": "https://192.0.2.7/q", "app_support": "https://192.0.2.7/"}, "AppURL", "IP address"),
        ({"app_support": "https://192.0.2.7/"}, "AppSupport", "IP address"),
        ({"app_support": "https://[2001:db8::1]/"}, "AppSupport", "IP address"),
        ({"app_url": "https://user:secret@portal.example.com/"}, "AppURL", "password"),
        ({"app_url": "portal.example.com/qbwc"}, "AppURL", "https://"),
        ({"app_url": "ftp://portal.example.com/qbwc"}, "AppURL", "https://"),
        ({"app_url": "https://portal.example.com:port/"}, "AppURL", "web address"),
        ({"app_url": "https://[portal/"}, "AppURL", "web address"),
        ({"app_url": "https://portal.example.com/a b"}, "AppURL", "blanks"),
        ({"app_url": "https://café.example.com/"}, "AppURL", "ASCII"),
        ({"cert_url": "http://portal.example.com/"}, "CertURL", "https"),
        ({"app_description": "x" * 81}, "AppDescription", "80"),
        ({"app_description": ""}, "AppDescription", "empty"),
        ({"app_name": ""}, "AppName", "empty"),
        ({"user_name": " a"}, "UserName", "blank"),
        ({"app_name": "a\nb"}, "AppName", "one line"),
        ({"display_name": ""}, "AppDisplayName", "empty"),
        ({"unique_name": "a\x00b"}, "AppUniqueName", "one line"),
        ({"owner_id": OWNER.strip("{}")}, "OwnerID", "GUID"),
        ({"owner_id": OWNER + "\n"}, "OwnerID", "GUID"),
        ({"file_id": "{not-a-guid}"}, "FileID", "GUID"),
        ({"auth_flags": 16}, "AuthFlags", "0xF"),
        ({"run_every_seconds": 30}, "Scheduler", "not both"),
        ({"run_every_minutes": 0}, "Scheduler", "at least 1"),
    ],
)
def test_what_the_web_connector_would_refuse_is_refused_here(
    changes: dict[str, object], field: str, sentence: str
) -> None:
    with pytest.raises(QwcError, match=sentence) as caught:
        replace(PLAIN, **changes)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert str(caught.value).endswith(".")


def test_a_refusal_never_repeats_a_password() -> None:
    with pytest.raises(QwcError) as caught:
        replace(PLAIN, app_url="https://user:secret@portal.example.com/")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", ""),
        ("<html/>", ""),
        ("<QBWCXML>", ""),
        ('<!DOCTYPE a [<!ENTITY b "c">]><QBWCXML/>', ""),
        ("<QBWCXML/>", "AppName"),
        (render(PLAIN).replace("QBFS", "QBPOS"), "QBType"),
        (render(PLAIN).replace("pdpNotNeeded", "pdpPerhaps"), "PersonalDataPref"),
        (render(PLAIN).replace("<Notify>false", "<Notify>no"), "Notify"),
        (render(PLAIN).replace(">60<", ">hourly<"), "RunEveryNMinutes"),
    ],
)
def test_what_is_no_qwc_document_is_refused(text: str, field: str) -> None:
    with pytest.raises(QwcError) as caught:
        parse(text)
    assert caught.value.field == field


def test_a_document_of_another_hand_is_read() -> None:
    text = (
        '\ufeff<?xml version="1.0" encoding="iso-8859-1"?>\r\n<QBWCXML><!-- ours --><UserName> moi </UserName>'
        "<AppName>é</AppName><AppURL>https://a.example/</AppURL><AppSupport>https://a.example/</AppSupport>"
        f"<AppDescription>d</AppDescription><FileID>{FILE}</FileID><OwnerID>{OWNER}</OwnerID>"
        "<AuthFlags>0xF</AuthFlags><Other>1</Other><IsReadOnly>1</IsReadOnly><Notify/></QBWCXML>"
    )
    read = parse(text)
    assert (read.user_name, read.app_name, read.auth_flags) == ("moi", "é", 15)
    assert read.is_read_only
    assert not read.notify
    assert read.run_every_minutes is None


def line(most: int) -> st.SearchStrategy[str]:
    return (
        st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=most)
        .map(lambda text: clean(text).strip())
        .filter(bool)
    )


hosts = st.from_regex(r"[a-z][a-z0-9]{0,10}(\.[a-z][a-z0-9]{0,10}){1,2}", fullmatch=True)
paths = st.from_regex(r"(/[A-Za-z0-9._~%&'=-]{0,12}){0,3}", fullmatch=True)
guids = st.uuids().map(lambda value: "{" + str(value) + "}")


@st.composite
def documents(draw: st.DrawFn) -> Qwc:
    host = draw(hosts)
    in_minutes = draw(st.booleans())
    every = draw(st.none() | st.integers(1, 100_000))
    return Qwc(
        app_name=draw(line(40)),
        app_url=f"https://{host}{draw(paths)}",
        app_support=f"https://{host}{draw(paths)}",
        app_description=draw(line(80)),
        user_name=draw(line(40)),
        owner_id=draw(guids),
        file_id=draw(guids).upper(),
        app_id=draw(st.just("") | line(10)),
        display_name=draw(st.none() | line(40)),
        unique_name=draw(st.none() | line(40)),
        cert_url=draw(st.none() | paths.map(lambda path: f"https://{host}{path}")),
        is_read_only=draw(st.booleans()),
        notify=draw(st.booleans()),
        personal_data=draw(st.sampled_from(PersonalData)),
        unattended_mode=draw(st.sampled_from(UnattendedMode)),
        auth_flags=draw(st.none() | st.integers(0, 15)),
        style=draw(st.none() | st.sampled_from(Style)),
        run_every_minutes=every if in_minutes else None,
        run_every_seconds=None if in_minutes else every,
    )


@given(documents())
def test_reading_gives_back_what_was_written(qwc: Qwc) -> None:
    text = render(qwc)
    assert text.isascii()
    assert render(replace(qwc)) == text
    assert parse(text) == qwc
