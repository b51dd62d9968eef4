"""The commands about notices: each calls one use case and gives its result, for scripts and as text."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from portal.models import MessageState
from portal.report import table
from portal.services import Portal, connections, delivery, dispatch_notices, notices, outbox, trials, webhooks
from portal.services.outbox import MessageView

MOST_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Result:
    """What a command did: the value for --json, the text, and the exit status."""

    value: Any
    text: str
    status: int = 0


def _notices(portal: Portal, args: argparse.Namespace) -> Result:
    if args.connection is None:
        seen = notices.list_all_notices(portal)
    else:
        seen = notices.list_notices(portal, connections.find_connection(portal, args.connection).id)
    values = [
        {
            "connection": view.connection_id,
            "name": view.connection,
            "kind": view.notice.kind.value,
            "key": view.notice.key,
            "severity": view.notice.severity.value,
            "title": view.notice.title,
            "what": view.notice.what,
            "since": view.notice.since,
            "do": view.notice.do,
            "action": view.notice.action.value,
        }
        for view in seen
    ]
    rows = [
        (view.connection, view.notice.severity, view.notice.title, view.notice.what, _minute(view.notice.since))
        for view in seen
    ]
    text = table(("Connection", "Severity", "Notice", "What happened", "Since (UTC)"), rows)
    return Result(values, text if rows else "There is nothing to tell.")


def _outbox(portal: Portal, args: argparse.Namespace) -> Result:
    found = connections.find_connection(portal, args.connection)
    if args.again is not None:
        outbox.send_again(portal, found.id, args.again)
        delivery.deliver(portal, only=args.again)
        seen: Sequence[MessageView] = (outbox.get_message(portal, found.id, args.again),)
        return Result(seen, describe_messages(seen), _status(seen))
    state = None if args.state is None else MessageState(args.state)
    seen = outbox.list_messages(portal, found.id, state=state)
    return Result(seen, describe_messages(seen) if seen else "There are no such messages.")


def _dispatch(portal: Portal, args: argparse.Namespace) -> Result:
    told = dispatch_notices.dispatch(portal)
    delivered = rounds = 0
    while delivery.is_due(portal) and rounds < MOST_ROUNDS:
        delivered, rounds = delivered + delivery.deliver(portal), rounds + 1
    return Result({"told": told, "delivered": delivered}, f"{told} new messages, {delivered} delivered.")


def _add_webhook(portal: Portal, args: argparse.Namespace) -> Result:
    found = connections.find_connection(portal, args.connection)
    kinds = [kind.strip() for kind in args.kinds.split(",") if kind.strip()]
    made = webhooks.add_webhook(portal, found.id, args.url, kinds=kinds)
    text = (
        f"Webhook {made.id} of {found.name}: {made.url}\n"
        f"Secret (shown this once): {made.secret}\n"
        f"Next: portal webhook check {found.id}"
    )
    return Result(made, text)


def _check_webhooks(portal: Portal, args: argparse.Namespace) -> Result:
    found = connections.find_connection(portal, args.connection)
    hooks = webhooks.list_webhooks(portal, found.id)
    seen = [trials.try_webhook(portal, found.id, hook.id) for hook in hooks]
    text = describe_messages(seen) if seen else f"{found.name} has no webhooks. Make one with: portal webhook add"
    return Result(seen, text, _status(seen))


def _status(seen: Sequence[MessageView]) -> int:
    return 0 if all(one.state is MessageState.DELIVERED for one in seen) else 1


def describe_messages(seen: Sequence[MessageView]) -> str:
    """Messages of the outbox as a table."""
    rows = [
        (one.id, _minute(one.created_at), one.occasion, one.kind or "", one.to, one.state, one.attempts, _answer(one))
        for one in seen
    ]
    return table(
        ("No.", "Made (UTC)", "Message", "Notice", "To", "State", "Attempts", "Answer"), rows, frozenset({0, 6})
    )


def _answer(one: MessageView) -> str:
    status = "" if one.status is None else str(one.status)
    return f"{one.answer} ({status})" if one.answer and status else one.answer or status


def _minute(at: Any) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


COMMANDS: dict[str, Callable[[Portal, argparse.Namespace], Result]] = {
    "notices": _notices,
    "outbox": _outbox,
    "dispatch": _dispatch,
    "webhook add": _add_webhook,
    "webhook check": _check_webhooks,
}
