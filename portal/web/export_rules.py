"""What may leave: the export rule of a connection, tried out before it is saved, and its versions.

One address takes the whole form, whatever button was pressed: only Save saves. What scripts load anew while somebody
chooses is a part of the same page, named by the place that it is for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.billing.export_rule import DatedBy, ExportRule, Part, Span, Which
from portal.errors import PortalError, Refused, Sentence
from portal.services import export_rules, rule_choices
from portal.services.connections import to_row_id
from portal.services.rule_choices import Side
from portal.web import rule_form
from portal.web.access import EVERYONE, WRITERS, allowed, may, portal_of_app, signed_in
from portal.web.columns import CYCLES, KINDS
from portal.web.errors import status_of
from portal.web.rule_form import RuleForm
from portal.web.stale import version_for
from portal.web.tables import LONGEST_SEARCH, read_table
from portal.web.words import msgid

blueprint = Blueprint("export_rules", __name__)

WHICH: dict[Side, dict[Which, str]] = {
    Side.ORGANIZATIONS: {
        Which.ALL: msgid("All organizations"),
        Which.ONLY: msgid("Only the ticked organizations"),
        Which.EXCEPT: msgid("All but the ticked organizations"),
    },
    Side.OFFERS: {
        Which.ALL: msgid("All offers"),
        Which.ONLY: msgid("Only the ticked offers"),
        Which.EXCEPT: msgid("All but the ticked offers"),
    },
}
SPANS: dict[Span, str] = {
    Span.ALWAYS: msgid("Any day"),
    Span.SINCE: msgid("From a day on"),
    Span.LAST: msgid("The last days, today included"),
    Span.BETWEEN: msgid("Between two days"),
}
DATED_BY: dict[DatedBy, str] = {
    DatedBy.CHARGE: msgid("the first day of the charge's service"),
    DatedBy.IMPORT: msgid("the day on which the charge was imported"),
}


@blueprint.get("/connections/<int:connection_id>/rule")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """The rule as it applies to the next run; with `again` in the address, filled with an earlier version."""
    portal = portal_of_app()
    seen = export_rules.read_page(portal, connection_id, page=_page_number())
    version = to_row_id(request.args.get("again", ""))
    if version is None or not may("export_rules.save"):
        return _page(connection_id, seen, rule_form.of_rule(seen.now.rule))
    again = export_rules.read_version(portal, connection_id, version)
    return _page(connection_id, seen, rule_form.of_rule(again.rule), again=again.version)


@blueprint.post("/connections/<int:connection_id>/rule")
@allowed(*WRITERS)
def save(connection_id: int) -> ResponseReturnValue:
    """Save the rule; any other button shows what it would do, or other rows to tick."""
    done, portal = request.form.get("do", ""), portal_of_app()
    form = _turned(connection_id, rule_form.of_request(), done)
    if (part := request.headers.get("HX-Target", "")) in _PARTS:
        return _PARTS[part](connection_id, form)
    seen = export_rules.read_page(portal, connection_id, page=_page_number())
    if done != "save":
        return _page(connection_id, seen, form, is_tried=True)
    rule, wrong = _read(connection_id, form)
    if wrong:
        return _page(connection_id, seen, form, is_tried=True), 400
    known = to_row_id(request.form.get("seen", ""))
    try:
        saved = export_rules.save(
            portal, connection_id, rule, version=-1 if known is None else known, who=signed_in().email
        )
    except PortalError as error:
        return _page(connection_id, seen, form, error=error), status_of(error)
    _tell_saved(saved.version, seen)
    return redirect(url_for(".show", connection_id=connection_id), 303)


def _tell_saved(version: int, seen: export_rules.RulePage) -> None:
    if version == seen.now.version:
        flash(_("Nothing was changed, so nothing was saved."), "info")
        return
    text = _(
        "Version %(version)s is saved. It takes effect at the next synchronization; a run that is approved and a visit "
        "under way keep version %(before)s.",
        version=version,
        before=seen.now.version,
    )
    flash(text, "success")


def _page_number() -> int:
    return to_row_id(request.args.get("page", "")) or 1


def _turned(connection_id: int, form: RuleForm, done: str) -> RuleForm:
    """The form after a button of a checklist: all that is found ticked, nothing ticked, or another page."""
    name, _colon, what = done.partition(":")
    if name not in set(Side):
        return form
    side = Side(name)
    match what:
        case "all":
            found = rule_choices.find_ids(portal_of_app(), connection_id, side, form.sought[side].search)
            return form.choose(side, form.ids[side] | found)
        case "none":
            return form.choose(side, frozenset())
        case _:
            return form.turn(side, to_row_id(what) or 1)


def _read(connection_id: int, form: RuleForm) -> tuple[ExportRule, dict[Part, Sentence]]:
    rule, wrong = rule_form.read(form)
    if Part.TAG not in wrong and Part.TAG in rule.restricts:
        unknown = export_rules.tag_problem(portal_of_app(), connection_id, rule)
        wrong |= {Part.TAG: unknown} if unknown else {}
    return rule, wrong


def _page(
    connection_id: int,
    seen: export_rules.RulePage,
    form: RuleForm,
    *,
    error: PortalError | None = None,
    is_tried: bool = False,
    again: int | None = None,
) -> str:
    trial = _trial(connection_id, form, is_saved=not (is_tried or error or again))
    is_form = may("export_rules.save")
    lists = {side: _checklist(connection_id, side, form) for side in Side} if is_form else {}
    return render_template(
        "export_rule.html",
        seen=seen,
        table=read_table(partial(url_for, "export_rules.show", connection_id=connection_id)),
        form=form,
        lists=lists,
        tags=_tags(connection_id, form) if is_form else None,
        version=version_for(str(seen.now.version), error),
        error=error,
        again=again,
        sides=Side,
        spans=SPANS,
        dated_by=DATED_BY,
        kinds=KINDS,
        cycles=CYCLES,
        **trial,
        **_WORDS,
    )


_WORDS = {"which_words": WHICH, "tag_value": rule_form.tag_value, "parts": Part}


def _trial(connection_id: int, form: RuleForm, *, is_saved: bool) -> dict[str, object]:
    """What the form says and would do, or what is wrong with it."""
    rule, wrong = _read(connection_id, form)
    portal = portal_of_app()
    effect = None
    if not wrong:
        try:
            effect = export_rules.effect(portal, connection_id, rule)
        except Refused as error:
            wrong[Part.ORGANIZATION] = error.sentence
    words = None if wrong else export_rules.tell(portal, connection_id, rule)
    return {"words": words, "effect": effect, "wrong": wrong, "is_saved": is_saved}


def _checklist(connection_id: int, side: Side, form: RuleForm) -> rule_choices.Checklist:
    return rule_choices.read_checklist(portal_of_app(), connection_id, side, form.ids[side], form.sought[side])


def _tags(connection_id: int, form: RuleForm) -> rule_choices.TagList:
    search = form.fields.get("tags-q", "")[:LONGEST_SEARCH]
    return rule_choices.find_tags(portal_of_app(), connection_id, search, form.tags)


def _effect_part(connection_id: int, form: RuleForm) -> str:
    return render_template("parts/rule_effect.html", **_trial(connection_id, form, is_saved=False), parts=Part)


def _list_part(side: Side, connection_id: int, form: RuleForm) -> str:
    shown = _checklist(connection_id, side, form)
    return render_template("parts/rule_checklist.html", side=side, shown=shown, form=form, **_WORDS)


def _tags_part(connection_id: int, form: RuleForm) -> str:
    return render_template("parts/rule_tags.html", tags=_tags(connection_id, form), form=form, **_WORDS)


_PARTS: dict[str, Callable[[int, RuleForm], str]] = {
    "effect": _effect_part,
    "tags-list": _tags_part,
    **{f"{side}-list": partial(_list_part, side) for side in Side},
}
