"""The demonstration: one command plays the whole loop and says honestly whether all of it is reconciled."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest

from portal import demo, story
from portal.errors import Unusable
from portal.models import DraftState, MessageState
from portal.server import listen
from portal.services import connections, insight, outbox, preview, runs, status

ORGANIZATIONS = 12


def test_it_ends_with_a_table_in_which_all_is_reconciled(process: Callable[..., Any], clean_environment: Path) -> None:
    ended = process("demo", "--exit", "--port", "0")
    assert ended.status == 0, ended.err
    rows = [line for line in ended.out.splitlines() if line.endswith("reconciled")]
    assert len(rows) == ORGANIZATIONS
    for name, billed in (("Boulangerie Aux Trois Blés", "153.03"), ("Northwind Logistics Ltd.", "1,683.70")):
        assert any(row.startswith(name) and f" {billed} " in row for row in rows)
    assert "Sécurité:Courriel" in ended.out
    assert "Traceback" not in ended.err
    assert "October 2026" in ended.err
    assert "WARNING" not in ended.err
    (folder,) = clean_environment.iterdir()
    assert folder.name.startswith("demo-")


def test_played_again_in_the_same_place_it_says_the_same(
    command: Callable[..., Any], clean_environment: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = str(sock.getsockname()[1])
    first = command("demo", "--exit", "--port", port, "--json")
    again = command("demo", "--exit", "--port", port, "--json")
    assert (first.status, again.status) == (0, 0)
    assert "is cleared" in again.err
    seen = again.json
    assert seen["reconciled"] is True
    assert seen["address"] is None
    assert [draft["state"] for draft in seen["run"]["drafts"]] == ["reconciled"] * ORGANIZATIONS
    assert [draft["billed"] for draft in seen["run"]["drafts"]] == [
        draft["billed"] for draft in first.json["run"]["drafts"]
    ]
    assert [problem["code"] for problem in seen["problems"]] == [problem["code"] for problem in first.json["problems"]]
    assert [path.name for path in clean_environment.iterdir()] == [f"demo-{port}"]
    # Every page has something to show, also what went wrong.
    codes = Counter(problem["code"] for problem in seen["problems"])
    # a deleted customer, a paid invoice, closed books, an item without cost; five offers, two organizations
    assert codes == {
        "3140": 1,
        "invoice-paid": 1,
        "3171": 1,
        "no-cost-field": 1,
        "offer-mapping": 5,
        "organization-mapping": 2,
    }


@pytest.fixture
def played(clean_environment: Path) -> Iterator[story.Stage]:
    """The whole story, and the portal that it left."""
    folder = clean_environment / "demo"
    calendar = story.Calendar(story.FIRST_DAY)
    with listen("127.0.0.1", 0) as sock:
        made = demo.open_portal(folder, sock.getsockname()[1], calendar)
        stage = demo.set_up(made, folder, calendar)
        server = demo.serve(stage, sock)
        demo.play_months(stage)
        server.close()
        yield stage
        stage.listener.close()
        made.database.close()


def test_the_months_are_such_that_each_page_teaches(played: story.Stage) -> None:
    portal, connection_id = played.portal, played.connection_id
    october, september = runs.list_runs(portal, connection_id)
    states = Counter(draft.state for draft in september.drafts)
    assert {draft.state for draft in october.drafts} == {DraftState.RECONCILED}
    assert states[DraftState.PARKED] == 3
    assert states[DraftState.DONE] == 1
    assert states[DraftState.RECONCILED] >= 8
    weeks = insight.visits_over_time(portal, connection_id, insight.Step.WEEK).spans
    assert sum(one.done for one in weeks) >= 10
    assert sum(one.broken for one in weeks) == 1
    assert sum(one.failed for one in weeks) == 2
    last = status.status(portal, connection_id).last_visit
    assert last is not None
    assert portal.now() - last.opened_at < timedelta(minutes=5)
    (months,) = insight.months(portal, connection_id)
    assert [row.margin is not None and row.margin > 0 for row in months.rows] == [True, True]
    changes = insight.changes(portal, connection_id)
    assert [(row.changed, row.withdrawn) for group in changes.groups for row in group.rows] == [(0, 1), (1, 0)]
    assert any(one.before for one in insight.seats(portal, connection_id))
    seen = preview.preview(portal, connection_id, story.OCTOBER)
    assert any(draft.reason is not None for draft in seen.drafts), "a credit is held"
    assert any(draft.reason is None for draft in seen.drafts), "something can be sent"
    assert [one.company_name for one in connections.list_connections(portal)].count(None) == 1
    told = Counter(one.state for one in outbox.list_messages(portal, connection_id))
    assert told[MessageState.FAILED] == 1, "to be sent again"
    assert told[MessageState.DELIVERED] >= 5


def test_a_port_in_use_is_said_and_settings_of_a_real_portal_are_left_alone(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://someone:hush@127.0.0.1:1/real")
    monkeypatch.setenv("PORTAL_URL", "nonsense")
    ended = command("demo", "--exit", "--port", str(taken_port))
    assert ended.status == 0
    assert f"Port {taken_port} is in use; port " in ended.err


def test_a_port_that_does_not_exist_is_refused_at_once(command: Callable[..., Any]) -> None:
    ended = command("demo", "--exit", "--port", "70000")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == "Port 70000 does not exist: give one from 1 to 65535.\n"


def test_when_every_port_is_taken_it_gives_up(monkeypatch: pytest.MonkeyPatch, taken_port: int) -> None:
    monkeypatch.setattr(demo, "PORTS_TO_TRY", 1)
    with pytest.raises(Unusable, match="in use"):
        demo._listen(taken_port)


@pytest.mark.parametrize("states", [[], ["reconciled", "different"], ["queued"]])
def test_not_all_reconciled_is_not_a_success(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, states: list[str]
) -> None:
    drafts = [SimpleNamespace(state=DraftState(state)) for state in states]
    monkeypatch.setattr(demo, "play_months", lambda _stage: SimpleNamespace(drafts=drafts))
    printed: list[bool] = []
    monkeypatch.setattr(demo, "_print_result", lambda *_, is_reconciled, **__: printed.append(is_reconciled))
    assert command("demo", "--exit", "--port", "0").status == 1
    assert printed == [False]


def test_missing_samples_are_told(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "__file__", str(tmp_path / "portal" / "demo.py"))
    ended = command("demo", "--exit", "--port", "0")
    assert ended.status == 2
    assert "sample files are missing" in ended.err


def test_without_exit_it_serves_until_an_interrupt(compiled: dict[str, str], clean_environment: Path) -> None:
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
    running = subprocess.Popen(
        [sys.executable, "-m", "portal.cli", "demo", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**compiled, "PORTAL_DATA": str(clean_environment)},
    )
    try:
        assert running.stdout is not None
        said = ""
        while "Ctrl+C" not in said:
            line = running.stdout.readline()
            assert line, running.stderr.read() if running.stderr else ""
            said += line
        assert f"Portal: http://localhost:{port}/" in said
        for path in ("/", "/qbwc"):
            with urlopen(f"http://localhost:{port}{path}", timeout=10) as answer:
                assert answer.status == 200
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
        assert out == ""
        assert "Traceback" not in err, err
    finally:
        running.kill()
        running.communicate()
