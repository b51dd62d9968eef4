"""Versions of what two people may change: told in ETag, asked for in If-Match."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from flask import request

from portal.errors import Stale
from portal.web.api.problems import PreconditionRequired

_NEEDS_MATCH = "needs_if_match"
_TAG = re.compile(r'"([0-9a-f]{16})[^"]*"')
"""A version, and what a proxy or the compression may have written after it."""
View = TypeVar("View", bound=Callable[..., Any])


def versioned(view: View) -> View:
    """Declare that a route changes only the version that the call names."""
    setattr(view, _NEEDS_MATCH, True)
    return view


def is_versioned(view: Callable[..., Any]) -> bool:
    """Whether a route changes only the version that the call names."""
    return hasattr(view, _NEEDS_MATCH)


def etag(version: str) -> dict[str, str]:
    """The header that tells a version."""
    return {"ETag": f'"{version}"'}


def seen_version() -> str | None:
    """The version that the call names; None where it takes any. Raises PreconditionRequired when it names none."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise PreconditionRequired(
            "Read it first, and send the ETag of that answer back in If-Match, so that nobody's change is lost."
        )
    if header == "*":
        return None
    found = _TAG.findall(header)
    if not found:
        raise Stale("If-Match holds no version of this. Read it again, and send the ETag of that answer.")
    return str(found[0])
