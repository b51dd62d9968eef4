"""The export rule of a connection: read, tried, and saved as a new version."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from portal.models import Scope
from portal.services import export_rules
from portal.web.access import portal_of_app
from portal.web.api.guard import scoped, token
from portal.web.api.pages import PageQuery, envelope, wanted_page
from portal.web.api.shapes.rules import EffectOut, RuleIn, RuleOut, RulePage
from portal.web.api.versions import etag, seen_version, versioned
from portal.web.words import msgid

blueprint = APIBlueprint("rules", __name__, tag="Export rules")


@blueprint.get("/connections/<int:connection_id>/rule")
@blueprint.output(RuleOut)
@blueprint.doc(summary=msgid("Which charges may leave, and that in words"))
@scoped(Scope.RULES_READ)
def get_rule(connection_id: int) -> Any:
    return _answer(export_rules.read(portal_of_app(), connection_id))


@blueprint.put("/connections/<int:connection_id>/rule")
@blueprint.input(RuleIn, arg_name="wanted")
@blueprint.output(RuleOut)
@blueprint.doc(
    summary=msgid("Save another version of the rule"),
    description="It takes effect with the next run; a run that was begun keeps the version that it was begun by.",
)
@versioned
@scoped(Scope.RULES_WRITE)
def put_rule(connection_id: int, wanted: RuleIn) -> Any:
    seen = seen_version()
    version = None if seen is None else int(seen, 16)
    saved = export_rules.save(portal_of_app(), connection_id, wanted.to_rule(), version=version, who=token().who)
    return _answer(saved)


@blueprint.get("/connections/<int:connection_id>/rule/versions")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(RulePage)
@blueprint.doc(summary=msgid("The versions of the rule, newest first"))
@scoped(Scope.RULES_READ)
def list_rule_versions(connection_id: int, query: PageQuery) -> dict[str, Any]:
    page = export_rules.slice_history(portal_of_app(), connection_id, wanted_page(query))
    return envelope(page, [RuleOut.of(view) for view in page.rows])


@blueprint.post("/connections/<int:connection_id>/rule/effect")
@blueprint.input(RuleIn, arg_name="wanted")
@blueprint.output(EffectOut)
@blueprint.doc(summary=msgid("How many charges a rule would let leave and keep back; nothing is saved"))
@scoped(Scope.RULES_READ)
def try_rule(connection_id: int, wanted: RuleIn) -> EffectOut:
    return EffectOut.of(export_rules.effect(portal_of_app(), connection_id, wanted.to_rule()))


def _answer(view: export_rules.RuleView) -> Any:
    return RuleOut.of(view), 200, etag(f"{view.version:016x}")
