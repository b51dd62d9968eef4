"""Notices as pages say them: with their plurals, the page where each is mended, and who may do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
    values: dict[str, Any] = {"connection_id": view.connection_id, **more}
    return Way(text=say(BUTTONS[notice.action]), url=url_for(endpoint, **values))


def told(notice: Notice) -> str:
    """What happened. Counts are said with their plurals, and what there is none of is left out."""
    tell = _COUNTED.get(notice.kind)
    return say(notice.what) if tell is None else tell(_counts(notice))


def _told_lines(counts: Mapping[str, int]) -> str:
    new: str = ngettext("%(num)s new line", "%(num)s new lines", counts["new"])
    removed: str = ngettext("%(num)s removed line", "%(num)s removed lines", counts["removed"])
    if counts["new"] and counts["removed"]:
        return str(_("Waiting to be billed: %(new)s and %(removed)s.", new=new, removed=removed))
    return str(_("Waiting to be billed: %(lines)s.", lines=new if counts["new"] else removed))


def _told_rows(counts: Mapping[str, int]) -> str:
    lost, clients = counts["lost"], counts["organizations"]
    parts = {
        "offers": ngettext("%(num)s offer without item", "%(num)s offers without item", counts["offers"]),
        "organizations": ngettext(
            "%(num)s organization without customer", "%(num)s organizations without customer", clients
        ),
        "lost": ngettext(
            "%(num)s row whose counterpart QuickBooks no longer has or cannot bill",
            "%(num)s rows whose counterpart QuickBooks no longer has or cannot bill",
            lost,
        ),
    }
    return str(_("Not billed until mapped: %(parts)s.", parts=_joined(parts, counts)))


def _told_errors(counts: Mapping[str, int]) -> str:
    parts = {
        "invoices": ngettext("%(num)s invoice", "%(num)s invoices", counts["invoices"]),
        "costs": ngettext("%(num)s unit cost", "%(num)s unit costs", counts["costs"]),
        "lists": ngettext("%(num)s list", "%(num)s lists", counts["lists"]),
    }
    return str(_("Waiting for a person: %(parts)s.", parts=_joined(parts, counts)))


_COUNTED: dict[Kind, Callable[[Mapping[str, int]], str]] = {
    Kind.LINES_WAITING: _told_lines,
    Kind.UNMAPPED: _told_rows,
    Kind.ERRORS: _told_errors,
}


def who_may(notice: Notice) -> str:
    """Who may do what mends it, for those who may not."""
    if notice.roles == {Role.ADMINISTRATOR}:
        return str(_("An administrator can do this."))
    return str(_("An administrator, or somebody with the role billing, can do this."))


def _joined(parts: Mapping[str, str], counts: Mapping[str, int]) -> str:
    return ", ".join(part for name, part in parts.items() if counts[name])


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
