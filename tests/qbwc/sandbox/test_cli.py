"""The command line: what it prints where, and its exit status."""

from __future__ import annotations

import argparse
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


def test_the_help_lists_every_fault(capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    shown = parser.format_help()
    assert all(name in shown for name in FAULTS)
    assert "lost-answer@2" in shown
