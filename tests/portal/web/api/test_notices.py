"""Notices over the API, and the events of webhooks: what is documented is what is sent."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from portal.models import Occasion
from portal.notices import find_notices
from portal.notices.telling import Told
from portal.services.notice_facts import load_facts
from portal.services.notice_texts import webhook_body
from portal.web.api.shapes.notices import EVENTS


def test_notices_are_those_of_the_pages_and_in_the_language_of_the_call(api: Any, month: Any) -> None:
    month.clock.at += timedelta(days=10)
    found = api.every("/connections/1/notices", limit=1)
    assert found
    assert found == api.every("/notices")
    assert {one["connection_id"] for one in found} == {1}
    french = api.get("/connections/1/notices", headers={"Accept-Language": "fr"}).json["items"]
    assert [one["key"] for one in french] == [one["key"] for one in found]
    assert french[0]["title"] != found[0]["title"]


def test_another_partner_sees_none(foreign: Any) -> None:
    assert foreign.get("/connections/1/notices").status_code == 404
    assert foreign.get("/notices").json == {"items": [], "next": None}


def test_a_cursor_of_another_list_is_refused(api: Any, month: Any) -> None:
    month.clock.at += timedelta(days=10)
    cursor = api.get("/notices", query_string={"limit": "1"}).json["next"]
    if cursor is None:
        cursor = api.get("/connections/1/charges", query_string={"limit": "1"}).json["next"]
    answer = api.get("/connections/1/notices", query_string={"cursor": cursor})
    assert (answer.status_code, answer.json["code"]) == (400, "refused")


def test_every_event_is_sent_as_it_is_documented(api: Any, month: Any) -> None:
    document = api.get("/openapi.json").json
    assert document["webhooks"].keys() == EVENTS.keys()
    month.clock.at += timedelta(days=10)
    now = month.portal.now()
    with month.portal.database.read() as db:
        known = load_facts(db, now)[0]
    notices = find_notices(known.facts, now)
    assert notices
    sent = [webhook_body(Occasion.RAISED, known, notice, now, "https://portal.example.com") for notice in notices]
    gone = Told(key=notices[0].key, kind=notices[0].kind, fingerprint=notices[0].fingerprint, size=1)
    sent += [webhook_body(Occasion.CLEARED, known, gone, now, "https://portal.example.com")]
    sent += [webhook_body(Occasion.TEST, known, None, now, "https://portal.example.com")]
    seen = set()
    for body in map(json.loads, sent):
        content = document["webhooks"][body["type"]]["post"]["requestBody"]["content"]
        schema = {**content["application/json"]["schema"], "components": document["components"]}
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(body)
        seen.add(body["type"])
    assert seen == EVENTS.keys()
