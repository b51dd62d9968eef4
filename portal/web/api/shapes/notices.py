"""Notices, and the events that webhooks are told."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from portal.notices import Action, Kind, Severity
from portal.services.notices import NoticeView
from portal.web.api.shapes.values import Shape
from portal.web.language import say

NoticeKind = Annotated[Kind, WithJsonSchema({"type": "string", "enum": [kind.value for kind in Kind]})]
"""Within the shapes: another one is called Kind."""


class SideOut(Shape):
    """One thing that differs."""

    what: str
    expected: str
    seen: str


class NoticeOut(Shape):
    """Something that somebody should know. It is gone as soon as its cause is."""

    connection_id: int
    connection: str
    kind: NoticeKind
    key: Annotated[str, Field(description="Stays the same for one cause.")]
    severity: Severity
    title: str
    what: str
    do: str
    since: datetime | None
    action: Action
    roles: Annotated[list[str], Field(description="Whose members may do it.")]
    size: Annotated[int, Field(description="How much the cause has: rows to map, lines that wait, errors.")]
    sides: Annotated[list[SideOut], Field(description="What differs, where something does.")]

    @classmethod
    def of(cls, view: NoticeView) -> NoticeOut:
        """As it is sent."""
        one = view.notice
        return cls(
            connection_id=view.connection_id,
            connection=view.connection,
            kind=one.kind,
            key=one.key,
            severity=one.severity,
            title=say(one.title),
            what=say(one.what),
            do=say(one.do),
            since=one.since,
            action=one.action,
            roles=sorted(one.roles),
            size=one.size,
            sides=[SideOut(what=say(side.what), expected=side.expected, seen=side.seen) for side in one.sides],
        )


class NoticePage(Shape):
    """A page of notices, as they are at the moment of the call."""

    items: list[NoticeOut]
    next: str | None


# -- what a webhook is told


class Texts(Shape):
    """A text in both languages."""

    en: str
    fr: str


class OfConnection(Shape):
    """The connection that an event is about."""

    id: int
    name: str


class RaisedData(Shape):
    """A notice that is new, or has grown."""

    connection: OfConnection
    kind: NoticeKind
    key: str
    severity: Severity
    since: datetime | None
    title: Texts
    what: Texts
    do: Texts
    action: Action
    url: Annotated[str, Field(description="Where it is mended.")]
    size: int


class ClearedData(Shape):
    """A notice whose cause is gone."""

    connection: OfConnection
    kind: NoticeKind
    key: str


class TestData(Shape):
    """Nothing but the connection."""

    connection: OfConnection


class NoticeRaised(Shape):
    """Somebody should know something. The message's id, `webhook-id`, stays the same however often it is sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "notice.raised",
                    "timestamp": "2026-11-01T10:00:00+00:00",
                    "data": {
                        "connection": {"id": 3, "name": "Books"},
                        "kind": "unmapped",
                        "key": "unmapped",
                        "severity": "warning",
                        "since": None,
                        "title": {"en": "Rows to map", "fr": "Lignes à associer"},
                        "what": {"en": "Offers without an item: 2.", "fr": "Offres sans article : 2."},
                        "do": {"en": "Map these rows.", "fr": "Associez ces lignes."},
                        "action": "map",
                        "url": "https://portal.example.com/connections/3/offers",
                        "size": 2,
                    },
                }
            ]
        }
    )

    type: Literal["notice.raised"]
    timestamp: datetime
    data: RaisedData


class NoticeCleared(Shape):
    """The cause of a notice is gone."""

    type: Literal["notice.cleared"]
    timestamp: datetime
    data: ClearedData


class WebhookTest(Shape):
    """Somebody clicked Test."""

    type: Literal["test"]
    timestamp: datetime
    data: TestData


EVENTS: dict[str, tuple[type[Shape], str]] = {
    "notice.raised": (NoticeRaised, "A notice is new, or has grown."),
    "notice.cleared": (NoticeCleared, "The cause of a notice is gone."),
    "test": (WebhookTest, "Somebody tests the webhook."),
}
"""Every event that a webhook is told, by its type."""
