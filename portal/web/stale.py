"""Forms that are saved whole: what they were filled with travels along, so that no change is overwritten unseen."""

from __future__ import annotations

from flask import request

from portal.errors import PortalError, Stale


def version_for(current: str, error: PortalError | None = None) -> str:
    """The version that a form is to send as `seen`: the one that it was filled with, also when it comes back.

    Once it was told that somebody changed what it shows, the present one: who saves then has been warned.
    """
    return current if isinstance(error, Stale) else request.form.get("seen", current)
