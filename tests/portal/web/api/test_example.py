"""The example of the manual, run as it stands: it makes a connection, pushes charges, maps, previews and bills."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import portal as package
from portal.models import DraftState, Scope
from portal.server import listen, serve_in_thread
from portal.services import runs
from portal.services.api import tokens
from portal.wsgi import build_wsgi
from qbwc.sandbox import Company, read_manifest, visit

MANUAL = (Path(package.__file__).parent / "help" / "manual.md").read_text(encoding="utf-8")
COMPANY = Path(package.__file__).parents[1] / "samples" / "sandbox" / "company.json"


def example() -> str:
    found = re.search(r"```python\n(import os.*?)```", MANUAL, flags=re.DOTALL)
    assert found
    return found[1]


def test_it_is_short() -> None:
    assert len([line for line in example().splitlines() if line.strip()]) <= 20


def test_it_makes_a_connection_and_bills_a_charge(month: Any, by: Any, tmp_path: Path) -> None:
    text = tokens.make_token(month.portal, by, "Example", tuple(Scope), timedelta(days=1)).text
    sock = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{sock.getsockname()[1]}"
    served = serve_in_thread(build_wsgi(month.portal), sock)
    script = tmp_path / "example.py"
    script.write_text(example(), encoding="utf-8")
    environment = {**os.environ, "PORTAL_URL": address, "PORTAL_TOKEN": text, "PYTHONUNBUFFERED": "1"}
    program = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout
        assert program.stdin
        pushed = program.stdout.readline()
        assert "made" in pushed
        asked = ""
        while not asked.endswith(": "):
            letter = program.stdout.read(1)
            assert letter, program.stderr.read() if program.stderr else ""
            asked += letter
        password = re.search(r"password (\S+),", asked)
        assert password
        shutil.copyfile(COMPANY, tmp_path / "company.json")
        company = Company.load(tmp_path / "company.json", clock=month.clock)
        manifest = read_manifest(tmp_path / "books.qwc")
        first = visit(manifest, company, password[1], url=f"{address}/qbwc", pause=lambda _seconds: None)
        assert first.went_well, first.explanation
        out, err = program.communicate("\n", timeout=60)
        assert (program.returncode, err) == (0, "")
        assert "'queued': 1" in out
        second = visit(manifest, company, password[1], url=f"{address}/qbwc", pause=lambda _seconds: None)
        assert second.went_well, second.explanation
    finally:
        program.kill()
        program.wait()
        served.close()
    run = runs.list_runs(month.portal, 2)[0]
    assert [draft.state for draft in run.drafts] == [DraftState.RECONCILED]
