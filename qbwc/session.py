"""One Web Connector session: a table of transitions (pure).

                    ASK          ANSWER        ERROR         what is out
    OPEN            take         fail          explain       nothing yet
    WAITING         resend       apply         explain       a message set whose answer has not come
    READY           take         repeat        explain       nothing: the last answer was applied
    PAUSED          take         repeat        pause         nothing: work is being prepared
    PERSON          give up      repeat        interact      nothing: a person must decide first
    DONE, FAILED    nothing      repeat        explain       nothing, and nothing more will leave
    CLOSED          refuse       refuse        refuse        the ticket is spent

ASK is sendRequestXML, ANSWER is receiveResponseXML, ERROR is getLastError. A second ASK means that QuickBooks never
got, or never answered, what was sent: the same bytes leave again. A second ANSWER is not applied twice: it gets the
figure of the first.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a session stands."""

    OPEN = "open"
    WAITING = "waiting"
    READY = "ready"
    PAUSED = "paused"
    PERSON = "person"
    DONE = "done"
    FAILED = "failed"
    CLOSED = "closed"


class Call(StrEnum):
    """The calls whose meaning depends on the state."""

    ASK = "ask"
    ANSWER = "answer"
    ERROR = "error"


class Act(StrEnum):
    """What a call makes us do."""

    TAKE = "take"
    RESEND = "resend"
    APPLY = "apply"
    REPEAT = "repeat"
    NOTHING = "nothing"
    GIVE_UP = "give-up"
    FAIL = "fail"
    EXPLAIN = "explain"
    PAUSE = "pause"
    INTERACT = "interact"
    REFUSE = "refuse"


TRANSITIONS: dict[tuple[State, Call], Act] = {
    (State.OPEN, Call.ASK): Act.TAKE,
    (State.OPEN, Call.ANSWER): Act.FAIL,
    (State.OPEN, Call.ERROR): Act.EXPLAIN,
    (State.WAITING, Call.ASK): Act.RESEND,
    (State.WAITING, Call.ANSWER): Act.APPLY,
    (State.WAITING, Call.ERROR): Act.EXPLAIN,
    (State.READY, Call.ASK): Act.TAKE,
    (State.READY, Call.ANSWER): Act.REPEAT,
    (State.READY, Call.ERROR): Act.EXPLAIN,
    (State.PAUSED, Call.ASK): Act.TAKE,
    (State.PAUSED, Call.ANSWER): Act.REPEAT,
    (State.PAUSED, Call.ERROR): Act.PAUSE,
    (State.PERSON, Call.ASK): Act.GIVE_UP,
    (State.PERSON, Call.ANSWER): Act.REPEAT,
    (State.PERSON, Call.ERROR): Act.INTERACT,
    (State.DONE, Call.ASK): Act.NOTHING,
    (State.DONE, Call.ANSWER): Act.REPEAT,
    (State.DONE, Call.ERROR): Act.EXPLAIN,
    (State.FAILED, Call.ASK): Act.NOTHING,
    (State.FAILED, Call.ANSWER): Act.REPEAT,
    (State.FAILED, Call.ERROR): Act.EXPLAIN,
    (State.CLOSED, Call.ASK): Act.REFUSE,
    (State.CLOSED, Call.ANSWER): Act.REFUSE,
    (State.CLOSED, Call.ERROR): Act.REFUSE,
}


def act(state: State, call: Call) -> Act:
    """What to do when `call` arrives in `state`."""
    return TRANSITIONS[state, call]


def progress(done: int, total: int, shown: int, more: bool) -> int:
    """The figure for receiveResponseXML: 100 only when nothing is left, never early and never going back.

    `shown` is the last figure given in this session. The Web Connector ends the session at 100.
    """
    if not more:
        return 100
    return max(shown, min(99, done * 100 // total if total else 0))
