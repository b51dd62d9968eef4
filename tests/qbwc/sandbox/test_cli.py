"""The command line: what it prints where, and its exit status."""

from __future__ import annotations

import argparse
import io
import json

import pytest

from qbwc.sandbox import FAULTS
from qbwc.sandbox.cli import add_arguments, run

CLASSES = "<ClassQueryRq/>"


@pytest.fixture
def command(qwc, tmp_path, monkeypatch):
    monkeypatch.delenv("QBWC_PASSWORD", raising=False)
    company = tmp_path / "mine.json"

    def make(*words):
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        return run(parser.parse_args(["--company", str(company), *map(str, words)]))

    make.company = company
    return make


def test_a_visit_that_goes_well_is_0(command, server, qwc, document, capsys):
    assert command("--create") == 0
    server.documents = [document(CLASSES)]
    assert command("--qwc", qwc, "--password", "secret") == 0
    shown = capsys.readouterr()
    assert "ClassQuery: 0, 2 returned" in shown.out
    assert "secret" not in shown.out + shown.err
    assert command.company.exists()


def test_json_is_one_object_on_standard_output(command, server, qwc, document, capsys, monkeypatch):
    command("--create")
    monkeypatch.setenv("QBWC_PASSWORD", "secret")
    server.documents = [document(CLASSES)]
    assert command("--qwc", qwc, "--json") == 0
    visit = json.loads(capsys.readouterr().out)
    assert (visit["outcome"], visit["wentWell"]) == ("done", True)
    assert server.received("authenticate")[0]["strPassword"] == "secret"


def test_a_failed_visit_is_1_and_says_so(command, server, qwc, document, capsys, tmp_path):
    command("--create")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret\n")
    server.documents = [document(CLASSES)]
    assert command("--qwc", qwc, "--password-file", secret, "--fault", "lost-answer") == 1
    assert "did not go well: cut off" in capsys.readouterr().err
    assert server.received("authenticate")[0]["strPassword"] == "secret"


def test_the_url_can_be_replaced(command, server, qwc, capsys):
    command("--create")
    good = server.url
    qwc.write_text(qwc.read_text().replace(good, "https://qbwc.example.test/qbwc"))
    assert command("--qwc", qwc, "--password", "p", "--url", good) == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "--qwc FILE"),
        (["--qwc", "missing.qwc", "--password", "p"], "missing.qwc cannot be read"),
        (["--qwc", "QWC", "--password", "p"], "--create"),
        (["--qwc", "QWC"], "QBWC_PASSWORD"),
        (["--qwc", "QWC", "--password-file", "missing.txt"], "missing.txt cannot be read"),
        (["--qwc", "QWC", "--password", "p", "--fault", "boom"], "There is no fault 'boom'"),
        (["--create", "--year", "1999"], "2013 to 2026"),
        (["--qwc", "QWC", "--password", "p", "--year", "2019"], "--create"),
    ],
)
def test_a_wrong_command_is_2_and_one_sentence(command, qwc, capsys, words, text):
    assert command(*(qwc if word == "QWC" else word for word in words)) == 2
    shown = capsys.readouterr()
    assert text in shown.err
    assert shown.out == ""
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("<UserName>alice</UserName>", "", "UserName is missing"),
        ("{AAAAAAAA", "{nothex", "OwnerID must be a GUID"),
        ("http://127.0.0.1", "http://example.test", "https"),
        ("<QBWCXML>", "<Other>", "not XML"),
        ("RunEveryNMinutes>15", "RunEveryNMinutes>soon", "whole number"),
    ],
)
def test_a_bad_qwc_is_named(command, qwc, capsys, old, new, text):
    qwc.write_text(qwc.read_text().replace(old, new))
    assert command("--qwc", qwc, "--password", "p") == 2
    assert text in capsys.readouterr().err


def test_a_company_is_never_overwritten_by_create(command, capsys):
    assert command("--create") == 0
    assert command("--create") == 2
    assert "exists already" in capsys.readouterr().err


def test_without_a_company_the_command_is_wrong(capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args(["--create"])) == 2
    assert "--company FILE" in capsys.readouterr().err


def test_the_help_lists_every_fault_and_every_exit_status():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    shown = parser.format_help()
    assert all(f"  {name}" in shown and text in shown for name, text in FAULTS.items())
    assert "lost-answer@2" in shown
    assert all(f"\n  {status}  " in shown for status in (0, 1, 2, 130))


def test_faults_are_listed_for_people_and_for_scripts(capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args(["--list-faults"])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(FAULTS)
    assert any(line.startswith("hresult=HRESULT[@N]\t") for line in lines)
    assert run(parser.parse_args(["--list-faults", "--json"])) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [fault["name"] for fault in listed] == list(FAULTS)


def test_an_american_company_of_2019_can_be_made(command):
    assert command("--create", "--edition", "US", "--year", "2019") == 0
    file = json.loads(command.company.read_text(encoding="utf-8"))["file"]
    assert (file["Country"], file["MajorVersion"]) == ("US", "29")
    assert file["SupportedQBXMLVersion"][-1] == "14.0"


@pytest.mark.parametrize(("answer", "status", "outcome"), [("y\n", 0, "done"), ("\n", 1, "stopped by the endpoint")])
def test_the_person_at_the_keyboard_plays_interactive_mode(
    command, server, qwc, document, capsys, monkeypatch, answer, status, outcome
):
    command("--create")
    server.answers |= {
        "authenticate": ["t", ""],
        "sendRequestXML": lambda _sent: document(CLASSES) if server.received("interactiveDone") else "",
        "receiveResponseXML": 100,
        "getLastError": "Interactive mode",
        "interactiveUrl": "https://portal.example.test/setup",
        "interactiveDone": "Done",
    }
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert command("--qwc", qwc, "--password", "p", "--interactive") == status
    shown = capsys.readouterr()
    assert "https://portal.example.test/setup" in shown.err
    assert outcome in shown.out
