"""The demonstration's button: plays one visit of the Web Connector in the sandbox and shows what was said.

Only the connection whose company file the sandbox has gets it, and only for those who may start a visit.

Only `portal demo` registers it. The portal proper cannot start a Web Connector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal.errors import NotFound
from portal.web.access import WRITERS, allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoVisit:
    """A visit that was played: whether it went well, and its transcript as plain text."""

    is_success: bool
    transcript: str


def demo_blueprint(own_id: int, visit: Callable[[], DemoVisit]) -> Blueprint:
    """The screen. `visit` plays one visit for the connection `own_id`."""
    blueprint = Blueprint("demo", __name__)

    @blueprint.post("/connections/<int:connection_id>/visit")
    @allowed(*WRITERS)
    def play(connection_id: int) -> ResponseReturnValue:
        """Play a visit and show its transcript."""
        if connection_id != own_id:
            raise NotFound("The sandbox has no company file for this connection.")
        return render_template("visit.html", visit=visit())

    @blueprint.app_context_processor
    def tell_templates() -> dict[str, int]:
        return {"demo_connection_id": own_id}

    return blueprint
