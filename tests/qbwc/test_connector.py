"""Which releases of the Web Connector may call."""

from __future__ import annotations

import pytest

from qbwc.connector import ConnectorPolicy, read_release
from qbwc.database import Database
from qbwc.endpoint import Endpoint
from qbwc.jobs import Registry


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("2.1.0.30", ""),
        ("2.3.0.207", ""),
        ("34.0.10002.108", ""),
        ("2.1.0.29", "O:2.1.0.30"),
        ("2.0.0.9999", "O:2.1.0.30"),
        ("1.5", "O:2.1.0.30"),
        ("2.1", "O:2.1.0.30"),
        ("2.10", ""),
        (" 2.2.0.0 ", ""),
        ("", ""),
        ("nonsense", ""),
        ("2.1.0.x", ""),
        ("-2.1", ""),
        ("٢.١", ""),
        ("9" * 5000, ""),
        (".", ""),
    ],
)
def test_only_a_connector_that_is_too_old_is_asked_for_a_newer_one(version: str, told: str) -> None:
    assert ConnectorPolicy().answer(version) == told


@pytest.mark.parametrize(
    ("version", "begins"),
    [
        ("2.1.0.29", "O:2.1.0.30"),
        ("2.1.0.30", "W:Web Connector 2.3.0.0 or newer"),
        ("2.2.99", "W:"),
        ("2.3.0.0", ""),
        ("2.3.0.36", "E:It loses answers."),
        ("2.3.0.37", ""),
    ],
)
def test_a_release_is_advised_against_or_barred_as_the_policy_says(version: str, begins: str) -> None:
    policy = ConnectorPolicy(advised=(2, 3, 0, 0), barred={(2, 3, 0, 36): "It loses answers."})
    told = policy.answer(version)
    assert told.startswith(begins)
    assert bool(told) is bool(begins)


def test_a_barred_release_is_stopped_however_old_or_new_it_is() -> None:
    policy = ConnectorPolicy(barred={(1, 0): "No.", (99, 0): "Not yet."})
    assert policy.answer("1.0") == "E:No."
    assert policy.answer("99.0") == "E:Not yet."


def test_releases_are_compared_number_by_number() -> None:
    assert read_release("2.10") == (2, 10)
    policy = ConnectorPolicy(oldest=(2, 9))
    assert policy.answer("2.10") == ""
    assert policy.answer("2.8.9") == "O:2.9"


def test_the_endpoint_answers_by_its_policy_and_needs_no_database(database: Database) -> None:
    strict = Endpoint(database, Registry(), connectors=ConnectorPolicy(oldest=(34, 0)))
    assert strict.client_version("2.3.0.207") == "O:34.0"
    assert Endpoint(database, Registry()).client_version("2.3.0.207") == ""
