"""Notices as pages say them: with their plurals, the page where each is mended, and who may do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.models import Role
from portal.notices import Action, Kind, Notice
from portal.services.notice_texts import BUTTONS
from portal.services.notices import NoticeView
from portal.web.language import say

_PAGES: dict[Action, str] = {
    Action.OPEN_PREVIEW: "preview.show",
    Action.CONNECTOR_STEPS: "connections.show",
    Action.CONFIRM_COMPANY: "notices.index",
    Action.MEND_ERRORS: "status.show",
    Action.RENEW_PASSWORD: "connections.show",
    Action.UPDATE_QUICKBOOKS: "connections.show",
    Action.IMPORT_AGAIN: "charges.index",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The button that leads to what mends a notice; `is_deed`: it does something itself, and is sent as a form."""

    text: str
    url: str
    is_deed: bool = False


def way(view: NoticeView) -> Way:
    """The one button of a notice, for those who may do what mends it."""
    notice = view.notice
    if notice.action is Action.RETRY:
        return Way(text=_("Retry"), url=url_for("visits.again", connection_id=view.connection_id), is_deed=True)
    if notice.action is Action.MAP:
        endpoint, more = _table_to_map(_counts(notice))
    else:
        endpoint, more = _PAGES[notice.action], _place_on_page(notice)
    return Way(text=say(BUTTONS[notice.action]), url=url_for(endpoint, connection_id=view.connection_id, **more))


def told(notice: Notice) -> str:
    """What happened. Counts are said with their plurals, and what there is none of is left out."""
    counts = _counts(notice)
    if notice.kind is Kind.LINES_WAITING:
        new = ngettext("%(num)s new line", "%(num)s new lines", counts["new"])
        removed = ngettext("%(num)s removed line", "%(num)s removed lines", counts["removed"])
        if counts["new"] and counts["removed"]:
            return _("Waiting to be billed: %(new)s and %(removed)s.", new=new, removed=removed)
        return _("Waiting to be billed: %(lines)s.", lines=new if counts["new"] else removed)
    if notice.kind is Kind.UNMAPPED:
        parts = [
            ngettext("%(num)s offer without item", "%(num)s offers without item", counts["offers"]),
            ngettext(
                "%(num)s organization without customer",
                "%(num)s organizations without customer",
                counts["organizations"],
            ),
            ngettext(
                "%(num)s row whose counterpart QuickBooks no longer has or cannot bill",
                "%(num)s rows whose counterpart QuickBooks no longer has or cannot bill",
                counts["lost"],
            ),
        ]
        return _("Not billed until mapped: %(parts)s.", parts=_joined(parts, counts, "offers", "organizations", "lost"))
    if notice.kind is Kind.ERRORS:
        parts = [
            ngettext("%(num)s invoice", "%(num)s invoices", counts["invoices"]),
            ngettext("%(num)s unit cost", "%(num)s unit costs", counts["costs"]),
            ngettext("%(num)s list", "%(num)s lists", counts["lists"]),
        ]
        return _("Waiting for a person: %(parts)s.", parts=_joined(parts, counts, "invoices", "costs", "lists"))
    return say(notice.what)


def who_may(notice: Notice) -> str:
    """Who may do what mends it, for those who may not."""
    if notice.roles == {Role.ADMINISTRATOR}:
        return _("An administrator can do this.")
    return _("An administrator, or somebody with the role billing, can do this.")


def _joined(parts: list[str], counts: Mapping[str, int], *names: str) -> str:
    return ", ".join(part for part, name in zip(parts, names, strict=True) if counts[name])


def _counts(notice: Notice) -> dict[str, int]:
    return {name: int(text) for name, text in notice.what.values.items() if text.isdecimal()}


def _place_on_page(notice: Notice) -> dict[str, str]:
    if notice.action is Action.MEND_ERRORS:
        return {"_anchor": "problems"}
    return {"_anchor": notice.kind.value} if notice.action is Action.CONFIRM_COMPANY else {}


def _table_to_map(counts: Mapping[str, int]) -> tuple[str, dict[str, str]]:
    """The table with rows to map; the list of problems where only lost counterparts are left, which may be of both."""
    if counts["offers"]:
        return "offers.index", {"only": "problem"}
    if counts["organizations"]:
        return "organizations.index", {"only": "problem"}
    return "status.show", {"_anchor": "problems"}
