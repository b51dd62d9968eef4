"""Starts servers that can be killed, quickly: one process imports everything, and forks a server for each order.

Orders come as lines of JSON on standard input: data (folder), url (database) and, for a server that kills itself, dies
("before-commit" or "after-commit") at the n-th commit. The answer is a line with the pid and port of the server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any


def main() -> None:
    import portal.wsgi  # noqa: F401 (imported once, for all servers)
    from portal import server  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(order)
            os._exit(0)


def serve(order: dict[str, Any]) -> None:
    from portal import settings as configuration
    from portal.server import build_server, listen
    from portal.services import build_portal
    from portal.wsgi import build_wsgi

    now = datetime.fromisoformat(order["now"])
    loaded = configuration.load({}, data=Path(order["data"]), database_url=order["url"], url="http://localhost:8080")
    made = build_portal(loaded, now=lambda: now)
    sock = listen("127.0.0.1", 0)
    running = build_server(build_wsgi(made), sock)
    die_at_commit(order.get("dies"), order.get("at", 0))
    sys.stdout.write(json.dumps({"pid": os.getpid(), "port": sock.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    running.run()


def die_at_commit(when: str | None, at: int) -> None:
    """Kill this process right before or right after its n-th commit, as if the power had failed."""
    import sqlalchemy as sa

    if when is None:
        return
    counted = {"commits": 0}

    def count(_connection: Any) -> None:
        counted["commits"] += 1
        if counted["commits"] == at and when == "before-commit":
            os.kill(os.getpid(), signal.SIGKILL)

    def give_back(*_connection: Any) -> None:
        if counted["commits"] == at and when == "after-commit":
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "commit", count)
    sa.event.listen(sa.Pool, "checkin", give_back)


if __name__ == "__main__":
    main()
