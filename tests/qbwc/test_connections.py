"""A connection of the library: made with its password, its .qwc, another password."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from qbwc import Connection, Database, Endpoint, Registry, connections
from qbwc.qwc import QwcError, parse

OWNER_ID = "{57F3B9B6-86F1-4FCC-B1FF-966DE1813D20}"
FILE_ID = "{0C7C1F5A-2B3D-4E5F-8A9B-0C1D2E3F4A5B}"
URL = "https://books.example.com/qbwc"


def create(database: Database, clock: Any, **changed: Any) -> tuple[Connection, str]:
    given = {"user_name": "own", "now": clock(), "owner_id": OWNER_ID, **changed}
    with database.write() as db:
        return connections.create(db, **given)


def log_in(database: Database, clock: Any, password: str) -> str:
    return Endpoint(database, Registry(), now=clock).authenticate("own", password)[1]


def test_it_lets_the_connector_in_with_its_password_only(any_database: Database, clock: Any) -> None:
    made, password = create(any_database, clock)
    assert made.id
    assert len(password) == 64
    assert password not in {made.secret_hash, made.user_name}
    assert log_in(any_database, clock, password) == "none"
    assert log_in(any_database, clock, "wrong") == "nvu"


def test_each_has_ids_of_its_own(any_database: Database, clock: Any) -> None:
    one, first = create(any_database, clock)
    two, second = create(any_database, clock, user_name="two")
    assert one.file_id != two.file_id
    assert first != second
    assert one.owner_id == two.owner_id == OWNER_ID
    assert (one.language, one.minimum_interval, one.is_active) == ("en", None, True)


def test_a_company_file_that_is_marked_already_keeps_its_mark(any_database: Database, clock: Any) -> None:
    made, _ = create(any_database, clock, file_id=FILE_ID, language="fr", minimum_interval=900)
    assert (made.file_id, made.language, made.minimum_interval) == (FILE_ID, "fr", 900)


def test_another_password_ends_the_former_one(any_database: Database, clock: Any) -> None:
    made, former = create(any_database, clock)
    with any_database.write() as db:
        latter = connections.change_password(db.get_one(Connection, made.id))
    assert log_in(any_database, clock, former) == "nvu"
    assert log_in(any_database, clock, latter) == "none"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"owner_id": OWNER_ID.strip("{}")}, "OwnerID"),
        ({"owner_id": "mine"}, "OwnerID"),
        ({"file_id": "{0}"}, "FileID"),
        ({"user_name": ""}, "UserName"),
        ({"user_name": " own"}, "UserName"),
        ({"user_name": "o\nwn"}, "UserName"),
        ({"user_name": "o" * 65}, "UserName"),
    ],
)
def test_what_the_connector_would_refuse_is_not_made(
    any_database: Database, clock: Any, changed: dict[str, str], field: str
) -> None:
    with pytest.raises(QwcError) as caught:
        create(any_database, clock, **changed)
    assert caught.value.field == field
    with any_database.read() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(Connection)) == 0


@pytest.mark.parametrize("changed", [{"file_id": None}, {"user_name": "two"}])
def test_a_user_name_and_a_file_belong_to_one(any_database: Database, clock: Any, changed: dict[str, Any]) -> None:
    create(any_database, clock, file_id=FILE_ID)
    with any_database.write() as db:
        given = {"user_name": "own", "now": clock(), "owner_id": OWNER_ID, "file_id": FILE_ID, **changed}
        with pytest.raises(QwcError, match="Another connection"):
            connections.create(db, **given)
        assert db.scalar(sa.select(sa.func.count()).select_from(Connection)) == 1, "the transaction goes on"


def test_its_file_is_the_same_every_time_and_holds_no_password(any_database: Database, clock: Any) -> None:
    made, password = create(any_database, clock)
    text = connections.manifest(made, "My books", URL)
    assert text == connections.manifest(made, "My books", URL)
    assert password not in text
    read = parse(text)
    assert (read.app_name, read.app_url, read.app_support, read.app_description) == ("My books", URL, URL, "My books")
    assert (read.user_name, read.owner_id, read.file_id) == (made.user_name, made.owner_id, made.file_id)
    assert (read.is_read_only, read.run_every_minutes, read.display_name, read.unique_name) == (False, None, None, None)


def test_what_else_the_file_says(any_database: Database, clock: Any) -> None:
    made, _ = create(any_database, clock)
    given = {"display_name": "Books", "unique_name": "Books 1", "is_read_only": True, "run_every_minutes": 60}
    read = parse(
        connections.manifest(
            made, "My books", URL, support_url="https://books.example.com/", description="Keeps books", **given
        )
    )
    assert {name: getattr(read, name) for name in given} == given
    assert (read.app_support, read.app_description) == ("https://books.example.com/", "Keeps books")


@pytest.mark.parametrize("url", ["http://books.example.com/qbwc", "books.example.com", "https://10.0.0.1/qbwc"])
def test_an_address_that_the_connector_would_refuse(any_database: Database, clock: Any, url: str) -> None:
    made, _ = create(any_database, clock)
    with pytest.raises(QwcError, match="AppURL"):
        connections.manifest(made, "My books", url)
