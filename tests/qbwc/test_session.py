"""The table of transitions, and the figure that the connector shows."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert {state for (state, _), what in TRANSITIONS.items() if what is Act.TAKE} == {State.OPEN, State.READY}


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
