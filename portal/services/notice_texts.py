"""What a message says: the JSON that waits in the outbox, and the letter that is made of it when it leaves.

A webhook's body is made once, so that every attempt sends the same bytes. A letter is made at the last moment, in the
language that the person has then.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from portal.channels.email import Letter
from portal.errors import Sentence
from portal.models import Occasion
from portal.notices import Action, Notice
from portal.notices.telling import Told
from portal.services.notice_facts import Known
from portal.services.preview import Preview
from portal.services.speaking import say, say_both, say_day, say_moment, say_money

MOST_ROWS = 30
PLACES: dict[Action, str] = {
    Action.OPEN_PREVIEW: "/preview",
    Action.CONNECTOR_STEPS: "",
    Action.RETRY: "/status",
    Action.CONFIRM_COMPANY: "",
    Action.MAP: "/offers",
    Action.MEND_ERRORS: "/status",
    Action.RENEW_PASSWORD: "",
    Action.UPDATE_QUICKBOOKS: "",
    Action.IMPORT_AGAIN: "/charges",
}
"""The page on which an action is done, after that of the connection."""
NOTICES_PLACE = "/notices"
CHOOSING_PLACE = "/notices/telling"
EVENTS: dict[Occasion, str] = {
    Occasion.RAISED: "notice.raised",
    Occasion.CLEARED: "notice.cleared",
    Occasion.TEST: "test",
}
"""What a webhook is told: the `type` of a body for each occasion that has one."""
BUTTONS: dict[Action, Sentence] = {
    Action.OPEN_PREVIEW: Sentence("Open the preview"),
    Action.CONNECTOR_STEPS: Sentence("Open the steps"),
    Action.RETRY: Sentence("Open the status"),
    Action.CONFIRM_COMPANY: Sentence("Compare the files"),
    Action.MAP: Sentence("Map the rows"),
    Action.MEND_ERRORS: Sentence("Open the problems"),
    Action.RENEW_PASSWORD: Sentence("Open the connection"),
    Action.UPDATE_QUICKBOOKS: Sentence("See the release"),
    Action.IMPORT_AGAIN: Sentence("Import again"),
}
_WHY = Sentence("You get this letter because you chose so, or your role on this connection says so. To change it:")


def address_of(url: str, connection_id: int, place: str) -> str:
    """The whole address of a page of a connection."""
    return f"{url.rstrip('/')}/connections/{connection_id}{place}"


# -- what waits


def webhook_body(occasion: Occasion, known: Known, about: Notice | Told | None, now: datetime, url: str) -> str:
    """The body for a webhook: type, timestamp and data, as Standard Webhooks has them."""
    data: dict[str, Any] = {"connection": {"id": known.connection_id, "name": known.name}}
    if about is not None:
        data |= {"kind": about.kind.value, "key": about.key}
    if isinstance(about, Notice):
        data |= {
            "severity": about.severity.value,
            "since": about.since.astimezone(UTC).isoformat() if about.since else None,
            "title": say_both(about.title),
            "what": say_both(about.what),
            "do": say_both(about.do),
            "action": about.action.value,
            "url": address_of(url, known.connection_id, PLACES[about.action]),
            "size": about.size,
        }
    return _json({"type": EVENTS[occasion], "timestamp": now.astimezone(UTC).isoformat(), "data": data})


def notice_payload(notices: Collection[Notice]) -> str:
    """One or several notices, for a letter."""
    return _json({"notices": [_kept_notice(notice) for notice in notices]})


def preview_payload(seen: Preview) -> str:
    """The sums of a preview, for a letter."""
    drafts = [draft for draft in seen.drafts if draft.reason is None]
    known = [draft.estimate for draft in drafts if draft.estimate is not None]
    rows = [
        {"name": draft.organization, "estimate": None if draft.estimate is None else str(draft.estimate)}
        for draft in drafts[:MOST_ROWS]
    ]
    return _json(
        {
            "invoice_date": seen.invoice_date.isoformat(),
            "first": seen.period_start.isoformat(),
            "last": seen.period_last.isoformat(),
            "invoices": len(drafts),
            "waiting": len(seen.drafts) - len(drafts),
            "left_out": sum(row.count for row in seen.skipped),
            "total": str(sum(known, Decimal(0))) if len(known) == len(drafts) else None,
            "rows": rows,
        }
    )


def _kept_notice(notice: Notice) -> dict[str, Any]:
    return {
        "title": _kept(notice.title),
        "what": _kept(notice.what),
        "do": _kept(notice.do),
        "action": notice.action.value,
        "since": notice.since.isoformat() if notice.since else None,
        "sides": [[_kept(side.what), side.expected, side.seen] for side in notice.sides],
    }


def _kept(sentence: Sentence) -> list[Any]:
    return [sentence.template, dict(sentence.values), dict(sentence.by_language)]


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# -- what leaves


def compose(
    occasion: Occasion,
    payload: str,
    *,
    message_id: str,
    to: str,
    language: str,
    connection_id: int,
    connection: str,
    time_zone: str,
    url: str,
) -> Letter:
    """The letter of a message that waited."""
    content = json.loads(payload) if payload else {}
    make = {Occasion.DIGEST: _digest, Occasion.PREVIEW: _preview, Occasion.TEST: _test}.get(occasion, _one)
    is_test = occasion is Occasion.TEST
    subject, before, items, button, place = make(content, language, connection, time_zone)
    return Letter(
        to=to,
        language=language,
        subject=" ".join(subject.split())[:200],
        before=before,
        items=items,
        button=say(button, language),
        url=address_of(url, connection_id, place),
        after=_test_after(language) if is_test else (),
        why="" if is_test else say(_WHY, language),
        why_url="" if is_test else address_of(url, connection_id, CHOOSING_PLACE),
        key=message_id,
    )


_Parts = tuple[str, tuple[str, ...], tuple[str, ...], Sentence, str]


def _one(content: Any, language: str, connection: str, zone: str) -> _Parts:
    notice = content["notices"][0]
    action = Action(notice["action"])
    since: tuple[str, ...] = ()
    if notice["since"]:
        at = say_moment(datetime.fromisoformat(notice["since"]), zone, language)
        since = (say(Sentence("Since %(since)s.", {"since": at}), language),)
    sides = tuple(
        say(
            Sentence(
                "%(what)s: %(expected)s is expected, %(seen)s was open.",
                {"what": _said(what, language), "expected": expected, "seen": seen},
            ),
            language,
        )
        for what, expected, seen in notice["sides"]
    )
    before = (_said(notice["what"], language), *since, _said(notice["do"], language))
    return f"{connection}: {_said(notice['title'], language)}", before, sides, BUTTONS[action], PLACES[action]


def _digest(content: Any, language: str, connection: str, zone: str) -> _Parts:
    subject = Sentence("%(connection)s: what needs you today", {"connection": connection})
    before = Sentence("This stands open for %(connection)s:", {"connection": connection})
    items = tuple(
        f"{_said(notice['title'], language)}. {_said(notice['what'], language)}" for notice in content["notices"]
    )
    return say(subject, language), (say(before, language),), items, Sentence("Open the notices"), NOTICES_PLACE


def _preview(content: Any, language: str, connection: str, zone: str) -> _Parts:
    on = say_day(date.fromisoformat(content["invoice_date"]), language)
    subject = Sentence("%(connection)s: preview of %(date)s", {"connection": connection, "date": on})
    total = content["total"]
    before = [
        Sentence(
            "On %(date)s the charges of %(first)s to %(last)s are billed. As they stand now: %(count)s invoices.",
            {
                "date": on,
                "first": say_day(date.fromisoformat(content["first"]), language),
                "last": say_day(date.fromisoformat(content["last"]), language),
                "count": str(content["invoices"]),
            },
        )
    ]
    if total is not None and content["invoices"]:
        amount = say_money(Decimal(total), language)
        before.append(Sentence("Estimated total before taxes: %(total)s.", {"total": amount}))
    if content["waiting"] or content["left_out"]:
        counts = {"waiting": str(content["waiting"]), "charges": str(content["left_out"])}
        before.append(Sentence("Held back: %(waiting)s invoices, %(charges)s charges. The preview says why.", counts))
    items = [
        f"{row['name']}: {say_money(None if row['estimate'] is None else Decimal(row['estimate']), language)}"
        for row in content["rows"]
    ]
    if content["invoices"] > len(items):
        items.append(say(Sentence("and %(count)s more", {"count": str(content["invoices"] - len(items))}), language))
    said = tuple(say(one, language) for one in before)
    return (
        say(subject, language),
        said,
        tuple(items),
        Sentence("Open the preview"),
        (f"{PLACES[Action.OPEN_PREVIEW]}?on={content['invoice_date']}"),
    )


def _test(content: Any, language: str, connection: str, zone: str) -> _Parts:
    subject = Sentence("%(connection)s: a test", {"connection": connection})
    before = Sentence("This is what you asked for to see whether letters of the portal reach you. They do.")
    return say(subject, language), (say(before, language),), (), Sentence("Open the notices"), NOTICES_PLACE


def _test_after(language: str) -> tuple[str, ...]:
    return (say(Sentence("Nothing is to be done."), language),)


def _said(kept: Any, language: str) -> str:
    template, values, by_language = kept
    return say(Sentence(template, values, by_language), language)
