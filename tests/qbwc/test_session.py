"""The table of transitions, and the figure that the connector shows."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc.endpoint import Endpoint
from qbwc.models import Session
from qbwc.session import TRANSITIONS, Act, Call, State, act, progress


@pytest.mark.parametrize(("state", "call"), list(itertools.product(State, Call)))
def test_every_call_has_an_act_in_every_state(state: State, call: Call) -> None:
    assert isinstance(act(state, call), Act)


def test_the_table_holds_nothing_else() -> None:
    assert set(TRANSITIONS) == set(itertools.product(State, Call))


def test_only_a_waiting_session_applies_an_answer_and_sends_the_same_bytes_again() -> None:
    assert {pair for pair, what in TRANSITIONS.items() if what is Act.APPLY} == {(State.WAITING, Call.ANSWER)}
    assert {pair for pair, what in TRANSITIONS.items() if what is Act.RESEND} == {(State.WAITING, Call.ASK)}


def test_new_work_leaves_only_when_nothing_is_out() -> None:
    free = {State.OPEN, State.READY, State.PAUSED}
    assert {state for (state, _), what in TRANSITIONS.items() if what is Act.TAKE} == free


def test_only_a_paused_session_waits_and_only_one_for_a_person_asks() -> None:
    assert {pair for pair, what in TRANSITIONS.items() if what is Act.PAUSE} == {(State.PAUSED, Call.ERROR)}
    assert {pair for pair, what in TRANSITIONS.items() if what is Act.INTERACT} == {(State.PERSON, Call.ERROR)}


@pytest.mark.parametrize("call", Call)
def test_a_spent_ticket_is_refused(call: Call) -> None:
    assert act(State.CLOSED, call) is Act.REFUSE


@given(done=st.integers(0, 500), total=st.integers(0, 400), shown=st.integers(0, 99), more=st.booleans())
def test_the_figure_is_100_exactly_when_nothing_is_left(done: int, total: int, shown: int, more: bool) -> None:
    assert (progress(done, total, shown, more) == 100) is not more


@given(steps=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=20))
def test_the_figure_never_goes_back(steps: list[tuple[int, int]]) -> None:
    done = total = shown = 0
    for answered, asked in steps:
        done, total = done + answered, total + asked
        figure = progress(done, total, shown, True)
        assert 0 <= shown <= figure <= 99
        shown = figure
    assert progress(done, total, shown, False) == 100


# -- the table, with a real endpoint in each state --------------------------------------------


def drive(world: Any, state: State) -> str:
    """A ticket whose session is in that state."""
    if state is State.PAUSED:
        world.amend(preparing_until=world.clock() + timedelta(hours=1))
    else:
        world.put("a", "b")
    if state is State.PERSON:
        world.amend(company_name=world.books.name, company_path="C:\\elsewhere.qbw")
    ticket = str(world.ticket())
    if state in (State.WAITING, State.READY, State.DONE, State.PERSON, State.PAUSED):
        document = world.ask(ticket, first=True)
        if state in (State.READY, State.DONE):
            world.give(ticket, document)
        if state is State.DONE:
            world.give(ticket, world.ask(ticket))
    elif state is State.FAILED:
        world.endpoint.receive_response(ticket, "<QBXML/>", "", "")
    elif state is State.CLOSED:
        world.endpoint.close_connection(ticket)
    (row,) = world.rows(Session)
    assert row.state is state
    return ticket


@pytest.fixture
def asking(world: Any) -> Any:
    """A world whose endpoint can ask a person."""
    world.endpoint = Endpoint(
        world.database, world.registry, interactive_page=lambda _connection: "https://x/", now=world.clock
    )
    return world


@pytest.mark.parametrize("state", State)
def test_what_a_call_for_a_request_gets_in_every_state(asking: Any, speak: Any, state: State) -> None:
    ticket = drive(asking, state)
    sent = asking.rows(Session)[0].out_id
    document = asking.ask(ticket, first=state is State.OPEN)
    after = asking.rows(Session)[0]
    match act(state, Call.ASK):
        case Act.RESEND:
            assert after.out_id == sent
            assert speak.steps([document]) == ["write"]
            assert asking.ask(ticket) == document
        case Act.TAKE if state is State.PAUSED:
            assert (document, after.state) == ("", State.PAUSED)
            assert after.pauses == 3  # the log-in, and twice since
        case Act.TAKE:
            assert speak.steps([document]) == (["write"] if state is State.OPEN else ["clear"])
            assert (after.state, after.out_id != sent) == (State.WAITING, True)
        case Act.GIVE_UP:
            assert (document, after.state) == ("", State.PERSON)
            assert asking.endpoint.get_last_error(ticket) == "Interactive mode"
            assert asking.ask(ticket) == ""  # a connector that opens no page
            assert asking.endpoint.get_last_error(ticket) != "Interactive mode"
        case _:
            assert (document, after.state) == ("", state)


@pytest.mark.parametrize("state", State)
def test_what_an_answer_gets_in_every_state(asking: Any, state: State) -> None:
    ticket = drive(asking, state)
    before = asking.rows(Session)[0]
    answer = asking.books.process(asking.ask(ticket)) if state is State.WAITING else "<QBXML><QBXMLMsgsRs/></QBXML>"
    figure = asking.endpoint.receive_response(ticket, answer, "", "")
    after = asking.rows(Session)[0]
    match act(state, Call.ANSWER):
        case Act.APPLY:
            assert (figure, after.state) == (99, State.READY)
            assert set(asking.jobs().values()) == {"done"}
        case Act.REPEAT:
            assert figure == (-1 if state is State.FAILED else before.progress)
            assert (after.state, after.done) == (state, before.done)
        case Act.FAIL:
            assert (figure, after.state) == (-1, State.FAILED)
            assert "before a request" in after.last_error["en"]
        case _:
            assert (figure, after.state) == (-1, State.CLOSED)


@pytest.mark.parametrize("state", State)
def test_what_a_call_for_the_last_error_gets_in_every_state(asking: Any, state: State) -> None:
    ticket = drive(asking, state)
    text = asking.endpoint.get_last_error(ticket)
    (after,) = asking.rows(Session)
    assert text
    assert after.state is state
    match act(state, Call.ERROR):
        case Act.PAUSE:
            assert text == "NoOp"
        case Act.INTERACT:
            assert text == "Interactive mode"
        case Act.REFUSE:
            assert "not known here" in text
        case _ if state is State.DONE:
            assert text.startswith("All done")
        case _ if state is State.FAILED:
            assert text == after.last_error["en"]
        case _:
            assert text.startswith("Something went wrong")


@pytest.mark.parametrize("state", State)
def test_every_session_can_be_closed_and_is_spent_then(asking: Any, state: State) -> None:
    ticket = drive(asking, state)
    text = asking.endpoint.close_connection(ticket)
    (row,) = asking.rows(Session)
    assert row.state is State.CLOSED
    assert text.startswith("All done") is (state is State.DONE)
    assert asking.ask(ticket) == ""
    again = asking.endpoint.close_connection(ticket)
    assert again == text if state is State.DONE else "not known here" in again
