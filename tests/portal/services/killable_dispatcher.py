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
from portal.channels import email, webhook
from portal.services import build_portal, delivery, dispatch_notices, told_causes


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(send: Any) -> Any:
    return lambda *given, **named: die(send(*given, **named))


def main() -> None:
    order = json.loads(sys.argv[1])
    given = {"smtp_url": order["smtp"], "mail_from": "portal@example.com"} if order["smtp"] else {}
    loaded = configuration.load(
        {}, data=Path(order["data"]), database_url=order["url"], secret_key=order["key"], private_webhooks=True, **given
    )
    now = datetime.fromisoformat(order["now"])
    portal = build_portal(loaded, now=lambda: now)
    if order["dies"] == "before-telling":
        sa.event.listen(told_causes.ToldNotice, "after_insert", die)
    dispatch_notices.dispatch(portal)
    if order["dies"] == "after-telling":
        die()
    for channel in (webhook, email):
        if order["dies"] == "after-lease":
            channel.send = die  # type: ignore[attr-defined]
        if order["dies"] == "after-send":
            channel.send = dying_after(channel.send)  # type: ignore[attr-defined]
    delivery.deliver(portal)


if __name__ == "__main__":
    main()
