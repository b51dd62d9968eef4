"""Tells and delivers once, in a process that kills itself where its order says, as if the power had failed."""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from portal import settings as configuration
from portal.channels import webhook
from portal.services import build_portal, delivery, dispatch_notices


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    order = json.loads(sys.argv[1])
    loaded = configuration.load(
        {}, data=Path(order["data"]), database_url=order["url"], secret_key=order["key"], private_webhooks=True
    )
    now = datetime.fromisoformat(order["now"])
    portal = build_portal(loaded, now=lambda: now)
    if order["dies"] == "before-telling":
        sa.event.listen(dispatch_notices.ToldNotice, "after_insert", die)
    dispatch_notices.dispatch(portal)
    if order["dies"] == "after-telling":
        die()
    send = webhook.send
    if order["dies"] == "after-lease":
        webhook.send = die  # type: ignore[assignment]
    if order["dies"] == "after-send":
        webhook.send = lambda *given, **named: die(send(*given, **named))  # type: ignore[assignment,return-value]
    delivery.deliver(portal)


if __name__ == "__main__":
    main()
