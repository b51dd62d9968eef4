"""The demonstration, played once and kept as files: a process that plays it, or that serves what was played.

python tests/demonstration.py play FOLDER      makes FOLDER
python tests/demonstration.py serve FOLDER     prints its address and serves it, until the process is ended
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import sqlalchemy as sa

from portal import demo
from portal.listener import Listener
from portal.models import Webhook
from portal.server import listen
from portal.services import connections
from portal.story import FIRST_DAY, Calendar, Stage
from portal.worker import deliver_until

PASSWORD = "connector-password"
CONNECTION_ID = 1


def play(folder: Path) -> None:
    """Play it into a new folder."""
    sock = listen("127.0.0.1", 0)
    calendar = Calendar(FIRST_DAY)
    stage = demo.set_up(demo.open_portal(folder, sock.getsockname()[1], calendar), folder, calendar)
    server = demo.serve(stage, sock)
    demo.play_months(stage)
    (folder / PASSWORD).write_text(stage.password, encoding="utf-8")
    server.close()
    stage.listener.close()
    stage.portal.database.close()


def serve(folder: Path) -> None:
    """Serve what was played, today."""
    sock = listen("127.0.0.1", 0)
    calendar, listener = Calendar(), Listener()
    portal = demo.open_portal(folder, sock.getsockname()[1], calendar)
    with portal.database.write() as db:
        db.execute(sa.update(Webhook).values(url=listener.url))
    (folder / "demo.qwc").write_text(connections.qwc(portal, CONNECTION_ID), encoding="utf-8")
    password = (folder / PASSWORD).read_text(encoding="utf-8")
    samples, lock = demo.samples_folder(), threading.Lock()
    demo.serve(Stage(portal, CONNECTION_ID, password, folder, samples, calendar, lock, listener), sock)
    print(portal.settings.url, flush=True)
    deliver_until(portal, threading.Event())


if __name__ == "__main__":
    {"play": play, "serve": serve}[sys.argv[1]](Path(sys.argv[2]))
