"""The set-up of a connection, step by step: Options, Connection, Offers, Organizations, Start.

Offers and Organizations are their own screens: `screen.html` frames them while the connection is being set up. Whoever
comes to a step that is not open yet, or not any more, is led to where the set-up stands.
"""

from __future__ import annotations

import hashlib

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.billing.period import BillingMode
from portal.errors import PortalError, Sentence, Stale
from portal.models import Role, SetupStep
from portal.services import billing_settings, first_visit, wizard
from portal.services.wizard import STEPS
from portal.web.access import WRITERS, allowed, connection, portal_of_app, signed_in
from portal.web.billing_settings import STALE
from portal.web.errors import status_of
from portal.web.language import language, say
from portal.web.typed_options import Typed
from portal.web.words import PRORATION_EXAMPLES, PRORATIONS

blueprint = Blueprint("wizard", __name__)

PAGES = {
    SetupStep.OPTIONS: "wizard.options",
    SetupStep.CONNECTION: "wizard.connect",
    SetupStep.OFFERS: "offers.index",
    SetupStep.ORGANIZATIONS: "organizations.index",
    SetupStep.START: "wizard.overview",
}


@blueprint.app_context_processor
def _tell_templates() -> dict[str, object]:
    return {"setup_pages": PAGES}


# -- options


@blueprint.get("/connections/new")
@allowed(Role.ADMINISTRATOR)
def new() -> ResponseReturnValue:
    """The options of a new connection."""
    return _options_page(Typed(invoice_day="1"))


@blueprint.post("/connections/new")
@allowed(Role.ADMINISTRATOR)
def create() -> ResponseReturnValue:
    """Make the connection and go on with it; or only show the dates of what was typed."""
    typed = Typed.of_form()
    if "show" in request.form:
        return _options_page(typed)
    try:
        made = wizard.begin(portal_of_app(), typed.options(), partner=signed_in().partner_name, language=language())
    except PortalError as error:
        return _options_page(typed, error.sentence), status_of(error)
    return redirect(url_for(".connect", connection_id=made), 303)


@blueprint.get("/connections/<int:connection_id>/setup/options")
@allowed(Role.ADMINISTRATOR)
def options(connection_id: int) -> ResponseReturnValue:
    """The options of a connection that is being set up."""
    elsewhere = _elsewhere(SetupStep.OPTIONS)
    if elsewhere is not None:
        return elsewhere
    known = wizard.get_options(portal_of_app(), connection_id)
    return _options_page(Typed.of_options(known))


@blueprint.post("/connections/<int:connection_id>/setup/options")
@allowed(Role.ADMINISTRATOR)
def save_options(connection_id: int) -> ResponseReturnValue:
    """Save the options, also when somebody finished the set-up meanwhile: then they count from the next run."""
    typed = Typed.of_form()
    if "show" in request.form and connection().setup_step is not None:
        return _options_page(typed)
    try:
        wizard.save_options(
            portal_of_app(), connection_id, typed.options(), who=signed_in().email, seen=request.form.get("seen")
        )
    except Stale:
        return _options_page(typed, STALE.sentence), status_of(STALE)
    except PortalError as error:
        return _options_page(typed, error.sentence), status_of(error)
    if connection().setup_step is None:
        flash(_("Saved. The set-up was finished in the meantime; the next run bills this way."), "success")
        return redirect(url_for("connections.show", connection_id=connection_id), 303)
    return redirect(url_for(".connect", connection_id=connection_id), 303)


@blueprint.get("/configuration/dates")
@allowed(Role.ADMINISTRATOR)
def dates() -> ResponseReturnValue:
    """The next invoice dates of what is typed so far: a part of the options' page."""
    typed = Typed.of_values(request.args.get)
    return render_template("wizard/dates.html", typed=typed, shown=typed.dates())


# -- connection


@blueprint.get("/connections/<int:connection_id>/setup")
@allowed(*WRITERS)
def resume(connection_id: int) -> ResponseReturnValue:
    """Go on where the set-up stands."""
    return _where_it_stands()


@blueprint.get("/connections/<int:connection_id>/setup/connection")
@allowed(*WRITERS)
def connect(connection_id: int) -> ResponseReturnValue:
    """Install the .qwc and wait for the first visit."""
    return _elsewhere(SetupStep.CONNECTION) or _connection_page(connection_id)


@blueprint.post("/connections/<int:connection_id>/setup/password")
@allowed(Role.ADMINISTRATOR)
def show_password(connection_id: int) -> ResponseReturnValue:
    """Make the Web Connector's password and show it, this once."""
    elsewhere = _elsewhere(SetupStep.CONNECTION)
    if elsewhere is not None:
        return elsewhere
    password = wizard.show_password(portal_of_app(), connection_id, who=signed_in().email)
    return _connection_page(connection_id, password=password)


@blueprint.get("/connections/<int:connection_id>/setup/visit")
@allowed(*WRITERS)
def visit(connection_id: int) -> ResponseReturnValue:
    """The panel that follows the first visit; nothing when it would be the same as what is shown."""
    seen = first_visit.follow(portal_of_app(), connection_id)
    if request.args.get("seen") == _mark(seen):
        return "", 204
    return render_template("wizard/visit.html", visit=seen, mark_of_visit=_mark(seen))


@blueprint.post("/connections/<int:connection_id>/setup/connection")
@allowed(*WRITERS)
def leave_connection(connection_id: int) -> ResponseReturnValue:
    """Go on, after a first visit that went well."""
    elsewhere = _elsewhere(SetupStep.CONNECTION)
    if elsewhere is not None:
        return elsewhere
    try:
        wizard.advance(portal_of_app(), connection_id, SetupStep.CONNECTION)
    except PortalError as error:
        return _connection_page(connection_id, problem=error.sentence), status_of(error)
    return redirect(url_for("offers.index", connection_id=connection_id), 303)


# -- offers and organizations


@blueprint.post("/connections/<int:connection_id>/setup/offers")
@allowed(*WRITERS)
def leave_offers(connection_id: int) -> ResponseReturnValue:
    """Go on from the offers to the organizations."""
    return _leave(connection_id, SetupStep.OFFERS)


@blueprint.post("/connections/<int:connection_id>/setup/organizations")
@allowed(*WRITERS)
def leave_organizations(connection_id: int) -> ResponseReturnValue:
    """Go on from the organizations to the start."""
    return _leave(connection_id, SetupStep.ORGANIZATIONS)


def _leave(connection_id: int, step: SetupStep) -> ResponseReturnValue:
    elsewhere = _elsewhere(step)
    if elsewhere is not None:
        return elsewhere
    wizard.advance(portal_of_app(), connection_id, step)
    return redirect(url_for(PAGES[STEPS[STEPS.index(step) + 1]], connection_id=connection_id), 303)


# -- start


@blueprint.get("/connections/<int:connection_id>/setup/start")
@allowed(*WRITERS)
def overview(connection_id: int) -> ResponseReturnValue:
    """What will happen when."""
    elsewhere = _elsewhere(SetupStep.START)
    if elsewhere is not None:
        return elsewhere
    return render_template("wizard/start.html", summary=wizard.summary(portal_of_app(), connection_id))


@blueprint.post("/connections/<int:connection_id>/setup/start")
@allowed(Role.ADMINISTRATOR)
def start(connection_id: int) -> ResponseReturnValue:
    """End the set-up."""
    elsewhere = _elsewhere(SetupStep.START)
    if elsewhere is not None:
        return elsewhere
    if wizard.start(portal_of_app(), connection_id, who=signed_in().email):
        flash(_("The set-up is finished. From now on this connection bills as you chose."), "success")
    return redirect(url_for("connections.show", connection_id=connection_id), 303)


# -- what the steps share


def _options_page(typed: Typed, problem: Sentence | None = None) -> str:
    return render_template(
        "wizard/options.html",
        typed=typed,
        version=_version(),
        shown=typed.dates(),
        problem=problem,
        modes=BillingMode,
        prorations=PRORATIONS,
        examples=PRORATION_EXAMPLES,
        usual_zone=wizard.USUAL_ZONE,
    )


def _version() -> str | None:
    """The version of the settings that the form was filled with; None before there is a connection."""
    if "connection_id" not in (request.view_args or {}):
        return None
    return billing_settings.version_of(billing_settings.get_settings(portal_of_app(), connection().id))


def _connection_page(connection_id: int, *, password: str = "", problem: Sentence | None = None) -> str:
    portal = portal_of_app()
    seen = first_visit.follow(portal, connection_id)
    return render_template(
        "wizard/connection.html",
        password=password,
        shown=None if password else wizard.password_shown(portal, connection_id),
        visit=seen,
        mark_of_visit=_mark(seen),
        problem=problem,
        address=portal.settings.url,
    )


def _mark(seen: first_visit.FirstVisit) -> str:
    """Tells one state of the panel from another, so that it is drawn again only when there is news."""
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def _elsewhere(step: SetupStep) -> ResponseReturnValue | None:
    """Where to go instead when a step is not open: the set-up is over, or not that far yet."""
    reached = connection().setup_step
    if reached is None:
        who = wizard.started_by(portal_of_app(), connection().id)
        done = Sentence("The set-up is finished already. Nothing is lost.")
        if who:
            done = Sentence("%(who)s has finished the set-up. Nothing is lost.", {"who": who})
        flash(say(done), "info")
        return redirect(url_for("connections.show", connection_id=connection().id), 303)
    if STEPS.index(step) > STEPS.index(reached):
        flash(_("This step opens when the ones before it are done."), "info")
        return _where_it_stands()
    return None


def _where_it_stands() -> ResponseReturnValue:
    reached, connection_id = connection().setup_step, connection().id
    return redirect(url_for(PAGES[reached] if reached else "connections.show", connection_id=connection_id), 303)
