"""A person decides about a company file in doubt, while the connector waits."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc import company_file
from qbwc.endpoint import Endpoint
from qbwc.identity import Verdict
from qbwc.models import Connection, Session
from qbwc.session import State

ELSEWHERE = "D:\\Copie\\Nordet.qbw"


def page(connection: Connection) -> str:
    return f"https://portal.example/connections/{connection.id}/decide"


@pytest.fixture
def asking(world: Any) -> Any:
    """A world whose endpoint has a page, and whose company file has moved since its first invoice."""
    world.put("first")
    world.visit()
    world.endpoint = Endpoint(world.database, world.registry, interactive_page=page, now=world.clock)
    world.books.path = ELSEWHERE
    world.books.sent.clear()
    world.put("a")
    return world


def decide(world: Any, *, right: bool) -> None:
    with world.database.write() as db:
        connection = world.connection_of(db)
        (company_file.confirm if right else company_file.keep_refusing)(db, connection)


def session_of(world: Any) -> Session:
    row: Session = world.rows(Session)[-1]
    return row


def begin(world: Any) -> str:
    """A visit that has come to the question."""
    ticket = str(world.ticket())
    assert world.ask(ticket, first=True) == ""
    assert world.endpoint.get_last_error(ticket) == "Interactive mode"
    return ticket


def test_a_person_who_confirms_lets_the_same_visit_write(asking: Any, speak: Any) -> None:
    ticket = begin(asking)
    assert asking.endpoint.interactive_url(ticket, "some session") == page(asking.connection())
    assert asking.endpoint.interactive_done(ticket) == ""  # nobody has decided yet
    assert asking.endpoint.interactive_done(ticket) == ""
    decide(asking, right=True)
    assert asking.endpoint.interactive_done(ticket) == "Done"
    assert asking.endpoint.interactive_done(ticket) == "Done"
    figures: list[int] = []
    while not figures or figures[-1] < 100:
        figures.append(asking.give(ticket, asking.ask(ticket)))
    assert asking.endpoint.close_connection(ticket) == "All done: 1 requests answered."
    assert asking.books.invoices == ["first", "a"]
    assert asking.connection().company_path == ELSEWHERE
    assert speak.steps(asking.books.sent) == ["landmarks", "write", "clear"]


def test_a_person_who_refuses_ends_the_visit_with_its_sentence(asking: Any) -> None:
    ticket = begin(asking)
    decide(asking, right=False)
    assert asking.endpoint.interactive_done(ticket) == "Done"
    assert asking.ask(ticket) == ""
    said = asking.endpoint.get_last_error(ticket)
    assert "is not where it was" in said
    assert asking.endpoint.close_connection(ticket) == said
    assert asking.books.sent == []
    assert session_of(asking).result == "failed"


def test_a_page_that_nobody_opened_or_that_was_closed_ends_the_visit(asking: Any) -> None:
    ticket = begin(asking)
    assert asking.endpoint.interactive_rejected(ticket, "the user closed it").startswith("Nobody decided in the portal")
    assert session_of(asking).state is State.FAILED
    assert asking.ask(ticket) == ""
    assert "is not where it was" in asking.endpoint.get_last_error(ticket)
    assert asking.books.sent == []
    asking.endpoint.close_connection(ticket)
    decide(asking, right=True)  # later is early enough
    assert asking.visit().raw[-1] == 100


def test_a_person_is_asked_once_in_a_visit(asking: Any) -> None:
    """Confirmed as moved; then it turns out to be an old copy too: that is for the next visit."""
    ticket = begin(asking)
    asking.books.restore(0)
    decide(asking, right=True)
    assert asking.endpoint.interactive_done(ticket) == "Done"
    while document := asking.ask(ticket):
        if asking.give(ticket, document) < 0:
            break
    assert asking.connection().verdict is Verdict.STALE
    assert "lacks invoices" in asking.endpoint.get_last_error(ticket)
    assert session_of(asking).state is State.FAILED


def test_lists_are_read_before_the_person_is_asked(asking: Any) -> None:
    asking.refresh()
    ticket = asking.ticket()
    # A negative figure would close the connection: interactive mode begins after an empty request.
    assert asking.give(ticket, asking.ask(ticket, first=True)) in range(100)
    assert asking.ask(ticket) == ""
    assert asking.endpoint.get_last_error(ticket) == "Interactive mode"
    assert session_of(asking).state is State.PERSON
    assert "CustomerQueryRq" in asking.books.sent[-1]


def test_an_old_copy_is_a_question_too(asking: Any, speak: Any) -> None:
    asking.books.path = asking.connection().company_path
    asking.books.restore(0)
    ticket = asking.ticket()
    for turn in range(2):
        figure = asking.give(ticket, asking.ask(ticket, first=turn == 0))
    assert figure in range(100)
    assert asking.ask(ticket) == ""
    assert asking.endpoint.get_last_error(ticket) == "Interactive mode"
    decide(asking, right=True)
    assert asking.endpoint.interactive_done(ticket) == "Done"
    assert asking.give(ticket, asking.ask(ticket)) == 99
    assert asking.give(ticket, asking.ask(ticket)) == 100
    assert asking.books.invoices == ["a"]


def test_a_file_without_mark_is_a_question_and_neither_read_nor_written_before(asking: Any) -> None:
    asking.books.path = asking.connection().company_path
    asking.books.file_id = None
    asking.refresh()
    ticket = begin(asking)
    assert asking.books.sent == []
    decide(asking, right=True)
    asking.endpoint.interactive_done(ticket)
    assert asking.give(ticket, asking.ask(ticket)) < 100
    assert asking.connection().accepts_missing_file_id


@pytest.mark.parametrize(
    "wrong",
    [
        {"file_id": "{11111111-1111-1111-1111-111111111111}"},
        {"file_id": None, "name": "Sudet inc."},
        {"versions": ("1.0", "12.0")},
    ],
    ids=["another connection's", "another company", "too old"],
)
def test_what_cannot_be_confirmed_is_no_question(asking: Any, wrong: dict[str, Any]) -> None:
    for name, value in wrong.items():
        setattr(asking.books, name, value)
    ticket = asking.ticket()
    assert asking.ask(ticket, first=True) == ""
    assert asking.endpoint.get_last_error(ticket) not in ("", "Interactive mode")
    assert session_of(asking).state is State.FAILED
    assert asking.endpoint.interactive_url(ticket) == ""
    assert asking.endpoint.interactive_done(ticket) == "Done"


def test_another_trouble_is_no_question(asking: Any) -> None:
    ticket = asking.ticket()
    assert asking.endpoint.connection_error(ticket, "0x80040407", "") == "done"
    assert "not completely installed" in asking.endpoint.get_last_error(ticket)


def test_without_a_page_the_visit_ends_with_the_sentence(asking: Any) -> None:
    asking.endpoint = Endpoint(asking.database, asking.registry, now=asking.clock)
    ticket = asking.ticket()
    assert asking.ask(ticket, first=True) == ""
    assert "is not where it was" in asking.endpoint.get_last_error(ticket)
    assert asking.endpoint.interactive_url(ticket) == ""


def test_the_language_of_the_connection_is_spoken(asking: Any) -> None:
    asking.amend(language="fr")
    ticket = begin(asking)
    assert asking.endpoint.interactive_rejected(ticket, "").startswith("Personne n'a décidé dans le portail")
    assert "n'est plus au même endroit" in asking.endpoint.close_connection(ticket)


@pytest.mark.parametrize("ticket", ["", "0" * 32])
def test_an_unknown_ticket_decides_nothing(asking: Any, ticket: str) -> None:
    begin(asking)
    assert asking.endpoint.interactive_url(ticket) == ""
    assert asking.endpoint.interactive_done(ticket) == "Done"
    assert "not known here" in asking.endpoint.interactive_rejected(ticket, "no")
    assert session_of(asking).state is State.PERSON
